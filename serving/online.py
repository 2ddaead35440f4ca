"""Feature values by entity key, merged from tiles at the asked time: one concurrent wave of reads for a whole request.

Only where all slices of an entity are empty does a second wave ask whether the entity is known at all.

The asked time. Without `at` it is now by the wall clock, whatever the view's clock; the finest tile that holds now is
open and counts, because it cannot hold the future. With `at` it is that instant rounded down to the finest tile, so
that a value asked for again is the same, late events aside. A view by clock `event` replays old data: ask for it `at` a
time of that data, or its windows are empty.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from headrace.compiler.plan import Column, PlannedFeature, TileGroup, ViewPlan
from headrace.compiler.tiles import Slice
from headrace.errors import NotFoundError, RequestError, did_you_mean
from headrace.features.instant import asked_us, instant_of
from headrace.features.reference import Reference
from headrace.registry.store import Registry
from headrace.serving.request import check_rows, from_text
from headrace.serving.result import FeatureValue, OnlineFeatures, ServedFeature
from headrace.serving.windows import Instant, Tiles, reads_of, value_of

#: How old the choice of version may be: a promotion is seen within this time, and a request seldom asks the registry.
POINTER_AGE_S = 1.0
#: Entities in one request: beyond it, the answer takes seconds and belongs in a training set, not in a lookup.
MAX_ENTITIES = 10_000

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a tile table: a slice of an entity's tiles, or its newest tile, or (no slice) its last event time."""

    table: str
    # The table names the group; hashing a whole group for each of many thousand reads would cost more than the reads.
    group: TileGroup = field(compare=False)
    key: Key
    slice: Slice | None
    newest_only: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What a read found: cells by (level, tile start) in µs, and the table's last event time of the entity in µs.

    A read of a slice that holds no tile does not see the last event time; a read without slice asks for it alone.
    """

    cells: Mapping[tuple[int, int], Mapping[str, Any]]
    last_event_us: int | None = None


class TileStore(Protocol):
    """Where tiles are read from; `serving.tiles.CassandraTiles` is the real one."""

    def read(self, reads: Sequence[Read]) -> list[Answer]:
        """The answers in order, all read at once. Raises ConnectorError when the store fails."""


@dataclass(frozen=True, slots=True)
class ServedView:
    """The version of a view that serves, and its tables by tile fingerprint."""

    plan: ViewPlan
    tables: Mapping[str, str]
    generation: int

    @property
    def expires(self) -> bool:
        """Whether tiles are deleted by the wall clock."""
        return self.plan.clock == "wall"

    def siblings(self, group: TileGroup) -> list[TileGroup]:
        """The view's groups over the same keys: an entity that one of them has seen is known to all."""
        return [other for other in self.plan.groups if other.keys == group.keys]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A feature of a request with all that serves it."""

    reference: Reference
    view: ServedView
    feature: PlannedFeature
    group: TileGroup

    @property
    def table(self) -> str:
        """The physical name of the feature's tile table."""
        return self.view.tables[self.group.fingerprint]


class OnlineStore:
    """Serves the features of one project. Safe to share between threads.

    >>> store = OnlineStore("demo", Registry("sqlite://"), tiles=None)
    >>> store.get_online_features(["clicks:clicks_1h"], [])
    Traceback (most recent call last):
    ...
    headrace.errors.NotFoundError: project 'demo': no view 'clicks'; known: none
    """

    def __init__(self, project: str, registry: Registry, tiles: TileStore | None) -> None:
        self.project = project
        self._registry = registry
        self._tiles = tiles
        self._views: dict[str, tuple[float, ServedView]] = {}

    def get_online_features(
        self, features: Sequence[str], entity_rows: Sequence[Mapping[str, Any]], *, at: datetime | None = None
    ) -> OnlineFeatures:
        """The values of features (`view:feature`) for entities (key by name), at an instant (default: now).

        Raises NotFoundError (unknown view or feature, with a suggestion), RequestError (a key is missing, unknown or
        mistyped, naming row and key; a naive time), ConnectorError (the store fails).
        """
        instant = _instant(at)
        asked = [self._resolve(Reference.parse(text)) for text in features]
        _check(asked, entity_rows)
        book = _Book()
        self._read(_slice_reads(asked, entity_rows, instant), book)
        self._read(_seen_reads(asked, entity_rows, book), book)
        rows = [tuple(_value(one, row, book, instant) for one in asked) for row in entity_rows]
        return OnlineFeatures(
            features=tuple(_served(one) for one in asked),
            entity_rows=tuple(dict(row) for row in entity_rows),
            rows=tuple(rows),
            at=instant_of(instant.at_us),
            served_at=instant_of(instant.now_us),
        )

    def typed_row(self, features: Sequence[str], texts: Mapping[str, str]) -> dict[str, Any]:
        """An entity row from texts, such as those of a command line: each key as its type in the views asked for.

        A text that is no such value, and an unknown key, stay as they are for `get_online_features` to refuse.
        """
        asked = [self._resolve(Reference.parse(text)) for text in features]
        types = {key.name: key.type for one in asked for key in one.group.keys}
        return {name: from_text(text, types.get(name, "str")) for name, text in texts.items()}

    def _read(self, reads: Iterable[Read], book: _Book) -> None:
        """One concurrent wave of reads, each once; nothing when there are none."""
        wave = list(dict.fromkeys(reads))
        if self._tiles and wave:
            for read, answer in zip(wave, self._tiles.read(wave), strict=True):
                book.note(read, answer)

    def _resolve(self, reference: Reference) -> _Asked:
        """A feature of the version that serves."""
        view = self._view(reference.view)
        known = [feature.name for feature in view.plan.features]
        if reference.feature not in known:
            hint = did_you_mean(reference.feature, known)
            msg = f"view {reference.view!r}, version {view.plan.version}: no feature {reference.feature!r}; {hint}"
            raise NotFoundError(msg)
        feature = view.plan.feature(reference.feature)
        return _Asked(reference, view, feature, view.plan.group(feature.group))

    def _view(self, name: str) -> ServedView:
        """The version that serves, at most `POINTER_AGE_S` old."""
        looked_up, found = self._views.get(name, (-POINTER_AGE_S, None))
        if found is None or time.monotonic() - looked_up > POINTER_AGE_S:
            found = self._look_up(name)
            self._views[name] = (time.monotonic(), found)
        return found

    def _look_up(self, name: str) -> ServedView:
        """What the registry says serves; NotFoundError for an unknown view, or one of which nothing serves."""
        known = self._registry.views(self.project)
        if name not in known:
            msg = f"project {self.project!r}: no view {name!r}; {did_you_mean(name, known)}"
            raise NotFoundError(msg)
        pointer = self._registry.pointer(self.project, name)
        if pointer is None:
            msg = f"view {name!r}: no version serves yet; backfill it, or promote one"
            raise NotFoundError(msg)
        plan = self._registry.version(self.project, name, pointer.version).plan
        made = self._registry.materialization(self.project, name, pointer.version, pointer.generation)
        return ServedView(ViewPlan.from_dict(dict(plan)), made.tables, pointer.generation)


