"""Both benchmarks whole and small: every side runs on the real stack and makes the same output as the others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.bench import backfill as backfills
from headrace.bench import writes
from headrace.bench.backfill import BackfillBenchmark, BackfillSizes
from headrace.bench.report import Report
from headrace.bench.stack import Workbench
from headrace.bench.writes import WriteBenchmark, WriteSizes
from headrace.runtime.progress import Progress
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.slow]

ROWS, CASSANDRA_ROWS, HOP_ROWS, WRITTEN_ROWS = 3_000, 2_000, 50, 2_000


@pytest.fixture(scope="module")
def bench(stack: Stack, stack_settings: Settings) -> Workbench:
    return Workbench.on(stack, stack_settings, Progress())


def sides(report: Report) -> list[set[str]]:
    return [set(part.sides) for part in report.parts]


def check_figures(report: Report, folder: Path) -> None:
    """Every side ran and has figures; they are in the table, the JSON and the page."""
    runs = [run for part in report.parts for side in part.sides.values() for run in side]
    assert all(run.rows > 0 and run.wall_s > 0 and run.client_cpu_s > 0 for run in runs)
    report.save(folder / "result.json")
    saved = json.loads((folder / "result.json").read_text())
    assert [set(part["sides"]) for part in saved["parts"]] == sides(report)
    assert all(name in report.text() and f"| {name} |" in report.markdown() for part in sides(report) for name in part)


def test_all_sides_of_the_backfill_run_and_make_the_same_tiles(bench: Workbench, tmp_path: Path) -> None:
    sizes = BackfillSizes(ROWS, CASSANDRA_ROWS, HOP_ROWS, HOP_ROWS, rounds=1, profile_after_s=None)
    report = BackfillBenchmark(bench, sizes).run()
    blackhole, cassandra = sides(report)
    assert blackhole == {backfills.OURS, backfills.GROUP_BY, backfills.TUMBLE, backfills.HOP, backfills.DUCKDB}
    assert cassandra == {backfills.OURS, backfills.GROUP_BY}
    assert [(found.rows_in, found.rows_out > found.rows_in) for found in report.equal] == [
        *[(CASSANDRA_ROWS, True)] * 4,
        (HOP_ROWS, True),
        *[(CASSANDRA_ROWS, True)] * 2,
    ]
    check_figures(report, tmp_path)


def test_all_sides_write_the_same_rows_into_cassandra(bench: Workbench, tmp_path: Path) -> None:
    report = WriteBenchmark(bench, WriteSizes(WRITTEN_ROWS, rounds=1)).run()
    assert sides(report) == [{writes.OURS, writes.ONE_BY_ONE, writes.BATCHED}]
    assert [(found.rows_in, found.rows_out) for found in report.equal] == [(WRITTEN_ROWS, WRITTEN_ROWS)] * 3
    check_figures(report, tmp_path)
