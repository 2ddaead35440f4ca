"""Logged rows and labels for tests of label joins, and what a loop that a reader can check by eye says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from math import inf
from random import Random
from typing import Any

from hypothesis import strategies as st

from headrace.compiler.label_join import LabelJoinPlan, plan_label_join
from headrace.features import IcebergTable, Source, event_time, label_join

SECOND, HOUR, DAY = 1_000_000, 3_600_000_000, 86_400_000_000
#: Sunday, 2023-01-01: all times are after it, so that none is before the sources' earliest.
BASE = 1_672_531_200 * SECOND
WAIT, RETENTION = HOUR, 4 * HOUR
#: The one label that no source accepts.
BAD = "maybe"

Row = dict[str, Any]
#: The id, the time and the value of logged rows and of labels.
OURS, THEIRS = ("request", "scored_at", "amount"), ("payment", "known_at", "fraud")


class Scored(Source):
    """Scored payments; those of one id may be logged again."""

    history = IcebergTable("log.scored")
    example: int
    request: str
    amount: int
    share: float | None
    scored_at: datetime = event_time("0s")


class Outcomes(Source):
    """What became of payments."""

    history = IcebergTable("log.outcomes")
    example: int
    payment: str
    fraud: bool
    known_at: datetime = event_time("0s")


JOIN = label_join(
    Scored,
    Outcomes,
    on={"example": "example", "request": "payment"},
    label="fraud",
    missing=False,
    wait="1h",
    retention="4h",
)
PLAN: LabelJoinPlan = plan_label_join("frauds", JOIN)

#: Where times meet edges: each other, the end of the wait, that of the retention, and the lateness of a source.
EDGES = [0, 1, HOUR, 3 * HOUR, WAIT + RETENTION, 8 * HOUR]
OFFSETS = st.builds(lambda edge, jitter: edge + jitter, st.sampled_from(EDGES), st.integers(-1, 1))
#: Between event and arrival: at once, soon, as late as a source allows, and later than that.
DELAYS = st.sampled_from([0, 1, 2 * HOUR, DAY, DAY + 1])
IDS = st.sampled_from(["a", "b", "c"])
#: Features that another bit makes another one: a zero below zero, the least and the greatest number, what no short
#: decimal is; and none.
SHARES = (None, -0.0, 5e-324, 1.7976931348623157e308, 0.1 + 0.2, 1 / 3)


def share_of(scored_at: int) -> float | None:
    """The feature that is logged with each row of a time."""
    return SHARES[(scored_at // HOUR + scored_at) % len(SHARES)]


def _scored(request: str, amount: int | None, at: int, delay: int, partition: int) -> Row:
    row = {"request": request, "amount": amount, "share": share_of(BASE + at), "scored_at": BASE + at}
    return row | _placed(BASE + at + delay, partition)


def _outcome(payment: str, fraud: bool | None, at: int, delay: int, partition: int) -> Row:
    return {"payment": payment, "fraud": fraud, "known_at": BASE + at} | _placed(BASE + at + delay, partition)


def _placed(arrived: int, partition: int) -> Row:
    return {"_src_partition": partition, "_src_timestamp": arrived}


SCORED = st.builds(_scored, IDS, st.one_of(st.none(), st.integers(0, 99)), OFFSETS, DELAYS, st.integers(0, 1))
OUTCOMES = st.builds(_outcome, IDS, st.sampled_from([True, False, None]), OFFSETS, DELAYS, st.integers(0, 1))
LOGS = st.lists(SCORED, max_size=6)
LABELS = st.lists(OUTCOMES, max_size=6)


def numbered(rows: Iterable[Row], example: int = 0) -> list[Row]:
    """Rows with their offsets, in the order in which they are listed."""
    return [{**row, "example": example, "_src_offset": offset} for offset, row in enumerate(rows)]


def verdict(row: Row, time: str, value: str) -> str:
    """What the row's own source says of it."""
    if row[value] is None:
        return "dead_letter"
    return "late" if row[time] < row["_src_timestamp"] - DAY else "accepted"


def place(row: Row, time: str) -> tuple[int, int, int]:
    """What orders the rows of an id."""
    return row[time], row["_src_partition"], row["_src_offset"]


