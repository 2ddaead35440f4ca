"""From features and entities to waves of reads, and from what they found to values; reads nothing itself.

A store that waits and one that is awaited are driven by the same steps: `answers` yields the reads of a wave and is
sent what they found.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from headrace.compiler.plan import PlannedFeature, PlannedOnDemand, TileGroup, ViewPlan
from headrace.compiler.window_slices import Instant
from headrace.connectors.tile_store import Cell, Found, Key, TileRead
from headrace.features.instant import instant_of
from headrace.features.reference import Reference
from headrace.serving.result import FeatureValue
from headrace.serving.windows import Part, WindowedFeature, cells_of, combined

Rows = Sequence[Mapping[str, Any]]
Wave = list[TileRead]
Waves = Generator[Wave, list[list[Found]], list[tuple[FeatureValue, ...]]]


@dataclass(frozen=True, slots=True)
class ServedView:
    """The version of a view that serves: its tables by tile fingerprint, and its features by name.

    `features` are those with tiles, with their groups; `on_demand` are computed of these.
    """

    plan: ViewPlan
    tables: Mapping[str, str]
    generation: int
    features: Mapping[str, tuple[PlannedFeature, TileGroup]]
    on_demand: Mapping[str, PlannedOnDemand]

    @classmethod
    def of(cls, plan: ViewPlan, tables: Mapping[str, str], generation: int) -> ServedView:
        """A version as it is registered."""
        features = {feature.name: (feature, plan.group(feature.group)) for feature in plan.features}
        return cls(plan, tables, generation, features, {one.name: one for one in plan.on_demand})

    @property
    def expires(self) -> bool:
        """Whether tiles are deleted by the wall clock."""
        return self.plan.clock == "wall"

    def siblings(self, group: TileGroup) -> list[TileGroup]:
        """The view's groups over the same keys: an entity that one of them has seen is known to all."""
        return [other for other in self.plan.groups if other.keys == group.keys]


@dataclass(frozen=True, slots=True)
class AskedFeature:
    """A feature of a request with all that serves it."""

    reference: Reference
    view: ServedView
    feature: PlannedFeature
    group: TileGroup

    @classmethod
    def of(cls, reference: Reference, view: ServedView) -> AskedFeature:
        """A feature with tiles of a view."""
        return cls(reference, view, *view.features[reference.feature])

    @property
    def table(self) -> str:
        """The physical name of the feature's tile table."""
        return self.view.tables[self.group.fingerprint]

    @property
    def parts(self) -> list[AskedPart]:
        """What is merged from tiles: itself, or the operands of a ratio, each with its own group."""
        plan = self.view.plan
        return [
            AskedPart((self.reference, number), replace(self, feature=part, group=plan.group(part.group)))
            for number, part in enumerate(self.feature.parts)
        ]


#: A feature of a request, and which of its parts.
Place = tuple[Reference, int]


class AskedPart(NamedTuple):
    """A part of a feature, as a feature of its own, and its place in the request."""

    place: Place
    asked: AskedFeature


def answers(asked: Sequence[AskedFeature], rows: Rows, instant: Instant) -> Waves:
    """The values of features for entity rows: yields one wave of reads, and a second where an entity was not seen.

    Returns, for each row, the value of each feature, in order.
    """
    parts = [part for one in asked for part in one.parts]
    requests = [_TableRequest(table, members, rows, instant) for table, members in _by_table(parts).items()]
    seen = _Seen()
    wave = [read for request in requests for read in request.reads]
    found = iter((yield wave) if wave else [])
    for request in requests:
        request.take([next(found) for _ in request.reads], seen)
    unknown = list(_seen_reads(requests, seen))
    for read, answer in zip(unknown, (yield unknown) if unknown else [], strict=True):
        seen.note(read, answer)
    columns = dict(column for request in requests for column in request.columns(seen))
    return list(zip(*(_column(one, columns) for one in asked), strict=True)) if asked else [() for _ in rows]


