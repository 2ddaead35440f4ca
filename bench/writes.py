"""Benchmark (b): writes into Cassandra by our sink in a Flink job, beside the Python driver's best methods."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from headrace.bench.driver_rival import Method, Row, by_partition, connected, measured_write, one_by_one
from headrace.bench.duckdb_rival import database, tiles_sql
from headrace.bench.kit import NAMESPACE, CardsKit
from headrace.bench.measure import Measured, Run, interleaved
from headrace.bench.outputs import TILE_COLUMNS, Equality, OutputsDifferError, as_arrow, require_equal
from headrace.bench.report import Goal, Part, Report
from headrace.bench.rivals import TILES, copy_rows
from headrace.bench.stack import Workbench
from headrace.bench.transactions import SEED, transactions

OURS = "headrace, Flink job into our sink"
ONE_BY_ONE, BATCHED = "cassandra-driver, execute_concurrent_with_args", "cassandra-driver, batches by partition"
ROWS_TABLE, STORED_TABLE = "ready_rows", "written_rows"
SUMMED = ("level", "n", "spent", "largest")
SUMS = ", ".join(f"sum({name})" for name in SUMMED)
WRITE_TIME = "`tile_start` + `n`"
GOAL = Goal(rows_per_s=1.0, rows_per_cpu_s=2.0)


@dataclass(frozen=True)
class WriteSizes:
    """How many rows each run writes, and how many rounds there are."""

    rows: int = 200_000
    rounds: int = 3


class WriteBenchmark:
    """One run of the benchmark: the same rows into the same table by every method, checked after every run."""

    def __init__(self, bench: Workbench, sizes: WriteSizes) -> None:
        self.bench = bench
        self.sizes = sizes
        self.kit = CardsKit(bench)

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: what is in the table is not what was to be written.
            JobError: the job failed.
        """
        self.create_tables()
        sides = self.sides()
        equal = [self.compare(side, write) for side, write in sides.items()]
        self.bench.progress.line(f"{self.sizes.rows:,} rows into a Cassandra table")
        checked = {side: self._checked(side, write) for side, write in sides.items()}
        found = interleaved(checked, self.sizes.rounds, self.bench.progress)
        part = Part(
            f"{self.sizes.rows:,} rows into a Cassandra table", found, dict.fromkeys((ONE_BY_ONE, BATCHED), GOAL)
        )
        parameters = {"rows": self.sizes.rows, "rounds": self.sizes.rounds, "seed": SEED}
        return Report("cassandra", parameters, equal, [part])

    def sides(self) -> dict[str, Run]:
        """Every method, ours first."""
        return {OURS: self._by_job(), ONE_BY_ONE: self._by_driver(one_by_one), BATCHED: self._by_driver(by_partition)}

    @cached_property
    def ready(self) -> pa.Table:
        """The rows to write: tiles of card transactions in the order of time, each with a key of its own."""
        with database() as connection:
            connection.register("transactions", transactions(0, self.sizes.rows))
            sql = f"{tiles_sql('transactions')} ORDER BY tile_start, level, cc_num LIMIT {self.sizes.rows}"
            return connection.sql(sql).to_arrow_table()

    @cached_property
    def rows(self) -> list[Row]:
        """The same rows as the driver takes them, with their write time (µs)."""
        columns = [column.to_pylist() for column in self.ready.columns]
        return [(*row, row[2] + row[3]) for row in zip(*columns, strict=True)]

    def create_tables(self) -> None:
        """The rows in Iceberg for the job, and the empty table in Cassandra."""
        with self.bench.platform.cassandra.session() as store:
            store.ensure_keyspace()
            columns = ", ".join(f"{name} bigint" for name in TILE_COLUMNS.split(", "))
            store.execute(
                f"CREATE TABLE IF NOT EXISTS {self._stored} ({columns}, PRIMARY KEY ((cc_num), level, tile_start))"
            )
        self.kit.output(ROWS_TABLE, TILE_COLUMNS).append(self.ready)

    def compare(self, side: str, write: Run) -> Equality:
        """One run that is not measured but warms up, and whose rows are all read back, write times included.

        Raises:
            OutputsDifferError: they are not the rows that were to be written.
        """
        with self.bench.progress.step(f"  compare and warm up: {side}"):
            self._empty()
            write()
            names = (*TILE_COLUMNS.split(", "), "write_time")
            with database() as connection, self.bench.platform.cassandra.session() as store:
                rows = store.execute(f"SELECT {TILE_COLUMNS}, writetime(n) FROM {self._stored}")  # noqa: S608
                connection.register("stored", as_arrow(names, rows))
                connection.register("ready", as_arrow(names, self.rows))
                return require_equal(connection, side, "stored", "ready", ", ".join(names), len(self.rows))

    def _by_job(self) -> Run:
        """The copy of the rows from Iceberg into Cassandra, as a Flink job."""
        source = self.kit.options(self.bench.platform.iceberg.load(NAMESPACE, ROWS_TABLE))
        sink = self.bench.platform.cassandra.flink_options(STORED_TABLE)
        job = self.kit.measured_job(OURS, copy_rows(source, sink, TILES, WRITE_TIME))
        return lambda: self.bench.runner.run(job, self.sizes.rows)

    def _by_driver(self, method: Method) -> Run:
        marks = ", ".join("?" for _ in TILE_COLUMNS.split(", "))
        insert = f"INSERT INTO {self._stored} ({TILE_COLUMNS}) VALUES ({marks}) USING TIMESTAMP ?"  # noqa: S608

        def run() -> Measured:
            with connected(self.bench.platform.cassandra) as session:
                return measured_write(method, session, insert, self.rows, self.bench.runner.meter)

        return run

    def _checked(self, side: str, write: Run) -> Run:
        """A run into the emptied table, whose number of rows and sums are compared with what was to be written."""

        def run() -> Measured:
            self._empty()
            measured = write()
            with self.bench.platform.cassandra.session() as store:
                (found,) = store.execute(f"SELECT count(*), {SUMS} FROM {self._stored}")  # noqa: S608
            if found != self._sums:
                msg = f"{side}: count and sums {found!r} of the table, expected {self._sums!r}"
                raise OutputsDifferError(msg)
            return measured

        return run

    @cached_property
    def _sums(self) -> tuple[int, ...]:
        """Number and sums of the rows to write."""
        values = (sum(self.ready[name].to_pylist()) for name in SUMMED)
        return (self.ready.num_rows, *values)

    def _empty(self) -> None:
        with self.bench.platform.cassandra.session() as store:
            store.execute(f"TRUNCATE {self._stored}")

    @property
    def _stored(self) -> str:
        """The table in Cassandra."""
        return f'"{self.bench.platform.cassandra.keyspace}"."{STORED_TABLE}"'
