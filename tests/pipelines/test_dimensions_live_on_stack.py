"""A dimension that changes while a job reads a topic, on the real stack: what each order sees, and who waits for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.connectors.schema import Field
from headrace.pipelines.completeness import NOTED
from headrace.pipelines.lifecycle import resume, stop
from headrace.registry.store import Run
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack
from headrace.serving.online import OnlineStore

from .case import PARTITIONS, Case, wait_until
from .rig import TASK_MANAGERS, Logs, kill
from .test_main_job import Served

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FEATURES = """
from datetime import datetime
from headrace import (
    Dimension, FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation
)

class Orders(Source):
    history = IcebergTable("{namespace}.orders")
    live = KafkaTopic("{topic}")
    max_future = "1m"
    card: str
    shop: str
    cents: int
    ordered_at: datetime = event_time()

class Shops(Dimension):
    history = IcebergTable("{namespace}.shops")
    key = "shop"
    delay = "10s"
    shop: str
    kind: str
    factor: int
    since: datetime = event_time()

@transformation
def weighed(tx: Orders, wspec: WindowSpec):
    joined = tx.asof_join(Shops)
    return joined.groupby("card")[joined.cents * joined.factor].window(wspec).sum()

@transformation
def meals(tx: Orders, wspec: WindowSpec):
    return tx[tx.asof_join(Shops)["kind"] == "food"].groupby("card").window(wspec).count()

class ShopOrders(FeaturePipeline):
    owner = "a@b.c"
    clock = "event"
    tile = "10s"
    features = [weighed.over({windows}), meals.over({windows})]
"""
SHOPS = [Field("shop", "string"), Field("kind", "string"), Field("factor", "int"), Field("since", "timestamp")]
NAMES, CARDS = ["shop_orders:weighed_1d", "shop_orders:meals_1d"], ("a", "b", "c")
DELAY, TILE, INSTANT = timedelta(seconds=10), timedelta(seconds=10), timedelta(microseconds=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
Version = tuple[str, str, int, datetime]
Order = tuple[str, str, int, datetime]
#: An order of a time that is too far after its arrival: a dead letter, and nothing to wait for.
ABSURD: list[Order] = [("a", "x", 0, datetime.now(UTC) + timedelta(days=1))]


def seen(versions: list[Version], shop: str, at: datetime) -> tuple[str | None, int | None]:
    """Kind and factor of the newest version in effect."""
    found = [one for one in versions if one[0] == shop and one[3] + DELAY <= at]
    return max(found, key=lambda one: one[3])[1:3] if found else (None, None)


class Town(Case):
    """Orders by card at shops. What is written of shops is what `versions` holds, at any time."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, folder)
        self.template = FEATURES
        self.began = datetime.now(UTC)
        self.versions: list[Version] = []
        self.orders: list[Order] = []
        self.noted = START
        self.shops = self.platform.iceberg.create_table(self.namespace, "shops", SHOPS)

    def change(self, *versions: Version) -> None:
        """Write versions, in one commit."""
        rows = [dict(zip(("shop", "kind", "factor", "since"), one, strict=True)) for one in versions]
        self.shops.refresh().append(pa.Table.from_pylist(rows, self.shops.table.schema().as_arrow()))
        self.versions += versions

    def now(self) -> datetime:
        """This instant, not before a version of it is in effect after all that was noted: no note is taken back."""
        wait_until(lambda: datetime.now(UTC) + DELAY > self.noted)
        return datetime.now(UTC)

    def change_now(self, shop: str, kind: str, factor: int) -> datetime:
        """Write a version that is valid from now on; returns from when it is in effect."""
        since = self.now()
        self.change((shop, kind, factor, since))
        assert self.shops.committed_at(self.shops.current_snapshot_id() or 0) < since + DELAY
        return since + DELAY

    def complete_to(self, at: datetime) -> None:
        """Note that all versions are there that an event until then may see."""
        self.noted = max(self.noted, at)
        self.shops.refresh().set_properties({NOTED: (self.noted - DELAY).isoformat()})

    def order(self, *times: datetime) -> None:
        """Orders of each card in each shop, at these times."""
        every = [(card, shop, at) for at in times for card in CARDS for shop in ("x", "y", "nobody")]
        found = [(card, shop, len(self.orders) + n, at) for n, (card, shop, at) in enumerate(every)]
        self.send_rows(found)
        self.orders += found

    def send_rows(self, found: list[Order]) -> None:
        rows = [{"card": c, "shop": s, "cents": n, "ordered_at": at.isoformat()} for c, s, n, at in found]
        with self.platform.kafka.producer(self.topic) as producer:
            producer.send(
                [json.dumps(row).encode() for row in rows],
                partitions=[place % PARTITIONS for place, _ in enumerate(rows)],
            )

    def seen(self, shop: str, at: datetime) -> tuple[str | None, int | None]:
        """What an order at a time sees of a shop."""
        return seen(self.versions, shop, at)

    def meant(self, card: str, at: datetime) -> list[int | None]:
        """What a loop over all orders and versions gives a card for the day before a time."""
        own = [one for one in self.orders if one[0] == card and at - timedelta(days=1) <= one[3] < at]
        sights = [(cents, *self.seen(shop, when)) for _, shop, cents, when in own]
        weighed = sum(cents * factor for cents, _, factor in sights if factor is not None)
        return [weighed, sum(kind == "food" for _, kind, _ in sights)]

    def assert_right(self, run: Run) -> None:
        """Every order was read once, and what is served is what the loop, and DuckDB, make of orders and versions."""
        ledger = self.ledger(run, len(self.orders) + len(ABSURD))
        assert (ledger.accepted, ledger.dead_lettered) == (len(self.orders), len(ABSURD))
        newest = max(one[3] for one in self.orders)
        at = newest - (newest - START) % TILE + TILE
        wait_until(lambda: self.archived_to() >= at)
        self.complete_to(at)
        with self.platform.cassandra.session() as session:
            store = OnlineStore(self.platform.settings.project, self.platform.registry, CassandraTiles(session))
            answer = store.get_online_features(NAMES, [{"card": card} for card in CARDS], at=at)
            assert Served(self, CassandraTiles(session)).now(at).differences == ()
        assert [[value.value for value in row] for row in answer.rows] == [self.meant(card, at) for card in CARDS]

    def archived_to(self) -> datetime:
        """When the archive was committed last, if only because nothing came for some checkpoints."""
        table = self.platform.iceberg.load(self.namespace, "orders")
        return table.committed_at(table.current_snapshot_id() or 0)


