"""Closed tiles kept in memory: what is asked of the store, what is not, and that no value is older than it may be."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import pytest

from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.compiler.tiles import Slice
from headrace.connectors.tile_store import Found, Tile, TileRead
from headrace.serving.cache import SETTLE_S, CachedTiles

from .conftest import CountedTiles

SECOND, MINUTE = 1_000_000, 60_000_000
FINEST = 5 * MINUTE
#: The wall clock when a test begins: in the middle of a tile.
NOW = 1_000_000 * FINEST + 150 * SECOND
OPEN = NOW // FINEST * FINEST
AGE_S = 60.0


class Clock:
    """Both clocks, which a test sets."""

    def __init__(self) -> None:
        self.now_us, self.steady_s = NOW, 100.0

    def pass_(self, seconds: float) -> None:
        self.now_us += int(seconds * SECOND)
        self.steady_s += seconds


class Desk:
    """One table in a counted store, read through a cache."""

    def __init__(self, tiles: CountedTiles, group: TileGroup, max_tiles: int = 1_000) -> None:
        self.tiles, self.group, self.clock = tiles, group, Clock()
        self.cache = CachedTiles(
            tiles, AGE_S, max_tiles, now_us=lambda: self.clock.now_us, steady_s=lambda: self.clock.steady_s
        )

    def write(self, shop: str, start: int, n: int) -> None:
        values = (n, *([None] * (len(self.group.cell) - 1)))
        self.tiles.write(self.group.fingerprint, self.group, [Tile((shop,), FINEST, start, values, start + n)])

    def asked(self, *shops: str, from_us: int = OPEN - 3 * FINEST, to_us: int = OPEN + FINEST, **kind: Any) -> TileRead:
        keys = tuple((shop,) for shop in shops)
        return TileRead(self.group.fingerprint, self.group, keys, Slice(FINEST, from_us, to_us), **kind)

    def read(self, *shops: str, **asked: Any) -> list[dict[int, int]]:
        (found,) = self.cache.read([self.asked(*shops, **asked)])
        return [{start: cell[0] for start, cell in one.tiles.items()} for one in found]

    @property
    def last_wave(self) -> int:
        return self.tiles.waves[-1]


@pytest.fixture
def group(plans: dict[str, ViewPlan]) -> TileGroup:
    return next(group for group in plans["shops"].groups if [key.name for key in group.keys] == ["shop"])


@pytest.fixture
def desk(tiles: CountedTiles, group: TileGroup) -> Iterator[Desk]:
    made = Desk(tiles, group)
    for number in range(-3, 1):
        made.write("a", OPEN + number * FINEST, 10 + number)
    return made


def test_an_open_tile_is_always_read(desk: Desk) -> None:
    assert desk.read("a") == [{OPEN: 10, OPEN - FINEST: 9, OPEN - 2 * FINEST: 8, OPEN - 3 * FINEST: 7}]
    desk.write("a", OPEN, 50)
    assert desk.read("a")[0][OPEN] == 50


def test_a_tile_that_has_just_closed_is_still_read(desk: Desk) -> None:
    desk.clock.now_us = OPEN + SETTLE_S * SECOND - 1
    desk.read("a")
    desk.write("a", OPEN - FINEST, 50)
    assert desk.read("a")[0][OPEN - FINEST] == 50
    desk.clock.now_us += 1
    desk.clock.steady_s += AGE_S + 1
    desk.read("a")
    desk.write("a", OPEN - FINEST, 60)
    assert desk.read("a")[0][OPEN - FINEST] == 50


def test_a_late_row_is_seen_when_the_age_is_over_and_not_later(desk: Desk) -> None:
    desk.read("a")
    desk.write("a", OPEN - 3 * FINEST, 50)
    desk.clock.pass_(AGE_S)
    assert desk.read("a")[0][OPEN - 3 * FINEST] == 7
    desk.clock.pass_(0.1)
    assert desk.read("a")[0][OPEN - 3 * FINEST] == 50


def test_asking_again_does_not_make_a_kept_tile_younger(desk: Desk) -> None:
    desk.read("a")
    desk.write("a", OPEN - 3 * FINEST, 50)
    for _ in range(4):
        desk.clock.pass_(AGE_S / 4 + 0.1)
        found = desk.read("a")
    assert found[0][OPEN - 3 * FINEST] == 50


def test_a_slice_of_closed_tiles_asks_the_store_once(desk: Desk) -> None:
    closed = {"to_us": OPEN - FINEST}
    assert desk.read("a", "nobody", **closed) == [{OPEN - 2 * FINEST: 8, OPEN - 3 * FINEST: 7}, {}]
    waves = list(desk.tiles.waves)
    assert desk.read("nobody", "a", **closed) == [{}, {OPEN - 2 * FINEST: 8, OPEN - 3 * FINEST: 7}]
    assert desk.tiles.waves == waves
    desk.read("a", "b", **closed)
    assert desk.last_wave == 1


def test_a_shorter_slice_of_what_is_kept_holds_no_later_tile(desk: Desk) -> None:
    desk.read("a", to_us=OPEN)
    assert desk.read("a", to_us=OPEN - 2 * FINEST) == [{OPEN - 3 * FINEST: 7}]


def test_newest_tiles_and_times_are_never_kept(desk: Desk) -> None:
    for n in (50, 60):
        desk.write("a", OPEN - FINEST, n)
        assert desk.read("a", to_us=OPEN, newest_only=True) == [{OPEN - FINEST: n}]
        ((found,),) = desk.cache.read([TileRead(desk.group.fingerprint, desk.group, (("a",),), None)])
        assert found.last_event_us == max(OPEN - FINEST + n, OPEN + 10)


def test_what_was_not_asked_for_the_longest_goes_first(tiles: CountedTiles, group: TileGroup) -> None:
    desk = Desk(tiles, group, max_tiles=4)
    closed = {"from_us": OPEN - 3 * FINEST, "to_us": OPEN - 2 * FINEST}
    for shop in "abc":
        desk.write(shop, OPEN - 3 * FINEST, 1)
    desk.read("a", **closed)
    desk.read("b", **closed)
    desk.read("a", **closed)
    desk.read("c", **closed)
    waves = len(tiles.waves)
    desk.read("a", "c", **closed)
    assert len(tiles.waves) == waves
    desk.read("b", **closed)
    assert len(tiles.waves) == waves + 1


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_asked_and_written_no_tile_is_older_than_the_age(
    tiles: CountedTiles, group: TileGroup, seed: int
) -> None:
    random_, desk = random.Random(seed), Desk(tiles, group, max_tiles=12)
    versions: dict[tuple[str, int], list[tuple[float, int]]] = {}
    for n in range(1, 300):
        desk.clock.pass_(random_.choice([0, 1, 20, 61]))
        now = desk.clock.now_us // FINEST * FINEST
        start = now - random_.randrange(5) * FINEST
        desk.write(shop := random_.choice("abc"), start, n)
        versions.setdefault((shop, start), []).append((desk.clock.steady_s, n))
        from_us = now - random_.randrange(1, 6) * FINEST
        read = desk.asked(*"abc", from_us=from_us, to_us=from_us + random_.randrange(1, 8) * FINEST)
        (found,) = asyncio.run(desk.cache.read_async([read]))
        for shop, one in zip("abc", found, strict=True):
            check(one, shop, read, versions, desk.clock)


def check(
    found: Found, shop: str, read: TileRead, versions: dict[tuple[str, int], list[tuple[float, int]]], clock: Clock
) -> None:
    """Each tile is its newest version, or one that was the newest within the age; an open one is the newest."""
    assert read.slice is not None
    assert list(found.tiles) == sorted(found.tiles, reverse=True)
    for (of, start), written in versions.items():
        if of != shop or not read.slice.from_us <= start < read.slice.to_us:
            continue
        is_closed = start + FINEST + SETTLE_S * SECOND <= clock.now_us
        known_since = clock.steady_s - AGE_S if is_closed else clock.steady_s
        least = max((n for at, n in written if at < known_since or not is_closed), default=0)
        shown = found.tiles[start][0] if start in found.tiles else 0
        assert least <= shown <= written[-1][1], (shop, start)
