"""Following a table: what each new snapshot appended, and which ones replaced rows, told apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import REPLACE, Change, DataFile, changes_after
from headrace.errors import DatasetError, NotFoundError
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


def appended_between(table: IcebergTable, after: int, snapshot: Snapshot) -> PinnedRows:
    """The rows that commits appended after a snapshot up to another, in their order; a compaction moves none of them.

    Their positions are those in the newer snapshot, as they would be without a compaction: behind all older rows.

    Raises:
        NotFoundError: the commits do not lead from the one to the other: expired, or rolled back.
        DatasetError: a commit took rows away or changed them.
    """
    here = {file.path: file for file in snapshot.files}
    found: list[DataFile] = []
    for change in _commits(table, after, snapshot):
        if change.only_appends:
            known = here if set(change.added) <= set(here) else _files_of(table, change)
            found += [known[path] for path in change.added]
        elif change.operation != REPLACE:
            msg = (
                f"{snapshot}: commit {change.snapshot_id} after {after} is {change.operation!r}: rows were taken away "
            )
            msg += "or changed, and what was learned from them cannot be unlearned; train anew: `headrace train`"
            raise DatasetError(msg)
    older = snapshot.rows - sum(file.rows for file in found)
    return PinnedRows(replace(snapshot, files=tuple(_placed(found, older))))


def _commits(table: IcebergTable, after: int, snapshot: Snapshot) -> list[Change]:
    """The commits after a snapshot up to another, oldest first."""
    found = changes_after(table, after)
    upto = [change.snapshot_id for change in found]
    if snapshot.snapshot_id not in upto:
        msg = f"{snapshot}: does not come after snapshot {after}; was the table rolled back? begin again from a pinned "
        raise NotFoundError(msg + "snapshot")
    return found[: upto.index(snapshot.snapshot_id) + 1]


def _files_of(table: IcebergTable, change: Change) -> dict[str, DataFile]:
    """The data files of a commit's own snapshot: later ones have their rows in other files."""
    return {file.path: file for file in Snapshot.of(table, change.snapshot_id).files}


def _placed(files: Sequence[DataFile], start: int) -> Iterator[DataFile]:
    """The files one behind the other, from a position on, so that each row has one of its own."""
    for file in files:
        yield replace(file, start=start)
        start += file.rows


def _event(table: IcebergTable, change: Change) -> Appended | Replaced:
    """What a commit was."""
    if not change.only_appends:
        return Replaced(change.snapshot_id, change.operation, change.added, change.removed, change.deletes)
    snapshot = Snapshot.of(table, change.snapshot_id).only(frozenset(change.added))
    return Appended(change.snapshot_id, change.added, PinnedRows(snapshot))
