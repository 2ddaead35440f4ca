"""Which commits a savepoint or checkpoint does not have: by its number, and by its time where no number tells."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from headrace.connectors.iceberg import FlinkCommit
from headrace.errors import JobError
from headrace.features.instant import instant_of
from headrace.runtime.older_state import committed_since
from headrace.runtime.saved_state import HEADER, MAGIC, METADATA, SavedState, checkpoint_id

FIRST, SECOND = "0a1b2c" + "0" * 26, "77aa01" + "0" * 26
#: Two jobs of a run: the first commits with checkpoints 2 and 5, the second starts from 6 and commits with 8.
COMMITS = [FlinkCommit(20, None, FIRST, 2), FlinkCommit(50, 20, FIRST, 5), FlinkCommit(80, 50, SECOND, 8)]
#: Later than any commit: the time of a copy.
COPIED_US = 1_000


def at_its_number(snapshot_id: int) -> datetime:
    """Each snapshot was committed at the µs of its id."""
    return instant_of(snapshot_id)


def since(state: SavedState, commits: list[FlinkCommit] = COMMITS) -> int | None:
    found = committed_since(state, commits, at_its_number)
    return None if found is None else found.snapshot_id


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (SavedState(2, FIRST, COPIED_US), 50),
        (SavedState(4, FIRST[:6], COPIED_US), 50),
        (SavedState(6, FIRST[:6], COPIED_US), 80),
        (SavedState(9, SECOND, 0), None),
        (SavedState(7, None, COPIED_US), 80),
    ],
)
def test_a_copy_of_an_older_state_is_older_whatever_its_time(state: SavedState, expected: int | None) -> None:
    assert since(state) == expected


def test_what_a_state_has_may_be_committed_after_it_and_numbers_of_another_branch_tell_nothing() -> None:
    assert since(SavedState(5, FIRST, 0), COMMITS[:2]) is None
    branch = [*COMMITS[:2], FlinkCommit(70, 50, SECOND, 6)]
    assert since(SavedState(7, FIRST, COPIED_US), branch) == 70


def test_a_state_whose_job_committed_nothing_is_older_than_what_was_committed_later() -> None:
    silent = "ffffff"
    assert since(SavedState(9, silent, 79)) == 80
    assert since(SavedState(9, silent, 80)) is None
    assert since(SavedState(9, None, 79)) == 80
    assert since(SavedState(9, silent, 0), []) is None


def test_a_saved_state_is_read_from_its_metadata_and_its_path(tmp_path: Path) -> None:
    folder = tmp_path / FIRST / "chk-7"
    folder.mkdir(parents=True)
    (folder / METADATA).write_bytes(HEADER.pack(MAGIC, 5, 7) + b"more")
    os.utime(folder / METADATA, ns=(9_000, 9_000))
    assert SavedState.read(folder) == SavedState(7, FIRST, 9)


def test_what_is_no_savepoint_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(JobError, match=f"{tmp_path} is no savepoint or checkpoint"):
        checkpoint_id(tmp_path)
    (tmp_path / METADATA).write_bytes(b"short")
    with pytest.raises(JobError, match="is no savepoint or checkpoint"):
        checkpoint_id(tmp_path)
    (tmp_path / METADATA).write_bytes(HEADER.pack(1, 5, 7))
    with pytest.raises(JobError, match=r"_metadata: expected Flink's metadata.* found 0x1"):
        SavedState.read(tmp_path)
