"""What tests of pipelines on the real stack share: a source, its views and its jobs, all of the test's own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.errors import LedgerError
from headrace.features.load import load_views
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.ledger import Ledger, ledger_of
from headrace.pipelines.lifecycle import record_run, submit
from headrace.registry.store import Run
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore

from .orders import FEATURES, SHOPS, START, Order, expected, newest

PARTITIONS = 3
PATIENCE_S = 120.0


@contextmanager
def archived_case(settings: Settings, folder: Path, history: list[Order], broken: list[bytes]) -> Iterator[Case]:
    """A case whose topic has these records, all of them archived and nothing backfilled yet; closed at the end."""
    case = Case(settings, folder)
    try:
        case.make_topic()
        case.send(history, broken)
        case.archive(len(history) + len(broken))
        yield case
    finally:
        case.close()


class Case:
    """One source and view of a test's own: topic, namespace, tables and jobs."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        name = uuid4().hex[:8]
        changes = {
            "project": f"t{name}",
            "home": folder,
            "cassandra": settings.cassandra.model_copy(update={"keyspace": f"k{name}"}),
            # Three jobs at once share the slots of the session's stack.
            "flink": settings.flink.model_copy(update={"parallelism": 1}),
        }
        self.platform = Platform(settings.model_copy(update=changes))
        self.topic, self.namespace, self.folder = f"orders-{name}", f"n{name}", folder
        self.jobs: list[str] = []
        self.template = FEATURES

    def plan(self, windows: str = '"1h", "1d"') -> ViewPlan:
        file = self.folder / "features.py"
        file.write_text(
            self.template.replace("{namespace}", self.namespace)
            .replace("{topic}", self.topic)
            .replace("{windows}", windows)
        )
        return plan_view(load_views(file).views["shop_orders"])

    def make_topic(self) -> None:
        with self.platform.kafka.admin() as admin:
            admin.ensure_topic(self.topic, PARTITIONS)

    def send(self, found: list[Order], broken: list[bytes]) -> None:
        values = [one.record() for one in found] + broken
        with self.platform.kafka.producer(self.topic) as producer:
            producer.send(values, partitions=[place % PARTITIONS for place in range(len(values))])

    def archive(self, records: int) -> None:
        self.jobs.append(ArchivePipeline(self.plan().source, self.platform, checkpoint_interval="1 s").submit())
        wait_until(lambda: self.archived() >= records)

    def archived(self) -> int:
        return self.platform.iceberg.load(*table_name_of(self.plan().source)).row_count()

    def backfill(self, plan: ViewPlan) -> Run:
        prepared = BackfillPipeline(plan, self.platform, checkpoint_interval="1 s").prepare()
        record_run(self.platform, prepared)
        return self.note(submit(self.platform, prepared.run_id))

    def note(self, run: Run) -> Run:
        self.jobs.append(str(run.job_id))
        return run

    def ledger(self, run: Run, records: int) -> Ledger:
        found: list[Ledger] = []

        def complete() -> bool:
            try:
                found[:] = [ledger_of(self.platform, run.run)]
            except LedgerError:  # nothing committed yet
                return False
            return found[0].read >= records and found[0].holds

        wait_until(complete, lambda: found[0].to_text() if found else "no ledger yet")
        return found[0]

    def assert_online(self, found: list[Order], day: str = "1d") -> None:
        with self.platform.cassandra.session() as session:
            store = OnlineStore(self.platform.settings.project, self.platform.registry, CassandraTiles(session))
            for hours in (7, 24, 48, 500):
                at = START + timedelta(hours=hours)
                names = ["turnover_1h", f"turnover_{day}", "failures_1h", "taken", "failed_share_1h"]
                asked = [f"shop_orders:{name}" for name in (*names, "failed_share_1h_lag_6h", "newest_1d")]
                answer = store.get_online_features(asked, [{"shop": shop} for shop in SHOPS], at=at)
                for shop, row in zip(SHOPS, answer.rows, strict=True):
                    hour = expected(found, shop, at, timedelta(hours=1))
                    long = expected(found, shop, at, timedelta(days=int(day[0])))
                    ever = expected(found, shop, at, at - START)["turnover"]
                    before = expected(found, shop, at - timedelta(hours=6), timedelta(hours=1))["failed_share"]
                    wanted = [hour["turnover"], long["turnover"], hour["failures"], ever, hour["failed_share"], before]
                    *served, costs = [value.value for value in row]
                    assert served == wanted
                    possible = newest(found, shop, at)
                    assert len(costs or []) == len(possible)
                    assert all(cost in costs_then for cost, costs_then in zip(costs or [], possible, strict=True))

    def close(self) -> None:
        for status in self.platform.flink.jobs():
            if status.job_id in self.jobs and not status.is_over:
                self.platform.flink.cancel(status.job_id)
        with self.platform.cassandra.session() as session:
            session.drop_keyspace()


def wait_until(condition: Callable[[], bool], said: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.5)
