"""A union of two topics on the real stack: history and live of each, once across both seams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.prefix import TopicPartition
from headrace.errors import CutoverError
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.lifecycle import resume, stop
from headrace.registry.store import Run
from headrace.runtime.legs import table_name_of
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

from .case import PARTITIONS, Case, wait_until
from .orders import BROKEN, FEATURES, START, Order, orders
from .rig import TASK_MANAGERS, kill
from .test_main_job import Served

pytestmark = [pytest.mark.stack, pytest.mark.slow]

_SOURCES = '''
class TillOrders(Source):
    """Orders at a till, in cents."""

    history = IcebergTable("{namespace}.tills")
    live = KafkaTopic("{topic}")
    arrival_time = "arrived_at"
    order_id: int
    shop: str
    status: Literal["paid", "failed"]
    cents: int
    ordered_at: datetime = event_time(max_delay="1m")
    arrived_at: datetime


class WebOrders(Source):
    """Orders on the web, in half cents."""

    history = IcebergTable("{namespace}.web")
    live = KafkaTopic("{topic}-web")
    arrival_time = "seen_at"
    store: str
    failed: bool
    half_cents: int
    placed_at: datetime = event_time(max_delay="1m")
    seen_at: datetime


class Orders(Union):
    """Orders, wherever they were placed."""

    sources = [TillOrders, WebOrders]
    shop: str = filled_by({WebOrders: "store"})
    status: Literal["paid", "failed"] = filled_by({WebOrders: lambda tx: tx.failed.ifelse("failed", "paid")})
    cents: int = filled_by({WebOrders: lambda tx: tx.half_cents // 2})
    ordered_at: datetime = event_time()
'''
UNITED = (
    FEATURES[: FEATURES.index("class Orders(")].replace("WindowSpec, ", "Union, WindowSpec, filled_by, ")
    + _SOURCES.lstrip()
    + "\n\n"
    + FEATURES[FEATURES.index("@transformation") :]
)
HISTORY = orders(900, seed=31)
LIVE = orders(400, seed=32, first=900)
MORE = orders(200, seed=33, first=1_300)
LAST = orders(100, seed=34, first=1_500)


def on_the_web(order: Order) -> bytes:
    """The order as the web sends it."""
    till = json.loads(order.record())
    web = {"store": order.shop, "failed": order.status == "failed", "half_cents": 2 * order.cents}
    return json.dumps({**web, "placed_at": till["ordered_at"], "seen_at": till["arrived_at"]}).encode()


class UnitedCase(Case):
    """A case whose orders come by two topics, every second one by the web."""

    @property
    def topics(self) -> dict[str, list[bytes]]:
        return {self.topic: [], f"{self.topic}-web": []}

    def make_topic(self) -> None:
        with self.platform.kafka.admin() as admin:
            for topic in self.topics:
                admin.ensure_topic(topic, PARTITIONS)

    def send(self, found: list[Order], broken: list[bytes]) -> None:
        till = [one.record() for one in found[::2]] + broken
        web = [on_the_web(one) for one in found[1::2]] + broken
        for topic, values in zip(self.topics, (till, web), strict=True):
            with self.platform.kafka.producer(topic) as producer:
                producer.send(values, partitions=[place % PARTITIONS for place in range(len(values))])

    def archive(self, records: int) -> None:
        for source in self.plan().source.parts:
            self.jobs.append(ArchivePipeline(source, self.platform, checkpoint_interval="1 s").submit())
        wait_until(lambda: self.archived() >= records)

    def archived(self) -> int:
        tables = [table_name_of(part) for part in self.plan().source.parts]
        return sum(self.platform.iceberg.load(*table).row_count() for table in tables)


@pytest.fixture(scope="module")
def case(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnitedCase]:
    case = UnitedCase(stack_settings, tmp_path_factory.mktemp("union"))
    case.template = UNITED
    try:
        case.make_topic()
        case.send(HISTORY, BROKEN)
        case.archive(len(HISTORY) + 2 * len(BROKEN))
        yield case
    finally:
        case.close()


@pytest.fixture(scope="module")
def run(case: UnitedCase) -> Run:
    """A run that read history of both topics, crossed both seams, was stopped, and resumed from its savepoint."""
    run = case.backfill(case.plan())
    case.send(LIVE, BROKEN)
    case.ledger(run, len(HISTORY) + len(LIVE) + 4 * len(BROKEN))
    stop(case.platform, run.run)
    case.send(MORE, [])
    return case.note(resume(case.platform, run.run))


def assert_counted_once(case: UnitedCase, run: Run, sent: list[Order]) -> None:
    """The ledger has each record of both topics once, history and live of every partition, and values are right."""
    ledger = case.ledger(run, len(sent) + 4 * len(BROKEN))
    late = sum(one.late for one in sent)
    assert ledger.read == len(sent) + 4 * len(BROKEN)
    assert (ledger.accepted, ledger.late, ledger.dead_lettered) == (len(sent) - late, late, 4 * len(BROKEN))
    assert [line.of for line in ledger.partitions] == [
        TopicPartition(topic, partition) for topic in case.topics for partition in range(PARTITIONS)
    ]
    assert all(line.history and line.live for line in ledger.partitions)
    case.assert_online(sent)


def test_every_record_of_both_topics_counts_once_through_stop_and_resume(case: UnitedCase, run: Run) -> None:
    assert_counted_once(case, run, [*HISTORY, *LIVE, *MORE])


def test_served_values_of_a_union_are_those_of_its_histories(case: UnitedCase, run: Run) -> None:
    with case.platform.cassandra.session() as session:
        assert Served(case, CassandraTiles(session)).now(START + timedelta(hours=48)).differences == ()


def test_a_dead_letter_has_the_bytes_of_its_own_topic(case: UnitedCase, run: Run) -> None:
    letters = case.platform.iceberg.load("headrace", "dead_letters").arrow(where=f"run = '{run.run}'").to_pylist()
    late = {one["topic"]: json.loads(one["raw"]) for one in letters if one["verdict"] == "late"}
    till, web = case.topics
    assert ("cents" in late[till], "half_cents" in late[till]) == (True, False)
    assert ("cents" in late[web], "half_cents" in late[web]) == (False, True)
    assert {one["topic"] for one in letters if one["verdict"] == "dead_letter"} == {till, web}


@pytest.mark.faults
def test_killed_task_managers_lose_and_repeat_nothing_of_either_topic(case: UnitedCase, run: Run, stack: Stack) -> None:
    kill(stack, "flink", *TASK_MANAGERS)
    case.send(LAST, [])
    assert_counted_once(case, run, [*HISTORY, *LIVE, *MORE, *LAST])


def test_a_gap_in_one_topic_is_refused_by_its_name(case: UnitedCase, run: Run) -> None:
    stop(case.platform, run.run)
    case.send(LAST, [])
    web = f"{case.topic}-web"
    with case.platform.kafka.admin() as admin:
        admin.delete_records(web, {1: admin.end_offsets(web)[1]})
    with pytest.raises(CutoverError, match=f"topic '{web}', partition 1: needed from offset"):
        resume(case.platform, run.run)
