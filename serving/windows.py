"""From features to reads and from cells to values, for one entity of one tile group; pure, reads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.served import Status
from headrace.compiler.tiles import BEFORE_ALL_US, Slice
from headrace.compiler.window_slices import Instant, deleted_levels, slices_of
from headrace.connectors.tile_store import Cell, Found

#: A read costs as much as some thirty tiles: 50 to 70 µs of this process against about 2 µs (measured).
BRIDGED_TILES = 32
#: Which of its parts' statuses a feature that is made of others has: the first of these that one has.
_OF_PARTS = (Status.UNKNOWN_ENTITY, Status.EXPIRED, Status.PRESENT, Status.EMPTY_WINDOW)


def reads_of(features: Iterable[PlannedFeature], group: TileGroup, instant: Instant) -> list[tuple[Slice, bool]]:
    """The slices that serve all features, and for each whether only its newest tile is wanted."""
    # Features over the same window read the same: each window is worked out once.
    windows = {_window(feature): feature for feature in features}
    merging = [feature for feature in windows.values() if not feature.is_as_of]
    reads = [(part, False) for part in united([part for each in merging for part in slices_of(each, group, instant)])]
    if len(merging) < len(windows):
        reads.append((Slice(group.finest_us, BEFORE_ALL_US, instant.end(group.finest_us)), True))
    return reads


def united(slices: Iterable[Slice]) -> list[Slice]:
    """Slices of a level as one where they overlap, touch, or are few tiles apart.

    >>> [tuple(part) for part in united([Slice(5, 0, 10), Slice(5, 10, 15), Slice(5, 500, 505), Slice(10, 0, 10)])]
    [(5, 0, 15), (5, 500, 505), (10, 0, 10)]
    >>> united([Slice(5, 0, 10), Slice(5, 20, 25)])
    [Slice(level_us=5, from_us=0, to_us=25)]
    """
    found: list[Slice] = []
    for part in sorted(slices):
        if found and _is_near(found[-1], part):
            found[-1] = found[-1]._replace(to_us=max(found[-1].to_us, part.to_us))
        else:
            found.append(part)
    return found


def _is_near(one: Slice, later: Slice) -> bool:
    """Whether one read of both, and of what is between them, costs no more than two."""
    return one.level_us == later.level_us and later.from_us <= one.to_us + BRIDGED_TILES * one.level_us


class Part(NamedTuple):
    """Where cells of a window are: in which of the reads, and from which starts to which."""

    read: int
    from_us: int
    to_us: int


def parts_of(slices: Iterable[Slice], reads: Sequence[tuple[Slice, bool]]) -> tuple[Part, ...]:
    """Where the cells of some slices are among the reads that `reads_of` gave for them.

    >>> parts_of([Slice(5, 0, 10)], [(Slice(5, 0, 30), False)])
    (Part(read=0, from_us=0, to_us=10),)
    """
    return tuple(
        Part(number, part.from_us, part.to_us)
        for part in slices
        for number, (read, newest) in enumerate(reads)
        if not newest and read.level_us == part.level_us and read.from_us <= part.from_us and part.to_us <= read.to_us
    )


@dataclass(frozen=True, slots=True)
class WindowedFeature:
    """What the value of a feature at an instant hangs on, whatever the entity.

    `parts` tell where its cells are. `deleted`: tiles of the window may be gone by retention. `empty` is the answer
    when the window holds nothing.
    """

    feature: PlannedFeature
    parts: tuple[Part, ...]
    deleted: bool
    empty: tuple[Any, Status]

    @classmethod
    def every(
        cls, features: Sequence[PlannedFeature], group: TileGroup, instant: Instant, *, expires: bool
    ) -> tuple[list[tuple[Slice, bool]], list[WindowedFeature]]:
        """The reads that serve features of one group, and the features over them, in order.

        `expires`: tiles are deleted once their retention is over.
        """
        reads = reads_of(features, group, instant)
        windows: dict[tuple[object, ...], tuple[tuple[Part, ...], bool]] = {}
        for feature in features:
            if _window(feature) not in windows:
                slices = slices_of(feature, group, instant)
                parts = _newest(reads) if feature.is_as_of else parts_of(slices, reads)
                windows[_window(feature)] = (parts, expires and any(deleted_levels(slices, group, instant)))
        return reads, [cls(feature, *windows[_window(feature)], _empty(feature)) for feature in features]

    def value(self, cells: Sequence[Cell], *, known: bool) -> tuple[Any, Status]:
        """The value from the cells of the window, and what stands behind it. `known`: the entity was ever seen."""
        if not known:
            return None, Status.UNKNOWN_ENTITY
        if self.deleted:
            return None, Status.EXPIRED
        return (merge_feature(self.feature, cells), Status.PRESENT) if cells else self.empty


def _window(feature: PlannedFeature) -> tuple[object, ...]:
    """What tells windows apart."""
    return feature.is_as_of, feature.window_us, feature.tail_us, feature.lag_us, feature.zone


def _newest(reads: Sequence[tuple[Slice, bool]]) -> tuple[Part, ...]:
    """Where the newest tile is among reads."""
    return tuple(Part(number, part.from_us, part.to_us) for number, (part, newest) in enumerate(reads) if newest)


def _empty(feature: PlannedFeature) -> tuple[Any, Status]:
    """The answer of a window that holds nothing."""
    # Before a lagged window begins the newest value may be too new as well as too old.
    if feature.function == "last" and feature.window_us is not None and not feature.lag_us:
        return None, Status.EXPIRED
    return merge_feature(feature, []), Status.EMPTY_WINDOW


def cells_of(parts: Iterable[Part], found: Sequence[Found]) -> list[Cell]:
    """The cells of a window among what the reads of its group found of an entity."""
    return [
        cell for read, from_us, to_us in parts for start, cell in found[read].tiles.items() if from_us <= start < to_us
    ]


def combined(feature: PlannedFeature, parts: Sequence[tuple[Any, Status]]) -> tuple[Any, Status]:
    """A feature's value and status from those of its parts: present where one is, not known where one is not."""
    return value_from(feature, [value for value, _ in parts]), status_of(status for _, status in parts)


def status_of(statuses: Iterable[Status]) -> Status:
    """The status of what is made of values with these; present where it is made of none.

    >>> str(status_of([Status.EMPTY_WINDOW, Status.PRESENT])), str(status_of([]))
    ('present', 'present')
    """
    found = set(statuses)
    return next((status for status in _OF_PARTS if status in found), Status.PRESENT)
