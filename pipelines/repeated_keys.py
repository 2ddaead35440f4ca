"""Look-up tables have one row for each key: which of two an event sees, nothing would say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from headrace.compiler.duckdb_lookups import repeated_sql
from headrace.errors import SchemaMismatchError
from headrace.features.dimension_table import DimensionTable

#: Keys that an error names: enough to see what kind of mistake it is.
SHOWN = 3


def refuse_repeated(connection: duckdb.DuckDBPyConnection, table: DimensionTable, where: str) -> None:
    """Refuse a look-up table of which several rows have one key; its relation is there. Versions may repeat theirs.

    A key that is NULL in any of its parts is none, and a row that could not be parsed has none.

    Args:
        connection: where the relation is.
        table: the dimension.
        where: names the rows in the error.

    Raises:
        SchemaMismatchError: there is such a key; the three that most rows have are named.
    """
    if table.is_versioned:
        return
    found = connection.execute(repeated_sql(table, SHOWN)).fetchall()
    if found:
        shown = ", ".join(f"{rows} rows of {_named(table, key)}" for *key, rows in found)
        msg = (
            f"dimension {table.name}: {where} has {shown}; a look-up table has one row for each key: keep one of each, "
            "or, if they are versions, mark the column since when a row is valid with event_time() and join them "
            "with asof_join"
        )
        raise SchemaMismatchError(msg)


def _named(table: DimensionTable, key: Sequence[Any]) -> str:
    """A key with the names of its columns."""
    return " and ".join(f"{name} {value!r}" for name, value in zip(table.key, key, strict=True))
