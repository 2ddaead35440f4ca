"""The main job on the real stack, small: archive, cutover, stop and resume, ledger, online values, refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.schema import Field
from headrace.errors import CutoverError, JobError, LedgerError, NotFoundError, SchemaMismatchError
from headrace.features.load import load_views
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.ledger import Ledger, ledger_of
from headrace.pipelines.legs import table_name_of
from headrace.pipelines.lifecycle import promote, record_run, resume, statuses, stop, submit
from headrace.registry.store import Run
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.serving.online import OnlineStore
from headrace.serving.tiles import CassandraTiles

from .orders import BROKEN, FEATURES, SHOPS, START, Order, expected, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

PARTITIONS = 3
PATIENCE_S = 120.0
HISTORY = orders(3_000, seed=1)
LIVE = orders(900, seed=2, first=3_000)
MORE = orders(300, seed=3, first=3_900)


class Case:
    """One source and view of this module's own: topic, namespace, tables and jobs."""

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

    def plan(self, windows: str = '"1h", "1d"') -> ViewPlan:
        file = self.folder / "features.py"
        file.write_text(
            FEATURES.replace("{namespace}", self.namespace).replace("{topic}", self.topic).replace("{windows}", windows)
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
        job = self.platform.session.submit(
            ArchivePipeline(self.plan().source, self.platform, checkpoint_interval="1 s").prepare()
        )
        self.jobs.append(job)
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
                asked = ["shop_orders:turnover_1h", f"shop_orders:turnover_{day}", "shop_orders:failures_1h"]
                answer = store.get_online_features(asked, [{"shop": shop} for shop in SHOPS], at=at)
                for shop, row in zip(SHOPS, answer.rows, strict=True):
                    hour = expected(found, shop, at, timedelta(hours=1))
                    long = expected(found, shop, at, timedelta(days=int(day[0])))
                    assert [value.value for value in row] == [hour["turnover"], long["turnover"], hour["failures"]]

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


@pytest.fixture(scope="module")
def case(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """History archived, nothing backfilled yet."""
    found = Case(stack_settings, tmp_path_factory.mktemp("orders"))
    try:
        found.make_topic()
        found.send(HISTORY, BROKEN)
        found.archive(len(HISTORY) + len(BROKEN))
        yield found
    finally:
        found.close()


def test_a_missing_topic_is_an_error_that_names_it(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    with pytest.raises(NotFoundError, match=case.topic):
        ArchivePipeline(case.plan().source, case.platform).prepare()


def test_a_missing_history_table_is_an_error_that_names_it(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    case.make_topic()
    with pytest.raises(NotFoundError, match=f"{case.namespace}.orders"):
        BackfillPipeline(case.plan(), case.platform).prepare()


def test_history_with_other_columns_is_refused_column_by_column(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    case.make_topic()
    case.platform.iceberg.create_table(case.namespace, "orders", [Field("order_id", "string")])
    with pytest.raises(SchemaMismatchError, match="column order_id: expected bigint, found string"):
        BackfillPipeline(case.plan(), case.platform).prepare()


def test_records_lost_to_retention_before_the_boundary_are_refused(stack_settings: Settings, tmp_path: Path) -> None:
    case = Case(stack_settings, tmp_path)
    try:
        case.make_topic()
        case.send(LIVE, [])
        case.archive(len(LIVE))
        case.platform.flink.cancel(case.jobs[0])
        case.send(MORE, [])
        with case.platform.kafka.admin() as admin:
            admin.delete_records(case.topic, {0: len(LIVE) // PARTITIONS + 1})
        with pytest.raises(CutoverError, match=r"partition 0: needed from offset 300, .* 1 records are lost"):
            BackfillPipeline(case.plan(), case.platform).prepare()
        with pytest.raises(CutoverError, match=r"partition 0: needed from offset 300"):
            ArchivePipeline(case.plan().source, case.platform).prepare()
    finally:
        case.close()


def test_history_and_live_are_counted_once_through_stop_and_resume(case: Case) -> None:
    plan = case.plan()
    run = case.backfill(plan)
    case.send(LIVE, BROKEN)
    case.ledger(run, len(HISTORY) + len(LIVE) + 2 * len(BROKEN))

    stopped = stop(case.platform, run.run)
    assert stopped.savepoints
    case.send(MORE, [])
    with pytest.raises(JobError, match="not running"):
        stop(case.platform, run.run)
    case.note(resume(case.platform, run.run))

    every = [*HISTORY, *LIVE, *MORE]
    ledger = case.ledger(run, len(every) + 2 * len(BROKEN))
    late = sum(one.late for one in every)
    assert (ledger.late, ledger.dead_lettered, ledger.accepted) == (late, 2 * len(BROKEN), len(every) - late)
    case.assert_online(every)
    assert [status.run.run for status in statuses(case.platform)] == [run.run]


def test_a_changed_window_is_a_new_version_beside_the_old(case: Case) -> None:
    project, old = (
        case.platform.settings.project,
        case.platform.registry.pointer(case.platform.settings.project, "shop_orders"),
    )
    assert old is not None
    changed = case.plan(windows='"1h", "2d"')
    assert changed.version != old.version
    run = case.backfill(changed)
    every = [*HISTORY, *LIVE, *MORE]
    case.ledger(run, len(every) + 2 * len(BROKEN))

    case.assert_online(every)
    promote(case.platform, "shop_orders", changed.version)
    case.assert_online(every, day="2d")
    versions = [version.version for version in case.platform.registry.versions(project, "shop_orders")]
    assert versions == [old.version, changed.version]
