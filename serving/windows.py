"""From features to reads and from cells to values, for one entity of one tile group; pure, reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headrace.compiler.merge import merge_feature
from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.tiles import Slice, ceil_to, floor_to, read_slices

#: Before any tile: an as-of value may be as old as it likes.
BEFORE_ALL_US = -(1 << 62)


class Status(StrEnum):
    """What stands behind a value.

    - `present`: something was folded in; the value may still be NULL or 0.
    - `empty_window`: the entity is known, and nothing of it lies in the window: counts are 0, all else is NULL.
    - `expired`: not known any more: tiles of the window may have been deleted by retention, or the newest value of a
      `last` is older than its window.
    - `unknown_entity`: no event of this entity was ever seen.
    """

    PRESENT = "present"
    EMPTY_WINDOW = "empty_window"
    EXPIRED = "expired"
    UNKNOWN_ENTITY = "unknown_entity"


@dataclass(frozen=True, slots=True)
class Instant:
    """The asked time, in µs. At now the open finest tile counts too, because it cannot hold the future yet."""

    at_us: int
    now_us: int
    is_now: bool

    def end(self, finest_us: int) -> int:
        """Where windows end: tiles that start before it count."""
        return ceil_to(self.at_us, finest_us) if self.is_now else floor_to(self.at_us, finest_us)


def slices_of(feature: PlannedFeature, group: TileGroup, instant: Instant) -> list[Slice]:
    """The slices that a window feature merges; for an as-of value the finest tiles before the instant."""
    if feature.window_us is None or feature.tail_us is None:
        return [Slice(group.finest_us, BEFORE_ALL_US, instant.end(group.finest_us))]
    return read_slices(feature.window_us, feature.tail_us, group.levels_us, instant.at_us, include_open=instant.is_now)


def reads_of(features: Iterable[PlannedFeature], group: TileGroup, instant: Instant) -> list[tuple[Slice, bool]]:
    """The fewest slices that serve all features, and for each whether only its newest tile is wanted."""
    windowed = [feature for feature in features if feature.window_us is not None]
    merged = united([part for feature in windowed for part in slices_of(feature, group, instant)])
    reads = [(part, False) for part in merged]
    if any(feature.window_us is None for feature in features):
        reads.append((Slice(group.finest_us, BEFORE_ALL_US, instant.end(group.finest_us)), True))
    return reads


def united(slices: Iterable[Slice]) -> list[Slice]:
    """Overlapping and touching slices of a level as one.

    >>> [tuple(part) for part in united([Slice(5, 0, 10), Slice(5, 10, 15), Slice(5, 30, 35), Slice(10, 0, 10)])]
    [(5, 0, 15), (5, 30, 35), (10, 0, 10)]
    """
    found: list[Slice] = []
    for part in sorted(slices):
        if found and found[-1].level_us == part.level_us and part.from_us <= found[-1].to_us:
            found[-1] = found[-1]._replace(to_us=max(found[-1].to_us, part.to_us))
        else:
            found.append(part)
    return found


@dataclass(frozen=True, slots=True)
class Tiles:
    """The cells that were read for one entity: fields by (level, tile start)."""

    cells: Mapping[tuple[int, int], Mapping[str, Any]]
    newest: Sequence[Mapping[str, Any]] = ()

    def of(self, slices: Iterable[Slice]) -> list[Mapping[str, Any]]:
        """The cells in some slices."""
        return [
            cell
            for part in slices
            for (level, start), cell in self.cells.items()
            if level == part.level_us and part.from_us <= start < part.to_us
        ]


def value_of(
    feature: PlannedFeature, group: TileGroup, tiles: Tiles, instant: Instant, *, known: bool, expires: bool
) -> tuple[Any, Status]:
    """The value of a feature and what stands behind it.

    `known`: the entity was ever seen. `expires`: tiles are deleted by the clock once their retention is over.
    """
    if not known:
        return None, Status.UNKNOWN_ENTITY
    slices = slices_of(feature, group, instant)
    cells = list(tiles.newest) if feature.window_us is None else tiles.of(slices)
    if expires and _may_be_deleted(slices, group, instant):
        return None, Status.EXPIRED
    if cells:
        return merge_feature(feature, cells), Status.PRESENT
    if feature.function == "last" and feature.window_us is not None:
        return None, Status.EXPIRED
    return merge_feature(feature, []), Status.EMPTY_WINDOW


def _may_be_deleted(slices: Sequence[Slice], group: TileGroup, instant: Instant) -> bool:
    """Whether a tile of the slices can be past the end of its retention: `tile end + retention <= now`."""
    if group.retention_us is None:
        return False
    return any(part.from_us + part.level_us + group.retention_us <= instant.now_us for part in slices)
