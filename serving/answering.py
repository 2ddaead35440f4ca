"""From features and entities to waves of reads, and from what they found to values; reads nothing itself.

A store that waits and one that is awaited are driven by the same steps: `answers` yields the reads of a wave and is
sent what they found.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.compiler.cells import Cells
from headrace.compiler.plan import PlannedFeature, PlannedOnDemand, TileGroup, ViewPlan
from headrace.compiler.window_slices import Instant
from headrace.connectors.tile_store import Found, Key, TileRead, fields_of
from headrace.features.instant import instant_of
from headrace.features.reference import Reference
from headrace.runtime.collector import collector_waiting_shortly
from headrace.serving.result import FeatureValue
from headrace.serving.windows import GroupWindows, Window, combined

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
    def parts(self) -> list[AskedFeature]:
        """What is merged from tiles: itself, or the operands of a ratio, each with its own group."""
        plan = self.view.plan
        return [replace(self, feature=part, group=plan.group(part.group)) for part in self.feature.parts]


@dataclass(frozen=True, slots=True)
class AskedTable:
    """What one tile table serves of a request: all that does not hang on entities and time.

    `numbers` tell which of the request's parts those in `windows` are, `siblings` are the tables over the same keys,
    itself among them, and `fields` where each field of a cell stands.
    """

    name: str
    group: TileGroup
    siblings: Mapping[str, TileGroup]
    numbers: tuple[int, ...]
    windows: GroupWindows
    fields: Mapping[str, int]

    @classmethod
    def of(cls, name: str, members: Mapping[int, AskedFeature]) -> AskedTable:
        """The table of some parts, by their numbers."""
        first, *_ = members.values()
        view, group = first.view, first.group
        siblings = {view.tables[other.fingerprint]: other for other in view.siblings(group)}
        windows = GroupWindows.of([part.feature for part in members.values()], group, expires=view.expires)
        fields = {field: place for place, field in enumerate(fields_of(group))}
        return cls(name, group, siblings, tuple(members), windows, fields)


def tables_of(asked: Sequence[AskedFeature]) -> tuple[AskedTable, ...]:
    """The tables that serve features."""
    groups: dict[str, dict[int, AskedFeature]] = {}
    for number, part in enumerate(part for one in asked for part in one.parts):
        groups.setdefault(part.table, {})[number] = part
    return tuple(AskedTable.of(table, members) for table, members in groups.items())


def answers(asked: Sequence[AskedFeature], tables: Sequence[AskedTable], rows: Rows, instant: Instant) -> Waves:
    """The values of features for entity rows: yields one wave of reads, and a second where an entity was not seen.

    `tables` are those of the features. Returns, for each row, the value of each feature, in order.
    """
    requests = [_TableRequest(table, rows, instant) for table in tables]
    seen = _Seen()
    wave = [read for request in requests for read in request.reads]
    found = iter((yield wave) if wave else [])
    for request in requests:
        request.take([next(found) for _ in request.reads], seen)
    unknown = list(_seen_reads(requests, seen))
    for read, answer in zip(unknown, (yield unknown) if unknown else [], strict=True):
        seen.note(read, answer)
    # A bulk answer makes thousands of objects, none of them garbage: looking for some took two thirds of the time.
    with collector_waiting_shortly():
        by_number = dict(column for request in requests for column in request.columns(seen))
        columns = [by_number[number] for number in range(len(by_number))]
        return list(zip(*_whole(asked, columns), strict=True)) if asked else [() for _ in rows]


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

    def __init__(self, table: AskedTable, rows: Rows, instant: Instant) -> None:
        names = [key.name for key in table.group.keys]
        keys: list[Key] = [tuple([row[name] for name in names]) for row in rows]
        self.table, self.each = table, tuple(dict.fromkeys(keys))
        self._layout, self._now_us = table.windows.at(instant), instant.now_us
        reads = self._layout.reads if rows else ()
        self.reads = [TileRead(table.name, table.group, self.each, part, newest) for part, newest in reads]
        number = {key: place for place, key in enumerate(self.each)}
        # None where each row is of an entity of its own.
        self._numbers = [number[key] for key in keys] if len(self.each) < len(keys) else None
        self._found: list[tuple[Found, ...]] = []

    def take(self, found: Sequence[list[Found]], seen: _Seen) -> None:
        """Keep what the reads found."""
        for read, answer in zip(self.reads, found, strict=True):
            seen.note(read, answer)
        self._found = list(zip(*found, strict=True))

    def columns(self, seen: _Seen) -> Iterator[tuple[int, list[FeatureValue]]]:
        """Each part of a feature, by its number, with its value for each row."""
        tables = tuple(self.table.siblings)
        newest = [seen.newest(tables, key) for key in self.each]
        times = [None if us is None else instant_of(us) for us in newest]
        # Features over the same window share its cells.
        windows = [list(zip(self._cells(window), times, strict=True)) for window in self._layout.windows]
        for number, one in zip(self.table.numbers, self.table.windows.features, strict=True):
            deleted = self._layout.windows[one.window].is_deleted(self._now_us)
            yield number, self._by_row(one.values(windows[one.window], deleted=deleted))

    def _cells(self, window: Window) -> list[Cells]:
        """The cells of a window for each entity."""
        fields = self.table.fields
        return [Cells(window.cells(found), fields) for found in self._found]

    def _by_row(self, values: list[FeatureValue]) -> list[FeatureValue]:
        """Values of entities for each row."""
        return values if self._numbers is None else [values[number] for number in self._numbers]


def _seen_reads(requests: Sequence[_TableRequest], seen: _Seen) -> Iterator[TileRead]:
    """For entities of which no tile was found, the newest event times in all groups over the same keys."""
    asked: set[tuple[str, Key]] = set()
    for request in requests:
        known = seen.of(request.table.name)
        unknown = [key for key in request.each if key not in known]
        for table, group in request.table.siblings.items():
            keys = tuple(key for key in unknown if (table, key) not in asked)
            asked.update((table, key) for key in keys)
            if keys:
                yield TileRead(table, group, keys, None)


def _whole(asked: Sequence[AskedFeature], columns: Sequence[list[FeatureValue]]) -> Iterator[list[FeatureValue]]:
    """Each feature with its value for each row, from those of its parts, which come in their order."""
    each = iter(columns)
    for one in asked:
        first, *others = (next(each) for _ in one.feature.parts)
        yield [_combined(one.feature, parts) for parts in zip(first, *others, strict=True)] if others else first


def _combined(feature: PlannedFeature, parts: Sequence[FeatureValue]) -> FeatureValue:
    """Parts are of one entity, so all have seen the same events of it."""
    return FeatureValue(*combined(feature, [part[:2] for part in parts]), parts[0].last_event_time)
