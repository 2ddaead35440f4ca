"""A view that does both: a union, of sources with structs and lists, whose rows look up a dimension; and its oracle."""

# ruff: noqa: RUF012 (as users write it)
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headrace import (
    Dimension,
    FeaturePipeline,
    IcebergTable,
    Source,
    Union,
    WindowSpec,
    event_time,
    filled_by,
    transformation,
)


@dataclass(frozen=True)
class Terminal:
    """Where a card was held to."""

    model: str
    shop: str | None


@dataclass(frozen=True)
class Line:
    """One thing that was ordered."""

    shop: str
    cents: int


class Payments(Source):
    """Payments with a card."""

    history = IcebergTable("raw.payments")
    allowed_lateness = "2h"
    card: str
    terminal: Terminal | None
    cents: int
    paid_at: datetime = event_time()


class Orders(Source):
    """Orders, of which the first thing says where and for how much."""

    history = IcebergTable("raw.orders")
    unique_by = "number"
    number: int
    card: str | None
    lines: list[Line]
    ordered_at: datetime = event_time()


class Sales(Union):
    """What a card bought, paid or ordered."""

    sources = [Payments, Orders]
    card: str
    shop: str | None = filled_by({Payments: lambda tx: tx.terminal.shop, Orders: lambda tx: tx.lines[0].shop})
    cents: int | None = filled_by({Orders: lambda tx: tx.lines[0].cents})
    at: datetime = event_time()


class Shops(Dimension):
    """What is known of a shop a minute after it was noted."""

    history = IcebergTable("ref.shops")
    key = "shop"
    delay = "1m"
    shop: str
    kind: str | None
    factor: int
    since: datetime = event_time()


@transformation
def weighed(tx: Sales, wspec: WindowSpec):
    joined = tx.asof_join(Shops)
    return joined.groupby("card")[joined.cents * joined.factor].window(wspec).sum()


@transformation
def meals(tx: Sales, wspec: WindowSpec):
    return tx[tx.asof_join(Shops)["kind"] == "food"].groupby("card").window(wspec).count()


@transformation
def last_kind(tx: Sales):
    return tx.groupby("card")[tx.asof_join(Shops).kind].last()


class CardSales(FeaturePipeline):
    """What a card bought, by what was known of the shop."""

    owner = "data@example.com"
    clock = "event"
    features = [weighed.over("1h"), meals.over("1h"), last_kind]


Row = dict[str, Any]
MINUTE, HOUR = 60_000_000, 3_600_000_000
#: 2026-03-01 00:00 UTC in µs.
BASE = 1_772_323_200_000_000
#: To when the dimension is complete: rows of the last minutes are beyond it.
UNTIL = BASE - 6 * MINUTE
LATENESS = (2 * HOUR, 24 * HOUR)
TIMES = ("paid_at", "ordered_at")
PAYMENTS, ORDERS = range(2)


def versions(seed: int, n: int = 40) -> list[Row]:
    """Versions of shops, in any order."""
    random_ = random.Random(seed)
    return [
        {
            "shop": random_.choice(["a", "b", "c"]),
            "kind": random_.choice(["food", "fuel", None]),
            "factor": number,
            "since": BASE - random_.randrange(90) * MINUTE + random_.choice([-1, 0, 1]),
            **place(random_, "shops", number, BASE),
        }
        for number in range(n)
    ]


def rows(seed: int, n: int = 300) -> list[Row]:
    """Rows of both sources, each with the number of its own; one in ten of the orders was sent before."""
    random_ = random.Random(seed)
    found: list[Row] = []
    for offset in range(n):
        ordered = [one for one in found if one["_member"] == ORDERS]
        again = ordered and random_.random() < 0.05
        found.append({**random_.choice(ordered), "_src_offset": offset} if again else row(random_, offset))
    return found


def row(random_: random.Random, offset: int) -> Row:
    """One row, mostly good."""
    member = random_.randrange(2)
    us = BASE - random_.randrange(90) * MINUTE + random_.choice([-1, 0, 1])
    arrival = us + random_.choice([0] * 9 + [3 * HOUR])
    own = (payment, order)[member](random_, offset)
    card = None if random_.random() < 0.05 else random_.choice(["x", "y", "z"])
    return {"_member": member, "card": card, **own, TIMES[member]: us, **place(random_, TIMES[member], offset, arrival)}


def payment(random_: random.Random, offset: int) -> Row:
    """What only a payment has."""
    model = None if random_.random() < 0.05 else "m1"
    terminal = {"model": model, "shop": random_.choice(["a", "b", "c", "nobody", None])}
    return {"terminal": None if random_.random() < 0.1 else terminal, "cents": random_.randrange(100)}


