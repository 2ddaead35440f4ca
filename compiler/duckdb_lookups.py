"""As-of joins in DuckDB SQL: each adds columns to the rows of a relation."""

from __future__ import annotations

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.lookups import Join, column_of
from headrace.features.scalar import DATETIME, FLOAT, Scalar, column

#: When a version of a dimension is in effect.
_FROM = "_from_us"


def relation_of(dimension: str) -> str:
    """The relation that has the versions of a dimension, with the columns of an archive."""
    return f"dimension_{dimension.lower()}"


def known_until(dimension: str) -> str:
    """The macro without arguments that says to which time (µs) a dimension is complete; NULL: to every time."""
    return f"known_until_{dimension.lower()}"


def joined_sql(join: Join, rows: str) -> str:
    """The rows, all of them and none twice, with the columns of a join; rows have `_event_us`."""
    key = [f"r.{DUCKDB.emit(one)} = v._key{number}" for number, one in enumerate(join.keys)]
    values = [f'v.{DUCKDB.identifier(name)} AS "{name}"' for name in map(column_of, join.lookups)]
    late = f"r._event_us - {join.dimension.delay_us} > {known_until(join.dimension.name)}()"
    columns = ",\n  ".join([f'coalesce({late}, FALSE) AS "{join.beyond.value}"', *values])
    return (
        f"SELECT r.*,\n  {columns}\nFROM ({rows}) AS r\n"
        f"ASOF LEFT JOIN ({_versions(join)}) AS v\nON {' AND '.join(key)} AND r._event_us >= v.{_FROM}"
    )


def _versions(join: Join) -> str:
    """When each version is in effect, and what it says; of one key and time the last by position."""
    table = join.dimension
    names = [DUCKDB.identifier(name) for name in table.key]
    since = DUCKDB.emit(column(table.event_time, DATETIME))
    keys = [f"{name} AS _key{number}" for number, name in enumerate(names)]
    values = [f'{_value(lookup)} AS "{column_of(lookup)}"' for lookup in join.lookups]
    last = f"PARTITION BY {', '.join([*names, since])} ORDER BY _src_partition DESC, _src_offset DESC"
    return (
        f"SELECT {', '.join([*keys, f'{since} + {table.delay_us} AS {_FROM}', *values])}\n"
        f"FROM {relation_of(table.name)}\nWHERE {since} IS NOT NULL AND _error IS NULL\n"
        f"QUALIFY row_number() OVER ({last}) = 1"
    )


def _value(lookup: Scalar) -> str:
    """What a version says; a float that is no finite number is NULL."""
    found = column(str(lookup.value), lookup.type)
    return DUCKDB.emit(Scalar("finite", FLOAT, (found,)) if lookup.type == FLOAT else found)
