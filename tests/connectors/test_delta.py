from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from headrace.connectors.delta import DeltaVersion, read_version
from headrace.connectors.schema import Field
from headrace.errors import ConnectorError, NotFoundError, UnsupportedError

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
COLUMNS = (Field("id", "bigint"), Field("day", "string"), Field("when", "timestamp"))


def rows(*ids: int, days: list[str | None] | None = None) -> pa.Table:
    times = [NOON + timedelta(seconds=number) for number in ids]
    return pa.table(
        {
            "id": pa.array(ids, pa.int64()),
            "day": pa.array(days or [f"d{number % 2}" for number in ids], pa.string()),
            "when": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


@pytest.fixture
def uri(tmp_path: Path) -> str:
    path = str(tmp_path / "events")
    write_deltalake(path, rows(1, 2, 3))
    write_deltalake(path, rows(4, 5), mode="append")
    return path


def read(version: DeltaVersion, columns: tuple[Field, ...] = COLUMNS) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.concat_tables(version.rows(columns)).to_pylist()
    return sorted(found, key=lambda row: row["id"])


def ids(uri: str, version: int | None = None) -> list[int]:
    return [row["id"] for row in read(read_version(uri, version))]


def files_of(uri: str, version: int | None = None) -> list[Path]:
    return [Path(file.uri.removeprefix("file://")) for file in read_version(uri, version).files]


def test_a_version_has_the_rows_of_its_files(uri: str) -> None:
    version = read_version(uri)
    assert (version.origin.kind, version.origin.version) == ("delta", 1)
    assert version.fields == COLUMNS
    assert read(version) == rows(1, 2, 3, 4, 5).to_pylist()


def test_rows_come_in_the_same_order_each_time(uri: str) -> None:
    first, again = (list(read_version(uri).rows(COLUMNS)) for _ in range(2))
    assert first == again


def test_a_removed_file_that_is_still_in_the_folder_is_not_read(uri: str) -> None:
    DeltaTable(uri).delete("id = 2")
    in_folder = [path for path in Path(uri).rglob("*.parquet") if "_delta_log" not in path.parts]
    assert len(in_folder) > len(read_version(uri).files)
    assert ids(uri) == [1, 3, 4, 5]


def test_an_older_version_is_what_it_was(uri: str) -> None:
    write_deltalake(uri, rows(9), mode="overwrite")
    assert ids(uri, version=0) == [1, 2, 3]
    assert ids(uri, version=1) == [1, 2, 3, 4, 5]
    assert ids(uri) == [9]


def test_a_version_was_committed_after_its_rows_were_written(uri: str) -> None:
    newest = max(path.stat().st_mtime for path in files_of(uri))
    assert abs(read_version(uri).committed_at.timestamp() - newest) < 60
    assert read_version(uri).committed_at >= read_version(uri, 0).committed_at


def test_a_table_made_anew_at_its_place_is_another(uri: str, tmp_path: Path) -> None:
    Path(uri).rename(tmp_path / "old")
    write_deltalake(uri, rows(1))
    assert read_version(uri).identity != read_version(str(tmp_path / "old"), 0).identity


def test_values_of_partition_columns_come_from_the_log(tmp_path: Path) -> None:
    path = str(tmp_path / "a place é 100%" / "parted")
    written = rows(1, 2, 3, 4, days=["a b", "c/d%25", None, "é"])
    write_deltalake(path, written, partition_by=["day"])
    version = read_version(path)
    assert len(version.files) == 4
    assert read(version) == written.to_pylist()


def test_old_timestamps_are_read_as_microseconds(uri: str) -> None:
    (file,) = files_of(uri, 0)
    far = [datetime(2500, 1, 1, 0, 0, 0, 1, tzinfo=UTC), datetime(1600, 1, 1, tzinfo=UTC), NOON]
    stored = pq.read_table(file).set_column(2, "when", pa.array(far, pa.timestamp("us", "UTC")))
    pq.write_table(stored, file, use_deprecated_int96_timestamps=True)
    assert [row["when"] for row in read(read_version(uri, 0))] == far


def test_narrower_numbers_are_widened_and_nulls_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "narrow")
    narrow = {"id": pa.array([1, None], pa.int16()), "amt": pa.array([0.5, None], pa.float32())}
    write_deltalake(path, pa.table(narrow))
    columns = (Field("id", "bigint"), Field("amt", "double"))
    version = read_version(path)
    assert version.fields == columns
    assert pa.concat_tables(version.rows(columns)).to_pylist() == [{"id": 1, "amt": 0.5}, {"id": None, "amt": None}]


def test_a_column_added_later_is_null_in_older_files(uri: str) -> None:
    more = rows(6).append_column("more", pa.array([7], pa.int64()))
    write_deltalake(uri, more, mode="append", schema_mode="merge")
    found = read(read_version(uri), (*COLUMNS, Field("more", "bigint")))
    assert [row["more"] for row in found] == [None] * 5 + [7]


def test_a_type_that_no_source_has_keeps_its_own_name(tmp_path: Path) -> None:
    path = str(tmp_path / "mixed")
    write_deltalake(path, rows(1).append_column("price", pa.array([1], pa.decimal128(10, 2))))
    version = read_version(path)
    assert version.fields[-1] == Field("price", "decimal(10,2)")
    assert read(version) == rows(1).to_pylist()


def edit_log(uri: str, *actions: dict[str, object]) -> None:
    (Path(uri) / "_delta_log" / f"{2:020}.json").write_text("\n".join(map(json.dumps, actions)) + "\n")


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
    edit_log(uri, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, metadata)
    with pytest.raises(UnsupportedError, match="columnMapping"):
        read_version(uri)


def test_what_is_missing_is_named(tmp_path: Path, uri: str) -> None:
    with pytest.raises(NotFoundError, match=r"no Delta table at .*nowhere"):
        read_version(str(tmp_path / "nowhere"))
    with pytest.raises(NotFoundError, match=r"no Delta table at .*No files in log"):
        read_version(str(tmp_path))
    with pytest.raises(NotFoundError, match="no version 99; the newest is 1"):
        read_version(uri, 99)


def test_a_vacuumed_or_broken_file_is_named(uri: str) -> None:
    version = read_version(uri)
    first, second = files_of(uri)
    second.write_bytes(b"not Parquet at all")
    with pytest.raises(ConnectorError, match=f"version 1: file file://.*{second.name}"):
        list(version.rows(COLUMNS))
    first.unlink()
    with pytest.raises(NotFoundError, match=f"{first.name} is gone; was the table vacuumed"):
        list(version.rows(COLUMNS))
