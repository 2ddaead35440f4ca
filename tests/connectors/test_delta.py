from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from headrace.connectors.delta import must_copy, read_version, shadow
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.errors import NotFoundError, SchemaMismatchError, UnsupportedError

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)


def rows(*ids: int, unit: str = "us") -> pa.Table:
    times = [NOON + timedelta(seconds=number) for number in ids]
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "day": pa.array([f"d{number % 2}" for number in ids], pa.string()),
            "when": pa.array(times, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, "UTC"), safe=False),
        }
    )


@pytest.fixture
def catalog(tmp_path: Path) -> IcebergCatalog:
    return IcebergCatalog.sqlite("house", tmp_path / "lake")


@pytest.fixture
def uri(tmp_path: Path) -> str:
    path = str(tmp_path / "events")
    write_deltalake(path, rows(1, 2, 3))
    write_deltalake(path, rows(4, 5), mode="append")
    return path


def ids(catalog: IcebergCatalog, uri: str, version: int | None = None) -> list[int]:
    found: list[int] = shadow(catalog, "history", "events", read_version(uri, version)).arrow()["id"].to_pylist()
    return sorted(found)


def test_the_shadow_shares_the_files_of_the_version(catalog: IcebergCatalog, uri: str) -> None:
    delta = read_version(uri)
    assert must_copy(delta) is None
    made = shadow(catalog, "history", "events", delta)
    assert made.files() == sorted(delta.files)
    assert sorted(made.arrow().to_pylist(), key=lambda row: row["id"]) == rows(1, 2, 3, 4, 5).to_pylist()


def test_a_removed_file_that_is_still_in_the_folder_is_not_read(catalog: IcebergCatalog, uri: str) -> None:
    from deltalake import DeltaTable

    DeltaTable(uri).delete("id = 2")
    in_folder = [path for path in Path(uri).rglob("*.parquet") if "_delta_log" not in path.parts]
    assert len(in_folder) > len(read_version(uri).files)
    assert ids(catalog, uri) == [1, 3, 4, 5]


def test_an_older_version_is_what_it_was(catalog: IcebergCatalog, uri: str) -> None:
    write_deltalake(uri, rows(9), mode="overwrite")
    assert ids(catalog, uri, version=0) == [1, 2, 3]
    assert ids(catalog, uri, version=1) == [1, 2, 3, 4, 5]
    assert ids(catalog, uri) == [9]


def test_the_shadow_is_made_once(catalog: IcebergCatalog, uri: str) -> None:
    first = shadow(catalog, "history", "events", read_version(uri))
    again = shadow(catalog, "history", "events", read_version(uri))
    assert (again.uuid, again.current_snapshot_id()) == (first.uuid, first.current_snapshot_id())


def test_a_shadow_left_half_made_is_made_anew(catalog: IcebergCatalog, uri: str) -> None:
    half = catalog.create_table("history", "events_v1", read_version(uri).fields)
    half.append(rows(1))
    assert ids(catalog, uri) == [1, 2, 3, 4, 5]


def test_partition_columns_are_copied_in(catalog: IcebergCatalog, tmp_path: Path) -> None:
    path = str(tmp_path / "parted")
    write_deltalake(path, rows(1, 2, 3), partition_by=["day"])
    delta = read_version(path)
    assert "day" in (must_copy(delta) or "")
    found = shadow(catalog, "history", "parted", delta).arrow().to_pylist()
    assert sorted(found, key=lambda row: row["id"]) == rows(1, 2, 3).to_pylist()


def test_old_timestamps_are_copied_as_microseconds(catalog: IcebergCatalog, tmp_path: Path, uri: str) -> None:
    file = Path(read_version(uri, 0).files[0].removeprefix("file://"))
    pq.write_table(pq.read_table(file), file, use_deprecated_int96_timestamps=True)
    delta = read_version(uri, 0)
    assert "when" in (must_copy(delta) or "")
    found = shadow(catalog, "history", "events", delta).arrow().to_pylist()
    assert sorted(found, key=lambda row: row["id"]) == rows(1, 2, 3).to_pylist()


def edit_log(uri: str, action: dict[str, object]) -> None:
    (Path(uri) / "_delta_log" / f"{2:020}.json").write_text(json.dumps(action) + "\n")


def test_deletion_vectors_are_refused_by_name(uri: str) -> None:
    features = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]}
    edit_log(uri, {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, **features}})
    with pytest.raises(UnsupportedError, match="deletionVectors"):
        read_version(uri)


def test_column_mapping_is_refused_by_name(uri: str) -> None:
    log = (Path(uri) / "_delta_log" / f"{0:020}.json").read_text().splitlines()
    metadata = next(json.loads(line) for line in log if "metaData" in line)
    schema = json.loads(metadata["metaData"]["schemaString"])
    for number, column in enumerate(schema["fields"]):
        names = {"delta.columnMapping.id": number + 1, "delta.columnMapping.physicalName": column["name"]}
        column["metadata"] = names
    metadata["metaData"]["schemaString"] = json.dumps(schema)
    metadata["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"}
    protocol = {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}
    file = Path(uri) / "_delta_log" / f"{2:020}.json"
    file.write_text(json.dumps(protocol) + "\n" + json.dumps(metadata) + "\n")
    with pytest.raises(UnsupportedError, match="columnMapping"):
        read_version(uri)


def test_what_is_missing_is_named(catalog: IcebergCatalog, tmp_path: Path, uri: str) -> None:
    with pytest.raises(NotFoundError, match="no Delta table"):
        read_version(str(tmp_path / "nowhere"))
    with pytest.raises(NotFoundError, match="no version 99; the newest is 1"):
        read_version(uri, 99)
    with pytest.raises(SchemaMismatchError, match="column amount: expected double, found none"):
        shadow(catalog, "history", "events", read_version(uri), [Field("amount", "double")])


def test_a_type_that_no_source_has_is_left_out(catalog: IcebergCatalog, tmp_path: Path) -> None:
    path = str(tmp_path / "mixed")
    write_deltalake(path, rows(1).append_column("tags", pa.array([["a"]], pa.list_(pa.string()))))
    delta = read_version(path)
    assert [column.name for column in delta.fields] == ["id", "day", "when"]
    assert shadow(catalog, "history", "mixed", delta).arrow().to_pylist() == rows(1).to_pylist()
