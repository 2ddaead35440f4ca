"""A run that is started from an older savepoint than its last one, on the real stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.errors import CutoverError
from headrace.pipelines.lifecycle import resume, stop
from headrace.pipelines.savepoint import positions_at
from headrace.runtime.settings import Settings

from .case import PARTITIONS, Case, archived_case
from .orders import orders

HISTORY, FIRST, SECOND = orders(300, seed=1), orders(300, seed=2, first=300), orders(300, seed=3, first=600)


@pytest.fixture
def case(stack_settings: Settings, tmp_path: Path) -> Iterator[Case]:
    """History archived, nothing backfilled yet."""
    with archived_case(stack_settings, tmp_path, HISTORY, []) as found:
        yield found


@pytest.mark.stack
@pytest.mark.slow
def test_from_an_older_savepoint_the_log_is_checked_from_where_that_one_stands(case: Case) -> None:
    run = case.backfill(case.plan())
    case.send(FIRST, [])
    case.ledger(run, len(HISTORY) + len(FIRST))
    older = stop(case.platform, run.run).savepoints[-1]
    case.note(resume(case.platform, run.run))
    case.send(SECOND, [])
    every = [*HISTORY, *FIRST, *SECOND]
    case.ledger(run, len(every))
    newest = stop(case.platform, run.run).savepoints[-1]

    folders = [Path(savepoint.removeprefix("file:")) for savepoint in (older, newest)]
    ends = [(len(HISTORY) + len(FIRST)) // PARTITIONS, len(every) // PARTITIONS]
    assert [positions_at(case.platform, run.run, folder) for folder in folders] == [
        {(case.topic, partition): end for partition in range(PARTITIONS)} for end in ends
    ]
    with case.platform.kafka.admin() as admin:
        admin.delete_records(case.topic, {1: ends[0] + 1})
    with pytest.raises(CutoverError, match=f"partition 1: needed from offset {ends[0]}, but the log begins at"):
        resume(case.platform, run.run, older)
    case.note(resume(case.platform, run.run, newest))
    case.ledger(run, len(every))
    case.assert_online(every)
