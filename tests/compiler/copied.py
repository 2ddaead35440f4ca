"""Events of `unique_orders` of which some come more than once, and which of them count, by a loop over all."""

from __future__ import annotations

import hashlib
import random

from hypothesis import strategies as st

from .events import DAY, LATENESS, MINUTE, Row, events, verdict
from .histories import HISTORIES

#: What every feature of `unique_orders` reads, with id and event time: in these copies agree.
READ = ("number", "ordered_at", "shop", "status", "cents", "weight")
#: How long after its event a copy arrives: early as far as that goes, on time to the microsecond, late.
ARRIVALS = (-DAY, 0, MINUTE, LATENESS, LATENESS + 1)

#: Which row comes again, how long after its event and in which partition, and whether it is another row of its id.
Again = tuple[int, int, int, bool]


def copied_events(seed: int, n: int = 300) -> list[Row]:
    """Seeded rows in no order: most are there once, some two or three times, a few with another row of their id."""
    random_ = random.Random(seed)
    rows = [{**row, "number": f"n{row['_src_offset']}"} for row in events(seed, n)]
    rows += [_copy(row, random_) for row in rows if random_.random() < 0.3 for _ in range(random_.choice([1, 1, 2]))]
    rows += [_other(row) for row in rows if row["ordered_at"] is not None and random_.random() < 0.05]
    random_.shuffle(rows)
    return [{**row, "_src_offset": offset} for offset, row in enumerate(rows)]


def with_copies(rows: list[Row], again: list[Again]) -> list[Row]:
    """The rows, each with an id, and before and behind them those that come again."""
    named = [{**row, "number": f"n{number}"} for number, row in enumerate(rows)]
    copies = [_again(named[one[0] % len(named)], *one[1:]) for one in again]
    return [*copies[::2], *named, *copies[1::2]]


def _again(row: Row, arrival: int, partition: int, is_other: bool) -> Row:
    """The row once more, other where no feature looks, or another row of its id."""
    unread = {"_src_partition": partition, "express": not row["express"], "customer": 7}
    copy = {**row, **unread, "_src_timestamp": row["ordered_at"] + arrival}
    return _other(copy) if is_other else copy


def _copy(row: Row, random_: random.Random) -> Row:
    """The row once more: another place and arrival, and other values where no feature looks."""
    changed = {"_src_partition": random_.randrange(2), "express": not row["express"], "customer": 7}
    if row["weight"] == 0.0:
        changed["weight"] = -0.0
    if row["ordered_at"] is None or row["_src_timestamp"] is None:
        return {**row, **changed}
    return {**row, **changed, "_src_timestamp": row["ordered_at"] + random_.choice(ARRIVALS)}


def _other(row: Row) -> Row:
    """Another row of the same id, which is no copy."""
    return {**row, "ordered_at": row["ordered_at"] + 1}


def counted(rows: list[Row]) -> list[Row]:
    """The rows that count: of equal ones the first to arrive. Those of one time are in the order of their ids."""
    found: list[Row] = []
    for row in sorted((row for row in rows if verdict(row) == "accepted"), key=lambda row: row["_src_timestamp"]):
        if not any(all(row[name] == other[name] for name in READ) for other in found):
            found.append(row)
    return [{**row, "_src_partition": 0, "_src_offset": rank(row["number"])} for row in found]


def verdicts(rows: list[Row]) -> dict[str, int]:
    """How many rows have each verdict."""
    alone = [verdict(row) for row in rows]
    accepted = len(counted(rows))
    return {
        "accepted": accepted,
        "late": alone.count("late"),
        "dead_letter": alone.count("dead_letter"),
        "duplicate": alone.count("accepted") - accepted,
    }


def rank(number: str) -> int:
    """Where an id stands among those of one time."""
    return int(hashlib.md5(number.encode(), usedforsecurity=False).hexdigest()[:15], 16)


#: Histories of which many rows come more than once.
COPIED_HISTORIES = st.builds(
    with_copies,
    HISTORIES,
    st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(ARRIVALS), st.integers(0, 1), st.booleans()),
        min_size=1,
        max_size=12,
    ),
)
