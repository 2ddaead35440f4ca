"""From features to reads and from cells to values, for one tile group; pure, reads nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from headrace.compiler.cells import Cells
from headrace.compiler.merge import merging, value_from
from headrace.compiler.plan import PlannedFeature, TileGroup
from headrace.compiler.served import Status
from headrace.compiler.tiles import Slice
from headrace.compiler.window_slices import Instant, deleted_from, slices_over, span_of
from headrace.connectors.tile_store import Cell, Found
from headrace.serving.result import FeatureValue

#: Layouts that are kept: until the finest tile is over, requests for the same features have the same.
KEPT_LAYOUTS = 256
#: Which of its parts' statuses a feature that is made of others has: the first of these that one has.
_OF_PARTS = (Status.UNKNOWN_ENTITY, Status.EXPIRED, Status.PRESENT, Status.EMPTY_WINDOW)

#: What was found of an entity in a window, and when its newest event was; None: it was never seen.
Entity = tuple[Cells, datetime | None]


class Part(NamedTuple):
    """Where cells of a window are: in which of the reads, and from which starts to which."""

    read: int
    from_us: int
    to_us: int


class Window(NamedTuple):
    """A window at an instant: where its cells are, and when the first of its tiles is past its retention (µs)."""

    parts: tuple[Part, ...]
    deleted_us: int | None

    def is_deleted(self, now_us: int) -> bool:
        """Whether tiles of it may be gone by now."""
        return self.deleted_us is not None and self.deleted_us <= now_us

    def cells(self, found: Sequence[Found]) -> list[Cell]:
        """The cells of the window among what the reads of its group found of an entity."""
        return [
            cell
            for read, from_us, to_us in self.parts
            for start, cell in found[read].tiles.items()
            if from_us <= start < to_us
        ]


class Layout(NamedTuple):
    """What serves windows at an instant: slices, each with whether its newest tile alone is wanted, and the windows."""

    reads: tuple[tuple[Slice, bool], ...]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class Windowed:
    """A feature, and which of the windows of its group is its own. `empty` is the answer when that holds nothing."""

    feature: PlannedFeature
    window: int
    merge: Callable[[Cells], Any]
    empty: tuple[Any, Status]

    def values(self, entities: Iterable[Entity], *, deleted: bool) -> list[FeatureValue]:
        """The value for each entity. `deleted`: tiles of the window may be gone by retention."""
        if deleted:
            return [FeatureValue(None, _known(entity, Status.EXPIRED), entity[1]) for entity in entities]
        merge, present, empty = self.merge, Status.PRESENT, self.empty
        return [
            FeatureValue(merge(cells), present, seen)
            if cells.rows
            else (FeatureValue(None, Status.UNKNOWN_ENTITY) if seen is None else FeatureValue(*empty, seen))
            for cells, seen in entities
        ]


@dataclass(frozen=True, slots=True)
class GroupWindows:
    """The features of one tile group by their windows: all that does not hang on the instant.

    `distinct` has one feature of each window. `expires`: tiles are deleted once their retention is over.
    """

    group: TileGroup
    distinct: tuple[PlannedFeature, ...]
    features: tuple[Windowed, ...]
    expires: bool

    @classmethod
    def of(cls, features: Sequence[PlannedFeature], group: TileGroup, *, expires: bool) -> GroupWindows:
        """The windows of features."""
        distinct = {_window(feature): feature for feature in features}
        numbers = {window: number for number, window in enumerate(distinct)}
        windowed = [Windowed(one, numbers[_window(one)], merging(one), _empty(one)) for one in features]
        return cls(group, tuple(distinct.values()), tuple(windowed), expires)

    def at(self, instant: Instant) -> Layout:
        """What is read at an instant, and where each window is among that."""
        spans = tuple([_Span(one.is_as_of, *span_of(one, self.group, instant)) for one in self.distinct])
        retentions = self.group.retentions_us if self.expires else (None,) * len(self.group.levels_us)
        return _laid_out(spans, self.group.levels_us, retentions)


class _Span(NamedTuple):
    """From which tile on, and before which, a window reads; `newest`: it wants the newest of these only."""

    newest: bool
    from_us: int
    to_us: int

    def slices(self, levels_us: tuple[int, ...]) -> list[Slice]:
        """The slices over it."""
        return slices_over(self.from_us, self.to_us, levels_us, as_of=self.newest)


@lru_cache(KEPT_LAYOUTS)
def _laid_out(spans: tuple[_Span, ...], levels_us: tuple[int, ...], retentions_us: tuple[int | None, ...]) -> Layout:
    """The reads that serve windows of a group, and the windows among them."""
    sliced = [(span, span.slices(levels_us)) for span in spans]
    merged = united(part for span, slices in sliced if not span.newest for part in slices)
    newest = dict.fromkeys(part for span, slices in sliced if span.newest for part in slices)
    reads = (*((part, False) for part in merged), *((part, True) for part in newest))
    retention = dict(zip(levels_us, retentions_us, strict=True))
    windows = [Window(tuple(_parts(span, slices, reads)), _earliest(slices, retention)) for span, slices in sliced]
    return Layout(reads, tuple(windows))


def united(slices: Iterable[Slice]) -> list[Slice]:
    """Slices of a level as one where they overlap or touch.

    Tiles between two slices are not worth reading: a store names all slices in one request, and pays for each name.

    >>> [tuple(part) for part in united([Slice(5, 0, 10), Slice(5, 10, 15), Slice(5, 20, 25), Slice(10, 0, 10)])]
    [(5, 0, 15), (5, 20, 25), (10, 0, 10)]
    """
    found: list[Slice] = []
    for part in sorted(slices):
        if found and part.level_us == found[-1].level_us and part.from_us <= found[-1].to_us:
            found[-1] = found[-1]._replace(to_us=max(found[-1].to_us, part.to_us))
        else:
            found.append(part)
    return found


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


def _known(entity: Entity, status: Status) -> Status:
    """A status, unless the entity was never seen."""
    cells, seen = entity
    return Status.UNKNOWN_ENTITY if seen is None and not cells.rows else status


def _window(feature: PlannedFeature) -> tuple[object, ...]:
    """What tells windows apart."""
    return feature.is_as_of, feature.window_us, feature.tail_us, feature.lag_us, feature.zone


def _empty(feature: PlannedFeature) -> tuple[Any, Status]:
    """The answer of a window that holds nothing."""
    # Before a lagged window begins the newest value may be too new as well as too old.
    if feature.function == "last" and feature.window_us is not None and not feature.lag_us:
        return None, Status.EXPIRED
    return merging(feature)(Cells([])), Status.EMPTY_WINDOW


def _parts(span: _Span, slices: Iterable[Slice], reads: Sequence[tuple[Slice, bool]]) -> Iterator[Part]:
    """Where the cells of a window's slices are among reads."""
    for part in slices:
        for number, (read, newest) in enumerate(reads):
            inside = read.level_us == part.level_us and read.from_us <= part.from_us and part.to_us <= read.to_us
            if inside and newest == span.newest:
                yield Part(number, part.from_us, part.to_us)


def _earliest(slices: Iterable[Slice], retention: Mapping[int, int | None]) -> int | None:
    """When the first tile of some slices is past its retention."""
    ends = [deleted_from(part, retention[part.level_us]) for part in slices]
    return min((end for end in ends if end is not None), default=None)
