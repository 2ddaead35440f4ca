"""Many windows over few reads: each feature gets exactly the cells of its own window, however reads are bridged."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.served import Status
from headrace.compiler.tiles import levels_of, tail_tile, window_bounds
from headrace.compiler.window_slices import Instant
from headrace.connectors.tile_store import Cell, Found, TileRead
from headrace.serving.windows import WindowedFeature, cells_of

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
FINEST = 5 * MINUTE
NOON = 20_000 * DAY + 12 * HOUR


def group_of(windows: list[int]) -> TileGroup:
    levels = levels_of(windows, FINEST)
    return TileGroup("0a1b2c3d", (), None, levels, (), (None,) * len(levels))


def count(name: str, window: int, lag: int = 0) -> PlannedFeature:
    return PlannedFeature(name, "count", "0a1b2c3d", (), "int", window, tail_tile(window, FINEST), lag_us=lag)


def found(read: TileRead, events: list[int]) -> Found:
    """The tiles of events in a read's slice."""
    assert read.slice is not None
    level, start, end = read.slice
    tiles: dict[int, Cell] = {}
    for at in events:
        tile = at // level * level
        if start <= tile < end:
            tiles[tile] = {"n": tiles.get(tile, {"n": 0})["n"] + 1}
    return Found(tiles)


@pytest.mark.parametrize("seed", range(6))
def test_every_window_holds_its_own_events_and_no_other(seed: int) -> None:
    random_ = random.Random(seed)
    pool = [number * FINEST for number in range(1, 144)] + [number * HOUR for number in range(12, 288)]
    windows = [*random_.sample(pool, 9), 20 * DAY]
    asked = [(window, lag) for window in windows for lag in (0, random_.choice([1, FINEST, HOUR, DAY]))]
    group, features = group_of(windows), [count(f"{window}_{lag}", window, lag) for window, lag in asked]
    events = [NOON - number * 7 * MINUTE - random_.randrange(MINUTE) for number in range(-20, 5_000)]
    for _ in range(8):
        instant = Instant(NOON - random_.randrange(DAY), NOON, is_now=random_.random() < 0.5)
        reads, windowed = WindowedFeature.every(features, group, instant, expires=False)
        answers = [found(TileRead("t", group, ((),), part), events) for part, _ in reads]
        for (window, lag), each in zip(asked, windowed, strict=True):
            tail, is_open = tail_tile(window, FINEST), instant.is_now and not lag
            start, end = window_bounds(window, tail, FINEST, instant.at_us - lag, include_open=is_open)
            value, _ = each.value(cells_of(each.parts, answers), known=True)
            assert value == sum(start <= at < end for at in events), (window, lag, instant)


@pytest.mark.parametrize("is_now", [True, False])
def test_a_day_of_each_zone_and_one_of_24_hours_are_windows_of_their_own(is_now: bool) -> None:
    zones = [None, "UTC", "America/New_York", "Asia/Kathmandu"]
    group, at_us = group_of([DAY]), NOON + 20 * MINUTE
    features = [replace(count(str(zone), DAY), tail_us=FINEST, zone=zone) for zone in zones]
    reads, windowed = WindowedFeature.every(features, group, Instant(at_us, at_us, is_now=is_now), expires=False)
    events = [at_us - number * MINUTE for number in range(1, 3_000)]
    answers = [found(TileRead("t", group, ((),), part), events) for part, _ in reads]
    minutes = {None: 24 * 60, "UTC": 12 * 60 + 20, "America/New_York": 8 * 60 + 20, "Asia/Kathmandu": 18 * 60 + 5}
    for zone, each in zip(zones, windowed, strict=True):
        value, _ = each.value(cells_of(each.parts, answers), known=True)
        assert value == minutes[zone], zone


@pytest.mark.parametrize(("lag", "status"), [(0, Status.EXPIRED), (HOUR, Status.EMPTY_WINDOW)])
def test_a_newest_value_that_is_not_in_its_window_is_too_old_but_for_a_lagged_one(lag: int, status: Status) -> None:
    feature = replace(count("last_1h", HOUR, lag), function="last", partials=("last_x",))
    _, (windowed,) = WindowedFeature.every([feature], group_of([HOUR]), Instant(NOON, NOON, is_now=True), expires=True)
    assert windowed.value([], known=True) == (None, status)


def test_fifty_features_over_ten_windows_are_a_handful_of_reads() -> None:
    windows = [hours * HOUR for hours in (1, 2, 3, 6, 12, 24, 72, 168, 336, 720)]
    features = [count(f"{number}_{window}", window) for window in windows for number in range(5)]
    instant = Instant(NOON + 95 * MINUTE, NOON, is_now=False)
    reads, _ = WindowedFeature.every(features, group_of(windows), instant, expires=False)
    assert len(reads) <= 6