@pytest.fixture(scope="module")
def town(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Orders of an hour, archived, and what shops were then."""
    found = Town(stack_settings, tmp_path_factory.mktemp("town"))
    hour = found.began - timedelta(hours=1)
    changed = hour + timedelta(minutes=30)
    try:
        found.make_topic()
        found.change(("x", "food", 2, hour), ("y", "fuel", 3, hour), ("x", "fuel", 5, changed))
        found.order(hour, hour + DELAY, changed, changed + DELAY - INSTANT, changed + DELAY)
        found.archive(len(found.orders))
        yield found
    finally:
        found.close()


@pytest.fixture(scope="module")
def run(town: Town, stack: Stack) -> Run:
    """A run whose live orders waited for what a shop has become meanwhile."""
    run = town.backfill(town.plan())
    town.ledger(run, len(town.orders))
    logs = Logs.from_now(stack)
    town.order(datetime.now(UTC))
    town.send_rows(ABSURD)
    wait_until(lambda: logs.say("An event waits: dimension Shops"))
    effect = town.change_now("x", "food", 7)
    town.ledger(run, len(town.orders) + len(ABSURD))
    town.order(effect - INSTANT, effect, effect + 2 * DELAY)
    town.complete_to(effect + 2 * DELAY)
    return run


def test_orders_see_what_a_shop_has_become_while_the_job_runs(town: Town, run: Run) -> None:
    town.assert_right(run)


def test_a_resumed_run_sees_what_became_of_a_shop_meanwhile(town: Town, run: Run) -> None:
    stop(town.platform, run.run)
    effect = town.change_now("y", "food", 11)
    town.order(effect - INSTANT, effect)
    town.complete_to(effect)
    town.note(resume(town.platform, run.run))
    town.assert_right(run)


@pytest.mark.faults
def test_what_is_read_again_after_a_crash_sees_the_same(town: Town, run: Run, stack: Stack) -> None:
    logs = Logs.from_now(stack)
    town.order(town.now() + DELAY)
    wait_until(lambda: logs.say("An event waits: dimension Shops"))
    kill(stack, "flink", *TASK_MANAGERS)
    effect = town.change_now("x", "fuel", 13)
    town.order(effect)
    town.complete_to(effect)
    town.assert_right(run)
