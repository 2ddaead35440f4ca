"""What became of the jobs of runs: whenever somebody looks, the registry is brought up to what Flink says.

Nobody watches in between, so a job that failed is noted as failed by the first command that asks, and one whose
submission was not noted, because the process that submitted it died, as the run's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headrace.pipelines.run_words import resume_command
from headrace.registry.store import Pointer, Run
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform

LOST = "Flink does not know its job any more; `{command}` goes on from the newest state"
# A job that Flink is about to start again, or to give up, has failed: the reason is worth telling.
TROUBLED = frozenset({"RESTARTING", "FAILING", "FAILED"})


@dataclass(frozen=True)
class RunStatus:
    """A run with what Flink says of its job; `job` is None when the cluster does not know it any more.

    `detail` is the reason of a failure, or the savepoint with which the run was stopped.
    """

    run: Run
    job: JobStatus | None
    detail: str | None


def statuses(platform: Platform, view: str | None = None) -> list[RunStatus]:
    """All runs of the project or of one view, newest first, with what became of their jobs until now.

    Raises:
        JobError: the cluster does not answer; nothing is noted then.
    """
    runs = platform.registry.runs(platform.settings.project, view)
    jobs = platform.flink.jobs()
    return [_status(platform, run, jobs) for run in runs]


def status_of(platform: Platform, run_id: str) -> RunStatus:
    """One run with what became of its job until now.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster does not answer.
    """
    return _status(platform, platform.registry.run(run_id), platform.flink.jobs())


def note_submitted(platform: Platform, run_id: str, job_id: str, started_from: str | None) -> Run:
    """Note the job of a run, and from which state it was started.

    The first version of a view that is started begins to serve at once; a later one when it is promoted.

    Raises:
        NotFoundError: there is no such run.
    """
    run = platform.registry.submitted(run_id, job_id, started_from)
    is_view = bool(platform.registry.versions(run.project, run.view))
    if is_view and platform.registry.pointer(run.project, run.view) is None:
        platform.registry.set_pointer(Pointer(run.project, run.view, run.version, run.generation), None)
    return run


def trouble_of(platform: Platform, job: JobStatus) -> str | None:
    """Why a job fails or has failed; None for one that does not."""
    return platform.flink.root_exception(job.job_id) if job.state in TROUBLED else None


def _status(platform: Platform, run: Run, jobs: Sequence[JobStatus]) -> RunStatus:
    noted, job = _with_job(platform, run, jobs)
    settled = _settled(platform, noted, job)
    if settled.status == "stopped":
        return RunStatus(settled, job, settled.savepoints[-1])
    trouble = trouble_of(platform, job) if job is not None and settled.status == "running" else None
    return RunStatus(settled, job, settled.cause or trouble)


def _with_job(platform: Platform, run: Run, jobs: Sequence[JobStatus]) -> tuple[Run, JobStatus | None]:
    """The run with its job; where that is over, another one that runs under the run's name becomes the run's.

    Of several the first, as everywhere. One that is not told yet from which state it starts is noted later.
    """
    own = next((job for job in jobs if job.job_id == run.job_id), None)
    live = [job for job in jobs if job.name == run.run and not job.is_over]
    if not live or (own is not None and not own.is_over):
        return run, own
    first = min(live, key=lambda job: (job.started_ms, job.job_id))
    if first.is_starting:
        return run, first
    return note_submitted(platform, run.run, first.job_id, platform.flink.started_from(first.job_id)), first


def _settled(platform: Platform, run: Run, job: JobStatus | None) -> Run:
    """The run, its end noted when there is one that nobody has noted yet."""
    if run.status not in {"running", "lost"}:
        return run
    if job is None:
        lost = LOST.format(command=resume_command(run))
        return run if run.status == "lost" else platform.registry.settle(run, "lost", cause=lost)
    if not job.is_over:
        return run if run.status == "running" else platform.registry.settle(run, "running")
    return _ended(platform, run, job)


def _ended(platform: Platform, run: Run, job: JobStatus) -> Run:
    if job.state == "FINISHED":
        savepoint = platform.flink.stopping_savepoint(job.job_id)
        return platform.registry.settle(run, "stopped" if savepoint else "finished", savepoint=savepoint)
    return platform.registry.settle(run, job.state.lower(), cause=trouble_of(platform, job))
