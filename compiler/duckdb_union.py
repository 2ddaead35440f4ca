"""A union in DuckDB SQL."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.compiler.copies import POSITION
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.plan import SourcePlan
from headrace.compiler.union import member_columns, refused_sql
from headrace.features.source import SRC_TIMESTAMP

#: Of the columns of an archive those that a union keeps as they are.
KEPT = ("_src_topic", *POSITION, SRC_TIMESTAMP)


def union_sql(source: SourcePlan, relations: Sequence[str]) -> str:
    """The rows of a union, from one relation for each of its sources, with the columns of that source's archive."""
    selects = [
        f"SELECT {', '.join([*member_columns(source, number, DUCKDB), *KEPT])}\n"
        f"FROM ({refused_sql(member.source, DUCKDB, relation)})"
        for number, (member, relation) in enumerate(zip(source.members, relations, strict=True))
    ]
    return "\nUNION ALL\n".join(selects)
