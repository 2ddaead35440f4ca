"""From a job that learns to a run of it and back: start, stop with a savepoint, resume, look."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from headrace.errors import JobError, NotFoundError, did_you_mean
from headrace.runtime.checkpointing import retained_checkpoints
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import SavedState
from headrace.training.learning.durable import write_whole
from headrace.training.models.views import check_unchanged
from headrace.training.streaming import positions
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.states import (
    NEW_RUN,
    check_format,
    checked_place,
    committing_jobs,
    newest_told_us,
    older,
    refuse_older,
    saved,
    stopped_with,
    told_since,
)
from headrace.training.streaming.tables import STEPS, told_of
from headrace.training.streaming.topic_rows import check_still_there

RECORD_FILE, JOB_FILE = "learning.json", "learning-job.json"


@dataclass(frozen=True, slots=True)
class LearningRun:
    """A run of a streaming trainer, as it is kept.

    Attributes:
        job_id: Flink's id of its newest job; empty until the first one is submitted.
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
        """What `save` wrote. JobError, naming the file, for anything else; FileNotFoundError where there is none."""
        file = folder / RECORD_FILE
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise JobError(_no_record(folder.name, file, error)) from error


def runs(platform: Platform) -> list[LearningRun]:
    """All runs of trainers, in the order of their ids, but for those of `unreadable`."""
    found = (_read(folder) for folder in _folders(platform))
    return [one for one in found if isinstance(one, LearningRun)]


def unreadable(platform: Platform) -> dict[str, JobError]:
    """By the id of a run why its record cannot be read; empty where all can."""
    found = {folder.name: _read(folder) for folder in _folders(platform)}
    return {run: one for run, one in found.items() if isinstance(one, JobError)}


def ids_of(platform: Platform, model: str) -> set[str]:
    """The ids of a model's runs; one whose record cannot be read has the model's name, a day, a time and digits."""
    unread = {run for run in unreadable(platform) if run.rsplit("-", 3)[0] == model.replace("_", "-")}
    return {run.run for run in runs(platform) if run.model == model} | unread


def run_of(platform: Platform, run: str) -> LearningRun:
    """One run. NotFoundError, with a suggestion, when there is none."""
    try:
        return LearningRun.load(platform.run_folder(run))
    except FileNotFoundError as error:
        msg = f"no run {run!r} of a streaming trainer; {did_you_mean(run, [one.run for one in runs(platform)])}"
        raise NotFoundError(msg) from error


def job_of(platform: Platform, run: str) -> LearningJob:
    """The job of a run. NotFoundError, with a suggestion, when there is none; JobError where it cannot be read."""
    file = platform.run_folder(run_of(platform, run).run) / JOB_FILE
    try:
        return LearningJob.load(file)
    except (ValueError, TypeError, KeyError) as error:
        raise JobError(_no_record(run, file, error)) from error


def _folders(platform: Platform) -> list[Path]:
    """The folders of all runs of trainers."""
    return sorted(file.parent for file in (platform.settings.home / "runs").glob(f"*/{RECORD_FILE}"))


def _no_record(run: str, file: Path, error: Exception) -> str:
    return f"run {run}: {file} is not what headrace writes: {error}; put it back from a copy, or move the folder away"


def _read(folder: Path) -> LearningRun | JobError:
    """The run of a folder, or why it cannot be read."""
    try:
        return LearningRun.load(folder)
    except JobError as error:
        return error


def start(platform: Platform, job: LearningJob) -> LearningRun:
    """Keep a job and start it.

    Raises:
        JobError: the cluster refuses it, and `resume` tries again; or a trainer of this model runs already: two would
            be two models of one name.
    """
    refuse_second(platform, job.model)
    folder = platform.run_folder(job.run)
    job.save(folder / JOB_FILE)
    # Kept before there is a job: whoever is killed behind the submission leaves a run whose job is known by its name.
    kept = LearningRun(job.run, job.model, "").save(folder)
    made = replace(kept, job_id=job.submit(platform.session)).save(folder)
    keep_first(platform, made)
    return made


def stop(platform: Platform, run: str) -> LearningRun:
    """Stop a run after a savepoint, which `resume` starts from.

    Raises:
        NotFoundError: there is no such run.
        JobError: it does not run, or the savepoint failed; then the job goes on.
    """
    found, job = looked_up(platform, run)
    if job is None or job.is_over:
        msg = f"run {run} is {state_word(found, job)}, not running: there is nothing to stop"
        raise JobError(msg)
    savepoint = platform.flink.stop_with_savepoint(found.job_id, platform.settings.flink.savepoint_dir)
    return replace(found, savepoint=savepoint).save(platform.run_folder(run))


