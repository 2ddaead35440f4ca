"""Small pieces of Flink SQL that several files write."""

from __future__ import annotations

from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.plan import TileGroup, ViewPlan


def create_view(name: str, query: str) -> str:
    """`CREATE TEMPORARY VIEW`."""
    return f"CREATE TEMPORARY VIEW {FLINK.identifier(name)} AS\n{query}"


def insert_into(table: str, query: str) -> str:
    """`INSERT INTO`; columns go by position."""
    return f"INSERT INTO {FLINK.identifier(table)}\n{query}"


def filter_label(plan: ViewPlan, group: TileGroup | None = None) -> str:
    """What an overflow in a filter names: the transformations that share it."""
    readers = plan.features if group is None else plan.parts_of(group)
    return ", ".join(dict.fromkeys(reader.transformation for reader in readers))
