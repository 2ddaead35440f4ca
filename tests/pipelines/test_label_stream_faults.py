"""Parts of the stack killed under a label join: each fact is told once, and offsets are those of the topics."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.pipelines.label_ledger import label_ledger_of
from headrace.pipelines.label_runs import resume
from headrace.registry.store import Run
from headrace.runtime.legs import log_ranges
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

from .case import wait_until
from .outcomes import PARTITIONS, Labelled, Sent, closing, drawn
from .rig import TASK_MANAGERS, kill, process_of

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.slow]

ROWS = drawn(1_500, seed=11, hours=240)
#: A stretch is archived before the join begins; something is killed in the middle of each of the others.
STRETCH = len(ROWS) // 5


@pytest.fixture
def labelled(stack_settings: Settings, tmp_path: Path) -> Iterator[Labelled]:
    found = Labelled(stack_settings, tmp_path)
    try:
        yield found
    finally:
        found.close()


def test_each_fact_is_told_once_when_task_managers_and_the_job_manager_are_killed(
    labelled: Labelled, stack: Stack
) -> None:
    stretches = [ROWS[start : start + STRETCH] for start in range(0, len(ROWS), STRETCH)]
    labelled.send(stretches[0])
    labelled.archive()
    run = labelled.start()
    wait_until(lambda: labelled.status(run).counts.logged_read > 0)
    for stretch in stretches[1:3]:
        send_through(labelled, run, stretch, lambda: kill(stack, "flink", *TASK_MANAGERS))
        wait_until(lambda: runs_whole(labelled, run))
    labelled.send(stretches[3])
    lose_job_manager(stack)
    labelled.archive()
    again = labelled.note(resume(labelled.platform, run.run))
    assert "/chk-" in str(again.started_from)
    labelled.send([row for stretch in stretches[4:] for row in stretch])
    labelled.send(closing(ROWS))
    assert_told_as_by_the_oracle(labelled, again)


def send_through(labelled: Labelled, run: Run, rows: Sequence[Sent], lose: Callable[[], None]) -> None:
    """Rows are sent, and something is lost before all of them can be read; the job begins another attempt."""
    wait_until(lambda: runs_whole(labelled, run))
    was = newest_attempt(labelled, run)
    labelled.send(rows[: len(rows) // 2])
    lose()
    # Of a task manager a job notices only when it has something for it.
    labelled.send(rows[len(rows) // 2 :])
    wait_until(lambda: newest_attempt(labelled, run) > was)


def runs_whole(labelled: Labelled, run: Run) -> bool:
    """Whether every part of the job runs; those that read history have finished."""
    return all(vertex.state in {"RUNNING", "FINISHED"} for vertex in labelled.platform.flink.progress(str(run.job_id)))


def newest_attempt(labelled: Labelled, run: Run) -> int:
    return max(attempt.number for attempt in labelled.platform.flink.attempts(str(run.job_id)))


def lose_job_manager(stack: Stack) -> None:
    before = process_of(stack, "flink", "job-manager")
    kill(stack, "flink", "job-manager")
    wait_until(lambda: process_of(stack, "flink", "job-manager") != before)
    stack.wait_for("flink")


def assert_told_as_by_the_oracle(labelled: Labelled, run: Run) -> None:
    """Counts are those of DuckDB over the archives, and the ledger's offsets are those that the topics have."""
    oracle = labelled.oracle().counts
    counts = replace(oracle, orphan=oracle.orphan - PARTITIONS)
    wait_until(lambda: labelled.status(run).counts == counts, lambda: f"{labelled.status(run).counts}, not {counts}")
    ledger = label_ledger_of(labelled.platform, run.run)
    assert ledger.holds, ledger.to_text()
    ends = {
        (topic, partition): log.end
        for topic in labelled.topics.values()
        for partition, log in log_ranges(labelled.platform, topic).items()
    }
    assert {tuple(line.of): line.last_offset + 1 for line in ledger.partitions} == ends
    assert {tuple(line.of): line.history + line.live for line in ledger.partitions} == ends
