"""Benchmark (d): what four windows of one aggregate cost a backfill, beside one of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headrace.bench.duckdb_rival import database, parquet
from headrace.bench.kit import KEPT_INTERVAL, CardsKit
from headrace.bench.measure import Run, interleaved
from headrace.bench.outputs import TILE, Equality, require_equal
from headrace.bench.report import Goal, Part, Report
from headrace.bench.sides import into_blackhole
from headrace.bench.stack import Workbench
from headrace.bench.transactions import CARDS, SEED, ZIPF_EXPONENT
from headrace.bench.window_aggregates import AGGREGATES, AggregateName, by_hand, planned, tile_values, within
from headrace.compiler.plan import ViewPlan
from headrace.pipelines.backfill import TILES_NAMESPACE, BackfillPipeline

FOUR, WIDEST, LEAST = "four windows, 1h to 30d", "the widest alone, 30d", "the least alone, 1h"
VIEWS = {FOUR: "four_windows", WIDEST: "widest_window", LEAST: "least_window"}
#: Four windows may cost 1.3 times what one costs: one may make 1.3 times as many rows.
GOAL = Goal(rows_per_s=1 / 1.3, rows_per_cpu_s=1 / 1.3)


@dataclass(frozen=True)
class WindowSizes:
    """How many rows are measured and compared, how many rounds there are, and of which aggregates."""

    rows: int = 2_000_000
    compared_rows: int = 200_000
    rounds: int = 3
    aggregates: tuple[AggregateName, ...] = (AggregateName.SUM,)


class WindowsBenchmark:
    """The tiles of three views over the same rows: compared with DuckDB's, then made for a blackhole and measured."""

    def __init__(self, bench: Workbench, sizes: WindowSizes) -> None:
        self.bench, self.sizes, self.kit = bench, sizes, CardsKit(bench)
        folder = Path(bench.platform.settings.home) / "views"
        self.plans: Mapping[AggregateName, Mapping[str, ViewPlan]] = {
            name: {side: planned(view, AGGREGATES[name], folder / name) for side, view in VIEWS.items()}
            for name in sizes.aggregates
        }

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: tiles are not DuckDB's.
            JobError: a job failed.
        """
        self.kit.grow(self.sizes.compared_rows)
        equal = [self.compare(name, side) for name, plans in self.plans.items() for side in plans]
        self.kit.grow(self.sizes.rows)
        parts = [self.measure(name) for name in self.plans]
        parameters = {
            "rows": self.kit.history.row_count(),
            "rounds": self.sizes.rounds,
            "cards": CARDS,
            "Zipf exponent": ZIPF_EXPONENT,
            "seed": SEED,
            "parallelism": self.bench.platform.settings.flink.parallelism,
        }
        return Report("windows", parameters, equal, parts)

    def compare(self, name: AggregateName, side: str) -> Equality:
        """The tiles of a view against DuckDB's of the same levels.

        Raises:
            OutputsDifferError: they differ.
        """
        plan, aggregate = self.plans[name][side], AGGREGATES[name]
        (group,) = plan.groups
        with self.bench.progress.step(f"compare {name}, {side}"), database() as connection:
            pipeline = BackfillPipeline(plan, self.bench.platform, checkpoint_interval=KEPT_INTERVAL)
            rows = self.kit.history.row_count()
            self.bench.runner.run(pipeline.prepare().job, rows)
            log = self.bench.platform.iceberg.load(TILES_NAMESPACE, pipeline.table(group))
            connection.register("log", log.relation(connection))
            history = by_hand(parquet(self.kit.history.files()), aggregate, group.levels_us)
            connection.execute(f"CREATE TABLE expected AS {history}")
            found = within(tile_values(connection, plan, "log"), "expected", aggregate.tolerance)
            return require_equal(connection, f"{name}, {side}", found, "expected", f"{TILE}, n, value", rows)

    def measure(self, name: AggregateName) -> Part:
        """The sides of one aggregate beside each other.

        Raises:
            JobError: a job failed.
        """
        rows = self.kit.history.row_count()
        title = f"{rows:,} rows to tiles of a {name} in a blackhole"
        self.bench.progress.line(title)
        sides = {side: self._run(plan, rows) for side, plan in self.plans[name].items()}
        return Part(title, interleaved(sides, self.sizes.rounds, self.bench.progress), {WIDEST: GOAL})

    def _run(self, plan: ViewPlan, rows: int) -> Run:
        job = into_blackhole(plan, self.bench.platform).prepare().job
        return lambda: self.bench.runner.run(job, rows)
