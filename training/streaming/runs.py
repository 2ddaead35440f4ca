"""From a job that learns to a run of it and back: start, stop with a savepoint, resume, look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from headrace.errors import JobError, NotFoundError, did_you_mean
from headrace.runtime.checkpointing import local_path, retained_checkpoints
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform
from headrace.training.learning.durable import write_whole
from headrace.training.models.views import check_unchanged
from headrace.training.streaming import positions
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.tables import CANDIDATES, STEPS, told_of
from headrace.training.streaming.topic_rows import check_still_there

RECORD_FILE, JOB_FILE = "learning.json", "learning-job.json"
#: The file of a savepoint or checkpoint that Flink writes last.
METADATA = "_metadata"
NEW_RUN = "start a new run from its newest candidate (`headrace learn start --from`)"


@dataclass(frozen=True, slots=True)
class LearningRun:
    """A run of a streaming trainer, as it is kept.

    Attributes:
        job_id: Flink's id of its newest job.
        started_from: the savepoint or checkpoint that this job began with; None: with nothing.
        savepoint: with which it was stopped; None while it is not.
    """

    run: str
    model: str
    job_id: str
    started_from: str | None = None
    savepoint: str | None = None

    def save(self, folder: Path) -> Self:
        """Write it whole or not at all; TrainingError when it cannot be written."""
        write_whole(folder / RECORD_FILE, json.dumps(asdict(self), indent=1).encode())
        return self

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        return cls(**json.loads((folder / RECORD_FILE).read_text(encoding="utf-8")))


def runs(platform: Platform) -> list[LearningRun]:
    """All runs of trainers, in the order of their ids."""
    found = (platform.settings.home / "runs").glob(f"*/{RECORD_FILE}")
    return [LearningRun.load(file.parent) for file in sorted(found)]


def run_of(platform: Platform, run: str) -> LearningRun:
    """One run. NotFoundError, with a suggestion, when there is none."""
    try:
        return LearningRun.load(platform.run_folder(run))
    except FileNotFoundError as error:
        msg = f"no run {run!r} of a streaming trainer; {did_you_mean(run, [one.run for one in runs(platform)])}"
        raise NotFoundError(msg) from error


def job_of(platform: Platform, run: str) -> LearningJob:
    """The job of a run. NotFoundError, with a suggestion, when there is none."""
    return LearningJob.load(platform.run_folder(run_of(platform, run).run) / JOB_FILE)


def start(platform: Platform, job: LearningJob) -> LearningRun:
    """Keep a job and start it.

    Raises:
        JobError: the cluster refuses it, or a trainer of this model runs already: two would be two models of one name.
    """
    refuse_second(platform, job.model)
    folder = platform.run_folder(job.run)
    job.save(folder / JOB_FILE)
    made = LearningRun(job.run, job.model, job.submit(platform.session)).save(folder)
    keep_first(platform, made)
    return made


def stop(platform: Platform, run: str) -> LearningRun:
    """Stop a run after a savepoint, which `resume` starts from.

    Raises:
        NotFoundError: there is no such run.
        JobError: it does not run, or the savepoint failed; then the job goes on.
    """
    found, job = run_of(platform, run), job_status(platform, run)
    if job is None or job.is_over:
        msg = f"run {run} is {state_word(found, job)}, not running: there is nothing to stop"
        raise JobError(msg)
    savepoint = platform.flink.stop_with_savepoint(found.job_id, platform.settings.flink.savepoint_dir)
    return replace(found, savepoint=savepoint).save(platform.run_folder(run))


def resume(platform: Platform, run: str, start_from: str | None = None) -> LearningRun:
    """Start a run that does not run, with its newest state or that of a savepoint or checkpoint.

    Raises:
        NotFoundError: there is no such run.
        JobError: it runs, or is being resumed elsewhere; it has learned all that it was to; it has told of rows that
            the state does not have; or its state is gone.
        ModelError: a feature view that made its rows has changed since.
        CutoverError: its topic was made anew, or has lost records that the run has not read.
    """
    found, status = run_of(platform, run), job_status(platform, run)
    if status is not None and not status.is_over:
        msg = f"run {run} is {status.state.lower()} as job {status.job_id}; stop it first (`headrace learn stop {run}`)"
        raise JobError(msg)
    refuse_second(platform, found.model)
    if start_from is None:
        state = newest_state(platform, found, status)
    else:
        state = start_from
        refuse_older(platform, found, state)
    folder, job = platform.run_folder(run), job_of(platform, run)
    check_unchanged(platform.registry, platform.settings.project, job.features, f"run {run}")
    check_still_there(platform, job, arrived_offsets(platform, run))
    job_id = job.submit(platform.session, state)
    resumed = replace(found, job_id=job_id, started_from=state, savepoint=None)
    keep_first(platform, resumed)
    return resumed.save(folder)


def newest_state(platform: Platform, run: LearningRun, status: JobStatus | None) -> str | None:
    """Where a run goes on; None: at its beginning, because it has told of nothing yet.

    Raises:
        JobError: it has finished, or its state is gone, or is not on a file system of this machine.
    """
    savepoint = run.savepoint or (None if status is None else platform.flink.stopping_savepoint(run.job_id))
    if savepoint is not None:
        return savepoint
    if status is not None and status.state == "FINISHED":
        msg = f"run {run.run} has finished: it has learned from all rows that it was to"
        raise JobError(msg)
    folder = checked_place(platform.settings.flink.checkpoint_dir, "flink.checkpoint_dir")
    retained = retained_checkpoints(folder, run.job_id)
    if retained:
        return retained[-1]
    if run.started_from is not None:
        refuse_older(platform, run, run.started_from)
    elif newest_told_us(platform, run.run):
        msg = f"run {run.run}: no savepoint or completed checkpoint to go on from, and rows were learned; {NEW_RUN}"
        raise JobError(msg)
    return run.started_from


def refuse_older(platform: Platform, run: LearningRun, state: str) -> None:
    """Raise JobError when the run has told of something since a state was made: it would tell of it twice.

    When a state was made, its file system knows: the file of its metadata is written once, when all else is.
    """
    place = local_path(checked_place(state, "the state"))
    file = place if place.is_file() else place / METADATA
    if not file.is_file():
        msg = f"run {run.run}: no file {file}; expected a savepoint or a completed checkpoint of this run"
        raise JobError(msg)
    told_us, made_us = newest_told_us(platform, run.run), file.stat().st_mtime_ns // 1000
    if told_us > made_us:
        made, told = (datetime.fromtimestamp(one / 1e6, UTC).isoformat() for one in (made_us, told_us))
        msg = f"run {run.run}: {state} was made at {made}, and the run has told of rows since, last at {told}: "
        raise JobError(msg + f"it would learn them and tell of them twice; resume without --from, or {NEW_RUN}")


def newest_told_us(platform: Platform, run: str) -> int:
    """When a run last told of a step or a candidate that is committed (processing time, µs); 0: never."""
    told = [one.told_us for name in (STEPS, CANDIDATES) for one in told_of(platform.iceberg, name, run)]
    return max(told, default=0)


def arrived_offsets(platform: Platform, run: str) -> dict[int, int]:
    """By partition the offset behind the last row that a run has told of."""
    seen: positions.Positions = {}
    for step in told_of(platform.iceberg, STEPS, run):
        seen = positions.merged(seen, positions.from_json(step.positions))
    return {int(name): span.last + 1 for name, span in seen.items()}


def checked_place(place: str, what: str) -> str:
    """A place on a file system of this machine. JobError for another: what is there cannot be looked at."""
    scheme = urlsplit(place).scheme
    if scheme not in ("", "file"):
        msg = f"{what} {place!r} is on {scheme}; expected a folder of this machine (file:///...), in which states "
        raise JobError(msg + "can be found: resume where it is one")
    return place


def job_status(platform: Platform, run: str) -> JobStatus | None:
    """What Flink says of a run's newest job; None when it does not know it any more."""
    job_id = run_of(platform, run).job_id
    return next((job for job in platform.flink.jobs() if job.job_id == job_id), None)


