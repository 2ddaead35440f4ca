from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyiceberg.types import FloatType

from headrace.connectors import foreign
from headrace.connectors.delta import DeltaVersion, read_version
from headrace.connectors.foreign import IcebergVersion, shadow
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.prefix import PartitionPrefix
from headrace.connectors.schema import Field
from headrace.errors import NotFoundError, SchemaMismatchError

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
COLUMNS = (Field("id", "bigint"), Field("name", "string"), Field("at", "timestamp"))
FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


def rows(count: int, first: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "name": pa.array([None if number % 3 == 0 else f"n{number}" for number in numbers], pa.string()),
            "at": pa.array([NOON + timedelta(microseconds=number) for number in numbers], pa.timestamp("us", "UTC")),
            "unread": pa.array([b"x"] * count, pa.binary()),
        }
    )


@pytest.fixture
def catalog(tmp_path: Path) -> IcebergCatalog:
    return IcebergCatalog.sqlite("house", tmp_path / "lake")


@pytest.fixture
def delta(tmp_path: Path) -> DeltaVersion:
    path = str(tmp_path / "My Events")
    write_deltalake(path, rows(5))
    write_deltalake(path, rows(4, first=5), mode="append")
    return read_version(path)


def test_a_shadow_has_the_declared_columns_and_each_row_its_position(
    catalog: IcebergCatalog, delta: DeltaVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "COPY_ROWS", 2)
    made = shadow(catalog, delta, COLUMNS, "at")
    found = made.arrow().to_pylist()
    named = [{name: row[name] for name in ("id", "name", "at")} for row in sorted(found, key=lambda row: row["id"])]
    assert named == rows(9).drop(["unread"]).to_pylist()
    topic = delta.origin.topic
    assert made.prefix() == (PartitionPrefix(topic, 0, rows=9, distinct=9, min_offset=0, max_offset=8),)
    assert topic.endswith("My%20Events/@1")
    assert made.name.startswith("shadows.my_20events_")


def test_a_row_arrived_at_its_event_time_but_not_after_the_commit(catalog: IcebergCatalog, tmp_path: Path) -> None:
    path = str(tmp_path / "times")
    times = [NOON, FUTURE, None]
    write_deltalake(path, rows(3).set_column(2, "at", pa.array(times, pa.timestamp("us", "UTC"))))
    version = read_version(path)
    found = shadow(catalog, version, COLUMNS, "at").arrow().to_pylist()
    arrived = [row["_src_timestamp"] for row in sorted(found, key=lambda row: row["id"])]
    assert arrived == [NOON, version.committed_at, version.committed_at]


def test_a_shadow_is_made_once_for_a_version_and_its_columns(catalog: IcebergCatalog, delta: DeltaVersion) -> None:
    first, again = (shadow(catalog, delta, COLUMNS, "at") for _ in range(2))
    assert (again.uuid, again.current_snapshot_id()) == (first.uuid, first.current_snapshot_id())
    fewer = shadow(catalog, delta, (COLUMNS[0], COLUMNS[2]), "at")
    write_deltalake(delta.origin.name, rows(1, first=9), mode="append")
    newer = shadow(catalog, read_version(delta.origin.name), COLUMNS, "at")
    assert len({first.name, fewer.name, newer.name}) == 3
    assert (first.row_count(), fewer.row_count(), newer.row_count()) == (9, 9, 10)


def test_a_table_made_anew_at_its_place_gets_a_shadow_of_its_own(
    catalog: IcebergCatalog, delta: DeltaVersion, tmp_path: Path
) -> None:
    old = shadow(catalog, delta, COLUMNS, "at")
    (tmp_path / "My Events").rename(tmp_path / "old")
    for first in (0, 2):
        write_deltalake(str(tmp_path / "My Events"), rows(2, first=first), mode="append")
    new = shadow(catalog, read_version(str(tmp_path / "My Events"), 1), COLUMNS, "at")
    assert (old.row_count(), new.row_count()) == (9, 4)


@dataclass(frozen=True)
class Slowed:
    """A version whose rows come only when all readers have begun."""

    version: DeltaVersion
    barrier: threading.Barrier

    def __getattr__(self, name: str) -> object:
        return getattr(self.version, name)

    def rows(self, columns: Sequence[Field]) -> Iterator[pa.Table]:
        self.barrier.wait(timeout=60)
        yield from self.version.rows(columns)


