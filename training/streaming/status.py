"""How a run of a streaming trainer gets on, by what it has told and committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import rewrites_after
from headrace.errors import NotFoundError
from headrace.runtime.platform import Platform
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.runs import job_of, job_status, run_of, state_word
from headrace.training.streaming.table_rows import rows_in
from headrace.training.streaming.tables import CANDIDATES, STEPS, told_of
from headrace.training.streaming.told import Candidate, LearnedStep, Verdict
from headrace.training.streaming.topic_rows import unread
from headrace.training.streaming.trainer import halted_since

US_PER_S = 1_000_000
#: The rate is that of the last quarter of a minute of learning, so that a halt shows, and is forgotten after it.
RATE_WINDOW_US = 15 * US_PER_S


@dataclass(frozen=True, slots=True)
class LearningStatus:
    """A run, what Flink says of its job, and the counts of its newest checkpoint.

    Attributes:
        state: `stopped`, `lost` where Flink does not know the job any more, or Flink's word.
        arrived: rows that came to the trainer; `visited` of them were learned from, `dead` are dead letters.
        lag: rows of the source that have not arrived yet.
        per_s: rows that arrived a second (processing time), of late.
        metrics: of the newest micro-batch, as JSON.
        halted: why learning has stopped, if it has.
        candidate: the newest.
        rewritten: commits that took rows away or replaced them since the run began, whose rows are not learned.
    """

    run: str
    model: str
    state: str
    arrived: int
    visited: int
    dead: int
    lag: int
    per_s: float
    metrics: str
    halted: str | None
    candidate: Candidate | None
    rewritten: str | None = None


def status_of(platform: Platform, run: str) -> LearningStatus:
    """How a run gets on.

    Raises:
        NotFoundError: there is no such run, or its source is gone.
        JobError: the cluster does not answer.
    """
    found, job = run_of(platform, run), job_of(platform, run)
    flink, steps = job_status(platform, run), told_of(platform.iceberg, STEPS, run)
    candidates = told_of(platform.iceberg, CANDIDATES, run)
    last = steps[-1] if steps else None
    arrived, visited = (last.arrived, last.visited) if last else (0, 0)
    lag, rewritten = _source_of(platform, job, arrived)
    return LearningStatus(
        run=run,
        model=found.model,
        state=state_word(found, flink),
        arrived=arrived,
        visited=visited,
        dead=arrived - visited,
        lag=lag,
        per_s=rate_of(steps),
        metrics=last.metrics if last else "{}",
        halted=halt_of(last, job),
        candidate=candidates[-1] if candidates else None,
        rewritten=rewritten,
    )


def _source_of(platform: Platform, job: LearningJob, arrived: int) -> tuple[int, str | None]:
    """How many rows of the source have not arrived, and what was rewritten in it."""
    if job.topic is not None:
        return unread(platform, job.source, job.topic, arrived), None
    table = platform.iceberg.named(job.source)
    unlearned = rows_in(table, job.snapshots.get(job.source), job.where) - job.skipped - arrived
    return unlearned, rewritten_in(table, job)


def halt_of(last: LearnedStep | None, job: LearningJob) -> str | None:
    """Why learning has stopped, by the newest micro-batch; it may be the refused one, and no other has come."""
    if last is None or last.verdict in (Verdict.LEARNED, Verdict.REFUSED):
        return None
    if last.verdict == Verdict.HALTED:
        return last.reason
    return halted_since(last.step, last.reason) if job.halts else None


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
