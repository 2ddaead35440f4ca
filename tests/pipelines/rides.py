"""Rides that another system keeps in its own tables, and their oracle: SQL written by hand over its Parquet files."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

START = datetime(2026, 1, 1, tzinfo=UTC)
CITIES = ["ams", "são paulo", "a/b%"]
TIMES = [START + timedelta(hours=hours) for hours in (5, 24, 48, 500)]
COLUMNS = ("turnover_1h", "turnover_1d", "heavy_1d", "express_1d", "rides_1d", "newest_1d", "load", "seen")

FEATURES = '''
"""Rides of a fleet."""
from datetime import datetime
from typing import Literal

from headrace import (
    DeltaTable, FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation
)


class Rides(Source):
    """Rides, in cents and kilograms."""

    history = {history}
    {options}
    ride_id: int
    city: str
    status: Literal["done", "cancelled"]
    cents: int
    weight: float | None
    express: bool | None
    started_at: datetime = event_time(max_delay="1m")
    reported_at: datetime | None


@transformation
def turnover(rides: Rides, wspec: WindowSpec):
    return rides[rides.status == "done"].groupby("city")["cents"].window(wspec).sum()


@transformation
def heavy(rides: Rides, wspec: WindowSpec):
    return rides.groupby("city")["weight"].window(wspec).mean()


@transformation
def express(rides: Rides, wspec: WindowSpec):
    return rides[rides.express].groupby("city").window(wspec).count()


@transformation
def rides(rides: Rides, wspec: WindowSpec):
    return rides.groupby("city")["ride_id"].window(wspec).count_distinct()


@transformation
def newest(rides: Rides, wspec: WindowSpec):
    return rides.groupby("city")["reported_at"].window(wspec).max()


@transformation
def load(rides: Rides, wspec: WindowSpec):
    return rides.groupby("city")["weight"].last()


@transformation
def seen(rides: Rides, wspec: WindowSpec):
    return rides.groupby("city")["started_at"].last()


class CityRides(FeaturePipeline):
    """What a city rides."""

    owner = "fleet@example.com"
    clock = "event"
    tile = "10m"
    features = [
        turnover.over("1h", "1d"), heavy.over("1d"), express.over("1d"), rides.over("1d"), newest.over("1d"), load, seen
    ]
'''
# A row that is right; each of the wrong ones differs in one value.
WHOLE = {
    "ride_id": 1,
    "city": "ams",
    "status": "done",
    "cents": 100_000,
    "weight": 1.5,
    "express": True,
    "started_at": START + timedelta(hours=5),
    "reported_at": START + timedelta(hours=5),
}
WRONG = [
    {**WHOLE, "city": None},
    {**WHOLE, "ride_id": None},
    {**WHOLE, "status": "lost"},
    {**WHOLE, "started_at": None},
    {**WHOLE, "started_at": datetime(1970, 1, 1, tzinfo=UTC)},
    {**WHOLE, "started_at": datetime(2100, 1, 1, tzinfo=UTC)},
    {**WHOLE, "weight": float("nan")},
    {**WHOLE, "reported_at": None, "cents": 1},
]
SCHEMA = pa.schema(
    [
        ("ride_id", pa.int64()),
        ("city", pa.string()),
        ("status", pa.string()),
        ("cents", pa.int64()),
        ("weight", pa.float64()),
        ("express", pa.bool_()),
        ("started_at", pa.timestamp("us", "UTC")),
        ("reported_at", pa.timestamp("us", "UTC")),
        ("driver", pa.string()),
    ]
)

ICEBERG_TYPES = {
    "ride_id": "bigint",
    "city": "string",
    "status": "string",
    "cents": "bigint",
    "weight": "double",
    "express": "boolean",
    "started_at": "timestamp",
    "reported_at": "timestamp",
    "driver": "string",
}


def rides(count: int, seed: int) -> pa.Table:
    """Random rides of three days, crowded around edges of tiles, with NULLs and late reports.

    Just before each of `TIMES` every city has rides of one instant, which only their places tell apart.
    """
    chance = random.Random(seed)
    made = [_ride(chance, number) for number in range(count)]
    for number, at in enumerate([*TIMES[:3], START + timedelta(days=3, hours=1)] * len(CITIES) * 4):
        tied = {
            "city": CITIES[number % len(CITIES)],
            "weight": number / 4,
            "started_at": at - timedelta(microseconds=1),
        }
        made.append({**WHOLE, **tied, "reported_at": at, "driver": "twin"})
    return pa.Table.from_pylist(made, schema=SCHEMA)


def wrong() -> pa.Table:
    """A row for each reason to be a dead letter; the last is none where rows are not judged by their reports."""
    return pa.Table.from_pylist([{**row, "driver": "x"} for row in WRONG], schema=SCHEMA)


def _ride(chance: random.Random, number: int) -> dict[str, Any]:
    seconds = chance.choice([chance.randrange(3 * 86_400), 600 * chance.randrange(432)])
    started = START + timedelta(seconds=seconds, microseconds=chance.choice([0, 0, 1, 999_999]))
    late = timedelta(days=2) if chance.random() < 0.02 else timedelta(seconds=3)
    return {
        "ride_id": chance.randrange(500),
        "city": chance.choice(CITIES),
        "status": chance.choice(["done", "done", "cancelled"]),
        "cents": chance.randrange(-500, 5000),
        "weight": chance.choice([None, chance.randrange(400) / 4]),
        "express": chance.choice([None, True, False]),
        "started_at": started,
        "reported_at": started + late,
        "driver": f"driver {number}",
    }


VERDICTS_SQL = """
SELECT
  CASE WHEN city IS NULL OR ride_id IS NULL OR cents IS NULL OR started_at IS NULL OR isnan(weight)
         OR status IS NULL OR status NOT IN ('done', 'cancelled')
         OR started_at < TIMESTAMPTZ '2000-01-01 00:00:00+00'
         OR started_at > TIMESTAMPTZ '2099-01-01 00:00:00+00'
         OR ($judged AND reported_at IS NULL) THEN 'dead_letter'
       WHEN $judged AND started_at < reported_at - INTERVAL 1 DAY THEN 'late'
       ELSE 'accepted' END AS verdict,
  *
