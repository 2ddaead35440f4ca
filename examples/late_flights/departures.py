"""What the model learns from: each departure with its features of that time, and what became of it, known at arrival.

A flight's features are asked for when its doors close, as long before it leaves as a report may be under way: so every
event that counts had been reported when the flight left. Its label comes when its arrival is reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import WindowMode
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field
from headrace.examples import flights
from headrace.examples.flights.events import MAX_REPORT_DELAY_S
from headrace.features.load import load_views
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.pipelines.training_set import TrainingSet
from headrace.runtime.platform import Platform

NAMESPACE, TABLE = "learning", "late_flights"
#: The files of the views: the main job's, and the weather's.
FILES = (Path(flights.__file__).with_name("features.py"), Path(__file__).with_name("features.py"))
#: The US Department of Transportation counts a flight as late from 15 minutes on.
LATE_MINUTES = 15
#: The main job's features that the model looks at, in two halves, which two threads compute at once: windows of the
#: three origins, which have most events, take as long as all others.
FLIGHT_FEATURES = (
    ("departure_delay_by_origin_1h", "departures_by_origin_1h"),
    ("planes_on_route_24h", "departure_delay_by_carrier_1h", "late_share_30d", "last_delay"),
)
WEATHER_FEATURES = ("temp", "dewp", "wind_speed", "precip", "visib", "pressure")
#: Weather that is older than this says nothing of now; at the end of the year there is none.
WEATHER_MODE = "ttl 3h"
#: How long before departure the features are asked for.
AHEAD = pd.Timedelta(seconds=MAX_REPORT_DELAY_S)

FLIGHT = ("flight_id", "carrier", "tail", "origin", "dest")
#: The whole numbers among the features; the others are floats.
COUNTS = ("departures_by_origin_1h", "planes_on_route_24h", "last_delay")
FEATURES = (*(name for half in FLIGHT_FEATURES for name in half), *WEATHER_FEATURES)
#: The rows' place in the order of their labels: partition 0, and numbers from 0 on.
PLACE = (Field("_src_partition", "int"), Field("_src_offset", "bigint"))
COLUMNS = (
    Field("flight_id", "bigint"),
    *(Field(name, "string") for name in FLIGHT[1:]),
    Field("departed_at", "timestamp"),
    *(Field(name, "bigint" if name in COUNTS else "double") for name in FEATURES),
    Field("late", "bigint"),
    Field("known_at", "timestamp"),
    *PLACE,
)


@dataclass(frozen=True)
class Labelled:
    """Departures with features and labels, in the order in which the labels came.

    Attributes:
        rows: the columns `COLUMNS`.
        departures: all of them; `never_arrived` have no label, and before `unknown` no event was reported.
        versions: of each view, the version whose features these are.
    """

    rows: pd.DataFrame
    departures: int
    never_arrived: int
    unknown: int
    versions: Mapping[str, str]


@cache
def views() -> tuple[ViewPlan, ...]:
    """The views of flights and of weather, each the only one of its file."""
    return tuple(plan_view(view) for file in FILES for view in load_views(file).views.values())


def flight_spine(events: pd.DataFrame) -> pd.DataFrame:
    """A row for each departure: when its features are asked for, and its label with the time at which it is known.

    `late` is 1, 0, or missing for a flight that never arrived; `known_at` is when the arrival was reported.
    """
    landed = events[events["kind"] == "arrival"].set_index("flight_id")
    spine = events.loc[events["kind"] == "departure", [*FLIGHT, "at"]].rename(columns={"at": "departed_at"})
    late = (landed["delay"] > LATE_MINUTES).astype("Int64")
    return spine.assign(
        asked_at=spine["departed_at"] - AHEAD,
        late=spine["flight_id"].map(late),
        known_at=spine["flight_id"].map(landed["reported_at"]),
    ).reset_index(drop=True)


def labelled_departures(platform: Platform, events: pd.DataFrame) -> Labelled:
    """All departures with their features, as they are served, and labels.

    Raises:
        NotFoundError: a view's history is not there.
    """
    spine, (flown, weather) = flight_spine(events), views()
    parts = [(flown, half) for half in FLIGHT_FEATURES] + [(weather, WEATHER_FEATURES)]
    with ThreadPoolExecutor(len(FLIGHT_FEATURES)) as pool:
        sets = list(pool.map(lambda part: _features(platform, spine, *part), parts))
    rows = pd.concat([spine, *(_values(found) for found in sets)], axis="columns")
    unknown = sorted({row for found in sets for row in found.outside})
    versions = {one.view: one.version for found in sets for one in found.features}
    known = rows.drop(index=unknown)
    arrived = known[known["late"].notna()].sort_values(["known_at", "flight_id"], ignore_index=True)
    placed = arrived.assign(_src_partition=0, _src_offset=range(len(arrived)))
    never = len(known) - len(arrived)
    return Labelled(placed[[field.name for field in COLUMNS]], len(spine), never, len(unknown), versions)


def create_table(platform: Platform) -> IcebergTable:
    """The table that the rows land in."""
    return platform.iceberg.create_table(NAMESPACE, TABLE, COLUMNS)


def _features(platform: Platform, spine: pd.DataFrame, view: ViewPlan, names: Sequence[str]) -> TrainingSet:
    """Features of one view: of the flights as they are served, of the weather the newest that is not too old."""
    is_weather = names is WEATHER_FEATURES
    windows: WindowMode = "exact" if is_weather else "tiled"
    pipeline = TrainingSetPipeline(platform, {view.name: view}, window_mode=windows, outside="flag")
    mode = WEATHER_MODE if is_weather else "recomputed"
    return pipeline.build(spine, names, event_time="asked_at", mode=mode)


def _values(found: TrainingSet) -> pd.DataFrame:
    """The features alone, in the order of the spine, NULL being neither NaN nor 0."""
    return found.to_pandas()[[one.name for one in found.features]]
