"""Flights that look two tables up, random rows of all three, and what each flight sees: a loop over all rows."""

# ruff: noqa: RUF012 (as users write it)
from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headrace import Dimension, FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation
from headrace.features.transformation import Transformation

Row = dict[str, Any]
START = datetime(2026, 3, 1, tzinfo=UTC)
INSTANT = pa.timestamp("us", tz="UTC")
#: Columns of planes, one of each type that a look-up gives as it is.
OF_PLANE = ("model", "weight", "seats", "built", "checked")


class Flights(Source):
    """Flights, each of them an entity of its own."""

    history = IcebergTable("raw.flights")
    id: int
    plane: str | None
    airline: str | None
    gate: int | None
    ts: datetime = event_time()


class Planes(Dimension):
    """What is known of a plane, at all times."""

    history = IcebergTable("ref.planes")
    key = "tail"
    tail: str
    model: str | None
    weight: float | None
    seats: int | None
    leased: bool | None
    built: date | None
    checked: datetime | None


class Gates(Dimension):
    """Where an airline has its gates."""

    history = IcebergTable("ref.gates")
    key = ["number", "airline"]
    number: int
    airline: str
    distance: int


def of_plane(column: str) -> Transformation:
    """The last value of a column of the flight's plane, under the column's name."""

    def last(tx: Flights, wspec: WindowSpec):
        return tx.lookup(Planes, by="plane").groupby("id")[column].window(wspec).last()

    last.__name__ = column
    return transformation(last)


@transformation
def leased(tx: Flights, wspec: WindowSpec):
    joined = tx.lookup(Planes, by="plane")
    return joined[joined.leased].groupby("id").window(wspec).count()


@transformation
def flights(tx: Flights, wspec: WindowSpec):
    return tx.groupby("id").window(wspec).count()


@transformation
def distance(tx: Flights, wspec: WindowSpec):
    return tx.lookup(Gates, by=["gate", "airline"]).groupby("id")["distance"].window(wspec).last()


class Flown(FeaturePipeline):
    """What flights see of look-up tables, and how many they are."""

    owner = "data@example.com"
    clock = "event"
    features = [each.over("9d") for each in (*map(of_plane, OF_PLANE), leased, flights, distance)]


FLIGHTS = pa.schema(
    [("id", pa.int64()), ("plane", pa.string()), ("airline", pa.string()), ("gate", pa.int64()), ("ts", INSTANT)]
)
PLANES = pa.schema(
    [
        ("tail", pa.string()),
        ("model", pa.string()),
        ("weight", pa.float64()),
        ("seats", pa.int64()),
        ("leased", pa.bool_()),
        ("built", pa.date32()),
        ("checked", INSTANT),
    ]
)
GATES = pa.schema([("number", pa.int64()), ("airline", pa.string()), ("distance", pa.int64())])


def some_flights(chance: random.Random, n: int) -> list[Row]:
    """Flights of planes, airlines and gates that are known, unknown, or missing, at any time of two days."""
    return [
        {
            "id": number,
            "plane": chance.choice(["a", "b", "c", "", "nobody", None]),
            "airline": chance.choice(["kl", "lh", None]),
            "gate": chance.choice([0, 1, 2, 9, None]),
            "ts": START + timedelta(microseconds=chance.randrange(2 * 86_400_000_000)),
        }
        for number in range(n)
    ]


def some_planes(chance: random.Random) -> list[Row]:
    """A row for each of some planes, in any order, and rows without a key, which are none."""
    tails = chance.sample(["a", "b", "c", "", None, None, "spare"], 7)
    return [
        {
            "tail": tail,
            "model": chance.choice([None, "A320", f"m{number}"]),
            "weight": chance.choice([None, 0.25, -1e300]),
            "seats": chance.choice([None, -number, 2**62]),
            "leased": chance.choice([None, True, False]),
            "built": chance.choice([None, date(1969, 12, 31), date(2024, 2, 29)]),
            "checked": chance.choice([None, START + timedelta(days=400, microseconds=number)]),
        }
        for number, tail in enumerate(tails)
    ]


def some_gates(chance: random.Random) -> list[Row]:
    """A row for each of some pairs, and pairs of which a part is missing, which are none."""
    pairs = [(0, "kl"), (1, "kl"), (1, "lh"), (None, "kl"), (None, "kl"), (2, None)]
    return [
        {"number": number, "airline": airline, "distance": 10 * place}
        for place, (number, airline) in enumerate(chance.sample(pairs, len(pairs)))
    ]


def found(rows: list[Row], **key: Any) -> Row:
    """The row that has a key, which is none where a part of it is missing; empty without one."""
    whole = None not in key.values()
    return next((row for row in rows if whole and all(row[name] == value for name, value in key.items())), {})


def meant(flight: Row, planes: list[Row], gates: list[Row]) -> Row:
    """By transformation what the loop finds for a flight, each an entity."""
    own = found(planes, tail=flight["plane"])
    gate = found(gates, number=flight["gate"], airline=flight["airline"])
    return {
        **{column: own.get(column) for column in OF_PLANE},
        "leased": int(own.get("leased") is True),
        "flights": 1,
        "distance": gate.get("distance"),
    }


def write(folder: Path, name: str, rows: list[Row], schema: pa.Schema) -> str:
    """Rows as a file."""
    path = folder / f"{name}.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return str(path)