def state_word(run: LearningRun, job: JobStatus | None) -> str:
    """What a run is: `stopped` with a savepoint, `lost` where Flink does not know its job any more, or Flink's word.

    >>> state_word(LearningRun("labels-1", "labels", "0a1b", savepoint="file:///savepoints/1"), None)
    'stopped'
    """
    if run.savepoint is not None:
        return "stopped"
    return "lost" if job is None else job.state.lower()


def refuse_second(platform: Platform, model: str) -> None:
    """Raise JobError when a trainer of the model runs."""
    running = _running(platform, model)
    if running:
        raise JobError(_second(running[0], model))


def keep_first(platform: Platform, run: LearningRun) -> None:
    """Cancel the job that a run has just been given, and raise JobError, when another of its model was there first."""
    running = _running(platform, run.model)
    if running and running[0].job_id != run.job_id:
        if any(job.job_id == run.job_id for job in running):
            platform.flink.cancel(run.job_id)
        raise JobError(_second(running[0], run.model))


def running_of(jobs: Iterable[JobStatus], runs_: Collection[str]) -> list[JobStatus]:
    """The jobs of some runs that are not over, oldest first; a job has its run's name.

    >>> jobs = [JobStatus("b2", "labels-1", "RUNNING", 7, 1), JobStatus("a1", "labels-1", "FINISHED", 5, 1)]
    >>> [job.job_id for job in running_of(jobs, {"labels-1"})]
    ['b2']
    """
    running = (job for job in jobs if job.name in runs_ and not job.is_over)
    return sorted(running, key=lambda job: (job.started_ms, job.job_id))


def _running(platform: Platform, model: str) -> list[JobStatus]:
    """The jobs of a model's trainers that are not over, oldest first."""
    return running_of(platform.flink.jobs(), {run.run for run in runs(platform) if run.model == model})


def _second(first: JobStatus, model: str) -> str:
    return (
        f"model {model!r} is being learned already, by run {first.name}, job {first.job_id}: two trainers would make "
        f"two models of one name; stop that one first (`headrace learn stop {first.name}`)"
    )
