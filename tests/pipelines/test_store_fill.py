"""A store filled from a file, without a server: what is served from it is what `headrace run` computes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.compiler.served import Status
from headrace.connectors.iceberg import IcebergTable
from headrace.errors import ConnectorError, RequestError
from headrace.features.load import load_views
from headrace.pipelines.local_run import run_locally
from headrace.pipelines.store_fill import StoreFill, fill_store
from headrace.runtime.online_store import OpenStore, memory_store, open_store
from headrace.runtime.settings import load_settings
from headrace.serving.online import OnlineStore

FEATURES = """
from datetime import datetime
from headrace import FeaturePipeline, Source, KafkaTopic, WindowSpec, event_time, transformation

class Rides(Source):
    live = KafkaTopic("rides")
    city: str
    rider: int
    cents: int | None
    level: int | None
    tile_start: int | None
    far: bool
    at: datetime = event_time()

@transformation
def rides(tx: Rides, wspec: WindowSpec):
    return tx.groupby("city").window(wspec).count()

@transformation
def riders(tx: Rides, wspec: WindowSpec):
    return tx.groupby("city")["rider"].window(wspec).count_distinct()

@transformation
def fares(tx: Rides, wspec: WindowSpec):
    return tx.groupby("city")["cents"].window(wspec).std()

@transformation
def middle_fare(tx: Rides, wspec: WindowSpec):
    return tx.groupby("city")["cents"].window(wspec).median()

@transformation
def dearest(tx: Rides, wspec: WindowSpec):
    return tx[tx.far].groupby(["city", "far"])["cents"].window(wspec).max()

@transformation
def last_fare(tx: Rides):
    return tx.groupby("city")["cents"].last()

class Cities(FeaturePipeline):
    owner = "rides@example.com"
    clock = "{clock}"
    features = [
        rides.over("1h", "3d"),
        riders.over("1d"),
        fares.over("3d"),
        middle_fare.over("1d"),
        dearest.over("3d"),
        last_fare,
    ]
"""
END = datetime(2026, 3, 4, 12, tzinfo=UTC)


def plan_of(folder: Path, clock: str = "event") -> ViewPlan:
    file = folder / "features.py"
    file.write_text(FEATURES.replace("{clock}", clock))
    return plan_view(load_views(file).views["cities"])


def csv(folder: Path, end: datetime = END, rows: int = 200) -> str:
    """Rides every 25 minutes and a few µs until `end`."""
    place = folder / "rides.csv"
    lines = ["city,rider,cents,far,at"]
    for number in range(rows):
        at = end - timedelta(minutes=25 * number, microseconds=number)
        cents = "" if number % 7 == 0 else str(number * 10)
        lines.append(f"c{number % 3},{number % 5},{cents},{str(number % 2 == 0).lower()},{at.isoformat()}")
    place.write_text("\n".join(lines) + "\n")
    return str(place)


def never(name: str) -> IcebergTable:
    raise AssertionError(name)


def fill(plan: ViewPlan, given: str, store: OpenStore, **options: Any) -> StoreFill:
    return fill_store(plan, given, never, store, project="demo", **options)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OpenStore]:
    flags = {"online": {"store": "sqlite", "file": str(tmp_path / "online.db")}}
    with open_store(load_settings(flags=flags, environment={}, folder=tmp_path), create=True) as opened:
        yield opened


@pytest.mark.parametrize("at", [END, END - timedelta(hours=7, minutes=5), END - timedelta(days=2)])
def test_what_is_served_is_what_run_computes(tmp_path: Path, store: OpenStore, at: datetime) -> None:
    plan, given = plan_of(tmp_path), csv(tmp_path)
    fill(plan, given, store)
    online = OnlineStore("demo", store.registry, store.tiles)
    tables = run_locally(plan, given, never, as_of=at, window_mode="tiled").tables
    compared = 0
    for table in tables:
        keys = [name for name in table.column_names if name in {"city", "far"}]
        rows = table.select(keys).to_pylist()
        names = [name for name in table.column_names if name not in keys]
        served = online.get_online_features([f"cities:{name}" for name in names], rows, at=at)
        for expected, values in zip(table.to_pylist(), served.rows, strict=True):
            found = [value.value for value in values]
            assert found == [pytest.approx(expected[name]) for name in names]
            compared += len(found)
    assert compared == 6 * 3 + 3, "six of a city, and one of a city's far rides"


def test_what_is_written_again_or_as_a_part_changes_nothing(tmp_path: Path, store: OpenStore) -> None:
    plan, given = plan_of(tmp_path), csv(tmp_path)
    online = OnlineStore("demo", store.registry, store.tiles)

    def served() -> Any:
        return online.get_online_features(["cities:rides_3d", "cities:riders_1d"], [{"city": "c1"}], at=END).rows

    assert fill(plan, given, store).tiles.keys() == fill(plan, given, store, sample=9).tiles.keys()
    before = served()
    fill(plan, given, store, sample=50)
    fill(plan, given, store)
    assert served() == before


def test_by_the_wall_clock_what_has_expired_is_not_written(tmp_path: Path, store: OpenStore) -> None:
    plan = plan_of(tmp_path, "wall")
    now = datetime.fromtimestamp(time.time() // 300 * 300, UTC)
    old, new = fill(plan, csv(tmp_path, END), store), fill(plan, csv(tmp_path, now), store)
    assert old.expired > 0
    windowed = [group for group in plan.groups if None not in group.retentions_us]
    assert [old.tiles[f"demo_cities_{group.fingerprint}_g1"] for group in windowed] == [0] * len(windowed)
    assert new.expired == 0
    found = OnlineStore("demo", store.registry, store.tiles).get_online_features(
        ["cities:dearest_3d"], [{"city": "c0", "far": True}, {"city": "c9", "far": True}]
    )
    assert [row[0].status for row in found.rows] == [Status.PRESENT, Status.UNKNOWN_ENTITY]


def test_an_input_without_an_accepted_row_is_refused(tmp_path: Path, store: OpenStore) -> None:
    with pytest.raises(RequestError, match="no row is accepted"):
        fill(plan_of(tmp_path), csv(tmp_path, rows=0), store)
    assert store.registry.views("demo") == []


def test_a_store_in_memory_is_gone_afterwards_registry_and_all() -> None:
    with memory_store() as store:
        assert store.registry.views("local") == []
    with pytest.raises(ConnectorError, match="no such table"):
        store.registry.views("local")
