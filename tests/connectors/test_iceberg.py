from __future__ import annotations

import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import POSITION, Field
from headrace.errors import ConnectorError, NotFoundError, SchemaMismatchError

FIELDS = (
    Field("key", "string"),
    Field("amt", "bigint"),
    Field("cell", "struct", (Field("n", "bigint"), Field("mean", "double"))),
    Field("at", "timestamp"),
)
NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> IcebergCatalog:
    return IcebergCatalog.sqlite("house", tmp_path / "lake")


@pytest.fixture
def table(catalog: IcebergCatalog) -> IcebergTable:
    return catalog.create_table("raw", "clicks", FIELDS)


def rows(*keys: str) -> pa.Table:
    cell = pa.struct([("n", pa.int64()), ("mean", pa.float64())])
    return pa.table(
        {
            "key": pa.array(keys, pa.string()),
            "amt": pa.array([len(key) for key in keys], pa.int64()),
            "cell": pa.array([{"n": 1, "mean": 0.5} for _ in keys], cell),
            "at": pa.array([NOON for _ in keys], pa.timestamp("us", "UTC")),
        }
    )


def archive(catalog: IcebergCatalog, offsets: list[tuple[int, int]]) -> IcebergTable:
    table = catalog.create_table("raw", "archive", POSITION)
    columns = {
        "_src_topic": pa.array(["t"] * len(offsets), pa.string()),
        "_src_partition": pa.array([partition for partition, _ in offsets], pa.int32()),
        "_src_offset": pa.array([offset for _, offset in offsets], pa.int64()),
        "_src_timestamp": pa.array([NOON] * len(offsets), pa.timestamp("us", "UTC")),
        "_raw": pa.array([None] * len(offsets), pa.binary()),
        "_error": pa.array([None] * len(offsets), pa.string()),
    }
    table.append(pa.table(columns))
    return table


def test_a_table_keeps_its_columns_and_rows(table: IcebergTable) -> None:
    assert table.fields == FIELDS
    table.append(rows("a", "bb"))
    assert table.arrow(columns=["key", "at"]).to_pylist() == [{"key": "a", "at": NOON}, {"key": "bb", "at": NOON}]
    assert table.arrow(where="amt = 2", columns=["key"])["key"].to_pylist() == ["bb"]
    assert sum(batch.num_rows for batch in table.batches()) == table.row_count() == 2


def test_creating_again_is_nothing_and_other_columns_are_refused(catalog: IcebergCatalog, table: IcebergTable) -> None:
    assert catalog.create_table("raw", "clicks", FIELDS).uuid == table.uuid
    with pytest.raises(SchemaMismatchError, match="column amt: expected string, found bigint"):
        catalog.create_table("raw", "clicks", [Field("amt", "string")])


def test_an_unknown_table_gets_a_suggestion(catalog: IcebergCatalog, table: IcebergTable) -> None:
    with pytest.raises(NotFoundError, match=r"did you mean 'raw\.clicks'"):
        catalog.load("raw", "click")
    assert catalog.tables("nowhere") == []


def test_a_snapshot_stays_what_it_was(table: IcebergTable) -> None:
    assert table.current_snapshot_id() is None
    first = table.append(rows("a"))
    table.append(rows("b"))
    assert table.arrow(first, ["key"])["key"].to_pylist() == ["a"]
    assert (table.row_count(first), table.row_count()) == (1, 2)
    with pytest.raises(NotFoundError, match="no snapshot 42"):
        table.arrow(42)


def test_a_tag_protects_and_is_never_moved(catalog: IcebergCatalog, table: IcebergTable) -> None:
    first = table.append(rows("a"))
    table.tag("run-1", first)
    table.tag("run-1", first)
    second = table.append(rows("b"))
    with pytest.raises(ConnectorError, match="already names"):
        table.tag("run-1", second)
    assert catalog.load("raw", "clicks").tags() == {"run-1": first}
    table.remove_tag("run-1")
    table.remove_tag("run-1")
    assert catalog.load("raw", "clicks").tags() == {}


def test_a_relation_reads_only_its_snapshot(table: IcebergTable) -> None:
    first = table.append(rows("a", "b"))
    table.append(rows("c"))
    with duckdb.connect() as connection:
        assert table.relation(connection, first, ["key"]).fetchall() == [("a",), ("b",)]
        asked = 'SELECT count(*), sum(cell.n), min(epoch_us("at")) FROM clicks'
        counted = table.relation(connection).query("clicks", asked).fetchall()
        assert counted == [(3, 3, int(NOON.timestamp() * 1_000_000))]