FROM rides
"""
VALUES_SQL = """
SELECT city,
  sum(cents) FILTER (status = 'done' AND started_at >= $at - INTERVAL 1 HOUR) AS turnover_1h,
  sum(cents) FILTER (status = 'done' AND started_at >= $at - INTERVAL 1 DAY) AS turnover_1d,
  avg(weight) FILTER (started_at >= $at - INTERVAL 1 DAY) AS heavy_1d,
  count(*) FILTER (express AND started_at >= $at - INTERVAL 1 DAY) AS express_1d,
  count(DISTINCT ride_id) FILTER (started_at >= $at - INTERVAL 1 DAY) AS rides_1d,
  max(reported_at) FILTER (started_at >= $at - INTERVAL 1 DAY) AS newest_1d,
  arg_max_null(weight, (started_at, place)) AS load,
  max(started_at) AS seen
FROM judged WHERE verdict = 'accepted' AND started_at < $at GROUP BY city
"""


class Oracle:
    """Verdicts and values over Parquet files, in the order of the files and of the rows in them.

    `judged`: whether rows are late by `reported_at`.
    """

    def __init__(self, files: Sequence[str], *, judged: bool) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        place = "(filename, file_row_number) AS place"
        options = "filename = true, file_row_number = true, hive_partitioning = true, hive_types_autocast = false"
        self.connection.execute(
            f"CREATE TABLE rides AS SELECT * EXCLUDE (filename, file_row_number), {place} "
            f"FROM read_parquet([{listed}], {options})"
        )
        self.connection.execute(f"CREATE TABLE judged AS {VERDICTS_SQL.replace('$judged', str(judged))}")

    def verdicts(self) -> dict[str, int]:
        """Rows by verdict."""
        return dict(self.connection.execute("SELECT verdict, count(*) FROM judged GROUP BY verdict").fetchall())

    def values(self, at: datetime) -> dict[str, dict[str, Any]]:
        """The features of each city at a time."""
        rows = self.connection.execute(VALUES_SQL, {"at": at}).fetchall()
        return {row[0]: dict(zip(COLUMNS, row[1:], strict=True)) for row in rows}
