"""The rows of a source as the relation `archive`: of a union, those of its sources, each under a name of its own."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb

from headrace.compiler.duckdb_union import union_sql
from headrace.compiler.plan import SourcePlan
from headrace.errors import RequestError, did_you_mean

ARCHIVE = "archive"


def archives(source: SourcePlan) -> list[str]:
    """By what name the rows of each of a source's parts are known.

    >>> from headrace.compiler.plan import SourcePlan
    >>> archives(SourcePlan("Clicks", (), None, None, "at", "at", 0, 0, 0, 0))
    ['archive']
    """
    return [f"{ARCHIVE}_{number}" for number, _ in enumerate(source.members, start=1)] or [ARCHIVE]


def check_sources(source: SourcePlan, named: Iterable[str]) -> None:
    """Refuse rows for what is no source of a union, by its name. RequestError, with a suggestion."""
    known = [part.name for part in source.parts]
    for name in named:
        if name not in known:
            msg = f"rows of {name!r}: {source.name} has no such source; {did_you_mean(str(name), known)}"
            raise RequestError(msg)


def use_archives(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, relations: Iterable[duckdb.DuckDBPyRelation]
) -> None:
    """Let `archive` be the rows of a source, from a relation for each of its parts."""
    for name, relation in zip(archives(source), relations, strict=True):
        relation.create_view(name)
    unite(connection, source)


def unite(connection: duckdb.DuckDBPyConnection, source: SourcePlan) -> None:
    """Let `archive` be the rows of a union of which the rows of each source are there; nothing for any other source."""
    if source.members:
        connection.execute(f"CREATE OR REPLACE VIEW {ARCHIVE} AS {union_sql(source, archives(source))}")
