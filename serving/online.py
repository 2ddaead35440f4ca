"""Feature values by entity key, merged from tiles at the asked time: one concurrent wave of reads for a whole request.

Only where all slices of an entity are empty does a second wave ask whether the entity is known at all.

The asked time. Without `at` it is now by the wall clock, whatever the view's clock; the finest tile that holds now is
open and counts, because it cannot hold the future. With `at` it is that instant rounded down to the finest tile, so
that a value asked for again is the same, late events aside. A view by clock `event` replays old data: ask for it `at` a
time of that data, or its windows are empty.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.window_slices import Instant
from headrace.connectors.tile_store import TileReader
from headrace.errors import NotFoundError, RequestError, did_you_mean
from headrace.features.instant import asked_us, instant_of
from headrace.features.reference import Reference
from headrace.registry.store import Registry
from headrace.serving.answering import AskedFeature, ServedView, answers
from headrace.serving.request import check_rows, from_text
from headrace.serving.result import FeatureValue, OnlineFeatures, ServedFeature

#: How old the choice of version may be: a promotion is seen within this time, and a request seldom asks the registry.
POINTER_AGE_S = 1.0
#: Entities in one request: beyond it, the answer takes seconds and belongs in a training set, not in a lookup.
MAX_ENTITIES = 10_000


class OnlineStore:
    """Serves the features of one project. Safe to share between threads.

    >>> from headrace.connectors.sqlite_tiles import SqliteTiles
    >>> store = OnlineStore("demo", Registry("sqlite://"), SqliteTiles(":memory:"))
    >>> store.get_online_features(["clicks:clicks_1h"], [])
    Traceback (most recent call last):
    ...
    headrace.errors.NotFoundError: project 'demo': no view 'clicks'; known: none
    """

    def __init__(self, project: str, registry: Registry, tiles: TileReader) -> None:
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
        asked = self._asked(features, entity_rows)
        steps = answers(asked, entity_rows, instant)
        try:
            wave = next(steps)
            while True:
                wave = steps.send(self._tiles.read(wave))
        except StopIteration as end:
            return _answer(asked, entity_rows, end.value, instant)

    async def get_online_features_async(
        self, features: Sequence[str], entity_rows: Sequence[Mapping[str, Any]], *, at: datetime | None = None
    ) -> OnlineFeatures:
        """The same without holding up the event loop while tiles are read.

        The registry is asked on the loop's thread, once a second for each view.
        """
        instant = _instant(at)
        asked = self._asked(features, entity_rows)
        steps = answers(asked, entity_rows, instant)
        try:
            wave = next(steps)
            while True:
                wave = steps.send(await self._tiles.read_async(wave))
        except StopIteration as end:
            return _answer(asked, entity_rows, end.value, instant)

    def typed_row(self, features: Sequence[str], texts: Mapping[str, str]) -> dict[str, Any]:
        """An entity row from texts, such as those of a command line: each key as its type in the views asked for.

        A text that is no such value, and an unknown key, stay as they are for `get_online_features` to refuse.
        """
        asked = [self._resolve(Reference.parse(text)) for text in features]
        types = {key.name: key.type for one in asked for key in one.group.keys}
        return {name: from_text(text, types.get(name, "str")) for name, text in texts.items()}

    def _asked(self, features: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[AskedFeature]:
        """The features that are asked for, of the versions that serve, for rows that have their keys."""
        asked = [self._resolve(Reference.parse(text)) for text in features]
        _check(asked, rows)
        return asked

    def _resolve(self, reference: Reference) -> AskedFeature:
        """A feature of the version that serves."""
        view = self._view(reference.view)
        if reference.feature not in view.features:
            hint = did_you_mean(reference.feature, view.features)
            msg = f"view {reference.view!r}, version {view.plan.version}: no feature {reference.feature!r}; {hint}"
            raise NotFoundError(msg)
        return AskedFeature(reference, view, *view.features[reference.feature])

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
        return ServedView.of(ViewPlan.from_dict(dict(plan)), made.tables, pointer.generation)


def _instant(at: datetime | None) -> Instant:
    """The asked time; RequestError for a time without zone."""
    now_us = time.time_ns() // 1000
    if at is None:
        return Instant(now_us, now_us, is_now=True)
    return Instant(asked_us("at", at), now_us, is_now=False)


def _check(asked: Sequence[AskedFeature], rows: Sequence[Mapping[str, Any]]) -> None:
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


def _answer(
    asked: Sequence[AskedFeature],
    entity_rows: Sequence[Mapping[str, Any]],
    rows: Sequence[tuple[FeatureValue, ...]],
    instant: Instant,
) -> OnlineFeatures:
    """The values with what they are values of."""
    return OnlineFeatures(
        features=tuple(_served(one) for one in asked),
        entity_rows=tuple(dict(row) for row in entity_rows),
        rows=tuple(rows),
        at=instant_of(instant.at_us),
        served_at=instant_of(instant.now_us),
    )


def _served(one: AskedFeature) -> ServedFeature:
    """A feature as the answer names it."""
    return ServedFeature(one.reference, one.feature.type, one.view.plan.version, one.view.generation)
