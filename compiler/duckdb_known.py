"""The rows that make their entity known, in DuckDB SQL."""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.known import filters_of
from headrace.compiler.point_in_time import KeySet


def narrowed_sql(keys: KeySet, relation: str) -> str:
    """The rows of a relation that some feature over these keys may let in, where that is asked before the verdict.

    So DuckDB asks it of the files, and has nothing more to do with the others.
    """
    return f"(SELECT * FROM {relation} WHERE {_let_in(keys)})" if keys.is_narrowed else relation


def known_by_sql(keys: KeySet, accepted: str) -> str:
    """Whether a row of `narrowed_sql` with its verdict makes its entity known; `accepted`: whether it may at all.

    Within a CASE, as a filter may fail of a row that is not accepted, and DuckDB asks in an order of its own.
    """
    if not keys.deciding or keys.is_narrowed:
        return accepted
    return f"CASE WHEN {accepted} THEN {_let_in(keys)} ELSE FALSE END"


def _let_in(keys: KeySet) -> str:
    """Whether a filter lets a row in: one of them is true, for NULL keeps out."""
    return " OR ".join(DUCKDB.emit(one) for one in filters_of(keys.deciding))
