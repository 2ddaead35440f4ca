"""Pinned rows: the split that is asked for and nothing later, with as few row groups read as statistics allow."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.types import DecimalType, TimestampType

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field
from headrace.errors import (
    ColumnTypeError,
    ConnectorError,
    DatasetError,
    DefinitionError,
    NotFoundError,
    RequestError,
    UnknownColumnError,
    UnsupportedError,
)
from headrace.registry.training_sets import TrainingSetRecord
from headrace.training.data import (
    Condition,
    Encoding,
    PinnedRows,
    Raw,
    Snapshot,
    TimeRange,
    before,
    entity_split,
    from_,
)
from headrace.training.data.filters import OPERATORS
from headrace.training.data.rows import RowReader

from .lake import FIELDS, HOUR_US, ROW_GROUP_LIMIT, START, START_US, catalog_at, fresh_folder, table_of, transactions
from .lake_changes import delete_first_row
from .test_hashing import expected

#: What each operator means, as Python has it.
COMPARED: dict[str, Callable[[float, float], bool]] = {
    "==": eq,
    "!=": ne,
    "<": lt,
    "<=": le,
    ">": gt,
    ">=": ge,
}


@pytest.fixture
def table(tmp_path: Path) -> IcebergTable:
    return table_of(tmp_path, [20, 30], group_rows=10)


def ids(rows: PinnedRows) -> list[int]:
    return [one for batch in rows.batches(["id"]) for one in batch["id"].to_pylist()]


@settings(max_examples=60)
@given(
    column=st.sampled_from(["id", "amt"]),
    operator=st.sampled_from(sorted(OPERATORS)),
    value=st.integers(-1, 14),
    group_rows=st.integers(1, 13),
)
def test_a_condition_keeps_what_a_loop_keeps(
    tmp_path_factory: pytest.TempPathFactory, column: str, operator: str, value: int, group_rows: int
) -> None:
    rows = PinnedRows(Snapshot.of(table_of(tmp_path_factory.mktemp("t"), [7, 6], group_rows)))
    compare = COMPARED[operator]
    found = transactions(13).to_pylist()
    expected = [one["id"] for one in found if one[column] is not None and compare(one[column], value)]
    kept = rows.where(Condition(column, operator, value))
    assert ids(kept) == expected
    counted = kept.count()
    assert (counted.rows, counted.kept, sum(counted.left_out.values())) == (13, len(expected), 13 - len(expected))


@pytest.mark.parametrize("group_rows", [1, 2, 3, 80])
@pytest.mark.parametrize("value", [0, 1.0])
def test_no_operator_keeps_other_rows_of_another_layout(tmp_path: Path, group_rows: int, value: float) -> None:
    # Few numbers, so that a row group often holds one alone, or it and NaN.
    values = random.Random(7).choices([1.0, -0.0, math.nan, math.inf, None], (6, 2, 4, 1, 1), k=80)
    fields, limit = [Field("id", "bigint"), Field("x", "double")], {ROW_GROUP_LIMIT: str(group_rows)}
    table = catalog_at(tmp_path).create_table("raw", "numbers", fields, limit)
    table.append(pa.table({"id": pa.array(range(80), pa.int64()), "x": pa.array(values, pa.float64())}))
    rows = PinnedRows(Snapshot.of(table))
    for name, compare in COMPARED.items():
        expected = [place for place, one in enumerate(values) if one is not None and compare(one, value)]
        assert ids(rows.where(Condition("x", name, value))) == expected, name


def test_row_groups_that_statistics_rule_out_are_never_read(table: IcebergTable) -> None:
    rows = PinnedRows(Snapshot.of(table)).where(from_("ts", START + timedelta(hours=33)), Condition("id", "<", 38))
    reader = RowReader(rows, ["id"])
    found = [reader.read(group) for group in reader.groups]
    assert (reader.groups_read, [block.positions.tolist() for block in found]) == (1, [[33, 34, 35, 36, 37]])
    assert [block.rows["id"].to_pylist() for block in found] == [[33, 34, 35, 36, 37]]
    assert reader.left_out == {
        "ts >= 2026-01-02T09:00:00+00:00": 33,
        "id < 38": 12,
    }


def test_times_are_split_at_an_instant_with_no_row_in_both(table: IcebergTable) -> None:
    rows, noon = PinnedRows(Snapshot.of(table)), START + timedelta(hours=12)
    assert ids(rows.where(before("ts", noon))) == list(range(12))
    assert ids(rows.where(from_("ts", noon))) == list(range(12, 50))
    at = START_US + 12 * HOUR_US
    assert ids(rows.where(TimeRange("ts", at, at + 1))) == [12]
    # Whole µs in a column of integers are times too.
    assert ids(rows.where(TimeRange("id", 3, 5))) == [3, 4]


def test_instants_of_numpy_split_as_the_same_with_a_zone_do(table: IcebergTable) -> None:
    rows, noon = PinnedRows(Snapshot.of(table)), np.datetime64("2026-01-01T12:00", "us")
    assert ids(rows.where(Condition("ts", "<", noon))) == list(range(12))  # type: ignore[arg-type]
    assert ids(rows.where(Condition("ts", "==", noon))) == [12]  # type: ignore[arg-type]


def test_times_without_a_zone_are_split_by_dates_and_by_no_instant(tmp_path: Path) -> None:
    table = catalog_at(tmp_path).create_table("raw", "local", [Field("id", "bigint")])
    with table.table.update_schema() as update:
        update.add_column("at", TimestampType())
    local = [datetime(2026, 1, 1, 23), datetime(2026, 1, 2), None]  # noqa: DTZ001 (that is the point)
    table.refresh().append(pa.table({"id": pa.array(range(3), pa.int64()), "at": pa.array(local, pa.timestamp("us"))}))
    rows = PinnedRows(Snapshot.of(table))
    assert ids(rows.where(Condition("at", "<", date(2026, 1, 2)))) == [0]
    with pytest.raises(ColumnTypeError, match=r"column 'at' is timestamp\[us\]; expected instants with a zone"):
        rows.where(before("at", START))
    with pytest.raises(ColumnTypeError, match=r"column 'at' is timestamp\[us\], .* compare them with a date"):
        rows.where(Condition("at", "<", START))


def test_whole_numbers_rule_out_row_groups_of_decimals_without_a_row_too_few(tmp_path: Path) -> None:
    table = catalog_at(tmp_path).create_table("raw", "fares", [Field("id", "bigint")], {ROW_GROUP_LIMIT: "2"})
    with table.table.update_schema() as update:
        update.add_column("fare", DecimalType(20, 2))
    fares = pa.array([Decimal(one) / 4 for one in range(8, 18)], pa.decimal128(20, 2))
    table.refresh().append(pa.table({"id": pa.array(range(10), pa.int64()), "fare": fares}))
    rows = PinnedRows(Snapshot.of(table)).where(Condition("fare", ">", 3))
    reader = RowReader(rows, ["id"])
    assert [reader.read(group).rows["id"].to_pylist() for group in reader.groups] == [[5], [6, 7], [8, 9]]
    assert reader.left_out == {"fare > 3": 5}
    (kept,) = (
        PinnedRows(Snapshot.of(table))
        .where(Condition("fare", "==", 3.25), Condition("fare", "<", 2**62))
        .blocks(["id"])
    )
    assert kept.positions.tolist() == [5]


@pytest.mark.parametrize(("hour", "first"), [(0, 1), (1, 2), (23, 2)])
def test_dates_are_split_at_an_instant_each_as_the_midnight_at_which_it_begins(
    tmp_path: Path, hour: int, first: int
) -> None:
    table = catalog_at(tmp_path).create_table("raw", "days", [Field("id", "bigint"), Field("day", "date")])
    days = [date(1969, 12, 30) + timedelta(days=one) for one in range(4)]
    table.append(pa.table({"id": pa.array(range(5), pa.int64()), "day": pa.array([*days, None], pa.date32())}))
    rows, instant = PinnedRows(Snapshot.of(table)), datetime(1969, 12, 31, hour, tzinfo=UTC)
    assert ids(rows.where(before("day", instant))) == list(range(first))
    assert ids(rows.where(from_("day", instant))) == list(range(first, 4))
    assert ids(rows.where(Condition("day", "<", days[first]))) == list(range(first))


def test_a_row_without_a_time_is_in_no_range(tmp_path: Path) -> None:
    table = table_of(tmp_path, [2])
    table.append(transactions(1, 2).set_column(3, "ts", pa.nulls(1, pa.timestamp("us", "UTC"))))
    rows = PinnedRows(Snapshot.of(table))
    assert ids(rows.where(TimeRange("ts", None, None))) == [0, 1]
    assert ids(rows.where(from_("ts", START))) == [0, 1]


def test_an_entity_is_in_one_share_with_all_its_rows(table: IcebergTable) -> None:
    rows = PinnedRows(Snapshot.of(table))
    split = entity_split(["card"], {"train": 0.5, "valid": 0.3, "test": 0.2})
    parts = {name: ids(rows.where(share)) for name, share in split.items()}
    assert sorted(one for part in parts.values() for one in part) == list(range(50))
    cards = [{one % 7 for one in part} for part in parts.values()]
    assert sum(map(len, cards)) == 7
    # The same for ever, by a hash that is computed in plain Python.
    shares = {card: expected([f"card-{card}"], "split") / 2**64 for card in range(7)}
    assert cards[0] == {card for card, share in shares.items() if share < 0.5} == {0, 1, 2, 4, 6}
    assert cards[1] == {card for card, share in shares.items() if 0.5 <= share < 0.8}


def test_shares_of_many_entities_are_as_large_as_asked(tmp_path: Path) -> None:
    table = table_of(tmp_path, [4_000])
    rows = PinnedRows(Snapshot.of(table))
    split = entity_split(["id", "card"], {"train": 0.8, "valid": 0.1})
    counts = {name: rows.where(share).count() for name, share in split.items()}
    # Four standard deviations of a binomial count.
    assert abs(counts["train"].kept - 3_200) < 102
    assert abs(counts["valid"].kept - 400) < 76
    assert str(counts["valid"]).endswith("that are not hash of id, card in [0.8, 0.9)")


@pytest.mark.parametrize("shares", [{}, {"train": 0.0}, {"train": 0.7, "test": 0.4}, {"train": float("nan")}])
def test_shares_that_are_no_shares_are_refused(shares: dict[str, float]) -> None:
    if shares:
        with pytest.raises(DefinitionError, match=r"shares above 0 that add to 1 at most"):
            entity_split(["card"], shares)
    with pytest.raises(DefinitionError, match=r"entity split by \[\]: expected keys"):
        entity_split([], shares)


def test_filters_that_cannot_judge_are_refused_at_once(table: IcebergTable) -> None:
    rows = PinnedRows(Snapshot.of(table))
    with pytest.raises(UnknownColumnError, match=r"no column 'kard'; did you mean 'card'\?"):
        rows.where(Condition("kard", "==", "a"))
    with pytest.raises(ColumnTypeError, match=r"column 'card' is large_string, which does not compare with 3"):
        rows.where(Condition("card", ">", 3))
    with pytest.raises(ColumnTypeError, match=r"column 'card' is large_string; expected instants with a zone"):
        rows.where(before("card", START))
    with pytest.raises(ColumnTypeError, match=r"hash of amt in \[0, 0.5\): no stable hash of double"):
        rows.where(entity_split(["amt"], {"train": 0.5})["train"])
    with pytest.raises(DefinitionError, match=r"no operator '=<'; did you mean '<'\?"):
        Condition("id", "=<", 3)
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 (that is the point)
    for made in (before, from_, lambda column, instant: Condition(column, "<", instant)):
        with pytest.raises(RequestError, match=r"ts=2026-01-01T00:00:00: has no time zone; expected for example"):
            made("ts", naive)


def test_an_empty_training_split_says_what_left_the_rows_out(table: IcebergTable) -> None:
    rows = PinnedRows(Snapshot.of(table)).where(before("ts", START), Condition("card", "==", "card-1"))
    why = r"nothing to fit on, 0 of 50 rows; left out: 50 that are not ts < 2026-01-01T00:00:00\+00:00, 0 that"
    with pytest.raises(DatasetError, match=why):
        rows.fit(Encoding({"amt": Raw()}))


def test_a_snapshot_reads_the_same_whatever_is_written_later(table: IcebergTable) -> None:
    pinned = PinnedRows(Snapshot.of(table))
    table.append(transactions(5, 50))
    assert ids(pinned) == list(range(50))
    assert ids(PinnedRows(Snapshot.named(table.catalog, f"raw.tx@{pinned.snapshot.snapshot_id}"))) == list(range(50))
    assert ids(PinnedRows(Snapshot.named(table.catalog, "raw.tx"))) == list(range(55))


def test_a_kept_training_set_is_read_at_its_snapshot(table: IcebergTable) -> None:
    pinned = Snapshot.of(table)
    table.append(transactions(5, 50))
    record = TrainingSetRecord("0a1b", "demo", {}, "raw.tx", pinned.snapshot_id, 50, "f" * 64)
    assert ids(PinnedRows(Snapshot.of_training_set(table.catalog, record))) == list(range(50))


def test_beside_lists_other_columns_are_read_and_a_list_is_encoded_by_none(tmp_path: Path) -> None:
    fields = [Field("tops", "list", (Field("element", "string"),)), Field("id", "bigint")]
    table = catalog_at(tmp_path).create_table("raw", "tops", fields)
    table.append(pa.table({"tops": pa.array([["a", None], [], None], pa.list_(pa.string())), "id": [3, 4, 5]}))
    rows = PinnedRows(Snapshot.of(table))
    assert ids(rows.where(Condition("id", ">=", 4))) == [4, 5]
    assert rows.fit(Encoding({"id": Raw()})).encode(next(rows.batches())).numbers[:, 0].tolist() == [3.0, 4.0, 5.0]
    with pytest.raises(ColumnTypeError, match=r"column 'tops'.* takes .*; found .*list<element"):
        rows.fit(Encoding({"tops": Raw()}))


def test_a_snapshot_that_is_gone_is_an_error_that_says_what_there_is(table: IcebergTable) -> None:
    there = Snapshot.of(table)
    with pytest.raises(NotFoundError, match=rf"raw\.tx: no snapshot 17 \(expired\?\); newest: .*{there.snapshot_id}"):
        Snapshot.named(table.catalog, "raw.tx@17")
    with pytest.raises(NotFoundError, match=r"did you mean 'raw\.tx'"):
        Snapshot.named(table.catalog, "raw.txs")
    with pytest.raises(RequestError, match=r"expected namespace\.table@SNAPSHOT, .*; found 'newest'"):
        Snapshot.named(table.catalog, "raw.tx@newest")
    empty = table_of(fresh_folder(Path(there.files[0].path.removeprefix("file://")).parent), [])
    with pytest.raises(NotFoundError, match="was never written"):
        Snapshot.of(empty)


def test_a_file_that_is_gone_or_damaged_is_named(table: IcebergTable) -> None:
    first, second = (Path(file.path.removeprefix("file://")) for file in Snapshot.of(table).files)
    second.write_bytes(second.read_bytes()[:-30])
    with pytest.raises(ConnectorError, match=rf"{second.name}: is no Parquet file that can be read"):
        ids(PinnedRows(Snapshot.of(table)))
    first.unlink()
    with pytest.raises(NotFoundError, match=rf"data file .*{first.name}: is gone, though the snapshot is there"):
        ids(PinnedRows(Snapshot.of(table)))


def test_a_file_of_another_length_than_the_table_says_is_refused(table: IcebergTable) -> None:
    first, second = (Path(file.path.removeprefix("file://")) for file in Snapshot.of(table).files)
    second.write_bytes(first.read_bytes())
    with pytest.raises(ConnectorError, match="has 20 rows, the table's metadata says 30"):
        ids(PinnedRows(Snapshot.of(table)))


def test_columns_renamed_added_and_widened_since_are_read_as_the_table_has_them(tmp_path: Path) -> None:
    table = catalog_at(tmp_path).create_table("raw", "old", [Field("n", "int"), Field("name", "string")])
    old = pa.table({"n": pa.array([1, 2, 30], pa.int32()), "name": ["a", "b", None]})
    table.append(old)
    with table.table.update_schema() as update:
        update.rename_column("name", "title")
    with table.table.update_schema() as update:
        update.add_column("name", table.table.schema().find_type("n"))
        update.update_column("n", field_type=long_type(table))
    table.refresh()
    table.append(pa.table({"n": pa.array([2**40]), "title": pa.array(["c"]), "name": pa.array([7], pa.int32())}))
    rows = PinnedRows(Snapshot.of(table))
    assert [one for batch in rows.batches() for one in batch.to_pylist()] == [
        {"n": 1, "title": "a", "name": None},
        {"n": 2, "title": "b", "name": None},
        {"n": 30, "title": None, "name": None},
        {"n": 2**40, "title": "c", "name": 7},
    ]
    kept = rows.where(Condition("title", "==", "b"), Condition("n", "<", 2**33))
    assert [batch["n"].to_pylist() for batch in kept.batches()] == [[2]]


def test_statistics_of_a_renamed_column_are_not_taken_for_those_of_its_name(tmp_path: Path) -> None:
    table = catalog_at(tmp_path).create_table("raw", "swapped", [Field("low", "bigint"), Field("high", "bigint")])
    table.append(pa.table({"low": [1, 2], "high": [100, 200]}))
    for old, new in (("low", "other"), ("high", "low"), ("other", "high")):
        with table.table.update_schema() as update:
            update.rename_column(old, new)
    # A snapshot has the columns of its own commit.
    assert Snapshot.of(table.refresh()).schema.names == ["low", "high"]
    table.append(pa.table({"high": [5], "low": [6]}))
    kept = PinnedRows(Snapshot.of(table)).where(Condition("low", "==", 200))
    assert [batch.to_pylist() for batch in kept.batches()] == [[{"low": 200, "high": 2}]]


def long_type(table: IcebergTable) -> object:
    """Iceberg's own type of `bigint`, of which tests need no import."""
    other = table.catalog.create_table("raw", "types", FIELDS)
    return other.table.schema().find_type("id")


def test_a_table_with_delete_files_is_refused_by_name(table: IcebergTable) -> None:
    delete_first_row(table)
    with pytest.raises(UnsupportedError, match=r"raw\.tx: snapshot \d+ has delete files, such as .*only append-only"):
        Snapshot.of(table)
