"""Benchmarks of what happens inside one process; `--benchmark-enable` times them, otherwise each runs once."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from headrace.bench.kit import FEATURES
from headrace.bench.sides import BLACKHOLE
from headrace.compiler.build import plan_view
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.merge import Cell, merge_feature
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import cell_count, read_slices
from headrace.features.load import load_views

VIEW = "card_features"
# The asked time is not on the boundary of a day or an hour, so that a read takes cells of every level.
AT_US = 1_740_000_000_000_000 + 37 * 60_000_000


@pytest.fixture(scope="module")
def plan() -> ViewPlan:
    return plan_view(load_views(FEATURES).views[VIEW])


def cells(count: int) -> list[Cell]:
    """So many cells of two payments, of 100 and 200 cents."""
    return [{"n": 2, "sum_cents": 300, "max_cents": 200} for _ in range(count)]


def test_load_and_plan_a_view(benchmark: BenchmarkFixture) -> None:
    plan = benchmark(lambda: plan_view(load_views(FEATURES).views[VIEW]))
    assert len(plan.features) == 12


def test_emit_the_job_of_a_view(benchmark: BenchmarkFixture, plan: ViewPlan) -> None:
    (group,) = plan.groups
    tiles = {group.fingerprint: TileOptions(None, BLACKHOLE)}
    bindings = JobBindings("bench", "run", [Legs({"connector": "iceberg"}, None)], tiles, BLACKHOLE, BLACKHOLE)
    job = benchmark(lambda: flink_job(plan, bindings).text())
    assert job.count("INSERT INTO") == 3


@pytest.mark.parametrize(
    ("name", "expected"), [("transactions_30d", 2), ("spent_30d", 300), ("largest_30d", 200), ("spent_1h", 300)]
)
def test_read_and_merge_one_feature(benchmark: BenchmarkFixture, plan: ViewPlan, name: str, expected: int) -> None:
    feature, (group,) = plan.feature(name), plan.groups
    assert feature.window_us is not None
    assert feature.tail_us is not None
    window_us, tail_us = feature.window_us, feature.tail_us
    found = cells(cell_count(read_slices(window_us, tail_us, group.levels_us, AT_US)))

    def read() -> Any:
        read_slices(window_us, tail_us, group.levels_us, AT_US)
        return merge_feature(feature, found)

    assert len(found) > 10
    assert benchmark(read) == (expected if name == "largest_30d" else expected * len(found))