class _Book:
    """The answers of a request, by what they are asked for."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, Key], int] = {}
        self._cells: dict[tuple[str, Key], dict[tuple[int, int], Mapping[str, Any]]] = {}
        self._newest: dict[tuple[str, Key], list[Mapping[str, Any]]] = {}

    def note(self, read: Read, answer: Answer) -> None:
        """File one answer."""
        place = (read.table, read.key)
        if answer.last_event_us is not None:
            self._seen[place] = answer.last_event_us
        if read.slice is None:
            return
        if read.newest_only:
            self._newest[place] = list(answer.cells.values())
        else:
            self._cells.setdefault(place, {}).update(answer.cells)

    def tiles(self, table: str, key: Key) -> Tiles:
        """The cells of an entity."""
        return Tiles(self._cells.get((table, key), {}), self._newest.get((table, key), ()))

    def last_event_us(self, tables: Sequence[str], key: Key) -> int | None:
        """The newest event time of an entity in any of the tables."""
        return max((self._seen[table, key] for table in tables if (table, key) in self._seen), default=None)

    def is_known(self, table: str, key: Key) -> bool:
        """Whether the table was found to know the entity."""
        return (table, key) in self._seen


def _instant(at: datetime | None) -> Instant:
    """The asked time; RequestError for a time without zone."""
    now_us = time.time_ns() // 1000
    if at is None:
        return Instant(now_us, now_us, is_now=True)
    return Instant(asked_us("at", at), now_us, is_now=False)


def _check(asked: Sequence[_Asked], rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows have exactly the keys of all features together, and are not too many."""
    if len(rows) > MAX_ENTITIES:
        msg = f"{len(rows):,} entity rows, at most {MAX_ENTITIES:,} in one request"
        raise RequestError(msg)
    keys: dict[str, Column] = {}
    for one in asked:
        for key in one.group.keys:
            if keys.setdefault(key.name, key).type != key.type:
                msg = f"key {key.name!r} is {keys[key.name].type} in one view and {key.type} in {one.reference.view!r}"
                raise RequestError(msg)
    check_rows(rows, keys.values())


def _slice_reads(asked: Sequence[_Asked], rows: Sequence[Mapping[str, Any]], instant: Instant) -> Iterator[Read]:
    """The slices of each group for each entity."""
    for table, members in _by_table(asked).items():
        group = members[0].group
        slices = reads_of([one.feature for one in members], group, instant)
        for row in rows:
            yield from (Read(table, group, _key(group, row), part, newest) for part, newest in slices)


def _seen_reads(asked: Sequence[_Asked], rows: Sequence[Mapping[str, Any]], book: _Book) -> Iterator[Read]:
    """For entities of which no tile was found, the last event times in all groups over the same keys."""
    for table, members in _by_table(asked).items():
        view, group = members[0].view, members[0].group
        unknown = [key for row in rows if not book.is_known(table, key := _key(group, row))]
        for other in view.siblings(group) if unknown else ():
            yield from (Read(view.tables[other.fingerprint], other, key, None) for key in unknown)


def _by_table(asked: Sequence[_Asked]) -> dict[str, list[_Asked]]:
    """The features of a request by the table that serves them."""
    groups: dict[str, list[_Asked]] = {}
    for one in asked:
        groups.setdefault(one.table, []).append(one)
    return groups


def _value(one: _Asked, row: Mapping[str, Any], book: _Book, instant: Instant) -> FeatureValue:
    """One feature of one entity."""
    key = _key(one.group, row)
    tables = [one.view.tables[other.fingerprint] for other in one.view.siblings(one.group)]
    seen = book.last_event_us(tables, key)
    tiles = book.tiles(one.table, key)
    known, expires = seen is not None or bool(tiles.cells or tiles.newest), one.view.expires
    value, status = value_of(one.feature, one.group, tiles, instant, known=known, expires=expires)
    return FeatureValue(value, status, None if seen is None else instant_of(seen))


def _key(group: TileGroup, row: Mapping[str, Any]) -> Key:
    """The key of an entity in a group's table."""
    return tuple(row[key.name] for key in group.keys)


def _served(one: _Asked) -> ServedFeature:
    """A feature as the answer names it."""
    return ServedFeature(one.reference, one.feature.type, one.view.plan.version, one.view.generation)