def order(random_: random.Random, offset: int) -> Row:
    """What only an order has."""
    lines: list[Row | None] = [
        {"shop": None if random_.random() < 0.03 else random_.choice(["a", "b", "c"]), "cents": random_.randrange(100)}
        for _ in range(random_.randrange(3))
    ]
    lines += [None] if random_.random() < 0.05 else []
    return {"number": offset, "lines": lines}


def place(random_: random.Random, topic: str, offset: int, arrival_us: int) -> Row:
    """Where a row lies, and when it arrived."""
    position = {"_src_topic": topic, "_src_partition": random_.randrange(2), "_src_offset": offset}
    return {**position, "_src_timestamp": arrival_us, "_raw": None, "_error": None}


def filled(one: Row) -> Row:
    """The columns of the union."""
    if one["_member"] == PAYMENTS:
        terminal = one["terminal"] or {"shop": None}
        return {"card": one["card"], "shop": terminal["shop"], "cents": one["cents"], "at": one["paid_at"]}
    first = one["lines"][0] if any(one["lines"][:1]) else {"shop": None, "cents": None}
    return {"card": one["card"], **first, "at": one["ordered_at"]}


def reason(one: Row) -> str | None:
    """Why a row is a dead letter: by its own source, by the union's columns, by what the dimension is complete to."""
    faults = {
        PAYMENTS: [
            (one["card"] is None, "card is missing"),
            (bool(one.get("terminal")) and one["terminal"]["model"] is None, "terminal.model is missing"),
        ],
        ORDERS: [
            (None in one.get("lines", []), "an element of lines is missing"),
            (any(line and line["shop"] is None for line in one.get("lines", [])), "lines[].shop is missing"),
        ],
    }[one["_member"]]
    faults += [
        (one["card"] is None, "card is missing"),
        (filled(one)["at"] - MINUTE > UNTIL, "event time is beyond what dimension Shops is complete to"),
    ]
    return next((text for holds, text in faults if holds), None)


def verdict(one: Row) -> str:
    """What becomes of a row by itself."""
    if reason(one) is not None:
        return "dead_letter"
    too_old = filled(one)["at"] < one["_src_timestamp"] - LATENESS[one["_member"]]
    return "late" if too_old else "accepted"


def verdicts(of: list[Row]) -> dict[str, int]:
    """How many rows have each verdict."""
    alone = [verdict(one) for one in of]
    accepted = len(counting(of))
    return {
        "accepted": accepted,
        "late": alone.count("late"),
        "dead_letter": alone.count("dead_letter"),
        "duplicate": alone.count("accepted") - accepted,
    }


def counting(of: list[Row]) -> list[Row]:
    """The accepted rows, one of the copies of each order; with what each saw."""
    good = [one for one in of if verdict(one) == "accepted"]
    return list({(one["_member"], one.get("number", one["_src_offset"])): one for one in reversed(good)}.values())


def seen(shops: list[Row], one: Row) -> Row:
    """What a row sees of its shop: the greatest by time and position of the versions that are in effect."""
    known = [v for v in shops if v["shop"] == one["shop"] and v["since"] + MINUTE <= one["at"]]
    order_of = max(known, key=lambda v: (v["since"], v["_src_partition"], v["_src_offset"]), default=None)
    return order_of or {"kind": None, "factor": None}


def newest(of: list[Row]) -> Row:
    """The newest row: by time, then by source and position; of an order the first of its copies."""
    return max(of, key=lambda one: (one["at"], one["order"]))


def total(values: list[int | None]) -> int | None:
    """Their sum; None where there is none."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


#: From the rows of a card that a feature sees to its value.
ORACLE: dict[str, Callable[[list[Row]], Any]] = {
    "weighed_1h": lambda of: total(
        [None if one["cents"] is None or one["factor"] is None else one["cents"] * one["factor"] for one in of]
    ),
    "meals_1h": lambda of: sum(one["kind"] == "food" for one in of),
    "last_kind": lambda of: newest(of)["kind"] if of else None,
}


def expected(of: list[Row], shops: list[Row], feature: str, card: str, at_us: int) -> Any:
    """A feature of a card at an instant, in mode `exact`; None of a card that nothing was known of."""
    whole = [{**filled(one), "order": order_of(one)} for one in counting(of)]
    joined = [{**one, **{name: seen(shops, one)[name] for name in ("kind", "factor")}} for one in whole]
    before = [one for one in joined if one["card"] == card and one["at"] < at_us]
    since = at_us - HOUR if feature.endswith("_1h") else 0
    return ORACLE[feature]([one for one in before if since <= one["at"]]) if before else None


def order_of(one: Row) -> tuple[int, int, int]:
    """What orders rows of one time: the source, and there the position, or of an order its number."""
    if one["_member"] == ORDERS:
        return ORDERS, 0, one["number"]
    return PAYMENTS, one["_src_partition"], one["_src_offset"]
