"""Many windows over few reads: each feature gets exactly the cells of its own window, whatever reads are shared."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from headrace.compiler.cells import Cells
from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.served import Status
from headrace.compiler.tiles import Slice, levels_of, tail_tile, window_bounds
from headrace.compiler.window_slices import Instant, deleted_from, deleted_levels, slices_of
from headrace.connectors.tile_store import Found, TileRead
from headrace.features.instant import EPOCH
from headrace.serving.result import FeatureValue
from headrace.serving.windows import GroupWindows

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
    inside = Counter(tile for at in events if start <= (tile := at // level * level) < end)
    return Found({tile: (n,) for tile, n in inside.items()})


def tiles_of(part: Slice) -> list[tuple[int, int]]:
    """Level and start of each tile in a slice."""
    return [(part.level_us, start) for start in range(part.from_us, part.to_us, part.level_us)]


def counts(features: list[PlannedFeature], group: TileGroup, instant: Instant, events: list[int]) -> list[int]:
    """What each feature counts of the events of one entity."""
    windows = GroupWindows.of(features, group, expires=False)
    layout = windows.at(instant)
    answers = [found(TileRead("t", group, ((),), part), events) for part, _ in layout.reads]
    cells = [Cells(window.cells(answers), {"n": 0}) for window in layout.windows]
    return [one.values([(cells[one.window], EPOCH)], deleted=False)[0].value for one in windows.features]


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
        for (window, lag), value in zip(asked, counts(features, group, instant, events), strict=True):
            tail, is_open = tail_tile(window, FINEST), instant.is_now and not lag
            start, end = window_bounds(window, tail, FINEST, instant.at_us - lag, include_open=is_open)
            assert value == sum(start <= at < end for at in events), (window, lag, instant)


@pytest.mark.parametrize("is_now", [True, False])
def test_a_day_of_each_zone_and_one_of_24_hours_are_windows_of_their_own(is_now: bool) -> None:
    zones = [None, "UTC", "America/New_York", "Asia/Kathmandu"]
    group, at_us = group_of([DAY]), NOON + 20 * MINUTE
    features = [replace(count(str(zone), DAY), tail_us=FINEST, zone=zone) for zone in zones]
    events = [at_us - number * MINUTE for number in range(1, 3_000)]
    values = counts(features, group, Instant(at_us, at_us, is_now=is_now), events)
    minutes = {None: 24 * 60, "UTC": 12 * 60 + 20, "America/New_York": 8 * 60 + 20, "Asia/Kathmandu": 18 * 60 + 5}
    for zone, value in zip(zones, values, strict=True):
        assert value == minutes[zone], zone


@pytest.mark.parametrize(("lag", "status"), [(0, Status.EXPIRED), (HOUR, Status.EMPTY_WINDOW)])
def test_a_newest_value_that_is_not_in_its_window_is_too_old_but_for_a_lagged_one(lag: int, status: Status) -> None:
    feature = replace(count("last_1h", HOUR, lag), function="last", partials=("last_x",))
    (windowed,) = GroupWindows.of([feature], group_of([HOUR]), expires=True).features
    assert windowed.values([(Cells([]), EPOCH)], deleted=False) == [FeatureValue(None, status, EPOCH)]


@pytest.mark.parametrize("seed", range(3))
def test_a_window_is_deleted_from_the_microsecond_at_which_its_first_tile_is(seed: int) -> None:
    random_ = random.Random(seed)
    widths = [HOUR, 3 * HOUR, 2 * DAY, 20 * DAY]
    features, plain = [count(str(width), width) for width in widths], group_of(widths)
    group = replace(plain, retentions_us=tuple(random_.choice([None, 0, HOUR, DAY]) for _ in plain.levels_us))
    at_us = NOON - random_.randrange(DAY)
    for number, feature in enumerate(features):
        slices = slices_of(feature, group, Instant(at_us, at_us, is_now=False))
        ends = [deleted_from(part, group.retention_us(part.level_us)) for part in slices]
        for now_us in [end + beside for end in ends if end is not None for beside in (-1, 0)] + [at_us]:
            instant = Instant(at_us, now_us, is_now=False)
            window = GroupWindows.of(features, group, expires=True).at(instant).windows[number]
            assert window.is_deleted(now_us) == any(deleted_levels(slices, group, instant))
            assert not GroupWindows.of(features, group, expires=False).at(instant).windows[number].is_deleted(now_us)


@pytest.mark.parametrize("past_noon", [0, 5 * MINUTE, 95 * MINUTE, 11 * HOUR])
def test_fifty_features_over_ten_windows_read_each_tile_of_theirs_once(past_noon: int) -> None:
    """The server pays for each tile that is named, and the client for each slice."""
    windows = [hours * HOUR for hours in (1, 2, 3, 6, 12, 24, 72, 168, 336, 720)]
    features = [count(f"{number}_{window}", window) for window in windows for number in range(5)]
    group, instant = group_of(windows), Instant(NOON + past_noon, NOON, is_now=False)
    reads = [part for part, _ in GroupWindows.of(features, group, expires=False).at(instant).reads]
    needed = {tile for one in features for part in slices_of(one, group, instant) for tile in tiles_of(part)}
    named = [tile for part in reads for tile in tiles_of(part)]
    assert sorted(named) == sorted(needed)
    assert len(reads) <= 10
