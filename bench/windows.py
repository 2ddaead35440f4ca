"""Benchmark (d): what four windows of one aggregate cost a backfill, beside one of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headrace.bench.duckdb_rival import database, parquet, tiles_sql
from headrace.bench.kit import KEPT_INTERVAL, CardsKit
from headrace.bench.measure import Run, interleaved
from headrace.bench.outputs import TILE, Equality, require_equal
from headrace.bench.report import Goal, Part, Report
from headrace.bench.sides import into_blackhole
from headrace.bench.stack import Workbench
from headrace.bench.transactions import CARDS, SEED, ZIPF_EXPONENT
from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.features.load import load_views
from headrace.pipelines.backfill import TILES_NAMESPACE, BackfillPipeline

FOUR, WIDEST, LEAST = "four windows, 1h to 30d", "the widest alone, 30d", "the least alone, 1h"
VIEWS = {FOUR: "four_windows", WIDEST: "widest_window", LEAST: "least_window"}
#: Four windows may cost 1.3 times what one costs: one may make 1.3 times as many rows.
GOAL = Goal(rows_per_s=1 / 1.3, rows_per_cpu_s=1 / 1.3)


@dataclass(frozen=True)
class WindowSizes:
    """How many rows are measured and compared, and how many rounds there are."""

    rows: int = 2_000_000
    compared_rows: int = 200_000
    rounds: int = 3


class WindowsBenchmark:
    """The tiles of three views over the same rows: compared with DuckDB's, then made for a blackhole and measured."""

    def __init__(self, bench: Workbench, sizes: WindowSizes) -> None:
        self.bench, self.sizes, self.kit = bench, sizes, CardsKit(bench)
        self.plans = {side: _plan(view) for side, view in VIEWS.items()}

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: tiles are not DuckDB's.
            JobError: a job failed.
        """
        self.kit.grow(self.sizes.compared_rows)
        equal = [self.compare(side) for side in self.plans]
        self.kit.grow(self.sizes.rows)
        rows = self.kit.history.row_count()
        title = f"{rows:,} rows to tiles in a blackhole"
        self.bench.progress.line(title)
        sides = {side: self._run(plan, rows) for side, plan in self.plans.items()}
        found = interleaved(sides, self.sizes.rounds, self.bench.progress)
        parameters = {
            "rows": rows,
            "rounds": self.sizes.rounds,
            "cards": CARDS,
            "Zipf exponent": ZIPF_EXPONENT,
            "seed": SEED,
            "parallelism": self.bench.platform.settings.flink.parallelism,
        }
        return Report("windows", parameters, equal, [Part(title, found, {WIDEST: GOAL})])

    def compare(self, side: str) -> Equality:
        """The tiles of a view against DuckDB's of the same levels.

        Raises:
            OutputsDifferError: they differ.
        """
        plan = self.plans[side]
        (group,) = plan.groups
        with self.bench.progress.step(f"compare {side}"), database() as connection:
            pipeline = BackfillPipeline(plan, self.bench.platform, checkpoint_interval=KEPT_INTERVAL)
            rows = self.kit.history.row_count()
            self.bench.runner.run(pipeline.prepare().job, rows)
            log = self.bench.platform.iceberg.load(TILES_NAMESPACE, pipeline.table(group))
            connection.register("log", log.relation(connection))
            levels = ", ".join(map(str, group.levels_us))
            expected = f"(SELECT * FROM ({tiles_sql(parquet(self.kit.history.files()))}) WHERE level IN ({levels}))"  # noqa: S608
            newest = f"QUALIFY row_number() OVER (PARTITION BY {TILE} ORDER BY n DESC) = 1"
            found = f"(SELECT {TILE}, n, cell.sum_cents AS spent FROM log {newest})"  # noqa: S608
            return require_equal(connection, side, found, expected, f"{TILE}, n, spent", rows)

    def _run(self, plan: ViewPlan, rows: int) -> Run:
        job = into_blackhole(plan, self.bench.platform).prepare().job
        return lambda: self.bench.runner.run(job, rows)


def _plan(view: str) -> ViewPlan:
    return plan_view(load_views(Path(__file__).with_name("views") / f"{view}.sql").views[view])