def test_files_after_a_snapshot_are_those_of_later_commits(table: IcebergTable) -> None:
    table.append(rows("a"))
    first = table.files()
    seen = table.append(rows("b"))
    table.append(rows("c"))
    table.append(rows("d"))
    later = table.files_after(seen)
    with duckdb.connect() as connection:
        found = table.relation(connection, columns=("key",), files=later)
        assert sorted(found.fetchall()) == [("c",), ("d",)]
    assert table.files_after(table.current_snapshot_id()) == []
    assert len(table.files_after(None)) == len(table.files()) == 4
    assert table.files_after(12345) == table.files(), "a snapshot that is no ancestor: everything"
    assert set(first).isdisjoint(later)


def test_merged_manifests_do_not_tell_old_files_again(catalog: IcebergCatalog) -> None:
    merging = {"commit.manifest-merge.enabled": "true", "commit.manifest.min-count-to-merge": "2"}
    table = catalog.create_table("raw", "merged", FIELDS, merging)
    for _ in range(3):
        table.append(rows("a"))
    seen, before = table.current_snapshot_id(), table.files()
    table.append(rows("b"))
    assert table.files_after(seen) == [file for file in table.files() if file not in before]


def test_a_relation_of_nothing_has_its_columns(table: IcebergTable) -> None:
    with duckdb.connect() as connection:
        assert table.relation(connection).columns == ["key", "amt", "cell", "at"]
        assert table.relation(connection).fetchall() == []


def test_a_column_added_later_is_null_in_older_files(table: IcebergTable) -> None:
    from pyiceberg.types import LongType

    first = table.append(rows("a"))
    with table.table.update_schema() as update:
        update.add_column("more", LongType())
    with duckdb.connect() as connection:
        assert table.relation(connection, first, ["key", "more"]).fetchall() == [("a", None)]


def test_the_prefix_counts_duplicates_and_gaps(catalog: IcebergCatalog) -> None:
    table = archive(catalog, [(0, 0), (0, 1), (0, 1), (0, 3), (1, 7)])
    zero, one = table.prefix()
    assert (zero.rows, zero.distinct, zero.min_offset, zero.max_offset) == (4, 3, 0, 3)
    assert (zero.duplicates, zero.missing, zero.next_offset) == (1, 1, 4)
    assert (one.duplicates, one.missing, one.next_offset) == (0, 0, 8)


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import pyarrow as pa
    from headrace.connectors.iceberg import IcebergCatalog
    table = IcebergCatalog.sqlite("house", Path(sys.argv[1])).load("raw", "shared")
    for turn in range(5):
        table.append(pa.table({"writer": pa.array([sys.argv[2]], pa.string()), "turn": pa.array([turn], pa.int64())}))
    """
)


def test_four_writers_lose_nothing(catalog: IcebergCatalog, tmp_path: Path) -> None:
    catalog.create_table("raw", "shared", [Field("writer", "string"), Field("turn", "bigint")])
    command = [sys.executable, "-c", WRITER, str(tmp_path / "lake")]
    writers = [subprocess.Popen([*command, str(number)]) for number in range(4)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0, 0]
    found = catalog.load("raw", "shared").arrow().to_pylist()
    assert sorted((row["writer"], row["turn"]) for row in found) == [(str(w), t) for w in range(4) for t in range(5)]


@pytest.mark.parametrize("name", ["clicks", ".clicks", "raw.", "raw..clicks", ""])
def test_a_name_that_no_table_can_have_is_refused_with_what_is_expected(catalog: IcebergCatalog, name: str) -> None:
    with pytest.raises(NotFoundError, match=rf"^'{name}' is no Iceberg table: expected namespace\.table, such as"):
        catalog.named(name)


def test_a_namespace_may_have_parts(catalog: IcebergCatalog) -> None:
    catalog.create_table("lake.raw", "clicks", FIELDS)
    assert catalog.named("lake.raw.clicks").fields == FIELDS


def test_an_unreachable_catalog_names_itself(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file where the folder should be")
    with pytest.raises(ConnectorError, match="house"):
        IcebergCatalog.sqlite("house", tmp_path / "lake").tables("raw")
