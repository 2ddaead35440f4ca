"""Payments that join two dimensions, random rows and versions of both, and what each payment sees: a loop over all."""

# ruff: noqa: RUF012 (as users write it)
from __future__ import annotations

import math
import random
from datetime import date, datetime
from typing import Any

import pyarrow as pa

from headrace import Dimension, FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation, udf

Row = dict[str, Any]
MINUTE, DAY = 60_000_000, 86_400_000_000
#: 2026-03-01 00:00 UTC in µs.
BASE = 1_772_323_200_000_000
DELAY = 10 * MINUTE


class Payments(Source):
    """Payments, each of them of an entity of its own."""

    history = IcebergTable("raw.payments")
    id: int
    merchant: str | None
    partner: str | None
    country: str
    zip: int | None
    cents: int
    ts: datetime = event_time()


class Merchants(Dimension):
    """What is known of a merchant ten minutes after it was noted."""

    history = IcebergTable("ref.merchants")
    key = "merchant"
    delay = "10m"
    merchant: str
    category: str | None
    risk: float | None
    limit_cents: int
    open: bool
    listed: date | None
    valid_from: datetime = event_time()


class Regions(Dimension):
    """What is known of a place at once."""

    history = IcebergTable("ref.regions")
    key = ["code", "land"]
    code: int
    land: str
    tier: int
    since: datetime = event_time()


@udf(returns=str)
def spelled(word: pa.Array) -> pa.Array:
    return pa.array([None if one is None else one.upper() for one in word.to_pylist()], pa.string())


@transformation
def category(tx: Payments, wspec: WindowSpec):
    return tx.groupby("id")[tx.asof_join(Merchants)["category"]].window(wspec).last()


@transformation
def risk(tx: Payments, wspec: WindowSpec):
    return tx.asof_join(Merchants).groupby("id")["risk"].window(wspec).last()


@transformation
def headroom(tx: Payments, wspec: WindowSpec):
    joined = tx.asof_join(Merchants, by="merchant")
    return joined.assign(headroom=joined.limit_cents - tx.cents).groupby("id")["headroom"].window(wspec).last()


@transformation
def valid_from(tx: Payments, wspec: WindowSpec):
    return tx.asof_join(Merchants).groupby("id")["valid_from"].window(wspec).last()


@transformation
def listed(tx: Payments, wspec: WindowSpec):
    return tx.asof_join(Merchants).groupby("id")["listed"].window(wspec).last()


@transformation
def partner_category(tx: Payments, wspec: WindowSpec):
    both = tx.asof_join(Merchants).asof_join(Merchants, by="partner", prefix="partner_")
    return both.groupby("id")[both.partner_category.fill_null(both.category)].window(wspec).last()


@transformation
def tier(tx: Payments, wspec: WindowSpec):
    return tx.asof_join(Regions, by=["zip", "country"]).groupby("id")["tier"].window(wspec).last()


@transformation
def spelled_category(tx: Payments, wspec: WindowSpec):
    return tx.groupby("id")[spelled(tx.asof_join(Merchants).category)].window(wspec).last()


@transformation
def open_payments(tx: Payments, wspec: WindowSpec):
    joined = tx.asof_join(Merchants)
    return joined[joined.open].groupby("id").window(wspec).count()


class AsOf(FeaturePipeline):
    """What payments see of dimensions, and nothing else."""

    owner = "data@example.com"
    clock = "event"
    features = [
        each.over("9d")
        for each in (
            *(category, risk, headroom, valid_from, listed, partner_category, tier, spelled_category, open_payments),
        )
    ]


INSTANT = pa.timestamp("us", tz="UTC")
POSITION = [
    ("_src_topic", pa.string()),
    ("_src_partition", pa.int32()),
    ("_src_offset", pa.int64()),
    ("_src_timestamp", INSTANT),
    ("_raw", pa.binary()),
    ("_error", pa.string()),
]
PAYMENTS = pa.schema(
    [
        ("id", pa.int64()),
        ("merchant", pa.string()),
        ("partner", pa.string()),
        ("country", pa.string()),
        ("zip", pa.int64()),
        ("cents", pa.int64()),
        ("ts", INSTANT),
        *POSITION,
    ]
)
MERCHANTS = pa.schema(
    [
        ("merchant", pa.string()),
        ("category", pa.string()),
        ("risk", pa.float64()),
        ("limit_cents", pa.int64()),
        ("open", pa.bool_()),
        ("listed", pa.date32()),
        ("valid_from", INSTANT),
        *POSITION,
    ]
)
REGIONS = pa.schema([("code", pa.int64()), ("land", pa.string()), ("tier", pa.int64()), ("since", INSTANT), *POSITION])
#: To when each dimension is complete: some payments are beyond, by either.
UNTIL = {"Merchants": BASE + 3 * DAY - DELAY, "Regions": BASE + 3 * DAY - 1}


