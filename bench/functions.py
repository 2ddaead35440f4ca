"""Benchmark (d): one expression of Python, compiled to SQL, as a function of Arrow batches, and as PyFlink's own."""

# ruff: noqa: S608 (the names are ours)
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headrace.bench.duckdb_rival import database, parquet
from headrace.bench.kit import CardsKit
from headrace.bench.measure import Run, interleaved
from headrace.bench.outputs import Equality, logged_rows, require_equal
from headrace.bench.report import Goal, Part, Report
from headrace.bench.rivals import Script, create_table
from headrace.bench.stack import Workbench
from headrace.bench.transactions import SEED
from headrace.compiler.build import plan_view
from headrace.compiler.calls import VALUE, Call
from headrace.compiler.flink_functions import create_functions
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.plan import ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.features.load import load_views
from headrace.pipelines.configuration import function_configuration

FEATURES = Path(__file__).with_name("views") / "charges.py"
WRITTEN, CALLED, BY_ROW = "expression, compiled to SQL", "@udf, Arrow batches", "PyFlink general UDF, row by row"
GOAL = Goal(rows_per_s=3.0, rows_per_cpu_s=3.0)
BLACKHOLE = {"connector": "blackhole"}
#: As the product's jobs hand over an integer.
AS_NUMBER = "COALESCE(`cents`, CAST(0 AS BIGINT)), `cents` IS NULL"
COLUMNS = "tid, charge"
EXPECTED = "SELECT tid, CASE WHEN cents > 50000 THEN cents * 3 ELSE cents * 107 // 100 END AS charge FROM {rows}"
BY_ROW_FUNCTION = "headrace.bench.row_function.charged"
DECLARE_BY_ROW = f"CREATE TEMPORARY SYSTEM FUNCTION IF NOT EXISTS BENCH_CHARGE AS '{BY_ROW_FUNCTION}' LANGUAGE PYTHON"


@dataclass(frozen=True)
class FunctionSizes:
    """How many rows each run computes, how many of them are compared first, and how many rounds there are."""

    rows: int = 3_000_000
    compared: int = 50_000
    rounds: int = 3


class FunctionBenchmark:
    """One run of the benchmark: a column of the same table three times, in jobs that differ in nothing else."""

    def __init__(self, bench: Workbench, sizes: FunctionSizes) -> None:
        self.bench = bench
        self.sizes = sizes
        self.kit = CardsKit(bench)
        self.plan: ViewPlan = plan_view(load_views(FEATURES).views["charges"])

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: a side does not compute what DuckDB computes.
            JobError: a job failed.
        """
        self.kit.grow(self.sizes.rows)
        equal = [self.compare(side) for side in self.sql]
        self.bench.progress.line(f"{self.sizes.rows:,} charges into a blackhole")
        sides: dict[str, Run] = {side: self._measured(side) for side in self.sql}
        found = interleaved(sides, self.sizes.rounds, self.bench.progress)
        title = f"{self.sizes.rows:,} charges into a blackhole"
        without = {side: runs for side, runs in found.items() if side != WRITTEN}
        parts = [
            Part(f"{title}, compiled beside the others", found, {BY_ROW: GOAL}),
            Part(f"{title}, Arrow batches beside rows", without, {}),
        ]
        parameters = {"rows": self.sizes.rows, "rounds": self.sizes.rounds, "seed": SEED}
        return Report("udf", parameters, equal, parts)

    @cached_property
    def sql(self) -> Mapping[str, str]:
        """The SQL of the charge by each side, the compiled one first."""
        group = self.plan.groups[0]
        written, call = (
            partial.argument for partial in sorted(group.partials, key=lambda partial: partial.argument.op == "call")
        )
        spec = text_literal(Call.of(call).to_json())
        return {
            WRITTEN: FLINK.emit(written, "charge"),
            CALLED: f"HR_CALL_BIGINT(`tid` >= 0, {AS_NUMBER}, {spec}).`{VALUE}`",
            BY_ROW: "BENCH_CHARGE(`cents`)",
        }

    def compare(self, side: str) -> Equality:
        """One run over few rows that is not measured, and whose rows are all read back.

        Raises:
            OutputsDifferError: they are not what DuckDB computes.
        """
        with self.bench.progress.step(f"  compare {self.sizes.compared:,} charges: {side}"):
            history = self.kit.prefix(self.sizes.compared)
            name = f"charges_{list(self.sql).index(side)}"
            output = self.kit.output(name, COLUMNS)
            script = self._script(side, self.kit.options(history), self.kit.options(output))
            self.bench.runner.run(self.kit.kept_job(side, script, function_configuration()), self.sizes.compared)
            with database() as connection:
                expected = f"({EXPECTED.format(rows=parquet(history.refresh().files()))})"
                found = logged_rows(connection, output)
                return require_equal(connection, side, found, expected, COLUMNS, self.sizes.compared)

    def _measured(self, side: str) -> Run:
        script = self._script(side, self.kit.options(self.kit.history), BLACKHOLE)
        job = self.kit.measured_job(side, script, function_configuration())
        return lambda: self.bench.runner.run(job, self.sizes.rows)

    def _script(self, side: str, history: Mapping[str, str], sink: Mapping[str, str]) -> Script:
        """The job of a side."""
        source = create_table("transactions", "`tid` BIGINT, `cents` BIGINT", history)
        target = create_table("charges", "`tid` BIGINT, `charge` BIGINT", sink)
        insert = f"INSERT INTO `charges` SELECT `tid`, {self.sql[side]} FROM `transactions`"
        return Script((*create_functions([insert]), DECLARE_BY_ROW, source, target), (insert,))
