"""Parts of a job that learns from a topic killed in each phase: the model's own counter is the topic's count."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack
from headrace.training.streaming.runs import LearningRun, resume, stop

from ...pipelines.rig import TASK_MANAGERS, kill, process_of  # noqa: TID252 (what kills parts of the stack is theirs)
from .lake import wait_until
from .river import BROKEN, EARLY_LABEL, LATE, River, river_on, workers_of

pytestmark = [pytest.mark.faults, pytest.mark.stack, pytest.mark.slow]

#: How many rows are on their way in each phase; and how many of them are told of when something is killed.
ROWS = 2_000
RANDOM = random.Random(17)
Lose = Callable[[LearningRun], LearningRun]


@pytest.fixture
def river(stack_settings: Settings, tmp_path: Path) -> Iterator[River]:
    with river_on(stack_settings, tmp_path) as found:
        yield found


def newest_attempt(river: River, run: LearningRun) -> int:
    return max(attempt.number for attempt in river.platform.flink.attempts(run.job_id))


def runs_whole(river: River, run: LearningRun) -> bool:
    found = river.platform.flink.progress(run.job_id)
    return bool(found) and all(vertex.state == "RUNNING" for vertex in found)


def restarted(river: River, lose: Callable[[], None]) -> Lose:
    """Lose something that Flink itself replaces."""

    def through(run: LearningRun) -> LearningRun:
        wait_until(lambda: runs_whole(river, run))
        was = newest_attempt(river, run)
        lose()
        # Of a worker a job notices only when it has something for it.
        river.more(10)
        wait_until(lambda: newest_attempt(river, run) > was)
        return run

    return through


def learn_through(river: River, lose: Lose) -> LearningRun:
    """Lose it before anything is committed, while rows are on their way, when all have arrived; then go on."""
    river.more(ROWS, bad=[BROKEN, LATE])
    run = lose(river.begin())
    river.wait(run, RANDOM.randrange(1, river.records))
    river.more(ROWS, bad=[EARLY_LABEL])
    run = lose(run)
    river.wait(run, river.records)
    run = lose(run)
    river.more(ROWS, bad=[BROKEN])
    river.wait(run, river.records)
    stop(river.platform, run.run)
    return run


def test_each_record_is_learned_once_when_the_python_worker_is_killed(river: River, stack: Stack) -> None:
    def kill_workers() -> None:
        wait_until(lambda: bool(workers_of(stack)))
        for worker in workers_of(stack):
            worker.kill()

    run = learn_through(river, restarted(river, kill_workers))
    river.assert_each_record_once(run.run)


def test_each_record_is_learned_once_when_the_task_managers_are_killed(river: River, stack: Stack) -> None:
    run = learn_through(river, restarted(river, lambda: kill(stack, "flink", *TASK_MANAGERS)))
    river.assert_each_record_once(run.run)


def test_each_record_is_learned_once_when_the_job_manager_is_killed(river: River, stack: Stack) -> None:
    started_from = []

    def through(run: LearningRun) -> LearningRun:
        wait_until(lambda: runs_whole(river, run))
        before = process_of(stack, "flink", "job-manager")
        kill(stack, "flink", "job-manager")
        wait_until(lambda: process_of(stack, "flink", "job-manager") != before)
        stack.wait_for("flink")
        again = resume(river.platform, run.run)
        started_from.append(again.started_from)
        return again

    run = learn_through(river, through)
    river.assert_each_record_once(run.run)
    assert all("/chk-" in str(state) for state in started_from[1:])
