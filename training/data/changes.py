"""Following a table: what each new snapshot appended, and which ones replaced rows, told apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import REPLACE, Change, changes_after
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Appended:
    """A commit after which all rows that were there still are.

    Attributes:
        files: paths of the data files that it added; none for a commit without rows.
        rows: the added rows, in order, at their positions in the whole snapshot.
    """

    snapshot_id: int
    files: tuple[str, ...]
    rows: PinnedRows


@dataclass(frozen=True, slots=True)
class Replaced(Change):
    """A commit that took rows away, or moved them: what was learned from them cannot be unlearned by reading on.

    Rows of its files may be both in those added and in those removed.
    """

    @property
    def same_rows(self) -> bool:
        """Whether the rows are the same as before, in other files: a compaction. Their positions may differ."""
        return self.operation == REPLACE


def follow(table: IcebergTable, after_snapshot: int | None) -> Iterator[Appended | Replaced]:
    """What each commit after a snapshot did, oldest first, up to the newest there is now; call again for later ones.

    For None it begins with all rows of the oldest snapshot that is still there. What a commit was, its metadata says;
    rows are read when they are asked for.

    Raises:
        NotFoundError: the commits do not lead back to the snapshot: expired, or rolled back.
        UnsupportedError: rows are appended to a table in which others are deleted by delete files.
    """
    changes = changes_after(table, after_snapshot)
    if after_snapshot is None and changes:
        first = Snapshot.of(table, changes[0].snapshot_id)
        yield Appended(first.snapshot_id, tuple(file.path for file in first.files), PinnedRows(first))
        changes = changes[1:]
    for change in changes:
        yield _event(table, change)


def _event(table: IcebergTable, change: Change) -> Appended | Replaced:
    """What a commit was."""
    if not change.only_appends:
        return Replaced(change.snapshot_id, change.operation, change.added, change.removed, change.deletes)
    snapshot = Snapshot.of(table, change.snapshot_id).only(frozenset(change.added))
    return Appended(change.snapshot_id, change.added, PinnedRows(snapshot))
