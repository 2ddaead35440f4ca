"""Benchmark (a): history of card transactions to tiles, beside Flink SQL written by hand, HOP windows and DuckDB."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.bench.duckdb_rival import database, measured_tiles, parquet, tiles_sql
from headrace.bench.equal_outputs import EqualOutputs
from headrace.bench.kit import CardsKit
from headrace.bench.measure import Measured, Run, interleaved
from headrace.bench.outputs import TILE_COLUMNS, Equality, require_equal, stored_tiles
from headrace.bench.prefix_search import largest_prefix
from headrace.bench.profile import Profile
from headrace.bench.report import Goal, Part, Report
from headrace.bench.rivals import group_by_cells, group_by_tiles, hop_windows, tumble_tiles
from headrace.bench.sides import BLACKHOLE, into_blackhole, into_cassandra
from headrace.bench.stack import Workbench
from headrace.bench.transactions import CARDS, SEED, ZIPF_EXPONENT
from headrace.compiler.flink_tables import cell_type
from headrace.runtime.job_spec import JobSpec

OURS, GROUP_BY, TUMBLE = "headrace", "Flink SQL by hand, GROUP BY", "Flink SQL by hand, TUMBLE"
HOP, DUCKDB = "Flink SQL by hand, HOP", "DuckDB, same files"
# The hand-written tiles in Cassandra, in a table of the same form as ours.
HAND_TABLE = "tiles_by_hand"
# Set by the project's goals: no tax on abstraction; tiles instead of windows; a tenth of what the machine can do.
BY_HAND, TILED, OF_THE_MACHINE = Goal(0.95, 0.95), Goal(10.0, 10.0), Goal(0.10, 0.10)


@dataclass(frozen=True)
class BackfillSizes:
    """How much is run: rows of each part, rounds, seconds for HOP, and after how many a job is sampled, if ever.

    The rows that go into Cassandra are also those over which outputs are compared: of days, and of several files, so
    that a side that loses rows as late is caught.
    """

    rows: int = 5_000_000
    cassandra_rows: int = 500_000
    compared_hop_rows: int = 500
    first_hop_rows: int = 5_000
    hop_limit_s: float = 120.0
    rounds: int = 3
    profile_after_s: float | None = 8.0

    @classmethod
    def of(cls, rows: int, rounds: int) -> BackfillSizes:
        """The sizes of a run over so many rows, in the proportions of the whole.

        >>> BackfillSizes.of(5_000_000, 3) == BackfillSizes()
        True
        """
        whole = cls()
        shares = {
            name: max(1, rows * getattr(whole, name) // whole.rows)
            for name in ("cassandra_rows", "compared_hop_rows", "first_hop_rows")
        }
        return cls(rows=rows, rounds=rounds, **shares)


class BackfillBenchmark:
    """One run of the benchmark: outputs compared, then Cassandra, then the blackhole, then HOP.

    The archive grows from part to part, so that each reads its own prefix of the same rows.
    """

    def __init__(self, bench: Workbench, sizes: BackfillSizes) -> None:
        self.bench = bench
        self.sizes = sizes
        self.kit = CardsKit(bench)

    def run(self) -> Report:
        """Everything.

        Raises:
            OutputsDifferError: two sides do not compute the same.
            JobError: a job failed.
        """
        self.kit.grow(self.sizes.cassandra_rows)
        equal = EqualOutputs(self.kit, self.sizes.compared_hop_rows).compare()
        cassandra = self.into_cassandra()
        equal += self.compare_stored()
        self.kit.grow(self.sizes.rows)
        jobs = self.blackhole_jobs()
        profiles = self.profiles(jobs)
        return Report("backfill", self.parameters, equal, [self.into_blackhole(jobs), cassandra], profiles)

    @property
    def parameters(self) -> dict[str, float]:
        """What the figures depend on."""
        sizes = self.sizes
        return {
            "rows": sizes.rows,
            "rows into Cassandra": sizes.cassandra_rows,
            "rounds": sizes.rounds,
            "cards": CARDS,
            "Zipf exponent": ZIPF_EXPONENT,
            "seed": SEED,
            "seconds for HOP": sizes.hop_limit_s,
            "parallelism": self.bench.platform.settings.flink.parallelism,
        }

    def into_cassandra(self) -> Part:
        """Tiles into Cassandra, by the product and by hand through the same sink."""
        sink = self.bench.platform.cassandra.flink_options(HAND_TABLE)
        script = group_by_cells(self.kit.options(self.kit.history), sink, cell_type(self.kit.group))
        with self.bench.platform.cassandra.session() as store:
            store.create_tile_table(HAND_TABLE, self.kit.group)
        pipeline = into_cassandra(self.kit.plan, self.bench.platform)
        sides = {
            OURS: self._afresh(pipeline.table(self.kit.group), pipeline.prepare().job, self.sizes.cassandra_rows),
            GROUP_BY: self._afresh(HAND_TABLE, self.kit.measured_job(GROUP_BY, script), self.sizes.cassandra_rows),
        }
        title = f"{self.sizes.cassandra_rows:,} rows to tiles in Cassandra"
        self.bench.progress.line(title)
        return Part(title, interleaved(sides, self.sizes.rounds, self.bench.progress), {GROUP_BY: BY_HAND})

    def compare_stored(self) -> list[Equality]:
        """What the last round left in Cassandra."""
        rows = self.sizes.cassandra_rows
        tables = {OURS: into_cassandra(self.kit.plan, self.bench.platform).table(self.kit.group), GROUP_BY: HAND_TABLE}
        with (
            self.bench.progress.step("compare what is in Cassandra"),
            database() as connection,
            self.bench.platform.cassandra.session() as store,
        ):
            connection.execute(f"CREATE TABLE expected_tiles AS {tiles_sql(parquet(self.kit.history.files()))}")
            found = []
            for side, table in tables.items():
                stored = stored_tiles(connection, store.tile_table(table, self.kit.group))
                name = f"{side}, Cassandra"
                found.append(require_equal(connection, name, stored, "expected_tiles", TILE_COLUMNS, rows))
            return found

    def into_blackhole(self, jobs: Mapping[str, JobSpec]) -> Part:
        """Tiles into a blackhole, and the windows by HOP."""
        rows, files = self.sizes.rows, self.kit.history.files()
        title = f"{rows:,} rows to tiles in a blackhole"
        self.bench.progress.line(title)
        sides = {name: self._run(job, rows) for name, job in jobs.items()}
        sides[DUCKDB] = lambda: measured_tiles(files, rows)
        found = interleaved(sides, self.sizes.rounds, self.bench.progress)
        goals = {GROUP_BY: BY_HAND, TUMBLE: BY_HAND, DUCKDB: OF_THE_MACHINE, HOP: TILED}
        return Part(title, {**found, HOP: [self.hop()]}, goals)

    def blackhole_jobs(self) -> dict[str, JobSpec]:
        """The jobs over all rows of which nothing is kept, ours first."""
        history = self.kit.options(self.kit.history)
        scripts = {GROUP_BY: group_by_tiles(history, BLACKHOLE), TUMBLE: tumble_tiles(history, BLACKHOLE)}
        return {
            OURS: into_blackhole(self.kit.plan, self.bench.platform).prepare().job,
            **{name: self.kit.measured_job(name, script) for name, script in scripts.items()},
        }

    def profiles(self, jobs: Mapping[str, JobSpec]) -> dict[str, Profile]:
        """Where the processor time of each job goes; sampling them also warms the machine up for all."""
        found: dict[str, Profile] = {}
        if (after_s := self.sizes.profile_after_s) is None:
            return found
        for name in jobs:
            with self.bench.progress.step(f"profile of {name}"):
                profile = self.bench.runner.sampled(jobs[name], after_s)
            found |= {} if profile is None else {name: profile}
        return found

    def hop(self) -> Measured:
        """The windows themselves by HOP, over the largest prefix that it finishes in time."""
        sizes = self.sizes

        def attempt(rows: int, limit_s: float) -> Measured | None:
            script = hop_windows(self.kit.options(self.kit.prefix(rows)), BLACKHOLE)
            found = self.bench.runner.run_within(self.kit.measured_job(HOP, script), rows, limit_s)
            outcome = f"{found.wall_s:.1f} s, {found.rows_per_s:,.0f} rows/s" if found else "not finished"
            self.bench.progress.line(f"  {HOP}, {rows:,} rows: {outcome}")
            return found

        return largest_prefix(attempt, sizes.first_hop_rows, sizes.rows, sizes.hop_limit_s)

    def _run(self, job: JobSpec, rows: int) -> Run:
        return lambda: self.bench.runner.run(job, rows)

    def _afresh(self, table: str, job: JobSpec, rows: int) -> Run:
        """A run into an empty table."""

        def run() -> Measured:
            with self.bench.platform.cassandra.session() as store:
                store.execute(f'TRUNCATE "{store.connection.keyspace}"."{table}"')
            return self.bench.runner.run(job, rows)

        return run
