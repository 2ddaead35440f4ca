"""Which tiles the window of a feature reads at an asked time, and whether they may be gone by then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.tiles import BEFORE_ALL_US, Slice, cover, floor_to, lifetime_span, window_bounds, window_end
from headrace.features.local_day import DAY_US, days_held


@dataclass(frozen=True, slots=True)
class Instant:
    """The asked time, in µs. At now the open finest tile counts too, because it cannot hold the future yet."""

    at_us: int
    now_us: int
    is_now: bool

    def end(self, finest_us: int) -> int:
        """Where windows end: tiles that start before it count."""
        return window_end(finest_us, self.at_us, include_open=self.is_now)


def slices_of(feature: PlannedFeature, group: TileGroup, instant: Instant) -> list[Slice]:
    """The slices that a feature merges; for an as-of value the finest tiles before the instant, of any age."""
    return slices_over(*span_of(feature, group, instant), group.levels_us, as_of=feature.is_as_of)


def slices_over(start: int, end: int, levels_us: tuple[int, ...], *, as_of: bool) -> list[Slice]:
    """The slices over the span of a window."""
    return [Slice(levels_us[0], start, end)] if as_of else cover(start, end, levels_us)


def span_of(feature: PlannedFeature, group: TileGroup, instant: Instant) -> tuple[int, int]:
    """From which tile on, and before which, a feature's window reads at an instant."""
    if feature.is_as_of:
        return BEFORE_ALL_US, instant.end(group.finest_us)
    if feature.window_us is None or feature.tail_us is None:
        return lifetime_span(group.levels_us, instant.at_us, include_open=instant.is_now)
    if feature.zone is not None:
        start, end = bounds_of(feature, instant.at_us)
        # Only days before a source's earliest row may begin inside a tile, and those hold nothing.
        rounded = floor_to(end, group.finest_us) if feature.lag_us else instant.end(group.finest_us)
        return floor_to(start, group.finest_us), rounded
    # The tile that was open some time ago holds what came after: only at now itself is there nothing after.
    at_us, include_open = instant.at_us - feature.lag_us, instant.is_now and not feature.lag_us
    return window_bounds(feature.window_us, feature.tail_us, group.finest_us, at_us, include_open=include_open)


def bounds_of(feature: PlannedFeature, at_us: int) -> tuple[int, int]:
    """The event times `from <= event_time < to` that a feature's window holds at an instant, in mode `exact`.

    >>> today = PlannedFeature("clicks_1cd", "count", "0a1b2c3d", (), "int", DAY_US, 300_000_000, zone="UTC")
    >>> [us / DAY_US for us in bounds_of(today, DAY_US * 5 // 4)]
    [1.0, 1.25]
    """
    if feature.window_us is None:
        return BEFORE_ALL_US, at_us
    if feature.zone is not None:
        return days_held(feature.window_us // DAY_US, feature.lag_us // DAY_US, feature.zone, at_us)
    return at_us - feature.lag_us - feature.window_us, at_us - feature.lag_us


def deleted_levels(slices: Sequence[Slice], group: TileGroup, instant: Instant) -> Iterator[int]:
    """The levels of slices of which a tile can be past its retention: `tile end + retention <= now`."""
    for part in slices:
        gone_us = deleted_from(part, group.retention_us(part.level_us))
        if gone_us is not None and gone_us <= instant.now_us:
            yield part.level_us


def deleted_from(part: Slice, retention_us: int | None) -> int | None:
    """When the first tile of a slice is past its retention; None: never.

    >>> deleted_from(Slice(5, 100, 200), 60), deleted_from(Slice(5, 100, 200), None)
    (165, None)
    """
    return None if retention_us is None else part.from_us + part.level_us + retention_us
