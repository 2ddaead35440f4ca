"""Finished rows into the online store: our sink in a Flink job, beside Feast's `materialize` on the same Cassandra."""

# ruff: noqa: S608 (names are the benchmark's own)
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from headrace.bench.duckdb_rival import database
from headrace.bench.environments import Environments
from headrace.bench.feast_rival import Finished, feast
from headrace.bench.kit import NAMESPACE, CardsKit
from headrace.bench.measure import Measured, Run, interleaved
from headrace.bench.outputs import Equality, OutputsDifferError, require_equal
from headrace.bench.report import Goal, Part, Report
from headrace.bench.rival_process import RivalProcess
from headrace.bench.rivals import copy_rows
from headrace.bench.stack import Workbench
from headrace.connectors.schema import LANGUAGE_TYPES, Field
from headrace.features.instant import instant_of

OURS, FEAST = "headrace, Flink job into our sink", "feast[cassandra], materialize"
KEY, TABLE, SEED = "customer", "finished_rows", 9
FEATURES = {f"count_{one}": "int" for one in range(5)} | {f"mean_{one}": "float" for one in range(5)}
COLUMNS = {KEY: "int", **FEATURES}
#: When all values were finished: 2025-03-01.
AT_US = 1_740_787_200_000_000
#: How many times the rows of Feast ours should write, in a second and in a processor second.
GOAL = Goal(20.0, 20.0)
#: Feast writes so many times fewer rows than ours, or a round would be minutes.
FEWER = 20
#: Entities that Feast is asked for at once when its values are compared.
ASKED = 500