class _Seen:
    """The newest event time (µs) of each entity, by table, as far as it was read."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[Key, int]] = {}

    def of(self, table: str) -> dict[Key, int]:
        """Those of a table."""
        return self._tables.setdefault(table, {})

    def note(self, read: TileRead, answers: Sequence[Found]) -> None:
        """Keep what a read tells."""
        table = self.of(read.table)
        for key, found in zip(read.keys, answers, strict=True):
            if found.last_event_us is not None:
                table[key] = max(found.last_event_us, table.get(key, found.last_event_us))

    def newest(self, tables: Sequence[str], key: Key) -> int | None:
        """The newest of an entity in any of the tables."""
        return max((times[key] for table in tables if key in (times := self.of(table))), default=None)


class _TableRequest:
    """The part of a request that one tile table serves."""

    def __init__(self, table: str, members: Sequence[AskedPart], rows: Rows, instant: Instant) -> None:
        view, group = members[0].asked.view, members[0].asked.group
        names = [key.name for key in group.keys]
        self.table, self.group = table, group
        self.siblings = {view.tables[other.fingerprint]: other for other in view.siblings(group)}
        self.keys: list[Key] = [tuple([row[name] for name in names]) for row in rows]
        self.each = tuple(dict.fromkeys(self.keys))
        features = [part.asked.feature for part in members]
        slices, windowed = WindowedFeature.every(features, group, instant, expires=view.expires)
        self.reads = [TileRead(table, group, self.each, part, newest) for part, newest in slices] if rows else []
        self._members = {part.place: each for part, each in zip(members, windowed, strict=True)}
        self._found: dict[Key, tuple[Found, ...]] = {}

    def take(self, found: Sequence[list[Found]], seen: _Seen) -> None:
        """Keep what the reads found."""
        for read, answer in zip(self.reads, found, strict=True):
            seen.note(read, answer)
        self._found = dict(zip(self.each, zip(*found, strict=True), strict=True))

    def columns(self, seen: _Seen) -> Iterator[tuple[Place, list[FeatureValue]]]:
        """Each part of a feature with its value for each row."""
        times = {key: seen.newest(tuple(self.siblings), key) for key in self.each}
        instants = {key: None if us is None else instant_of(us) for key, us in times.items()}
        # Features over the same window share its cells.
        cells = {parts: self._cells(parts) for parts in {windowed.parts for windowed in self._members.values()}}
        for place, windowed in self._members.items():
            values = _values(windowed, cells[windowed.parts], instants)
            yield place, [values[key] for key in self.keys]

    def _cells(self, parts: tuple[Part, ...]) -> dict[Key, list[Cell]]:
        """The cells of a window by entity."""
        return {key: cells_of(parts, found) for key, found in self._found.items()}


def _values(
    windowed: WindowedFeature, cells: Mapping[Key, list[Cell]], instants: Mapping[Key, datetime | None]
) -> dict[Key, FeatureValue]:
    """A feature's value by entity."""
    return {
        key: FeatureValue(*windowed.value(mine, known=instants[key] is not None or bool(mine)), instants[key])
        for key, mine in cells.items()
    }


def _seen_reads(requests: Sequence[_TableRequest], seen: _Seen) -> Iterator[TileRead]:
    """For entities of which no tile was found, the newest event times in all groups over the same keys."""
    asked: set[tuple[str, Key]] = set()
    for request in requests:
        known = seen.of(request.table)
        unknown = [key for key in request.each if key not in known]
        for table, group in request.siblings.items():
            keys = tuple(key for key in unknown if (table, key) not in asked)
            asked.update((table, key) for key in keys)
            if keys:
                yield TileRead(table, group, keys, None)


def _column(one: AskedFeature, columns: Mapping[Place, list[FeatureValue]]) -> list[FeatureValue]:
    """A feature's value for each row, from those of its parts."""
    parts = [columns[one.reference, number] for number in range(len(one.feature.parts))]
    return [_combined(one.feature, each) for each in zip(*parts, strict=True)] if len(parts) > 1 else parts[0]


def _combined(feature: PlannedFeature, parts: Sequence[FeatureValue]) -> FeatureValue:
    """Parts are of one entity, so all have seen the same events of it."""
    return FeatureValue(*combined(feature, [part[:2] for part in parts]), parts[0].last_event_time)


def _by_table(parts: Sequence[AskedPart]) -> dict[str, list[AskedPart]]:
    """The parts of a request by the table that serves them."""
    groups: dict[str, list[AskedPart]] = {}
    for part in parts:
        groups.setdefault(part.asked.table, []).append(part)
    return groups
