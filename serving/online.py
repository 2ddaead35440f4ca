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
from typing import TYPE_CHECKING, Any

from headrace.compiler.plan import ViewPlan
from headrace.compiler.window_slices import Instant
from headrace.connectors.tile_store import TileReader
from headrace.errors import NotFoundError, did_you_mean
from headrace.features.instant import asked_us, instant_of
from headrace.features.reference import Reference
from headrace.registry.store import Registry
from headrace.serving.answering import AskedFeature, ServedView, answers
from headrace.serving.asking import Asked, Asking
from headrace.serving.given import feature_names, rows_of
from headrace.serving.on_demand import AskedOnDemand, OnDemandValues
from headrace.serving.request import from_text
from headrace.serving.result import FeatureValue, OnlineFeatures

if TYPE_CHECKING:
    from headrace.serving.given import EntityRows

#: How old the choice of version may be: a promotion is seen within this time, and a request seldom asks the registry.
POINTER_AGE_S = 1.0
#: Sets of features that are kept worked out: a caller asks for few of them, again and again.
KEPT_ASKINGS = 256


class OnlineStore:
    """Serves the features of one project. Safe to share between threads.

    >>> from headrace.connectors.sqlite_tiles import SqliteTiles
    >>> store = OnlineStore("demo", Registry("sqlite://"), SqliteTiles(":memory:"))
    >>> store.get_online_features(["clicks:clicks_1h"], [])
    Traceback (most recent call last):
    ...
    headrace.errors.NotFoundError: no view 'clicks': project 'demo' has no views yet; `headrace backfill FILE` adds one
    """

    def __init__(self, project: str, registry: Registry, tiles: TileReader) -> None:
        self.project = project
        self._registry = registry
        self._tiles = tiles
        self._views: dict[str, tuple[float, ServedView]] = {}
        self._askings: dict[tuple[str, ...], Asking] = {}
        self._on_demand = OnDemandValues()

    def get_online_features(
        self, features: Sequence[str], entity_rows: EntityRows, *, at: datetime | str | None = None
    ) -> OnlineFeatures:
        """The values of features (`view:feature`) for entities (key by name), at an instant (default: now).

        Entities are rows, columns (`{"account_id": ["a1", "a2"]}`), a DataFrame or an Arrow table; a row also has the
        request columns of the on-demand features that are asked for. `at` may be text: `"2026-11-19T12:00:00Z"`.

        Raises NotFoundError (unknown view or feature, with a suggestion), RequestError (no list of features or rows; a
        key or request column is missing, unknown or mistyped, naming row and column; a naive time), ConnectorError
        (the store fails), NumericOverflowError (a number of an on-demand feature is beyond its type).
        """
        instant = _instant(at)
        asking = self._asking(features)
        rows = rows_of(entity_rows)
        asking.check(rows)
        steps = answers(asking.read, asking.tables, rows, instant)
        try:
            wave = next(steps)
            while True:
                wave = steps.send(self._tiles.read(wave))
        except StopIteration as end:
            return self._answer(asking, rows, end.value, instant)

    async def get_online_features_async(
        self, features: Sequence[str], entity_rows: EntityRows, *, at: datetime | str | None = None
    ) -> OnlineFeatures:
        """The same without holding up the event loop while tiles are read.

        The registry is asked on the loop's thread, once a second for each view.
        """
        instant = _instant(at)
        asking = self._asking(features)
        rows = rows_of(entity_rows)
        asking.check(rows)
        steps = answers(asking.read, asking.tables, rows, instant)
        try:
            wave = next(steps)
            while True:
                wave = steps.send(await self._tiles.read_async(wave))
        except StopIteration as end:
            return self._answer(asking, rows, end.value, instant)

    def typed_row(self, features: Sequence[str], texts: Mapping[str, str]) -> dict[str, Any]:
        """An entity row from texts, such as those of a command line: each value as its type in the views asked for.

        A text that is no such value, and an unknown key, stay as they are for `get_online_features` to refuse.
        """
        asking = self._asking(features)
        types = {column.name: column.type for column in (*asking.keys, *(one.column for one in asking.request))}
        return {name: from_text(text, types.get(name, "str")) for name, text in texts.items()}

    def _asking(self, features: Sequence[str]) -> Asking:
        """The features that are asked for, of the versions that serve."""
        names = feature_names(features)
        kept = self._askings.get(names)
        if kept is not None and all(self._view(name) is view for name, view in kept.views.items()):
            return kept
        made = Asking.of([self._resolve(Reference.parse(text)) for text in names])
        if len(self._askings) >= KEPT_ASKINGS:
            self._askings.clear()
        self._askings[names] = made
        return made

    def _resolve(self, reference: Reference) -> Asked:
        """A feature of the version that serves."""
        view = self._view(reference.view)
        if reference.feature in view.on_demand:
            return AskedOnDemand.of(reference, view)
        if reference.feature not in view.features:
            hint = did_you_mean(reference.feature, view.plan.names)
            msg = f"view {reference.view!r}, version {view.plan.version}: no feature {reference.feature!r}; {hint}"
            raise NotFoundError(msg)
        return AskedFeature.of(reference, view)

    def _view(self, name: str) -> ServedView:
        """The version that serves, at most `POINTER_AGE_S` old."""
        looked_up, found = self._views.get(name, (-POINTER_AGE_S, None))
        if found is None or time.monotonic() - looked_up > POINTER_AGE_S:
            found = self._look_up(name, found)
            self._views[name] = (time.monotonic(), found)
        return found

    def _look_up(self, name: str, before: ServedView | None) -> ServedView:
        """What the registry says serves; NotFoundError for an unknown view, or one of which nothing serves.

        It is the one before where the pointer is: what a version computes, and its tables, never change.
        """
        self._registry.check_view(self.project, name)
        pointer = self._registry.pointer(self.project, name)
        if pointer is None:
            msg = f"view {name!r}: no version serves yet; backfill it, or promote one"
            raise NotFoundError(msg)
        if before is not None and (before.plan.version, before.generation) == (pointer.version, pointer.generation):
            return before
        plan = self._registry.version(self.project, name, pointer.version).plan
        made = self._registry.materialization(self.project, name, pointer.version, pointer.generation)
        return ServedView.of(ViewPlan.from_dict(dict(plan)), made.tables, pointer.generation)

    def _answer(
        self,
        asking: Asking,
        entity_rows: Sequence[Mapping[str, Any]],
        read: Sequence[tuple[FeatureValue, ...]],
        instant: Instant,
    ) -> OnlineFeatures:
        """The values with what they are values of; those on demand are computed here."""
        return OnlineFeatures(
            features=asking.served,
            entity_rows=tuple(dict(row) for row in entity_rows),
            rows=tuple(self._rows(asking, entity_rows, read)),
            at=instant_of(instant.at_us),
            served_at=instant_of(instant.now_us),
        )

    def _rows(
        self, asking: Asking, entity_rows: Sequence[Mapping[str, Any]], read: Sequence[tuple[FeatureValue, ...]]
    ) -> Sequence[tuple[FeatureValue, ...]]:
        """The value of each feature that was asked for, from those that were read."""
        if asking.is_read_whole or not entity_rows:
            return read
        references = [one.reference for one in asking.read]
        columns: dict[Reference, Sequence[FeatureValue]] = dict(zip(references, zip(*read, strict=True), strict=True))
        computed = self._on_demand.of(asking.on_demand, columns, entity_rows)
        columns |= computed
        return list(zip(*(columns[one.reference] for one in asking.asked), strict=True))


def _instant(at: datetime | str | None) -> Instant:
    """The asked time; RequestError for what is none, or has no zone."""
    now_us = time.time_ns() // 1000
    if at is None:
        return Instant(now_us, now_us, is_now=True)
    return Instant(asked_us("at", at), now_us, is_now=False)