def resume(platform: Platform, run: str, start_from: str | None = None) -> LearningRun:
    """Start a run that does not run, with its newest state or that of a savepoint or checkpoint.

    Where a job of it runs that its record does not name, that one is recorded, and none is started.

    Raises:
        NotFoundError: there is no such run.
        JobError: it runs, or is being resumed elsewhere; it has learned all that it was to; it has told of rows that
            the state does not have; or its state is gone, or written in another way.
        ModelError: a feature view that made its rows has changed since.
        CutoverError: its topic was made anew, or has lost records that the run has not read.
    """
    folder = platform.run_folder(run)
    found, status = looked_up(platform, run)
    if status is not None and not status.is_over:
        if start_from is None and found != run_of(platform, run) and not status.is_starting:
            return found.save(folder)
        msg = f"run {run} is {status.state.lower()} as job {status.job_id}; stop it first (`headrace learn stop {run}`)"
        raise JobError(msg)
    refuse_second(platform, found.model)
    check_format(job := job_of(platform, run))
    if start_from is None:
        state = newest_state(platform, found, status)
    else:
        state = start_from
        refuse_older(platform, run, state)
    check_unchanged(platform.registry, platform.settings.project, job.features, f"run {run}")
    check_still_there(platform, job, arrived_offsets(platform, run))
    job_id = job.submit(platform.session, state)
    resumed = replace(found, job_id=job_id, started_from=state, savepoint=None)
    keep_first(platform, resumed)
    return resumed.save(folder)


def newest_state(platform: Platform, run: LearningRun, status: JobStatus | None) -> str | None:
    """Where a run goes on: its newest state that has all it has told; None: at its beginning, where that is nothing.

    Raises:
        JobError: it has finished, or such a state is gone, or is not on a file system of this machine.
    """
    savepoint = run.savepoint or (None if status is None else platform.flink.stopping_savepoint(run.job_id))
    if savepoint is None and status is not None and status.state == "FINISHED":
        msg = f"run {run.run} has finished: it has learned from all rows that it was to"
        raise JobError(msg)
    refused = None
    for state, made in _states(platform, run, savepoint):
        since = told_since(platform, run.run, made)
        if since is None:
            return state
        refused = refused or older(run.run, state, since)
    if refused is None and newest_told_us(platform, run.run):
        refused = f"run {run.run}: no savepoint or completed checkpoint to go on from, and rows were learned; {NEW_RUN}"
    if refused is not None:
        raise JobError(refused)
    return None


def arrived_offsets(platform: Platform, run: str) -> dict[int, int]:
    """By partition the offset behind the last row that a run has told of."""
    seen: positions.Positions = {}
    for step in told_of(platform.iceberg, STEPS, run):
        seen = positions.merged(seen, positions.from_json(step.positions))
    return {int(name): span.last + 1 for name, span in seen.items()}


def looked_up(platform: Platform, run: str) -> tuple[LearningRun, JobStatus | None]:
    """A run, and what Flink says of its newest job; None when it does not know it any more.

    Its newest job is the one that runs, also where the record names one before it: who submitted that one ended before
    it was written down.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster does not answer.
    """
    found, job = adopted(recorded := run_of(platform, run), platform.flink.jobs())
    if found == recorded or job is None or job.is_starting:
        return found, job
    # It may have been resumed from what no record names (`--from`).
    began = platform.flink.started_from(found.job_id)
    return replace(found, started_from=began or found.started_from), job


def adopted(run: LearningRun, jobs: Collection[JobStatus]) -> tuple[LearningRun, JobStatus | None]:
    """A run with that of its jobs which runs, or the one that is recorded, as far as it is known.

    One that is not recorded began with the newest state that is, as far as the record tells.

    >>> lost = LearningRun("labels-1", "labels", "a1", savepoint="file:///savepoints/1")
    >>> found, _ = adopted(lost, [JobStatus("b2", "labels-1", "RUNNING", 7, 1)])
    >>> found.job_id, found.started_from, found.savepoint
    ('b2', 'file:///savepoints/1', None)
    """
    recorded = next((job for job in jobs if job.job_id == run.job_id), None)
    running = running_of(jobs, {run.run})
    if not running or recorded in running:
        return run, recorded
    began = run.savepoint or run.started_from
    return replace(run, job_id=running[0].job_id, started_from=began, savepoint=None), running[0]


def job_status(platform: Platform, run: str) -> JobStatus | None:
    """What Flink says of a run's newest job; None when it does not know it any more."""
    return looked_up(platform, run)[1]


def state_word(run: LearningRun, job: JobStatus | None) -> str:
    """What a run is: `stopped` with a savepoint, `lost` where Flink does not know its job any more, or Flink's word.

    `not started`: nothing was submitted.

    >>> state_word(LearningRun("labels-1", "labels", "0a1b", savepoint="file:///savepoints/1"), None)
    'stopped'
    """
    if run.savepoint is not None:
        return "stopped"
    if job is not None:
        return job.state.lower()
    return "lost" if run.job_id else "not started"


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


def _states(platform: Platform, run: LearningRun, savepoint: str | None) -> Iterator[tuple[str, SavedState]]:
    """What a run may go on from, newest first: also what a job has left that the record does not name."""
    if savepoint is not None:
        yield savepoint, stopped_with(savepoint)
    folder = checked_place(platform.settings.flink.checkpoint_dir, "flink.checkpoint_dir")
    jobs = filter(None, dict.fromkeys((run.job_id, *committing_jobs(platform, run.run))))
    newest = [state for job_id in jobs for state in retained_checkpoints(folder, job_id)[-1:]]
    for state in (*newest, *filter(None, [run.started_from])):
        yield state, saved(state)


def _running(platform: Platform, model: str) -> list[JobStatus]:
    """The jobs of a model's trainers that are not over, oldest first."""
    return running_of(platform.flink.jobs(), ids_of(platform, model))


def _second(first: JobStatus, model: str) -> str:
    return (
        f"model {model!r} is being learned already, by run {first.name}, job {first.job_id}: two trainers would make "
        f"two models of one name; stop that one first (`headrace learn stop {first.name}`)"
    )
