"""Windows of half a minute and of ninety days in DuckDB, at the microsecond, against a loop over all events."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.point_in_time import AskedFeature

from .events import DAY, SECOND, WIDTHS, events
from .events import expected as expected_at
from .test_duckdb_sql import answers as answers_at
from .test_duckdb_sql import close, connect
from .test_point_in_time import TTL, expected, spined
from .test_point_in_time import answers as answers_before
from .widths import WideOrders, edge_askers, edge_orders

PLAN = plan_view(WideOrders.view)
#: No feature here is of customers, so that a row without one would count.
ROWS = [*(row for row in events(3) if row["customer"] is not None), *edge_orders()]


def test_the_narrowest_window_is_of_tiles_of_a_second_and_the_widest_of_days() -> None:
    tails = {one.name: (one.tail_us, PLAN.group(one.group).finest_us) for one in PLAN.features}
    assert tails["orders_30s"] == (SECOND, SECOND)
    assert tails["orders_90d"] == (DAY, 300 * SECOND)


@pytest.mark.parametrize("mode", ["exact", "tiled"])
def test_what_a_run_computes_equals_a_loop(mode: str) -> None:
    connection = connect(ROWS)
    for at_us in [asker["_t"] for asker in edge_askers()]:
        found = answers_at(connection, PLAN, at_us, mode)
        for name in WIDTHS:
            assert found[name] == close(expected_at(ROWS, name, at_us, mode)), (name, at_us)


@pytest.mark.parametrize("known_by", ["event", "arrival"])
@pytest.mark.parametrize("window_mode", ["exact", "tiled"])
@pytest.mark.parametrize("mode", ["recomputed", "last_write", "ttl"])
def test_what_a_training_set_holds_equals_a_loop(mode: Any, window_mode: Any, known_by: Any) -> None:
    asked = tuple(AskedFeature(name, PLAN.feature(name), mode, TTL, window_mode) for name in WIDTHS)
    found = answers_before(spined(ROWS, edge_askers()), PLAN, asked, known_by)
    assert found == close(
        {
            (name, asker["_row"]): expected(ROWS, asker, name, mode, window_mode, known_by)
            for name in WIDTHS
            for asker in edge_askers()
        }
    )
