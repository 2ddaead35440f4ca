"""Closed tiles kept in memory for a while, in front of any store.

A tile is closed once its end and `SETTLE_S` are past: only late rows, and a backfill that is under way, change it then,
and what is kept is at most `max_age_s` old. Open tiles and newest tiles are read each time. What is kept carries the
newest event time of its entity as it was when it was read.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import NamedTuple

from headrace.compiler.tiles import Slice
from headrace.connectors.tile_store import NOTHING, Found, Key, TileRead, TileReader

#: How long after its end a tile may still get events that are not late: a report's way, a mini-batch, a job that lags.
SETTLE_S = 120
SECOND_US = 1_000_000
Place = tuple[str, Key, int, int]


class _Kept(NamedTuple):
    """What was found of an entity in a slice up to `to_us`, and when that was asked, by the steady clock."""

    found: Found
    to_us: int
    asked_s: float

    @property
    def weight(self) -> int:
        """Its tiles, and one for itself: that nothing is there is kept too."""
        return 1 + len(self.found.tiles)


@dataclass(frozen=True)
class _Plan:
    """How a read is answered: by key what is kept of it and up to where; `rest` is what is to be read."""

    read: TileRead
    closed_us: int
    asked_s: float
    kept: Mapping[Key, tuple[Found, int]] = field(default_factory=dict)
    rest: Sequence[TileRead] = ()


class CachedTiles:
    """A `TileReader` over another one. Safe to share between threads.

    Args:
        tiles: what is asked for the rest.
        max_age_s: how long a closed tile is kept.
        max_tiles: how many are kept; those that were not asked for the longest go first.
        now_us: the wall clock, by which tiles close, in µs.
        steady_s: the steady clock, by which what is kept grows old, in seconds.
    """

    def __init__(
        self,
        tiles: TileReader,
        max_age_s: float,
        max_tiles: int,
        *,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tiles, self._max_age_s, self._max_tiles = tiles, max_age_s, max_tiles
        self._now_us, self._steady_s = now_us, steady_s
        self._kept: OrderedDict[Place, _Kept] = OrderedDict()
        self._weight = 0
        self._lock = Lock()

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """What was found of each key of each read, in order; the store is asked for what is not kept."""
        plans = [self._plan(read) for read in reads]
        wave = [part for plan in plans for part in plan.rest]
        return self._answers(plans, self._tiles.read(wave) if wave else [])

    async def read_async(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """The same without holding up the event loop."""
        plans = [self._plan(read) for read in reads]
        wave = [part for plan in plans for part in plan.rest]
        return self._answers(plans, await self._tiles.read_async(wave) if wave else [])

    def _plan(self, read: TileRead) -> _Plan:
        """What of a read is kept, and what is to be read: of each entity what lies after that."""
        asked_s = self._steady_s()
        if read.slice is None or read.newest_only:
            return _Plan(read, 0, asked_s, rest=[read])
        level, _, to_us = read.slice
        closed_us = min(to_us, (self._now_us() - SETTLE_S * SECOND_US) // level * level)
        kept = {key: self._look_up(read.table, key, read.slice, asked_s) for key in read.keys}
        starts: dict[int, list[Key]] = {}
        for key, (_, start) in kept.items():
            starts.setdefault(start, []).append(key)
        rest = [
            replace(read, keys=tuple(keys), slice=read.slice._replace(from_us=start))
            for start, keys in starts.items()
            if start < to_us
        ]
        return _Plan(read, closed_us, asked_s, kept, rest)

    def _look_up(self, table: str, key: Key, part: Slice, asked_s: float) -> tuple[Found, int]:
        """What is kept of an entity within a slice, and up to where; nothing, up to its start, when that is too old."""
        place = (table, key, part.level_us, part.from_us)
        with self._lock:
            kept = self._kept.get(place)
            if kept is None or asked_s - kept.asked_s > self._max_age_s:
                return NOTHING, part.from_us
            self._kept.move_to_end(place)
        fits = kept.to_us <= part.to_us
        return (kept.found, kept.to_us) if fits else (_before(kept.found, part.to_us), part.to_us)

    def _answers(self, plans: Sequence[_Plan], found: Sequence[list[Found]]) -> list[list[Found]]:
        """What is kept and what was read, together, for each read."""
        answers = iter(found)
        return [
            self._answer(
                plan, {key: one for part in plan.rest for key, one in zip(part.keys, next(answers), strict=True)}
            )
            for plan in plans
        ]

    def _answer(self, plan: _Plan, fresh: Mapping[Key, Found]) -> list[Found]:
        """One read's answer; of what was read from the start of the slice the closed part is kept."""
        part = plan.read.slice
        if part is not None and not plan.read.newest_only and part.from_us < plan.closed_us:
            for key, found in fresh.items():
                if plan.kept[key][1] == part.from_us:
                    self._keep(
                        (plan.read.table, key, part.level_us, part.from_us),
                        _Kept(_before(found, plan.closed_us), plan.closed_us, plan.asked_s),
                    )
        return [_together(plan.kept.get(key, (NOTHING,))[0], fresh.get(key, NOTHING)) for key in plan.read.keys]

    def _keep(self, place: Place, kept: _Kept) -> None:
        """Keep an answer, and let go of the oldest for it."""
        with self._lock:
            replaced = self._kept.pop(place, None)
            self._kept[place] = kept
            self._weight += kept.weight - (replaced.weight if replaced else 0)
            while self._weight > self._max_tiles:
                self._weight -= self._kept.popitem(last=False)[1].weight


def _before(found: Found, end_us: int) -> Found:
    """The tiles that start before an instant."""
    return Found({start: cell for start, cell in found.tiles.items() if start < end_us}, found.last_event_us)


def _together(kept: Found, fresh: Found) -> Found:
    """Tiles that were read before those that are kept: they are newer."""
    times = [found.last_event_us for found in (kept, fresh) if found.last_event_us is not None]
    return Found({**fresh.tiles, **kept.tiles}, max(times, default=None))
