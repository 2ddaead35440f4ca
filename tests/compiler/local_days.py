"""A view of calendar days in zones of every kind, with rows around their midnights, and what each feature must be."""

# ruff: noqa: RUF012 (as users write it)
from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from headrace import CalendarDays, FeaturePipeline

from .events import DAY, HOUR, LATENESS, MINUTE, SPECS, Row, aggregate, event, verdict
from .every_aggregate import (
    customers,
    dear_cents,
    failed_share,
    last_weight,
    last_weights,
    least_cents,
    orders,
    revenue,
)
from .histories import EVENTS

NEW_YORK, KATHMANDU, LORD_HOWE = "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"
SAO_PAULO, CAIRO, BEIRUT, APIA = "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Pacific/Apia"
TILE = 15 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Beginnings of days that are 23, 24 and 25 hours long, or begin at 01:00, or follow a date that was skipped.
MIDNIGHTS = [
    (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
    for text in (
        "2024-03-10T05:00Z",
        "2024-03-11T04:00Z",
        "2024-11-03T04:00Z",
        "2024-11-04T05:00Z",
        "2024-03-09T18:15Z",
        "2024-04-06T13:00Z",
        "2024-04-07T13:30Z",
        "2017-10-15T03:00Z",
        "2018-02-18T03:00Z",
        "2023-04-27T22:00Z",
        "2022-03-26T22:00Z",
        "2011-12-30T10:00Z",
    )
]


class ShopDays(FeaturePipeline):
    """Calendar days, beside a window of 24 hours a day."""

    owner = "shop@example.com"
    tile = "15m"
    features = [
        orders.over("3d", CalendarDays(1, zone=NEW_YORK), CalendarDays(7, zone=NEW_YORK)),
        orders.over(CalendarDays(1, zone=NEW_YORK, lag=1), CalendarDays(20, zone=NEW_YORK, lag=3)),
        revenue.over(CalendarDays(1, zone=KATHMANDU), CalendarDays(2, zone=KATHMANDU, lag=1)),
        least_cents.over(CalendarDays(1, zone=LORD_HOWE)),
        last_weight.over(CalendarDays(1, zone=SAO_PAULO), CalendarDays(1, zone=SAO_PAULO, lag=1)),
        last_weights.over(CalendarDays(3, zone=CAIRO)),
        failed_share.over(CalendarDays(1, zone=BEIRUT), CalendarDays(1, zone=BEIRUT, lag=2)),
        customers.over(CalendarDays(2, zone=APIA), CalendarDays(1, zone=APIA, lag=1)),
        dear_cents.over(CalendarDays(30, zone=SAO_PAULO)),
    ]


#: Feature to the one of `SPECS` that aggregates the same, days, lag and zone.
DAYS: dict[str, tuple[str, int, int, str]] = {
    "orders_1cd": ("orders_1h", 1, 0, NEW_YORK),
    "orders_7cd": ("orders_1h", 7, 0, NEW_YORK),
    "orders_1cd_lag_1cd": ("orders_1h", 1, 1, NEW_YORK),
    "orders_20cd_lag_3cd": ("orders_1h", 20, 3, NEW_YORK),
    "revenue_1cd": ("revenue_90m", 1, 0, KATHMANDU),
    "revenue_2cd_lag_1cd": ("revenue_90m", 2, 1, KATHMANDU),
    "least_cents_1cd": ("least_cents_1h", 1, 0, LORD_HOWE),
    "last_weight_1cd": ("last_weight_1h", 1, 0, SAO_PAULO),
    "last_weight_1cd_lag_1cd": ("last_weight_1h", 1, 1, SAO_PAULO),
    "last_weights_3cd": ("last_weights_1h", 3, 0, CAIRO),
    "failed_share_1cd": ("failed_share_1h", 1, 0, BEIRUT),
    "failed_share_1cd_lag_2cd": ("failed_share_1h", 1, 2, BEIRUT),
    "customers_2cd": ("customers_3d", 2, 0, APIA),
    "customers_1cd_lag_1cd": ("customers_3d", 1, 1, APIA),
    "dear_cents_30cd": ("dear_cents_1h", 30, 0, SAO_PAULO),
}


def rows(seed: int, n: int = 400) -> list[Row]:
    """Events around midnights, to the microsecond, and up to 30 days before; some late, some dead letters."""
    random_ = random.Random(seed)
    found = []
    for offset in range(n):
        row = event(random_, offset)
        row["customer"] = row["customer"] or 1  # No key here, so a row without one would be accepted.
        back = random_.choice([0, 0, 0, DAY, random_.randrange(3 * DAY), random_.randrange(30 * DAY)])
        us = random_.choice(MIDNIGHTS) - back + random_.choice([-HOUR, -1, 0, 1, HOUR, random_.randrange(DAY)])
        if verdict(row) in {"accepted", "late"}:
            row |= {"ordered_at": us, "_src_timestamp": us + random_.choice([0, MINUTE, LATENESS, LATENESS + 1])}
        found.append(row)
    return found


def instants(seed: int, n: int = 12) -> list[int]:
    """Asked times: at a midnight, a microsecond beside it, and somewhere in the two days around it."""
    random_ = random.Random(seed)
    beside = [-1, 0, 1, TILE, random_.randrange(-DAY, DAY), random_.randrange(-DAY, DAY)]
    return [random_.choice(MIDNIGHTS) + random_.choice(beside) for _ in range(n)]


def at_midnight(event_: Row, midnight: int, before: int, delay: int) -> Row:
    """The event beside a midnight; no key here is a customer, so a row without one would be accepted."""
    us = midnight - before
    return {**event_, "customer": event_["customer"] or 1, "ordered_at": us, "_src_timestamp": us + delay}


BESIDE = st.builds(
    int.__add__, st.sampled_from([0, 0, DAY, 2 * DAY, 20 * DAY]), st.sampled_from([-HOUR, -1, 0, 1, HOUR])
)
DELAYS = st.sampled_from([0, MINUTE, LATENESS, LATENESS + 1])


def around(midnight: int) -> st.SearchStrategy[tuple[list[Row], list[Row]]]:
    """Events beside a midnight and other ends of days, and rows of a spine that ask there."""
    askers = st.builds(
        lambda shop, before: {"_t": midnight - before, "shop": shop, "customer": 1, "express": True},
        st.sampled_from(["a", "b", "", None]),
        BESIDE,
    )
    events = st.lists(st.builds(at_midnight, EVENTS, st.just(midnight), BESIDE, DELAYS), min_size=1, max_size=20)
    return st.tuples(events, st.lists(askers, min_size=1, max_size=5))


#: What hypothesis draws of days in which clocks change.
EXAMPLES_OF_DAYS = st.sampled_from(MIDNIGHTS).flatmap(around)


def date_of(us: int, zone: str) -> int:
    """The date that a clock in the zone shows, as a number."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(ZoneInfo(zone)).toordinal()


def value(name: str, members: list[Row], end_us: int, today_us: int) -> Any:
    """A feature over rows of one entity: those before the end, on the dates of its days, the last of them `lag` ago."""
    spec, days, lag, zone = DAYS[name]
    _, _, argument, function, *_ = SPECS[spec]
    last = date_of(today_us, zone) - lag
    inside = [
        row for row in members if row["ordered_at"] < end_us and last - days < date_of(row["ordered_at"], zone) <= last
    ]
    return aggregate(function, inside, argument)


def by_shop(rows_: list[Row], known: Callable[[Row], bool]) -> dict[str, list[Row]]:
    """Accepted rows by shop, those that are known."""
    found: dict[str, list[Row]] = {}
    for row in rows_:
        if verdict(row) == "accepted" and known(row):
            found.setdefault(row["shop"], []).append(row)
    return found


def expected(rows_: list[Row], name: str, at_us: int, mode: str) -> dict[tuple[str], Any]:
    """A feature's value at an instant for every shop seen before it."""
    end = at_us if mode == "exact" else at_us // TILE * TILE
    known = by_shop(rows_, lambda row: row["ordered_at"] < end)
    return {(shop,): value(name, mine, end, at_us) for shop, mine in known.items()}
