"""Commits that pyiceberg itself does not make: files that delete rows, and snapshots that expire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import _dataframe_to_data_files
from pyiceberg.manifest import (
    DataFile,
    DataFileContent,
    FileFormat,
    ManifestContent,
    ManifestEntry,
    ManifestEntryStatus,
    ManifestFile,
    ManifestWriterV2,
)
from pyiceberg.table.snapshots import Operation, Summary
from pyiceberg.table.update.snapshot import _FastAppendFiles, _OverwriteFiles
from pyiceberg.typedef import Record

from headrace.connectors.iceberg import IcebergTable

#: What a file's entry may tell of its columns, and need not.
STATISTICS = ("column_sizes", "value_counts", "null_value_counts", "nan_value_counts", "lower_bounds", "upper_bounds")
STATISTICS += ("key_metadata", "split_offsets", "equality_ids", "sort_order_id")


class _DeleteManifest(ManifestWriterV2):
    def content(self) -> ManifestContent:
        return ManifestContent.DELETES

    @property
    def _meta(self) -> dict[str, str]:
        return {**super()._meta, "content": "deletes"}


class _AddDeletes(_FastAppendFiles):
    """Commits one file of deleted positions beside what is there."""

    def __init__(self, file: DataFile, **given: Any) -> None:
        super().__init__(operation=Operation.OVERWRITE, **given)
        self._file = file

    def _manifests(self) -> list[ManifestFile]:
        metadata = self._transaction.table_metadata
        output = self.new_manifest_output()
        with _DeleteManifest(metadata.spec(), metadata.schema(), output, self._snapshot_id) as writer:
            added = ManifestEntryStatus.ADDED
            entry = {"status": added, "snapshot_id": self._snapshot_id, "data_file": self._file}
            writer.add(ManifestEntry(sequence_number=None, file_sequence_number=None, **entry))
        return [writer.to_manifest_file(), *self._existing_manifests()]


def delete_first_row(table: IcebergTable) -> None:
    """Delete the first row of a table's first file as Flink's and Spark's merge-on-read do, by a file that says so."""
    data = table.files()[0]
    path = Path(data.removeprefix("file://")).with_name("deletes.parquet")
    pq.write_table(pa.table({"file_path": [data], "pos": pa.array([0], pa.int64())}), path)
    file = DataFile(
        content=DataFileContent.POSITION_DELETES,
        file_path=f"file://{path}",
        file_format=FileFormat.PARQUET,
        partition=Record(),
        record_count=1,
        file_size_in_bytes=path.stat().st_size,
        **dict.fromkeys(STATISTICS),
    )
    with table.table.transaction() as transaction:
        _AddDeletes(file, transaction=transaction, io=table.table.io).commit()
    table.refresh()


class _Rewrite(_OverwriteFiles):
    """Commits the same rows in other files."""

    def _summary(self, snapshot_properties: dict[str, str] = {}) -> Summary:  # noqa: B006
        found = super()._summary(snapshot_properties)
        return Summary(Operation.REPLACE, **found.additional_properties)


def compact(table: IcebergTable) -> None:
    """Write all rows of a table into one file, as Flink's and Spark's maintenance does."""
    inner = table.refresh().table
    old = [task.file for task in inner.scan().plan_files()]
    new = list(_dataframe_to_data_files(inner.metadata, inner.scan().to_arrow(), inner.io))
    with inner.transaction() as transaction:
        # The operation only chooses how the summary is counted: `_summary` says what it is.
        made = _Rewrite(operation=Operation.OVERWRITE, transaction=transaction, io=inner.io)
        for file in old:
            made.delete_data_file(file)
        for file in new:
            made.append_data_file(file)
        made.commit()
    table.refresh()


def expire(table: IcebergTable, snapshot_id: int) -> None:
    """Take a snapshot out of the table's metadata as Java does: commits behind it still name it as their parent."""
    old = Path(table.table.metadata_location.removeprefix("file://"))
    metadata = json.loads(old.read_text(encoding="utf-8"))
    for name in ("snapshots", "snapshot-log"):
        metadata[name] = [one for one in metadata[name] if one["snapshot-id"] != snapshot_id]
    new = old.with_name(f"99999-{uuid4()}.metadata.json")
    new.write_text(json.dumps(metadata), encoding="utf-8")
    catalog = table.catalog._open()
    catalog.drop_table(table.name)
    catalog.register_table(table.name, f"file://{new}")
    table.refresh()
