"""What a snapshot of an Iceberg table is made of, and what each commit did: from metadata, without reading a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import NotFoundError, UnsupportedError

#: Of an entry in a manifest and of a manifest's content, by Iceberg's specification (Manifests).
ADDED, DELETED = 1, 2
DATA = 0
APPEND, REPLACE = "append", "replace"


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file: where it is, how many rows it has, and how many rows the snapshot has before it."""

    path: str
    rows: int
    start: int


@dataclass(frozen=True, slots=True)
class Change:
    """What one commit did.

    Attributes:
        operation: append, overwrite, delete or replace, as Iceberg's specification has them.
        added, removed: paths of data files.
        deletes: paths of files that delete rows of data files.
    """

    snapshot_id: int
    operation: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    deletes: tuple[str, ...]

    @property
    def only_appends(self) -> bool:
        """Whether all rows that were there still are."""
        return self.operation == APPEND and not self.removed and not self.deletes


def commit_times(table: IcebergTable, snapshot_id: int) -> list[datetime | None]:
    """When the files of a snapshot were committed (processing time), in the order of `IcebergTable.files_in_order`.

    None where the snapshot that added a file has expired. NotFoundError when the one that is asked for is gone.
    """
    by_path: dict[str, int | None] = {}
    for manifest in table._found(snapshot_id).manifests(table.table.io):
        entries = manifest.fetch_manifest_entry(table.table.io)
        by_path |= {entry.data_file.file_path: entry.snapshot_id for entry in entries}
    times = {found.snapshot_id: table.committed_at(found.snapshot_id) for found in table.table.snapshots()}
    return [times.get(by_path[path] or 0) for path in table.files_in_order(snapshot_id)]


def data_files(table: IcebergTable, snapshot_id: int) -> list[DataFile]:
    """The data files of a snapshot, oldest commit first.

    Raises:
        NotFoundError: the snapshot is gone.
        UnsupportedError: it has files that delete rows; only append-only tables are read.
    """
    live: list[tuple[int, str, int]] = []
    for manifest in table._found(snapshot_id).manifests(table.table.io):
        entries = manifest.fetch_manifest_entry(table.table.io)
        if manifest.content != DATA and entries:
            msg = (
                f"Iceberg table {table.name}: snapshot {snapshot_id} has delete files, such as "
                f"{entries[0].data_file.file_path}; only append-only tables are read: rewrite it without them first"
            )
            raise UnsupportedError(msg)
        live += [(one.sequence_number or 0, one.data_file.file_path, one.data_file.record_count) for one in entries]
    return list(_placed(sorted(live)))


def arrow_schema(table: IcebergTable, snapshot_id: int) -> pa.Schema:
    """The columns of a snapshot as Arrow has them, each with its field id. NotFoundError when the snapshot is gone."""
    return table.table.schemas()[table._found(snapshot_id).schema_id or 0].as_arrow()


def partition_sources(table: IcebergTable) -> frozenset[int]:
    """The ids of columns that the table is, or was, partitioned by."""
    return frozenset(field.source_id for spec in table.table.specs().values() for field in spec.fields)


def changes_after(table: IcebergTable, snapshot_id: int | None) -> list[Change]:
    """What each commit after a snapshot did, oldest first; from the oldest that is still there for None.

    Raises NotFoundError when the commits do not lead back to the snapshot: one of them is expired, or the table was
    rolled back.
    """
    return [_change(table, commit) for commit in _commits_after(table, snapshot_id)]


def rewrites_after(table: IcebergTable, snapshot_id: int | None) -> list[tuple[int, str]]:
    """The commits after a snapshot that changed rows but by appending, oldest first: snapshot and operation.

    Snapshots alone are looked at, no manifests, so that it may be asked often. Raises NotFoundError as `changes_after`.
    """
    commits = ((one.snapshot_id, _operation(one)) for one in _commits_after(table, snapshot_id))
    return [(found, operation) for found, operation in commits if operation not in (APPEND, REPLACE)]


def _commits_after(table: IcebergTable, snapshot_id: int | None) -> list[Any]:
    """The commits after a snapshot, oldest first. NotFoundError when they do not lead back to it."""
    commits: list[Any] = []
    for found in table.refresh().ancestry():
        if found.snapshot_id == snapshot_id:
            return commits[::-1]
        commits.append(found)
        # Known by its child, it may be gone itself.
        if found.parent_snapshot_id == snapshot_id:
            return commits[::-1]
    if snapshot_id is not None:
        known = ", ".join(str(one.snapshot_id) for one in reversed(commits[-5:])) or "none"
        msg = (
            f"Iceberg table {table.name}: the commits that are there do not lead back to snapshot {snapshot_id} (one "
            f"of them expired, or the table was rolled back); oldest: {known}; begin again from a pinned snapshot"
        )
        raise NotFoundError(msg)
    return commits[::-1]


def _operation(commit: Any) -> str:
    """What a commit was, as Iceberg's specification has it."""
    return APPEND if commit.summary is None else str(commit.summary.operation.value)


def _placed(live: Sequence[tuple[int, str, int]]) -> Iterator[DataFile]:
    """Files in order, with the rows before each."""
    start = 0
    for _, path, rows in live:
        yield DataFile(path, rows, start)
        start += rows


def _change(table: IcebergTable, commit: Any) -> Change:
    """What a commit did. Manifests may be merged, so that those a commit wrote tell of other commits' files too."""
    files: dict[str, list[str]] = {"added": [], "removed": [], "deletes": []}
    for manifest in commit.manifests(table.table.io):
        if manifest.added_snapshot_id != commit.snapshot_id:
            continue
        for entry in manifest.fetch_manifest_entry(table.table.io, discard_deleted=False):
            kind = _kind(manifest.content, entry.status)
            if kind:
                files[kind].append(entry.data_file.file_path)
    return Change(commit.snapshot_id, _operation(commit), *(tuple(sorted(paths)) for paths in files.values()))


def _kind(content: int, status: int) -> str | None:
    """What an entry of a manifest tells of its file."""
    if content != DATA:
        return "deletes" if status == ADDED else None
    return {ADDED: "added", DELETED: "removed"}.get(status)
