"""Following a table: each commit told once, in order, and appended rows told apart from replaced ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import NotFoundError, UnsupportedError
from headrace.training.data import Appended, Condition, PinnedRows, Replaced, Snapshot, follow
from headrace.training.data.rows import RowReader

from .lake import FIELDS, catalog_at, table_of, transactions
from .lake_changes import delete_first_row, expire

MERGING = {"commit.manifest-merge.enabled": "true", "commit.manifest.min-count-to-merge": "2"}


@pytest.fixture
def table(tmp_path: Path) -> IcebergTable:
    return table_of(tmp_path, [4])


def appended(table: IcebergTable, after: int | None) -> list[tuple[list[int], list[int]]]:
    """The ids and positions of the rows of each event, all of which append."""
    events = list(follow(table, after))
    assert all(isinstance(event, Appended) for event in events)
    return [read(event) for event in events if isinstance(event, Appended)]


def read(event: Appended) -> tuple[list[int], list[int]]:
    reader = RowReader(event.rows, ["id"])
    blocks = [reader.read(group) for group in reader.groups]
    ids = [one for block in blocks for one in block.rows["id"].to_pylist()]
    return ids, [one for block in blocks for one in block.positions.tolist()]


def test_each_commit_behind_a_snapshot_is_told_with_its_own_rows(table: IcebergTable) -> None:
    pinned = table.current_snapshot_id()
    assert list(follow(table, pinned)) == []
    table.append(transactions(3, 4))
    table.append(transactions(2, 7))
    assert appended(table, pinned) == [([4, 5, 6], [4, 5, 6]), ([7, 8], [7, 8])]
    assert appended(table, table.current_snapshot_id()) == []
    newest = [event.snapshot_id for event in follow(table, pinned)][-1]
    assert newest == table.current_snapshot_id()


def test_from_the_beginning_all_rows_are_told_once(table: IcebergTable) -> None:
    table.append(transactions(3, 4))
    assert appended(table, None) == [([0, 1, 2, 3], [0, 1, 2, 3]), ([4, 5, 6], [4, 5, 6])]
    expire(table, next(follow(table, None)).snapshot_id)
    assert appended(table, None) == [(list(range(7)), list(range(7)))]


def test_a_table_that_was_never_written_has_nothing_to_tell(tmp_path: Path) -> None:
    assert list(follow(table_of(tmp_path, []), None)) == []


def test_merged_manifests_do_not_tell_old_rows_again(tmp_path: Path) -> None:
    table = catalog_at(tmp_path).create_table("raw", "merged", FIELDS, MERGING)
    for commit in range(5):
        table.append(transactions(2, 2 * commit))
    first = next(follow(table, None))
    assert len(table.table.current_snapshot().manifests(table.table.io)) < 5
    assert appended(table, first.snapshot_id) == [([2 * n, 2 * n + 1],) * 2 for n in range(1, 5)]


def test_replaced_rows_are_an_event_of_their_own(table: IcebergTable) -> None:
    pinned = table.current_snapshot_id()
    files = table.files()
    table.append(transactions(2, 4))
    table.table.delete("id < 2")
    table.append(transactions(1, 6))
    first, replaced, last = follow(table, pinned)
    assert isinstance(first, Appended)
    assert read(first) == ([4, 5], [4, 5])
    assert isinstance(replaced, Replaced)
    assert (replaced.operation, replaced.removed, len(replaced.added), replaced.deletes, replaced.same_rows) == (
        "overwrite",
        tuple(files),
        1,
        (),
        False,
    )
    assert isinstance(last, Appended)
    assert read(last)[0] == [6]


def test_a_commit_that_deletes_whole_files_is_told_with_them(table: IcebergTable) -> None:
    pinned, files = table.current_snapshot_id(), table.files()
    table.table.delete("id >= 0")
    (event,) = follow(table, pinned)
    assert isinstance(event, Replaced)
    assert (event.operation, event.removed, event.added) == ("delete", tuple(files), ())


def test_rows_deleted_by_delete_files_are_told_and_never_read_as_if_they_were_there(table: IcebergTable) -> None:
    pinned = table.current_snapshot_id()
    delete_first_row(table)
    (event,) = follow(table, pinned)
    assert isinstance(event, Replaced)
    assert (event.operation, event.added, event.removed) == ("overwrite", (), ())
    assert [Path(path).name for path in event.deletes] == ["deletes.parquet"]
    table.append(transactions(2, 4))
    with pytest.raises(UnsupportedError, match="has delete files"):
        list(follow(table, event.snapshot_id))


def test_a_snapshot_to_which_no_commits_lead_back_is_an_error(table: IcebergTable) -> None:
    first = table.current_snapshot_id()
    assert first is not None
    table.append(transactions(2, 4))
    second = table.current_snapshot_id()
    assert second is not None
    table.append(transactions(2, 6))
    expire(table, first)
    # What was behind it is all there.
    assert [ids for ids, _ in appended(table, first)] == [[4, 5], [6, 7]]
    expire(table, second)
    with pytest.raises(NotFoundError, match=rf"do not lead back to snapshot {first} \(one of them expired"):
        list(follow(table, first))


def test_appended_rows_can_be_filtered_as_any(table: IcebergTable) -> None:
    pinned = table.current_snapshot_id()
    table.append(transactions(4, 4))
    (event,) = follow(table, pinned)
    assert isinstance(event, Appended)
    assert str(event.rows.where(Condition("id", ">", 5)).count()) == "2 of 4 rows; left out: 2 that are not id > 5"
    assert PinnedRows(Snapshot.of(table)).count().kept == 8
