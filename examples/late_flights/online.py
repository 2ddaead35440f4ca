"""What is served online, asked as each flight's doors close, beside what the model learns from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from headrace.compiler.equality import same
from headrace.compiler.plan import ViewPlan
from headrace.examples.flights.checks import SHOWN, Comparison
from headrace.examples.late_flights.departures import AHEAD, COLUMNS, FLIGHT_FEATURES
from headrace.examples.late_flights.history import arrow_rows
from headrace.registry.store import Registry
from headrace.serving.online import OnlineStore
from headrace.serving.result import FeatureValue, OnlineFeatures

#: So many departures are asked for, drawn by a seed.
SAMPLE, SEED = 1_000, 7
#: Requests under way at once: enough to keep the store busy, few enough that none waits for long.
AT_ONCE = 32
#: The features that the main job serves.
SERVED = tuple(name for half in FLIGHT_FEATURES for name in half)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class AsServed:
    """What was served beside what is learned.

    Attributes:
        found: all values but those of `unknown`.
        unknown: counts of entities of which nothing had happened yet: missing where they are learned, and 0 where they
            are read later, as the store by then knows the entity, and not since when.
    """

    found: Comparison
    unknown: int


def is_served(registry: Registry, project: str, view: ViewPlan) -> bool:
    """Whether this very version of a view is what is served."""
    pointer = registry.pointer(project, view.name)
    return pointer is not None and pointer.version == view.version


def as_served(store: OnlineStore, view: ViewPlan, rows: pd.DataFrame, events: pd.DataFrame) -> AsServed:
    """A sample of rows, read from the online store as of when each was asked for, value by value.

    Args:
        rows: with the columns of `departures.COLUMNS`.
        events: all events, by which it is known since when there is an entity.
    """
    sample = rows.sample(min(SAMPLE, len(rows)), random_state=SEED)
    learned = arrow_rows(sample, COLUMNS).to_pylist()
    answers = asyncio.run(_read(store, view, learned))
    keys = {name: _keys(view, name) for name in SERVED}
    begins = {name: events.groupby(list(keys[name]))["at"].min().to_dict() for name in SERVED}
    compared = unknown = 0
    differences: list[str] = []
    for row, answer in zip(learned, answers, strict=True):
        for name, value in zip(SERVED, answer.rows[0], strict=True):
            entity = tuple(row[key] for key in keys[name])
            begun = begins[name][entity if len(entity) > 1 else entity[0]]
            if _was_unknown(row[name], value) and begun >= row["departed_at"] - AHEAD:
                unknown += 1
                continue
            compared += 1
            if not same(value.value, row[name]):
                told = f"{name} of flight {row['flight_id']}: served {value.value!r}, learned {row[name]!r}"
                differences.append(told)
    return AsServed(Comparison(compared, len(differences), tuple(differences[:SHOWN])), unknown)


async def _read(store: OnlineStore, view: ViewPlan, rows: Sequence[Row]) -> list[OnlineFeatures]:
    """The features of each row's entities, at the time at which they were asked for."""
    features = [f"{view.name}:{name}" for name in SERVED]
    keys = sorted({key for name in SERVED for key in _keys(view, name)})
    free = asyncio.Semaphore(AT_ONCE)

    async def read(row: Row) -> OnlineFeatures:
        async with free:
            entity = {key: row[key] for key in keys}
            return await store.get_online_features_async(features, [entity], at=row["departed_at"] - AHEAD)

    return await asyncio.gather(*map(read, rows))


def _was_unknown(learned: Any, served: FeatureValue) -> bool:
    return learned is None and served.value == 0


def _keys(view: ViewPlan, name: str) -> tuple[str, ...]:
    """The names of a feature's keys."""
    (feature,) = (one for one in view.features if one.name == name)
    return tuple(key.name for key in view.group(feature.group).keys)
