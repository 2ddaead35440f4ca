"""Trips that are archived in Iceberg and served from SQLite, without a server, and their oracle: a loop over all trips.

What a job would have written to the store is what DuckDB folds of some of the rows; what the job says of itself is a
ledger written by hand.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan, table_name
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE, OFFSET_TILES, archive_fields
from headrace.features.load import load_views
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.pipelines.consistency import Consistency
from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
from headrace.pipelines.store_fill import fill_store
from headrace.registry.store import Run
from headrace.runtime.online_store import OpenStore, open_store
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.serving.online import OnlineStore
from headrace.serving.result import OnlineFeatures

FEATURES = '''
from datetime import datetime
from typing import Literal
from headrace import (
    FeaturePipeline, Features, IcebergTable, KafkaTopic, Request, Source, WindowSpec, event_time, on_demand,
    transformation
)

class Trips(Source):
    """Trips of a town's cars."""
    history = IcebergTable("raw.trips")
    live = KafkaTopic("trips")
    arrival_time = "reported"
    town: str
    car: int
    cents: int
    far: bool
    metres: float
    ended: datetime = event_time(max_delay="1m")
    reported: datetime

@transformation
def trips(tx: Trips, wspec: WindowSpec):
    return tx.groupby("town").window(wspec).count()

@transformation
def fares(tx: Trips, wspec: WindowSpec):
    return tx.groupby("town")["cents"].window(wspec).mean()

@transformation
def takings(tx: Trips):
    return tx.groupby("town")["cents"].sum()

@transformation
def cars(tx: Trips, wspec: WindowSpec):
    return tx.groupby("town")["car"].window(wspec).count_distinct()

@transformation
def far_share(tx: Trips, wspec: WindowSpec):
    far = tx[tx.far].groupby("town").window(wspec).count()
    return far / tx.groupby("town").window(wspec).count()

@transformation
def last_car(tx: Trips):
    return tx.groupby("town")["car"].last()

@transformation
def recent_car(tx: Trips, wspec: WindowSpec):
    return tx.groupby("town")["car"].window(wspec).last()

@transformation
def distance(tx: Trips, wspec: WindowSpec):
    return tx.groupby("town")["metres"].window(wspec).sum()

@transformation
def far_trips(tx: Trips, wspec: WindowSpec):
    """Over a key of its own, behind a filter."""
    return tx[tx.far].groupby("car").window(wspec).count()

class Quote(Request):
    offer: float
    tariff: Literal["day", "night"] | None

class Promise(Request):
    seconds: int

@on_demand
def fare_each(f: Features):
    return f.fares_3d / f.trips_3d

@on_demand
def rush(f: Features):
    return f.trips_1h.fill_null(-1)

@on_demand
def pairs(f: Features):
    return f.cars_1d * 2

@on_demand
def rides(f: Features):
    """Of a town and a car."""
    return f.far_trips_1d + f.trips_3d

@on_demand
def left_over(q: Quote, f: Features):
    return q.offer - f.distance_3d

@on_demand
def at_night(q: Quote):
    return q.tariff == "night"

@on_demand
def promised(p: Promise):
    return p.seconds.cast("timestamp")


class TownTrips(FeaturePipeline):
    """What towns and cars do."""
    owner = "town@example.com"
    clock = "{clock}"
    features = [
        trips.over("1h", "3d", WindowSpec("1h", lag="2h")),
        fares.over("3d"),
        takings,
        cars.over("1d"),
        far_share.over("1d"),
        last_car,
        recent_car.over("3h"),
        distance.over("3d"),
        far_trips.over("1d"),
        fare_each,
        rush,
        pairs,
        rides,
        left_over,
        at_night,
        promised,
    ]
