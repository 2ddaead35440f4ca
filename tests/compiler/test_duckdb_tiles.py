"""The cells that DuckDB folds equal those that are folded event by event in plain Python."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.compiler.duckdb_tiles import PARTIALS, cells_sql
from headrace.compiler.fold import fold, sketch_of
from headrace.compiler.merge import distinct_of
from headrace.compiler.plan import FIELDS, ViewPlan

from .test_duckdb_sql import connect

Cells = dict[tuple[Any, ...], dict[str, Any]]


def computed(connection: Any, plan: ViewPlan, group: Any) -> Cells:
    """By key, level and start, as DuckDB has them."""
    rows = connection.execute(cells_sql(plan, group, "archive")).fetchall()
    ends = len(group.keys) + 2
    names = [*(field.name for field in group.cell), "newest"]
    return {row[:ends]: dict(zip(names, row[ends:], strict=True)) for row in rows}


def folded(oracle: Any, rows: list[dict[str, Any]], plan: ViewPlan, name: str) -> Cells:
    """The same for one feature's fields, event by event."""
    keys, passes, argument, *_ = oracle.SPECS[name]
    feature = plan.feature(name)
    members: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if oracle.verdict(row) == "accepted" and passes(row):
            for level in plan.group(feature.group).levels_us:
                tile = (*(row[key] for key in keys), level, row["ordered_at"] // level * level)
                members.setdefault(tile, []).append(row)
    return {
        tile: {
            **fold(
                feature,
                [(argument(row), row["ordered_at"], row["_src_partition"], row["_src_offset"]) for row in mine],
            ),
            "newest": max(row["ordered_at"] for row in mine),
        }
        for tile, mine in members.items()
    }


def comparable(name: str, value: Any) -> Any:
    """A distinct set as its size; floats within rounding of another order of summing."""
    if isinstance(value, list | bytes):
        return distinct_of([value if isinstance(value, bytes) else sketch_of(value) or b""])
    return pytest.approx(value, abs=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("seed", range(3))
def test_cells_equal_those_that_are_folded_event_by_event(plans: dict[str, ViewPlan], oracle: Any, seed: int) -> None:
    plan, rows = plans["shop_features"], oracle.events(seed)
    connection = connect(rows)
    by_group = {group.fingerprint: computed(connection, plan, group) for group in plan.groups}
    for name in oracle.SPECS:
        expected, found = folded(oracle, rows, plan, name), by_group[plan.feature(name).group]
        assert found.keys() == expected.keys(), name
        for tile, cell in expected.items():
            wanted = {field: comparable(field, value) for field, value in cell.items()}
            assert {field: comparable(field, found[tile][field]) for field in cell} == wanted, (name, tile)


def test_every_kind_of_partial_is_folded() -> None:
    assert PARTIALS.keys() == FIELDS.keys()
