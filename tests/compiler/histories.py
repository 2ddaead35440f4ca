"""What hypothesis draws of the orders of `every_aggregate`: histories, and rows of a spine that ask about them."""

from __future__ import annotations

import math
from itertools import chain
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from .events import BASE, DAY, HOUR, MINUTE, SECOND, STATUSES, YEARS, Row, verdict

Drawn = TypeVar("Drawn")

#: Where times meet edges: of windows, of tiles, of the lateness, of each other.
EDGES = [0, 1, 30 * SECOND, 5 * MINUTE, HOUR, 90 * MINUTE, 2 * HOUR, 3 * DAY, 18 * DAY, 20 * DAY, 90 * DAY, YEARS]
OFFSETS = st.builds(
    lambda edge, jitter: edge + jitter, st.sampled_from(EDGES), st.sampled_from([-1, 0, 1, -2 * MINUTE, 2 * MINUTE])
)
#: What is wrong with a row, mostly nothing: values of filters and keys that are missing, one that is unknown.
WRONG: list[Row] = [
    *[{}] * 24,
    {"status": None},
    {"status": "stolen"},
    {"express": None},
    {"cents": None},
    {"customer": None},
    {"shop": None},
]
#: So heavy that a variance beside it, and a sum of five, are beyond the floats, and four times it, which a source of a
#: union counts in quarters, is not. All are of one sign: of both, the order of adding would decide.
HEAVY: Row = {"weight": 4e307}
#: Of each column that a filter reads values on both sides of it; a weight may be NULL, and a NaN is refused.
EVENTS = st.builds(
    lambda shop, customer, status, cents, weight, express, before, delay, partition, wrong: {
        "shop": shop,
        "customer": customer,
        "status": status,
        "cents": cents,
        "weight": weight,
        "express": express,
        "ordered_at": BASE - before,
        "_src_topic": "orders",
        "_src_partition": partition,
        "_src_timestamp": BASE - before + delay,
        "_raw": None,
        "_error": None,
        **wrong,
    },
    shop=st.sampled_from(["a", "b", ""]),
    customer=st.integers(1, 3),
    status=st.sampled_from(STATUSES),
    cents=st.one_of(st.sampled_from([0, -5, 100]), st.integers(-(2**40), 2**40)),
    weight=st.one_of(st.none(), st.sampled_from([0.5, 1.0, 1.25, math.nan]), st.floats(-1e6, 1e6)),
    express=st.booleans(),
    before=OFFSETS,
    delay=st.sampled_from([0, 1, MINUTE, 2 * HOUR, 2 * HOUR + 1]),
    partition=st.integers(0, 1),
    wrong=st.sampled_from([*WRONG, HEAVY, HEAVY]),
)


def burst(first: Row, size: int, apart: int) -> list[Row]:
    """An event and those of its entities that follow at once, each so much later: alike but for status and place."""
    return [
        {
            **first,
            "status": STATUSES[number % len(STATUSES)],
            "ordered_at": first["ordered_at"] + number * apart,
            "_src_timestamp": first["_src_timestamp"] + number * apart,
            "_src_partition": number % 2,
        }
        for number in range(size)
    ]


#: More than the newest 100 of which a feature may ask, at one microsecond, at the next ones, or across several tiles.
BURSTS = st.builds(
    burst,
    EVENTS.filter(lambda row: verdict(row) == "accepted"),
    st.sampled_from([5, 20, 101]),
    st.sampled_from([0, 1, 7 * SECOND]),
)
HISTORIES = st.builds(
    lambda rows, bursts: [*rows, *chain(*bursts)],
    st.lists(EVENTS, min_size=1, max_size=12),
    st.lists(BURSTS, max_size=1),
)
ASKERS = st.lists(
    st.builds(
        lambda shop, customer, express, before: {
            "_t": BASE - before,
            "shop": shop,
            "customer": customer,
            "express": express,
        },
        shop=st.sampled_from(["a", "b", "", "nowhere", None]),
        customer=st.sampled_from([1, 2, 3, 99, None]),
        express=st.sampled_from([True, False, None]),
        before=OFFSETS,
    ),
    min_size=1,
    max_size=5,
)
WINDOW_MODES = st.sampled_from(["exact", "tiled"])
#: Each example is a query of its own, tens of ms on a quiet machine and more on a shared one.
PATIENT = settings(max_examples=40, suppress_health_check=list(HealthCheck))


def numbered(rows: list[Row], name: str) -> list[Row]:
    """The rows, each with its number."""
    return [{**row, name: number} for number, row in enumerate(rows)]


def drawn(strategy: st.SearchStrategy[Drawn], count: int) -> list[Drawn]:
    """Examples of what hypothesis would try, the same ones each time: for an engine that takes them all at once."""
    found: list[Drawn] = []

    @settings(PATIENT, max_examples=count, database=None, phases=[Phase.generate], derandomize=True)
    @given(strategy)
    def collect(one: Drawn) -> None:
        found.append(one)

    collect()
    return found
