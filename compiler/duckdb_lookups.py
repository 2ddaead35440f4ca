"""Joins of dimensions in DuckDB SQL: each adds columns to the rows of a relation."""

# ruff: noqa: S608 (names are checked when a file loads, and quoted)
from __future__ import annotations

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.lookups import Join, column_of
from headrace.features.dimension_table import DimensionTable
from headrace.features.scalar import DATETIME, FLOAT, Scalar, column

#: When a version of a dimension is in effect.
_FROM = "_from_us"


def relation_of(dimension: str) -> str:
    """The relation that has the rows of a dimension, with the columns of an archive."""
    return f"dimension_{dimension.lower()}"


def known_until(dimension: str) -> str:
    """The macro without arguments that says to which time (µs) a dimension is complete; NULL: to every time."""
    return f"known_until_{dimension.lower()}"


def joined_sql(join: Join, rows: str) -> str:
    """The rows, all of them and none twice, with the columns of a join; rows have `_event_us`."""
    key = [f"r.{DUCKDB.emit(one)} = v._key{number}" for number, one in enumerate(join.keys)]
    values = [f'v.{DUCKDB.identifier(name)} AS "{name}"' for name in map(column_of, join.lookups)]
    kind, late = "", "FALSE"
    if join.dimension.is_versioned:
        kind, key = "ASOF ", [*key, f"r._event_us >= v.{_FROM}"]
        late = f"coalesce(r._event_us - {join.dimension.delay_us} > {known_until(join.dimension.name)}(), FALSE)"
    columns = ",\n  ".join([f'{late} AS "{join.beyond.value}"', *values])
    return f"SELECT r.*,\n  {columns}\nFROM ({rows}) AS r\n{kind}LEFT JOIN ({_said(join)}) AS v\nON {' AND '.join(key)}"


def repeated_sql(table: DimensionTable, most: int) -> str:
    """Keys of a look-up table that more than one row has, with how many do: those that most have, `most` of them."""
    names = [DUCKDB.identifier(name) for name in table.key]
    whole = " AND ".join(["_error IS NULL", *(f"{name} IS NOT NULL" for name in names)])
    return (
        f"SELECT {', '.join(names)}, count(*) AS _rows FROM {relation_of(table.name)}\nWHERE {whole}\n"
        f"GROUP BY ALL HAVING count(*) > 1 ORDER BY _rows DESC, {', '.join(names)} LIMIT {most}"
    )


def _said(join: Join) -> str:
    """What is said of each key: by a row of a look-up table, or by versions from when each is in effect."""
    keys = [f"{DUCKDB.identifier(name)} AS _key{number}" for number, name in enumerate(join.dimension.key)]
    values = [f'{_value(lookup)} AS "{column_of(lookup)}"' for lookup in join.lookups]
    if join.dimension.event_time is not None:
        return _versions(join.dimension, DUCKDB.emit(column(join.dimension.event_time, DATETIME)), keys, values)
    return f"SELECT {', '.join([*keys, *values])}\nFROM {relation_of(join.dimension.name)}\nWHERE _error IS NULL"


def _versions(table: DimensionTable, since: str, keys: list[str], values: list[str]) -> str:
    """When each version is in effect, and what it says; of one key and time the last by position."""
    names = [DUCKDB.identifier(name) for name in table.key]
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