def first(rows: list[Row], id_: str, columns: tuple[str, str, str]) -> Row | None:
    """The row of an id that counts."""
    name, time, value = columns
    good = [row for row in rows if row[name] == id_ and verdict(row, time, value) == "accepted"]
    return min(good, key=lambda row: place(row, time), default=None)


def newest(logged: list[Row], labels: list[Row]) -> int:
    """The newest time of all rows that count: by default nothing is known of what came later."""
    ours = [row["scored_at"] for row in logged if verdict(row, "scored_at", "amount") == "accepted"]
    theirs = [row["known_at"] for row in labels if verdict(row, "known_at", "fraud") == "accepted"]
    return int(max([*ours, *theirs], default=0))


def told(
    logged: list[Row], labels: list[Row], complete: float = inf
) -> tuple[list[tuple[Any, ...]], Counter[tuple[str, str]]]:
    """Facts (id, amount, time, label, label time, fact, number), and how many dead letters of each kind there are.

    `complete`: the instant behind which no wait is over.
    """
    letters = Counter(("logged", kind) for row in logged if (kind := verdict(row, "scored_at", "amount")) != "accepted")
    letters += Counter(("labels", kind) for row in labels if (kind := verdict(row, "known_at", "fraud")) != "accepted")
    facts: list[tuple[Any, ...]] = []
    for id_ in "abc":
        ours = [r for r in logged if r["request"] == id_ and verdict(r, "scored_at", "amount") == "accepted"]
        theirs = [r for r in labels if r["payment"] == id_ and verdict(r, "known_at", "fraud") == "accepted"]
        letters["logged", "repeated"] += max(len(ours) - 1, 0)
        letters["labels", "duplicate"] += max(len(theirs) - 1, 0)
        label = first(labels, id_, THEIRS)
        row = first(logged, id_, OURS)
        if row is None:
            letters["labels", "orphan"] += label is not None
            continue
        at, known = row["scored_at"], None if label is None else label["known_at"]
        if label is not None and known < at + WAIT:
            facts.append((id_, row["amount"], at, label["fraud"], known, "labelled", 1))
            continue
        is_over, counts = at + WAIT <= complete, label is not None and known < at + WAIT + RETENTION
        if is_over:
            facts.append((id_, row["amount"], at, False, None, "waited", 1))
        if is_over and counts:
            facts.append((id_, row["amount"], at, label["fraud"], known, "corrected", 2))
        letters["labels", "too_late"] += label is not None and not counts
    return facts, +letters


def has_what_was_logged(share: float | None, scored_at: int) -> bool:
    """Whether the feature of a fact is that of the row of its time, to the last bit."""
    found, expected = (None if one is None else one.hex() for one in (share, share_of(scored_at)))
    return found == expected


def told_at(fact: tuple[Any, ...], logged: list[Row], labels: list[Row]) -> int:
    """When a fact can first be told: all that it says has happened and arrived."""
    id_, _, at, _, known, kind, _ = fact
    row, label = first(logged, id_, OURS), first(labels, id_, THEIRS)
    times = [at + WAIT] if kind == "waited" or label is None else [known, label["_src_timestamp"]]
    return int(max(at, *times, *([] if row is None else [row["_src_timestamp"]])))


def random_example(random: Random) -> tuple[list[Row], list[Row]]:
    """Logged rows and labels of one example, as the strategies draw them."""

    def at() -> int:
        return random.choice(EDGES) + random.randint(-1, 1)

    delays = [0, 1, 2 * HOUR, DAY, DAY + 1]
    logged = [
        _scored(random.choice("abc"), random.choice([None, 1, 2]), at(), random.choice(delays), random.randint(0, 1))
        for _ in range(random.randint(0, 5))
    ]
    labels = [
        _outcome(random.choice("abc"), random.choice([True, False, None]), at(), random.choice(delays), 0)
        for _ in range(random.randint(0, 5))
    ]
    return logged, labels


def moved(rows: list[Row], by_us: int) -> list[Row]:
    """Rows as they would be if all had happened later."""
    times = ("scored_at", "known_at", "_src_timestamp")
    return [{name: value + by_us if name in times else value for name, value in row.items()} for row in rows]