'''
#: Where all windows begin and end with their tiles.
MIDNIGHT = datetime(2026, 3, 4, tzinfo=UTC)
#: Inside tiles of every level.
AFTERNOON = datetime(2026, 3, 3, 15, 23, 41, 7, tzinfo=UTC)
PROJECT, VIEW = "demo", "town_trips"


@dataclass(frozen=True)
class Trip:
    """A trip; its record was taken by the log when it was reported unless said otherwise."""

    town: str
    car: int
    cents: int
    far: bool
    ended: datetime
    reported: datetime
    logged: datetime | None = None
    metres: float = 250.0


def trip(ended: datetime, town: str = "t0", car: int = 1, **changes: Any) -> Trip:
    """A trip that was reported at once."""
    return replace(Trip(town, car, 100, True, ended, ended + timedelta(seconds=2)), **changes)


def trips(count: int = 400, seed: int = 7) -> list[Trip]:
    """Random trips of four days, out of order, some of them at one instant."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        minutes = chance.choice([chance.randrange(4 * 1440), 60 * chance.randrange(96)])
        ended = MIDNIGHT - timedelta(minutes=minutes, microseconds=chance.randrange(2))
        car = chance.randrange(30)
        # Cars below 5 never go far: no filter lets any of their trips in.
        far = car >= 5 and chance.random() < 0.5
        found.append(trip(ended, f"t{chance.randrange(3)}", car, cents=chance.randrange(5_000), far=far))
    return found


class Depot:
    """An archive and a store of a test's own."""

    def __init__(self, folder: Path, opened: OpenStore, platform: Platform, clock: str) -> None:
        self.opened, self.platform, self.file = opened, platform, folder / "online.db"
        place = folder / "features.py"
        place.write_text(FEATURES.replace("{clock}", clock))
        self.plan: ViewPlan = plan_view(load_views(place).views[VIEW])
        self.history = self._table("trips")
        self.online = OnlineStore(PROJECT, opened.registry, opened.tiles)
        self.names = [f"{VIEW}:{feature.name}" for feature in self.plan.features]

    def archive(self, rows: Sequence[Trip]) -> None:
        """Append trips to history, all of partition 0."""
        self._append(self.history, rows)

    def serve(self, rows: Sequence[Trip], plan: ViewPlan | None = None) -> None:
        """Let the store have what a job makes of these trips."""
        name = f"served_{len(self.platform.iceberg.tables('raw'))}"
        self._append(self._table(name), rows)
        fill_store(plan or self.plan, f"raw.{name}", self.platform.iceberg.named, self.opened, project=PROJECT)

    def commit(self, last_offset: int) -> None:
        """Let a run say that it has committed up to an offset."""
        self.opened.registry.add_run(Run("run-1", PROJECT, VIEW, self.plan.version, {}, job_id="job"))
        self.more_committed(last_offset)

    def more_committed(self, last_offset: int) -> None:
        """Let the run have committed further."""
        table = self.platform.iceberg.create_table(LEDGER_NAMESPACE, OFFSET_TILES_TABLE, OFFSET_TILES)
        values = {
            "run": "run-1",
            "view": VIEW,
            "leg": "live",
            "topic": "trips",
            "partition": 0,
            "max_offset": last_offset,
        }
        row = {field.name: values.get(field.name) for field in OFFSET_TILES}
        table.append(pa.Table.from_pylist([row], schema=table.table.schema().as_arrow()))

    def check(self, **options: Any) -> ConsistencyCheck:
        return ConsistencyCheck(self.platform, serving_version(self.opened.registry, PROJECT, VIEW), **options)

    def read(self, at: datetime, sample: int | None = None, **options: Any) -> list[OnlineFeatures]:
        """What the store gives at a time of all that history knows."""
        entities = self.check(**options).entities(at, sample)
        return [self.online.get_online_features(one.features, one.rows, at=at) for one in entities]

    def compare(self, answers: Sequence[OnlineFeatures], **options: Any) -> Consistency:
        """Answers beside history."""
        return self.check(**options).compare([one.to_dict(statuses=True, asked=True) for one in answers], "test")

    def now(self, at: datetime, **options: Any) -> Consistency:
        """The store beside history."""
        return self.compare(self.read(at), **options)

    def alter(self, change: str, where: str) -> None:
        """Change tiles of the store behind its back: `DELETE FROM {tiles}` where, or `UPDATE {tiles} SET ...`."""
        group = next(group for group in self.plan.groups if [key.name for key in group.keys] == ["town"])
        tiles = table_name(PROJECT, VIEW, group.fingerprint, 1)
        with sqlite3.connect(self.file) as connection:
            done = connection.execute(f"{change.format(tiles=tiles)} WHERE {where}")
            assert done.rowcount > 0

    def _table(self, name: str) -> IcebergTable:
        return self.platform.iceberg.create_table("raw", name, archive_fields(self.plan.source.columns))

    def _append(self, table: IcebergTable, rows: Sequence[Trip]) -> None:
        first = table.refresh().row_count()
        whole = [
            {
                **vars(row),
                "_src_topic": "trips",
                "_src_partition": 0,
                "_src_offset": first + number,
                "_src_timestamp": row.logged or row.reported,
                "_raw": None,
                "_error": None,
            }
            for number, row in enumerate(rows)
        ]
        schema = table.table.schema().as_arrow()
        columns = {field.name: pa.array([row[field.name] for row in whole], field.type) for field in schema}
        table.append(pa.table(columns, schema=schema))
        table.refresh()


@contextmanager
def depot_in(folder: Path, clock: str = "event") -> Iterator[Depot]:
    """A depot in an empty folder."""
    catalog = IcebergCatalog.sqlite("lake", folder / "lake")
    (folder / "lake").mkdir()
    flags = {
        "home": str(folder / "home"),
        "project": PROJECT,
        "iceberg": {"catalog": catalog.name, "properties": dict(catalog.properties)},
        "online": {"store": "sqlite", "file": str(folder / "online.db")},
    }
    settings = load_settings(flags=flags, environment={}, folder=folder)
    with open_store(settings, create=True) as opened:
        yield Depot(folder, opened, Platform(settings), clock)


def counted(rows: Sequence[Trip], town: str, start: datetime, end: datetime) -> int:
    """How many trips of a town ended from a start on, before an end."""
    return sum(one.town == town and start <= one.ended < end for one in rows)


def floored(instant: datetime, tile: timedelta) -> datetime:
    """An instant rounded down to a tile."""
    return instant - (instant - datetime(1970, 1, 1, tzinfo=UTC)) % tile
