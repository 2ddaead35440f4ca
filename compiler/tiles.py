"""The arithmetic of tiles: which levels a window needs, and which cells a read merges. All times are µs since 1970."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

#: How a window's ends lie (design 4.1): at the microsecond, or rounded down to the tiles that are served.
WindowMode = Literal["exact", "tiled"]
#: A window's tail is off by at most one tail tile. Up to these widths the finest and the hourly tile keep that error
#: under a twelfth of the window or so (1 h of 12 h, 1 d of 12 d), while a read stays at a few dozen cells.
FINEST_TAIL_UP_TO_US = 12 * HOUR_US
HOURLY_TAIL_UP_TO_US = 12 * DAY_US
#: What has no window would read ever more days: with these levels twenty years are at most about a hundred cells.
LIFETIME_LEVELS_US = (32 * DAY_US, 1024 * DAY_US)
#: Before any tile.
BEFORE_ALL_US = -(1 << 62)


class Slice(NamedTuple):
    """The cells of one level with `from_us <= tile_start < to_us`: one clustering-range read."""

    level_us: int
    from_us: int
    to_us: int


def floor_to(at_us: int, tile_us: int) -> int:
    """The start of the tile that holds an instant; tiles count from 1970, before it too.

    >>> floor_to(-1, 10), floor_to(10, 10), floor_to(19, 10)
    (-10, 10, 10)
    """
    return at_us // tile_us * tile_us


def ceil_to(at_us: int, tile_us: int) -> int:
    """The first tile boundary at or after an instant.

    >>> ceil_to(10, 10), ceil_to(11, 10)
    (10, 20)
    """
    return -(-at_us // tile_us) * tile_us


def tail_tile(window_us: int, finest_us: int) -> int:
    """The tile to which a window's old end is rounded down, never finer than the finest.

    >>> minute = 60_000_000
    >>> [tail_tile(hours * HOUR_US, 5 * minute) // minute for hours in (1, 12, 13, 24 * 12, 24 * 13)]
    [5, 5, 60, 60, 1440]
    """
    if window_us <= FINEST_TAIL_UP_TO_US:
        return finest_us
    return max(finest_us, HOUR_US if window_us <= HOURLY_TAIL_UP_TO_US else DAY_US)


def levels_of(windows_us: Iterable[int], finest_us: int, *, lifetime: bool = False) -> tuple[int, ...]:
    """The levels a tile group keeps, ascending: the finest, the tail tile of each window, and those of a lifetime.

    >>> levels_of([HOUR_US, 7 * DAY_US], 300_000_000) == (300_000_000, HOUR_US)
    True
    >>> [level // HOUR_US for level in levels_of([], 6 * HOUR_US, lifetime=True)]
    [6, 24, 768, 24576]
    """
    tails = {tail_tile(window, finest_us) for window in windows_us}
    ladder = (max(finest_us, HOUR_US), DAY_US, *LIFETIME_LEVELS_US) if lifetime else ()
    return tuple(sorted({finest_us, *tails, *ladder}))


def window_end(finest_us: int, at_us: int, *, include_open: bool = False) -> int:
    """Where all windows end at `at_us` in mode `tiled`: tiles that start before it count.

    With `include_open` the tile that holds `at_us` counts too: right for "now", when it cannot hold the future yet.

    >>> window_end(5, 107), window_end(5, 107, include_open=True)
    (105, 110)
    """
    return ceil_to(at_us, finest_us) if include_open else floor_to(at_us, finest_us)


def window_bounds(
    window_us: int, tail_us: int, finest_us: int, at_us: int, *, include_open: bool = False
) -> tuple[int, int]:
    """The event times `from <= event_time < to` that a window covers at `at_us` in mode `tiled`.

    >>> window_bounds(60, 10, 5, 107), window_bounds(60, 10, 5, 107, include_open=True)
    ((40, 105), (40, 110))
    """
    return floor_to(at_us - window_us, tail_us), window_end(finest_us, at_us, include_open=include_open)


def read_slices(
    window_us: int, tail_us: int, levels_us: tuple[int, ...], at_us: int, *, include_open: bool = False
) -> list[Slice]:
    """The slices to merge for one window: disjoint, ascending, exactly `window_bounds`, coarse wherever it fits.

    At most `2 * len(levels_us) - 1` slices; `levels_us` ascends and each level is a multiple of the one before.

    >>> read_slices(60, 10, (5, 10), 107)
    [Slice(level_us=10, from_us=40, to_us=100), Slice(level_us=5, from_us=100, to_us=105)]
    """
    start, end = window_bounds(window_us, tail_us, levels_us[0], at_us, include_open=include_open)
    return cover(start, end, levels_us)


def lifetime_slices(levels_us: tuple[int, ...], at_us: int, *, include_open: bool = False) -> list[Slice]:
    """The slices that hold all since ever, each level up to where a coarser one ends: disjoint, ascending.

    >>> [tuple(part)[::2] for part in lifetime_slices((5, 10, 100), 217)]
    [(100, 200), (10, 210), (5, 215)]
    """
    return cover(*lifetime_span(levels_us, at_us, include_open=include_open), levels_us)


def lifetime_span(levels_us: tuple[int, ...], at_us: int, *, include_open: bool = False) -> tuple[int, int]:
    """The event times `from <= event_time < to` since ever, from a boundary of the coarsest tiles on."""
    return floor_to(BEFORE_ALL_US, levels_us[-1]), window_end(levels_us[0], at_us, include_open=include_open)


def cover(start: int, end: int, levels_us: tuple[int, ...]) -> list[Slice]:
    """Slices over `[start, end)`: the coarsest level in the middle, finer ones on both sides of it.

    >>> [tuple(part) for part in cover(15, 110, (5, 10, 100))]
    [(5, 15, 20), (10, 20, 110)]
    """
    if start >= end or not levels_us:
        return []
    *finer, coarsest = levels_us
    first, last = ceil_to(start, coarsest), floor_to(end, coarsest)
    if first >= last:
        return cover(start, end, tuple(finer))
    middle = Slice(coarsest, first, last)
    return [*cover(start, first, tuple(finer)), middle, *cover(last, end, tuple(finer))]


def cell_count(slices: Iterable[Slice]) -> int:
    """How many cells the slices can hold at most.

    >>> cell_count([Slice(10, 40, 100), Slice(5, 100, 105)])
    7
    """
    return sum((part.to_us - part.from_us) // part.level_us for part in slices)
