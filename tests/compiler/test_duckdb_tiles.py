"""The cells that DuckDB folds equal those that are folded event by event in plain Python."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.compiler.duckdb_tiles import PARTIALS, cells_sql, encoders
from headrace.compiler.fold import fold
from headrace.compiler.merge import distinct_of
from headrace.compiler.plan import FIELDS, PlannedFeature, ViewPlan

from .test_duckdb_sql import connect

Cells = dict[tuple[Any, ...], dict[str, Any]]


def computed(connection: Any, plan: ViewPlan, group: Any) -> Cells:
    """By key, level and start, as DuckDB has them."""
    ends, bytes_of = len(group.keys) + 2, encoders(group)
    names = [*(field.name for field in group.cell), "newest"]
    found: Cells = {}
    for row in connection.execute(cells_sql(plan, group, "archive")).fetchall():
        values = [bytes_of.get(number, _as_it_is)(value) for number, value in enumerate(row[ends:])]
        found[row[:ends]] = dict(zip(names, values, strict=True))
    return found


def _as_it_is(value: Any) -> Any:
    return value


def folded(oracle: Any, rows: list[dict[str, Any]], part: PlannedFeature, levels: Any, keys: Any, side: Any) -> Cells:
    """The same for the fields of one part of a feature, event by event."""
    passes, argument = side
    members: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        if oracle.verdict(row) == "accepted" and passes(row):
            for level in levels:
                tile = (*(row[key] for key in keys), level, row["ordered_at"] // level * level)
                members.setdefault(tile, []).append(row)
    return {
        tile: {
            **fold(
                part,
                [(argument(row), row["ordered_at"], row["_src_partition"], row["_src_offset"]) for row in mine],
            ),
            "newest": max(row["ordered_at"] for row in mine),
        }
        for tile, mine in members.items()
    }


def comparable(name: str, value: Any) -> Any:
    """A distinct set as its size; floats within rounding of another order of summing."""
    if isinstance(value, bytes) and name.startswith("distinct"):
        return distinct_of([value])
    return pytest.approx(value, abs=1e-9) if isinstance(value, float) else value


@pytest.mark.parametrize("seed", range(3))
def test_cells_equal_those_that_are_folded_event_by_event(plans: dict[str, ViewPlan], oracle: Any, seed: int) -> None:
    plan, rows = plans["shop_features"], oracle.events(seed)
    connection = connect(rows)
    by_group = {group.fingerprint: computed(connection, plan, group) for group in plan.groups}
    sides = [
        (name, part, side)
        for name, (_, passes, argument, *_) in oracle.SPECS.items()
        for part, side in zip(plan.feature(name).parts, oracle.SIDES.get(name, ((passes, argument),)), strict=True)
    ]
    for name, part, side in sides:
        levels, found = plan.group(part.group).levels_us, by_group[part.group]
        expected = folded(oracle, rows, part, levels, oracle.SPECS[name][0], side)
        assert found.keys() == expected.keys(), name
        for tile, cell in expected.items():
            wanted = {field: comparable(field, value) for field, value in cell.items()}
            assert {field: comparable(field, found[tile][field]) for field in cell} == wanted, (name, tile)


def test_every_kind_of_partial_is_folded() -> None:
    assert PARTIALS.keys() == FIELDS.keys()
