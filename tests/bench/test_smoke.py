"""The benchmarks whole and small: every side runs on the real stack and makes the same output as the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from headrace.bench import backfill as backfills
from headrace.bench import functions, materialize, online, windows, writes
from headrace.bench.backfill import BackfillBenchmark, BackfillSizes
from headrace.bench.candidate_freshness import CandidateBenchmark, CandidateSizes
from headrace.bench.corners import Corner, CornersBenchmark, CornerSizes
from headrace.bench.functions import FunctionBenchmark, FunctionSizes
from headrace.bench.materialize import MaterializeBenchmark, MaterializeSizes, Written
from headrace.bench.measure import Measured
from headrace.bench.online import OnlineBenchmark, OnlineSizes
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.report import Report
from headrace.bench.stack import Workbench
from headrace.bench.streaming import benchmark as streaming
from headrace.bench.streaming.benchmark import StreamingBenchmark, StreamingSizes
from headrace.bench.window_aggregates import AggregateName
from headrace.bench.windows import WindowsBenchmark, WindowSizes
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


def test_four_windows_and_each_alone_make_the_tiles_of_their_levels(bench: Workbench, tmp_path: Path) -> None:
    report = WindowsBenchmark(bench, WindowSizes(ROWS, CASSANDRA_ROWS, rounds=1)).run()
    assert sides(report) == [{windows.FOUR, windows.WIDEST, windows.LEAST}]
    four, widest, least = (found.rows_out for found in report.equal)
    assert four > widest > least > 0
    check_figures(report, tmp_path)


def test_a_deviation_is_that_of_duckdb_but_for_its_last_digits(bench: Workbench) -> None:
    sizes = WindowSizes(ROWS, CASSANDRA_ROWS, rounds=1, aggregates=(AggregateName.STD,))
    benchmark = WindowsBenchmark(bench, sizes)
    benchmark.kit.grow(CASSANDRA_ROWS)
    assert benchmark.compare(AggregateName.STD, windows.FOUR).rows_out > CASSANDRA_ROWS


def test_all_sides_write_the_same_rows_into_cassandra(bench: Workbench, tmp_path: Path) -> None:
    report = WriteBenchmark(bench, WriteSizes(WRITTEN_ROWS, rounds=1)).run()
    assert sides(report) == [{writes.OURS, writes.ONE_BY_ONE, writes.BATCHED}]
    assert [(found.rows_in, found.rows_out) for found in report.equal] == [(WRITTEN_ROWS, WRITTEN_ROWS)] * 3
    check_figures(report, tmp_path)


def test_all_sides_charge_the_same(bench: Workbench, tmp_path: Path) -> None:
    report = FunctionBenchmark(bench, FunctionSizes(WRITTEN_ROWS, WRITTEN_ROWS, rounds=1)).run()
    assert sides(report) == [
        {functions.WRITTEN, functions.CALLED, functions.BY_ROW},
        {functions.CALLED, functions.BY_ROW},
    ]
    assert [(found.rows_in, found.rows_out) for found in report.equal] == [(WRITTEN_ROWS, WRITTEN_ROWS)] * 3
    check_figures(report, tmp_path)


def test_all_sides_answer_online_reads_with_the_same_values(bench: Workbench, tmp_path: Path) -> None:
    sizes = OnlineSizes(customers=20, purchases=10, requests=30, bulk_requests=3)
    report = OnlineBenchmark(bench.platform, bench.progress, sizes).run()
    assert report.compared == 20 * 50
    assert [(shape.title, set(shape.sides)) for shape in report.shapes] == [
        (title, {online.OURS, online.CACHED, online.PLAIN}) for title in ("1 by 50 features", "100 by 50 features")
    ]
    assert [len(side.seconds) for shape in report.shapes for side in shape.sides.values()] == [30] * 3 + [3] * 3
    report.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["compared"] == 1_000
    assert all(f"| {name} | 30 |" in report.markdown() for name in (online.OURS, online.CACHED, online.PLAIN))


def test_rows_of_ten_values_are_written_and_compared(bench: Workbench, tmp_path: Path) -> None:
    report = MaterializeBenchmark(bench, MaterializeSizes.of(WRITTEN_ROWS, 1)).run()
    assert sides(report) == [{materialize.OURS}]
    check_figures(report, tmp_path)


def test_a_table_that_lacks_a_row_or_has_another_value_is_refused(bench: Workbench) -> None:
    benchmark = MaterializeBenchmark(bench, MaterializeSizes.of(100, 1))
    rows = list(zip(*(column.to_pylist() for column in benchmark.ready.columns), strict=True))
    for wrong in (rows[1:], [*rows[:-1], (*rows[-1][:-1], 0.5)], [*rows, rows[0]]):
        with pytest.raises(OutputsDifferError, match="rival: "):
            benchmark.compare("rival", Written(100, "t", lambda: Measured(1, 1.0, 1.0), lambda wrong=wrong: wrong))


def test_every_event_of_a_corner_is_seen_and_counted(bench: Workbench, tmp_path: Path) -> None:
    sizes = CornerSizes(100, seconds=4, probes=8, warm_s=3, idle_s=1, rounded_rows=5_000)
    report = CornersBenchmark(bench, sizes, [Corner("latency", "1s"), Corner("cost", "5s")]).run()
    quick, cheap = report.results
    assert [len(found.seen_s) for found in report.results] == [8, 8]
    assert all(found.events == 408 and found.flink_cpu_s > 0 for found in report.results)
    assert quick.bound_s < cheap.bound_s
    assert quick.percentile_s(50) < cheap.percentile_s(50)
    fine, _, coarse = report.rounding
    assert 0 <= fine.wrong < coarse.wrong < coarse.events
    report.save(tmp_path / "result.json")
    assert len(json.loads((tmp_path / "result.json").read_text())["results"]) == 2
    assert "| latency, 1s | 0.65 |" in report.markdown()


def test_a_side_that_answers_otherwise_is_refused(bench: Workbench) -> None:
    sizes = OnlineSizes(customers=5, purchases=5)
    benchmark = OnlineBenchmark(bench.platform, bench.progress, sizes)

    def wrong(customers: Sequence[int]) -> list[tuple[Any, ...]]:
        return [(-1, *benchmark.expected[customer][1:]) for customer in customers]

    with pytest.raises(OutputsDifferError, match="purchases_1h of customer 0 is -1"):
        benchmark.compare("rival", wrong)


def test_a_streaming_trainer_learns_each_row_once_and_what_its_learner_learns(bench: Workbench, tmp_path: Path) -> None:
    sizes = StreamingSizes(WRITTEN_ROWS, start_rows=0, intervals=(0.5,))
    (found,) = (report := StreamingBenchmark(bench, sizes, [streaming.SMALL]).run()).learned
    job = streaming.job_at(0.5)
    assert list(found.sides) == [job, streaming.TRAINER, streaming.LEARNER]
    assert all(run.rows == WRITTEN_ROWS and run.client_cpu_s > 0 for (run,) in found.sides.values())
    assert found.checkpoints[job].completed > 0
    assert found.checkpoints[job].state_bytes.high > 10 * 8  # the weights alone
    report.save(tmp_path / "result.json")
    assert list(json.loads((tmp_path / "result.json").read_text())["learned"][0]["sides"]) == list(found.sides)
    assert f"| {streaming.LEARNER} | 2,000 |" in report.markdown()


def test_every_record_that_is_sent_is_in_a_candidate_and_has_a_time(bench: Workbench, tmp_path: Path) -> None:
    report = CandidateBenchmark(bench, CandidateSizes(100, 2.0, 0.0), ["500 ms"]).run()
    (found,) = report.results
    assert len(found.seconds) == 200
    assert min(found.seconds) > 0
    assert found.candidates > 0
    report.save(tmp_path / "result.json")
    assert len(json.loads((tmp_path / "result.json").read_text())["results"][0]["seconds"]) == 200
    assert "| 500 ms | " in report.markdown()
