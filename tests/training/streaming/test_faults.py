"""Parts of the job killed under it: each row is still learned once, by the counter inside the model's own state."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.runtime.flink_in_process import ClusterInProcess
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack
from headrace.training.streaming.runs import LearningRun, resume, stop

from ...pipelines.rig import TASK_MANAGERS, kill, process_of  # noqa: TID252 (what kills parts of the stack is theirs)
from .lake import Lake, lake_in_process, wait_until, workers

pytestmark = [pytest.mark.faults, pytest.mark.slow]

COMMITS, ROWS = 12, 700
#: After which commits something is killed; a generator chose them.
KILLS = sorted(random.Random(5).sample(range(1, COMMITS), 3))


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[tuple[Lake, ClusterInProcess]]:
    with lake_in_process(tmp_path) as found:
        yield found


@pytest.fixture(scope="module")
def stacked(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("stacked")
    flink = stack_settings.flink.model_copy(update={"parallelism": 1})
    return Lake(Platform(stack_settings.model_copy(update={"home": folder, "flink": flink})))


def newest_attempt(lake: Lake, run: LearningRun) -> int:
    return max(attempt.number for attempt in lake.platform.flink.attempts(run.job_id))


def runs_whole(lake: Lake, run: LearningRun) -> bool:
    return all(vertex.state == "RUNNING" for vertex in lake.platform.flink.progress(run.job_id))


def learn_through(lake: Lake, run: LearningRun, lose: Callable[[], None]) -> None:
    """Rows are appended, and three times something is lost while they are on their way."""
    for number in range(COMMITS):
        lake.more(ROWS)
        if number in KILLS:
            wait_until(lambda: runs_whole(lake, run))
            was = newest_attempt(lake, run)
            lake.more(ROWS)
            lose()
            # Of a worker a job notices only when it has something for it.
            lake.more(10)
            wait_until(lambda was=was: newest_attempt(lake, run) > was)  # type: ignore[misc]
    lake.wait(run, lake.rows)


def assert_whole(lake: Lake, run: LearningRun) -> None:
    stop(lake.platform, run.run)
    lake.assert_each_row_once(run.run)
    assert lake.steps(run.run)[-1].model_rows == lake.rows


def test_rows_are_learned_once_when_the_python_worker_is_killed(lost: tuple[Lake, ClusterInProcess]) -> None:
    lake, _ = lost

    def kill_workers() -> None:
        killed = workers()
        assert killed
        for worker in killed:
            worker.kill()

    run = lake.begin()
    learn_through(lake, run, kill_workers)
    assert_whole(lake, run)


def test_rows_are_learned_once_when_the_task_manager_is_lost(lost: tuple[Lake, ClusterInProcess]) -> None:
    lake, cluster = lost
    run = lake.begin()
    learn_through(lake, run, cluster.lose_task_manager)
    assert_whole(lake, run)


@pytest.mark.stack
def test_rows_are_learned_once_when_task_managers_and_job_manager_are_killed(stacked: Lake, stack: Stack) -> None:
    run = stacked.begin()
    learn_through(stacked, run, lambda: kill(stack, "flink", *TASK_MANAGERS))
    before = process_of(stack, "flink", "job-manager")
    stacked.more(ROWS)
    kill(stack, "flink", "job-manager")
    wait_until(lambda: process_of(stack, "flink", "job-manager") != before)
    stack.wait_for("flink")
    stacked.more(ROWS)
    again = resume(stacked.platform, run.run)
    assert again.started_from is not None
    assert "/chk-" in again.started_from
    stacked.wait(again, stacked.rows)
    assert_whole(stacked, again)