@dataclass(frozen=True)
class MaterializeSizes:
    """How many rows our job writes and how many Feast does in a round, and how many rounds there are."""

    rows: int = 200_000
    feast_rows: int = 200_000 // FEWER
    rounds: int = 3

    @classmethod
    def of(cls, rows: int, rounds: int) -> MaterializeSizes:
        """The sizes of a run over so many rows.

        >>> MaterializeSizes.of(1_000, 1)
        MaterializeSizes(rows=1000, feast_rows=50, rounds=1)
        """
        return cls(rows, rows // FEWER, rounds)


@dataclass(frozen=True)
class Written:
    """A side: what writes its rows into an empty `table`, how many, and what reads them all back."""

    rows: int
    table: str
    write: Run
    stored: Callable[[], Iterable[tuple[object, ...]]]


class MaterializeBenchmark:
    """Every side writes rows of ten finished values, which are counted and compared after each run.

    Without `environments` Feast is left out.
    """

    def __init__(self, bench: Workbench, sizes: MaterializeSizes, environments: Environments | None = None) -> None:
        self.bench, self.sizes, self.environments = bench, sizes, environments
        self.kit = CardsKit(bench)

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: what is in a table is not what was to be written.
            JobError: our job failed.
            StackError: Feast died.
        """
        self.create_tables()
        sides = {OURS: self._by_job()}
        if self.environments is None:
            return self._measured(sides)
        with feast(self.environments, self.bench.platform.cassandra, self.finished) as process:
            return self._measured({**sides, FEAST: self._by_feast(process)})

    @cached_property
    def ready(self) -> pa.Table:
        """The rows, with a key of their own each."""
        drawn, rows = np.random.default_rng(SEED), self.sizes.rows
        counts = {name: drawn.integers(0, 1 << 40, rows) for name, type_ in FEATURES.items() if type_ == "int"}
        means = {name: drawn.random(rows) * 1000 for name, type_ in FEATURES.items() if type_ == "float"}
        return pa.table({KEY: np.arange(rows), **counts, **means})

    @property
    def finished(self) -> Finished:
        """Those that Feast writes: the first."""
        rows = self.ready.slice(0, self.sizes.feast_rows)
        at = pa.array([instant_of(AT_US)] * len(rows), pa.timestamp("us", "UTC"))
        return Finished("rows", rows.append_column("at", at), KEY, "at", FEATURES)

    def create_tables(self) -> None:
        """The rows in Iceberg for our job, and its empty table in Cassandra."""
        cql = {"int": "bigint", "float": "double"}
        with self.bench.platform.cassandra.session() as store:
            store.ensure_keyspace()
            columns = ", ".join(f"{name} {cql[type_]}" for name, type_ in COLUMNS.items())
            store.execute(f"CREATE TABLE IF NOT EXISTS {self._named(TABLE)} ({columns}, PRIMARY KEY ({KEY}))")
        fields = [Field(name, LANGUAGE_TYPES[type_]) for name, type_ in COLUMNS.items()]
        self.bench.platform.iceberg.create_table(NAMESPACE, TABLE, fields).append(self.ready)

    def compare(self, name: str, side: Written) -> Equality:
        """Raises OutputsDifferError unless a side's table holds the rows that were to be written, and no other."""
        names, rows = list(COLUMNS), [dict(zip(COLUMNS, row, strict=True)) for row in side.stored()]
        found = pa.Table.from_pylist(rows, schema=self.ready.schema)
        with database() as connection:
            connection.register("stored", found)
            connection.register("ready", self.ready.slice(0, side.rows))
            return require_equal(connection, name, "stored", "ready", ", ".join(names), side.rows)

    def _measured(self, sides: dict[str, Written]) -> Report:
        """All rounds, after one that only warms up."""
        progress, sizes = self.bench.progress, self.sizes
        runs = {name: self._checked(name, side) for name, side in sides.items()}
        with progress.step("compare and warm up"):
            for run in runs.values():
                run()
        found = interleaved(runs, sizes.rounds, progress)
        title = "rows of ten values into Cassandra"
        progress.line(title)
        equal = [Equality(name, side.rows, side.rows) for name, side in sides.items()]
        return Report("materialize", {**vars(sizes), "seed": SEED}, equal, [Part(title, found, {FEAST: GOAL})])

    def _checked(self, name: str, side: Written) -> Run:
        """A run into the emptied table, whose rows are compared afterwards."""

        def run() -> Measured:
            with self.bench.platform.cassandra.session() as store:
                store.execute(f"TRUNCATE {self._named(side.table)}")
            measured = side.write()
            self.compare(name, side)
            return measured

        return run

    def _by_job(self) -> Written:
        """The copy of the rows from Iceberg, as a Flink job."""
        source = self.kit.options(self.bench.platform.iceberg.load(NAMESPACE, TABLE))
        types = {"int": "BIGINT", "float": "DOUBLE"}
        columns = ", ".join(f"`{name}` {types[type_]}" for name, type_ in COLUMNS.items())
        sink = self.bench.platform.cassandra.flink_options(TABLE)
        job = self.kit.measured_job(OURS, copy_rows(source, sink, columns, f"CAST({AT_US} AS BIGINT)"))
        rows = self.sizes.rows
        return Written(rows, TABLE, lambda: self.bench.runner.run(job, rows), self._stored)

    def _stored(self) -> list[tuple[object, ...]]:
        with self.bench.platform.cassandra.session() as store:
            return store.execute(f"SELECT {', '.join(COLUMNS)} FROM {self._named(TABLE)}")

    def _by_feast(self, process: RivalProcess) -> Written:
        """Feast's own command, and its own reads."""
        rows, table, meter = self.sizes.feast_rows, self.finished.table, self.bench.runner.meter

        def write() -> Measured:
            _, cassandra_s = meter.read()
            took = process.ask("materialize")
            return Measured(rows, took["wall_s"], took["cpu_s"], meter.read()[1] - cassandra_s)

        def stored() -> Iterable[tuple[object, ...]]:
            self._require_count(table, rows * len(FEATURES))
            keys = [range(first, min(first + ASKED, rows)) for first in range(0, rows, ASKED)]
            return [(key, *values) for some in keys for key, values in zip(some, process.values(some), strict=True)]

        return Written(rows, table, write, stored)

    def _require_count(self, table: str, expected: int) -> None:
        """Raises OutputsDifferError unless a table has so many rows."""
        with self.bench.platform.cassandra.session() as store:
            ((found,),) = store.execute(f"SELECT count(*) FROM {self._named(table)}")
        if found != expected:
            msg = f"{table}: {found:,} rows, expected {expected:,}"
            raise OutputsDifferError(msg)

    def _named(self, table: str) -> str:
        return f'"{self.bench.platform.cassandra.keyspace}"."{table}"'
