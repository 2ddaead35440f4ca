"""How a run of a streaming trainer gets on, by what it has told and committed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import rewrites_after
from headrace.errors import HeadraceError, NotFoundError
from headrace.runtime.flink_rest import FlinkRest, JobStatus
from headrace.runtime.platform import Platform
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.runs import job_of, looked_up, state_word
from headrace.training.streaming.table_rows import rows_in
from headrace.training.streaming.tables import CANDIDATES, STEPS, told_of
from headrace.training.streaming.told import Candidate, LearnedStep, Verdict
from headrace.training.streaming.topic_rows import check_same_topic, unread
from headrace.training.streaming.trainer import halted_since, unready_of

T = TypeVar("T")
FAILED = "FAILED"
#: What `state_word` says of a job that runs.
RUNNING = "running"
US_PER_S = 1_000_000
#: The rate is that of the last quarter of a minute of learning, so that a halt shows, and is forgotten after it.
RATE_WINDOW_US = 15 * US_PER_S


@dataclass(frozen=True, slots=True)
class LearningStatus:
    """A run, what Flink says of its job, and the counts of its newest checkpoint.

    Attributes:
        state: as `state_word` has it.
        arrived: rows that came to the trainer; `visited` of them were learned from, `dead` are dead letters.
        lag: rows of the source that have not arrived yet; None where that cannot be known, as `remark` tells.
        per_s: rows that arrived a second (processing time), of late.
        left_s: seconds until all rows have arrived, at that rate; None where the run follows, does not run, or nothing
            can be said of it yet.
        metrics: of the newest micro-batch, as JSON.
        halted: why learning has stopped, if it has.
        candidate: the newest.
        rewritten: commits that took rows away or replaced them since the run began, whose rows are not learned.
        remark: what of the run is gone, and why it does not show; how often the job restarted, and what made it fail;
            why it makes no candidates.
    """

    run: str
    model: str
    state: str
    arrived: int
    visited: int
    dead: int
    lag: int | None
    per_s: float
    left_s: float | None
    metrics: str
    halted: str | None
    candidate: Candidate | None
    rewritten: str | None = None
    remark: str | None = None


def status_of(platform: Platform, run: str) -> LearningStatus:
    """How a run gets on; of what is gone, as its topic or table, a remark tells.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster does not answer.
    """
    found, flink = looked_up(platform, run)
    remarks: list[str] = []
    steps = _unless_gone(partial(told_of, platform.iceberg, STEPS, run), remarks) or []
    candidates = _unless_gone(partial(told_of, platform.iceberg, CANDIDATES, run), remarks) or []
    job = _unless_gone(partial(job_of, platform, run), remarks)
    last = steps[-1] if steps else None
    arrived, visited = (last.arrived, last.visited) if last else (0, 0)
    # Without what has arrived there is no telling what has not.
    asked = None if job is None or remarks else partial(_source_of, platform, job, arrived)
    lag, rewritten = (_unless_gone(asked, remarks) if asked else None) or (None, None)
    if flink is not None and (trouble := _unless_gone(partial(trouble_of, platform.flink, flink), remarks)):
        remarks.append(trouble)
    if unready := unready_of(steps):
        remarks.append(unready)
    state, per_s = state_word(found, flink), rate_of(steps)
    return LearningStatus(
        run=run,
        model=found.model,
        state=state,
        arrived=arrived,
        visited=visited,
        dead=arrived - visited,
        lag=lag,
        per_s=per_s,
        left_s=left_of(lag, per_s) if job is not None and job.is_bounded and state == RUNNING else None,
        metrics=last.metrics if last else "{}",
        halted=None if job is None else halt_of(last, job),
        candidate=candidates[-1] if candidates else None,
        rewritten=rewritten,
        remark="; ".join(remarks) or None,
    )


def _unless_gone(ask: Callable[[], T], remarks: list[str]) -> T | None:
    """An answer; None where it cannot be had, and a remark why."""
    try:
        return ask()
    except (HeadraceError, OSError) as error:
        remarks.append(str(error))
        return None


def _source_of(platform: Platform, job: LearningJob, arrived: int) -> tuple[int | None, str | None]:
    """How many rows of the source have not arrived, and what was rewritten in it."""
    if job.topic is not None:
        check_same_topic(platform, job)
        return unread(platform, job.source, job.topic, arrived), None
    table = platform.iceberg.named(job.source)
    unlearned = rows_in(table, job.snapshots.get(job.source), job.where) - job.skipped - arrived
    return unlearned, rewritten_in(table, job)


def trouble_of(flink: FlinkRest, job: JobStatus) -> str | None:
    """How often a job has restarted, and what made it fail last; None where it neither restarted nor failed."""
    restarts = max((attempt.number for attempt in flink.attempts(job.job_id)), default=0)
    if not restarts and job.state != FAILED:
        return None
    times = f"restarted {restarts} time{'s' if restarts > 1 else ''}" if restarts else "failed"
    return f"{times}, at last by {flink.root_exception(job.job_id) or 'what Flink does not tell'}"


def halt_of(last: LearnedStep | None, job: LearningJob) -> str | None:
    """Why learning has stopped, by the newest micro-batch; the model may have failed at it, and no other has come."""
    if last is not None and last.verdict == Verdict.HALTED:
        return last.reason
    if last is not None and last.verdict == Verdict.DIVERGED and job.halts:
        return halted_since(last.step, last.reason)
    return None


def rewritten_in(source: IcebergTable, job: LearningJob) -> str | None:
    """Which commits since a run began did not only append, as text; None: none did, or the run reads no later ones."""
    if job.snapshots or job.begins is None:
        return None
    try:
        found = rewrites_after(source, job.begins)
    except NotFoundError:
        return f"unknown: the commits since snapshot {job.begins} are not all there any more"
    return ", ".join(f"{operation} {snapshot_id}" for snapshot_id, operation in found) or None


def rate_of(steps: Sequence[LearnedStep]) -> float:
    """Rows a second over the last `RATE_WINDOW_US` that something was learned in; 0 for a single step."""
    if not steps:
        return 0.0
    last = steps[-1]
    first = next(step for step in steps if step.told_us >= last.told_us - RATE_WINDOW_US)
    took_us = last.told_us - first.told_us
    return (last.arrived - first.arrived) * US_PER_S / took_us if took_us > 0 else 0.0


def left_of(lag: int | None, per_s: float) -> float | None:
    """Seconds until rows that wait have arrived, at a rate; None where either is not known.

    >>> left_of(3_000, 500.0), left_of(None, 500.0), left_of(3_000, 0.0)
    (6.0, None, None)
    """
    return lag / per_s if lag is not None and per_s > 0 else None
