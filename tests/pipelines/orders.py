"""A feature file over small orders, and its oracle: a loop over all events that a reader can check by eye."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2026, 1, 1, tzinfo=UTC)
SHOPS = ["ams", "ber", "cdg"]

FEATURES = '''
"""Orders of small shops."""
from datetime import datetime
from typing import Literal

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation


class Orders(Source):
    """Orders, in cents."""

    history = IcebergTable("{namespace}.orders")
    live = KafkaTopic("{topic}")
    arrival_time = "arrived_at"
    order_id: int
    shop: str
    status: Literal["paid", "failed"]
    cents: int
    ordered_at: datetime = event_time(max_delay="1m")
    arrived_at: datetime


@transformation
def turnover(orders: Orders, wspec: WindowSpec):
    """What a shop took."""
    return orders[orders.status == "paid"].groupby("shop")["cents"].window(wspec).sum()


@transformation
def failures(orders: Orders, wspec: WindowSpec):
    """How many orders of a shop failed."""
    return orders[orders.status == "failed"].groupby("shop").window(wspec).count()


@transformation
def taken(orders: Orders):
    """What a shop took since ever."""
    return orders[orders.status == "paid"].groupby("shop")["cents"].sum()


@transformation
def newest(orders: Orders, wspec: WindowSpec):
    """What the newest orders of a shop cost."""
    return orders.groupby("shop")["cents"].window(wspec).last_n(3)


@transformation
def failed_share(orders: Orders, wspec: WindowSpec):
    """How many of a shop's orders failed, as a share."""
    failed = orders[orders.status == "failed"].groupby("shop").window(wspec).count()
    return failed / orders.groupby("shop").window(wspec).count()


class ShopOrders(FeaturePipeline):
    """Turnover and failures."""

    owner = "shops@example.com"
    clock = "event"
    tile = "10m"
    features = [
        turnover.over({windows}),
        failures.over("1h"),
        taken,
        newest.over("1d"),
        failed_share.over("1h", WindowSpec("1h", lag="6h")),
    ]
'''


@dataclass(frozen=True)
class Order:
    """One order; `late` ones arrive after the allowed lateness of a day."""

    order_id: int
    shop: str
    status: str
    cents: int
    ordered_at: datetime
    late: bool

    def record(self) -> bytes:
        """The order as it is sent."""
        arrived = self.ordered_at + timedelta(days=2 if self.late else 0, seconds=3)
        return json.dumps(
            {
                "order_id": self.order_id,
                "shop": self.shop,
                "status": self.status,
                "cents": self.cents,
                "ordered_at": self.ordered_at.isoformat(),
                "arrived_at": arrived.isoformat(),
            }
        ).encode()


_WHOLE = {
    "order_id": 1,
    "shop": "ams",
    "status": "paid",
    "cents": 1,
    "ordered_at": START.isoformat(),
    "arrived_at": START.isoformat(),
}
BROKEN = [
    b"{",
    b"\xff\xfe",
    json.dumps({**_WHOLE, "shop": None}).encode(),
    json.dumps({**_WHOLE, "cents": "1"}).encode(),
    json.dumps({**_WHOLE, "status": "lost"}).encode(),
    json.dumps({**_WHOLE, "ordered_at": "1970-01-01T00:00:00Z"}).encode(),
    json.dumps({**_WHOLE, "ordered_at": "2100-01-01T00:00:00Z"}).encode(),
]


def orders(count: int, seed: int, first: int = 0) -> list[Order]:
    """Random orders of three days, out of order, crowded around edges of tiles; one in fifty is late."""
    chance = random.Random(seed)
    return [_order(number, chance) for number in range(first, first + count)]


def _order(number: int, chance: random.Random) -> Order:
    seconds = chance.choice([chance.randrange(3 * 86_400), 600 * chance.randrange(432)])
    status = chance.choice(["paid", "paid", "failed"])
    late = chance.random() < 0.02
    return Order(
        number, chance.choice(SHOPS), status, chance.randrange(-500, 5000), START + timedelta(seconds=seconds), late
    )


def expected(found: Sequence[Order], shop: str, at: datetime, window: timedelta) -> dict[str, Any]:
    """Turnover, failures and their share of a shop in `[at - window, at)`."""
    inside = [one for one in found if one.shop == shop and at - window <= one.ordered_at < at and not one.late]
    paid = [one.cents for one in inside if one.status == "paid"]
    failures = sum(one.status == "failed" for one in inside)
    share = failures / len(inside) if inside else None
    return {"turnover": sum(paid) if paid else None, "failures": failures, "failed_share": share}


def newest(found: Sequence[Order], shop: str, at: datetime) -> list[set[int]]:
    """What each of a shop's three newest orders of the day before `at` may have cost, the newest first.

    Of several orders at one instant the place in the topic decides, which is not known here.
    """
    day = [one for one in found if one.shop == shop and at - timedelta(days=1) <= one.ordered_at < at and not one.late]
    times = sorted((one.ordered_at for one in day), reverse=True)[:3]
    return [{one.cents for one in day if one.ordered_at == time} for time in times]
