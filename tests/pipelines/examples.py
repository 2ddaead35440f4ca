"""Examples that go through Flink together, the number of each being one more key."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pyarrow as pa
from hypothesis import strategies as st

from headrace.compiler.plan import Column, ViewPlan

from ..compiler import beyond_floats, widths  # noqa: TID252
from ..compiler.copied import COPIED_HISTORIES  # noqa: TID252
from ..compiler.events import Row  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.histories import ASKERS, HISTORIES, drawn, numbered  # noqa: TID252

EXAMPLE = Column("_example", "int")
ORDERS = st.tuples(HISTORIES, ASKERS)
COPIED_ORDERS = st.tuples(COPIED_HISTORIES, ASKERS)


@dataclass(frozen=True)
class Example:
    """Events, and rows that ask about them."""

    rows: list[Row]
    askers: list[Row]


def by_hand() -> list[Example]:
    """Numbers that add up to no float, and the ends of the narrowest and the widest windows."""
    heavy = [Example(beyond_floats.orders(one), widths.edge_askers()[:1]) for one in beyond_floats.CASES.values()]
    return [*heavy, Example(widths.edge_orders(), widths.edge_askers())]


def generated(strategy: st.SearchStrategy[tuple[list[Row], list[Row]]] = ORDERS, count: int = 40) -> list[Example]:
    """What hypothesis thinks of, the same each time."""
    return [Example(numbered(rows, "_src_offset"), askers) for rows, askers in drawn(strategy, count)]


def with_own_ids(examples: list[Example]) -> list[Example]:
    """The same with ids that no other example has: an id is of the whole source."""
    return [
        replace(one, rows=[{**row, "number": f"{number}:{row['number']}"} for row in one.rows])
        for number, one in enumerate(examples)
    ]


def together(plan: ViewPlan) -> ViewPlan:
    """The view over the rows of several examples, each with its number."""
    return replace(plan, source=replace(plan.source, columns=(*plan.source.columns, EXAMPLE)))


def apart(plan: ViewPlan) -> ViewPlan:
    """The same with that number as the last key of every entity."""
    groups = tuple(replace(group, keys=(*group.keys, EXAMPLE)) for group in plan.groups)
    return replace(together(plan), groups=groups)


def table_of(rows: list[list[Row]], schema: pa.Schema) -> pa.Table:
    """The rows of all examples with the example's number."""
    parts = [
        pa.Table.from_pylist(part, schema=schema).append_column(
            EXAMPLE.name, pa.array([number] * len(part), pa.int64())
        )
        for number, part in enumerate(rows)
    ]
    return pa.concat_tables(parts)