def test_two_who_make_a_shadow_at_once_make_one(catalog: IcebergCatalog, delta: DeltaVersion) -> None:
    slowed = Slowed(delta, threading.Barrier(2))
    made: list[int] = []

    def make() -> None:
        made.append(shadow(catalog, slowed, COLUMNS, "at").row_count())  # type: ignore[arg-type]

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [9, 9]


def test_a_copy_that_fails_leaves_nothing_to_be_taken_for_whole(
    catalog: IcebergCatalog, delta: DeltaVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "COPY_ROWS", 2)
    last = Path(delta.files[-1].uri.removeprefix("file://").replace("%20", " "))
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(NotFoundError, match="vacuumed"):
        shadow(catalog, delta, COLUMNS, "at")
    last.write_bytes(kept)
    assert shadow(catalog, delta, COLUMNS, "at").row_count() == 9


def test_a_float_of_32_bits_is_copied_as_the_number_that_it_is(catalog: IcebergCatalog) -> None:
    table = catalog.create_table("lake", "orders", COLUMNS)
    with table.table.update_schema() as change:
        change.add_column("amt", FloatType())
    given = rows(1).drop(["unread"]).append_column("amt", pa.array([0.1], pa.float32()))
    version = IcebergVersion(table, table.refresh().append(given))
    made = shadow(catalog, version, (*COLUMNS, Field("amt", "double")), "at")
    with duckdb.connect() as connection:
        assert made.relation(connection).project("amt, amt = 0.1").fetchall() == [(13421773 / 2**27, False)]


def test_other_columns_are_refused_with_what_was_found(catalog: IcebergCatalog, delta: DeltaVersion) -> None:
    wanted = (*COLUMNS, Field("amt", "double"), Field("unread", "string"))
    says = r"Delta table .* version 1: column amt: expected double, found none; column unread: expected .* found binary"
    with pytest.raises(SchemaMismatchError, match=says):
        shadow(catalog, delta, wanted, "at")
    assert catalog.tables(foreign.SHADOWS_NAMESPACE) == []


def test_a_snapshot_of_a_foreign_iceberg_table_is_copied_as_it_was(catalog: IcebergCatalog) -> None:
    table = catalog.create_table("lake", "orders", [*COLUMNS, Field("small", "int")])
    small = pa.array([1, 2, None], pa.int32())
    first = table.append(rows(3).drop(["unread"]).append_column("small", small))
    table.append(rows(3, first=3).drop(["unread"]).append_column("small", small))
    with table.table.update_schema() as update:
        update.rename_column("name", "title")
    table.refresh()
    columns = (*COLUMNS, Field("small", "bigint"))
    made = shadow(catalog, IcebergVersion(table, first), columns, "at")
    with duckdb.connect() as connection:
        found = made.relation(connection).order("id").project("id, name, small, _src_offset").fetchall()
    assert found == [(0, None, 1, 0), (1, "n1", 2, 1), (2, "n2", None, 2)]
    assert str(IcebergVersion(table, first).origin) == f"Iceberg table lake.orders version {first}"


def test_rows_of_a_later_commit_have_later_positions(catalog: IcebergCatalog) -> None:
    """So of two rows of one key and time the one that was written later is the newer one."""
    fields = (*COLUMNS, Field("unread", "binary"))
    table = catalog.create_table("raw", "events", fields)
    for first in (0, 5, 10):
        table.append(rows(5, first=first))
    version = IcebergVersion(table, table.refresh().current_snapshot_id() or 0)
    found = shadow(catalog, version, COLUMNS, "at").arrow().to_pylist()
    assert [row["id"] for row in sorted(found, key=lambda row: row["_src_offset"])] == list(range(15))


def test_a_time_without_zone_is_not_taken_for_an_instant(catalog: IcebergCatalog) -> None:
    from pyiceberg.types import TimestampType

    table = catalog.create_table("lake", "naive", [Field("id", "bigint")])
    with table.table.update_schema() as update:
        update.add_column("at", TimestampType())
    first = table.append(pa.table({"id": pa.array([1], pa.int64()), "at": pa.array([NOON.replace(tzinfo=None)])}))
    with pytest.raises(SchemaMismatchError, match="column at: expected timestamp, found timestamp without zone"):
        shadow(catalog, IcebergVersion(table, first), (Field("id", "bigint"), Field("at", "timestamp")), "at")


def test_a_snapshot_that_expired_is_named(catalog: IcebergCatalog) -> None:
    table = catalog.create_table("lake", "orders", COLUMNS)
    with pytest.raises(NotFoundError, match="no snapshot 42"):
        shadow(catalog, IcebergVersion(table, 42), COLUMNS, "at")