def at(position: int, partition: int = 0, us: int = BASE) -> Row:
    """Where a row lies, and when it arrived."""
    place = {"_src_topic": "t", "_src_partition": partition, "_src_offset": position, "_src_timestamp": us}
    return {**place, "_raw": None, "_error": None}


def moment(random_: random.Random) -> int:
    """A time near one of few, to the µs, so that rows and versions meet at edges."""
    return BASE + random_.randrange(4) * DAY + random_.choice([0, DELAY]) + random_.choice([-1, 0, 0, 0, 1])


def merchants(random_: random.Random, n: int) -> list[Row]:
    """Versions in any order, some of one key and time, some that are none."""
    return [
        {
            "merchant": random_.choice(["a", "b", "", None]),
            "category": random_.choice(["food", "fuel", None, f"c{number}"]),
            "risk": random_.choice([None, 0.0, 0.25, math.nan, math.inf]),
            "limit_cents": number,
            "open": random_.random() < 0.5,
            "listed": random_.choice([None, date(1969, 12, 31), date(2024, 2, 29)]),
            "valid_from": random_.choice([None, *[moment(random_)] * 9]),
            **at(number // 2, number % 2),
            **random_.choice([{}] * 9 + [{"_error": "no JSON"}]),
        }
        for number in range(n)
    ]


def regions(random_: random.Random, n: int) -> list[Row]:
    """Versions of places, whose key has two columns."""
    return [
        {
            "code": random_.choice([1, 2, None]),
            "land": random_.choice(["nl", "be"]),
            "tier": number,
            "since": moment(random_),
            **at(number),
        }
        for number in range(n)
    ]


def payments(random_: random.Random, n: int) -> list[Row]:
    """Payments in any order, some without a time; keys that are missing, and keys that no version has."""
    found = [payment(random_, number, moment(random_)) for number in range(n)]
    return [{**row, "ts": random_.choice([None, *[row["ts"]] * 19])} for row in found]


def payment(random_: random.Random, number: int, us: int) -> Row:
    """A payment at a time, of an entity of its own."""
    return {
        "id": number,
        "merchant": random_.choice(["a", "b", "", "nobody", None]),
        "partner": random_.choice(["a", "b", None]),
        "country": random_.choice(["nl", "be", "xx"]),
        "zip": random_.choice([1, 2, 3, None]),
        "cents": random_.randrange(10),
        "ts": us,
        **at(number, us=us),
    }


def seen(versions: list[Row], key: Row, at_us: int, time: str, delay: int = 0) -> Row | None:
    """The version of a key that is in effect: the greatest by time and position of those that are by then."""
    best: Row | None = None
    for version in versions:
        sound = version["_error"] is None and version[time] is not None
        same = all(value is not None and version[name] == value for name, value in key.items())
        if (
            sound
            and same
            and version[time] + delay <= at_us
            and (best is None or place(version, time) > place(best, time))
        ):
            best = version
    return best


def place(version: Row, time: str) -> tuple[int, int, int]:
    """What orders the versions of a key."""
    return version[time], version["_src_partition"], version["_src_offset"]


def reason(payment: Row) -> str | None:
    """Why a payment is a dead letter."""
    if payment["ts"] is None:
        return "ts is missing"
    for name, delay in (("Merchants", DELAY), ("Regions", 0)):
        if payment["ts"] - delay > UNTIL[name]:
            return f"event time is beyond what dimension {name} is complete to"
    return None


def meant(payment: Row, shops: list[Row], places: list[Row]) -> Row:
    """By transformation what a payment that is accepted adds to its entity; `open_payments` is the filter's verdict."""
    own = seen(shops, {"merchant": payment["merchant"]}, payment["ts"], "valid_from", DELAY) or {}
    partner = seen(shops, {"merchant": payment["partner"]}, payment["ts"], "valid_from", DELAY) or {}
    region = seen(places, {"code": payment["zip"], "land": payment["country"]}, payment["ts"], "since") or {}
    category, limit, listed = own.get("category"), own.get("limit_cents"), own.get("listed")
    return {
        "category": category,
        "risk": own["risk"] if own and own["risk"] is not None and math.isfinite(own["risk"]) else None,
        "headroom": None if limit is None else limit - payment["cents"],
        "valid_from": own.get("valid_from"),
        "listed": None if listed is None else (listed - date(1970, 1, 1)).days,
        "partner_category": category if partner.get("category") is None else partner["category"],
        "tier": region.get("tier"),
        "spelled_category": None if category is None else category.upper(),
        "open_payments": own.get("open"),
    }
