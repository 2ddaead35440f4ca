"""A job that was started with a knob really runs with it, and goes on from its state when the knob is turned."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from headrace.errors import JobError
from headrace.features.knobs import Knobs
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.lifecycle import record_run, resume, stop, submit
from headrace.registry.store import Run
from headrace.runtime.settings import Settings

from .case import Case, archived_case
from .orders import FEATURES, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HISTORY, LIVE, MORE = orders(300, seed=1), orders(60, seed=2, first=300), orders(60, seed=3, first=360)


@pytest.fixture
def case(stack_settings: Settings, tmp_path: Path) -> Iterator[Case]:
    """A view that says what it wants: latency."""
    with archived_case(stack_settings, tmp_path, HISTORY, []) as found:
        found.template = FEATURES.replace("    owner =", '    optimize = "latency"\n    owner =', 1)
        yield found


def running(case: Case, run: Run) -> tuple[int, set[str]]:
    """What Flink itself says of a job: ms between checkpoints, and ms of its mini-batches."""
    url = f"{case.platform.flink.base_url}/jobs/{run.job_id}"
    interval = requests.get(f"{url}/checkpoints/config", timeout=10).json()["interval"]
    plan = requests.get(f"{url}/plan", timeout=10).text
    return interval, set(re.findall(r"MiniBatchAssigner\(interval=\[(\w+)\]", plan))


def flushes(case: Case, run: Run) -> set[str]:
    """How long the job's sinks hold rows back, by what is recorded."""
    text = (case.platform.run_folder(run.run) / "job.json").read_text()
    return set(re.findall(r"'sink\.flush-interval' = '([^']*)'", text))


def test_a_job_runs_with_its_knobs_and_goes_on_with_others(case: Case) -> None:
    plan = case.plan()
    prepared = BackfillPipeline(plan, case.platform).prepare()
    record_run(case.platform, prepared)
    run = case.note(submit(case.platform, prepared.run_id))
    assert running(case, run) == (10_000, {"100ms"})
    assert flushes(case, run) == {"50 ms"}
    case.send(LIVE, [])
    case.ledger(run, len(HISTORY) + len(LIVE))

    stop(case.platform, run.run)
    case.send(MORE, [])
    with pytest.raises(JobError, match=r"would have to live for \d+ h; that is compiled into the run"):
        resume(case.platform, run.run, turn=Knobs("correctness"))
    run = case.note(resume(case.platform, run.run, turn=Knobs("cost", 15_500_000)))
    assert running(case, run) == (15_500, {"10000ms"})
    assert flushes(case, run) == {"5000 ms"}
    case.ledger(run, len(HISTORY) + len(LIVE) + len(MORE))
    case.assert_online([*HISTORY, *LIVE, *MORE])
