from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.tiles import (
    DAY_US,
    HOUR_US,
    ceil_to,
    cell_count,
    floor_to,
    levels_of,
    lifetime_slices,
    read_slices,
    tail_tile,
    window_bounds,
)

MINUTE_US = 60_000_000
TILES = st.sampled_from([MINUTE_US, 5 * MINUTE_US, 30 * MINUTE_US, HOUR_US, 6 * HOUR_US, DAY_US])
WINDOWS = st.integers(1, 60 * DAY_US)
INSTANTS = st.integers(-(10**15), 4 * 10**15)


@given(at=INSTANTS, tile=TILES)
def test_floor_and_ceil_enclose_the_instant(at: int, tile: int) -> None:
    assert floor_to(at, tile) <= at <= ceil_to(at, tile)
    assert ceil_to(at, tile) - floor_to(at, tile) in (0, tile)


@given(window=WINDOWS, finest=TILES, at=INSTANTS)
def test_a_window_begins_with_the_tail_tile_that_its_old_end_lies_in(window: int, finest: int, at: int) -> None:
    tail = tail_tile(window, finest)
    start, end = window_bounds(window, tail, finest, at)
    assert start % tail == 0 == end % finest
    assert start <= at - window < start + tail
    assert end <= at < end + finest


@given(window=WINDOWS, finest=TILES, at=INSTANTS, other=WINDOWS, include_open=st.booleans())
def test_slices_are_disjoint_complete_and_few(
    window: int, finest: int, at: int, other: int, include_open: bool
) -> None:
    tail = tail_tile(window, finest)
    levels = levels_of([window, other], finest)
    slices = read_slices(window, tail, levels, at, include_open=include_open)
    start, end = window_bounds(window, tail, finest, at, include_open=include_open)
    assert all(part.from_us % part.level_us == 0 == part.to_us % part.level_us for part in slices)
    assert all(part.level_us in levels and part.from_us < part.to_us for part in slices)
    edges = [start, *(edge for part in slices for edge in (part.from_us, part.to_us)), end]
    assert edges[::2] == edges[1::2] if slices else start >= end
    assert len(slices) <= 2 * len(levels) - 1


@given(at=st.integers(10**15, 2 * 10**15))
def test_thirty_days_are_a_few_dozen_cells(at: int) -> None:
    levels = levels_of([30 * DAY_US, 7 * DAY_US], 5 * MINUTE_US)
    assert cell_count(read_slices(30 * DAY_US, DAY_US, levels, at)) <= 31 + 23 + 11


@given(finest=TILES, at=INSTANTS, other=WINDOWS, include_open=st.booleans())
def test_a_lifetime_is_one_slice_a_level_without_gap_to_the_end(
    finest: int, at: int, other: int, include_open: bool
) -> None:
    levels = levels_of([other], finest, lifetime=True)
    slices = lifetime_slices(levels, at, include_open=include_open)
    assert slices[0].level_us == levels[-1]
    assert slices[0].from_us < -(10**18)
    assert all(one.to_us == next_.from_us for one, next_ in pairwise(slices))
    assert slices[-1].to_us == (ceil_to(at, finest) if include_open else floor_to(at, finest))
    assert all(part.from_us % part.level_us == 0 == part.to_us % part.level_us for part in slices)


@given(years=st.integers(0, 50), at=st.integers(0, 400 * DAY_US))
def test_fifty_years_are_about_a_hundred_cells(years: int, at: int) -> None:
    born, now = 10**15, 10**15 + years * 365 * DAY_US + at
    slices = lifetime_slices(levels_of([], 5 * MINUTE_US, lifetime=True), now)
    lived = [part._replace(from_us=max(part.from_us, floor_to(born, part.level_us))) for part in slices]
    assert cell_count(lived) <= 19 + 31 + 31 + 23 + 11


@given(window=WINDOWS, finest=TILES)
def test_a_tail_is_never_finer_than_the_finest(window: int, finest: int) -> None:
    assert tail_tile(window, finest) >= finest
    assert tail_tile(window, finest) % finest == 0
