"""What became of the jobs of runs: whenever somebody looks, the registry is brought up to what Flink says.

Nobody watches in between, so a job that failed is noted as failed by the first command that asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from headrace.registry.store import Run
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform

LOST = "Flink does not know its job any more; `headrace start {run}` goes on from the newest state"
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
    jobs = {job.job_id: job for job in platform.flink.jobs()}
    return [_status(platform, run, jobs.get(run.job_id or "")) for run in runs]


def status_of(platform: Platform, run_id: str) -> RunStatus:
    """One run with what became of its job until now.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster does not answer.
    """
    run = platform.registry.run(run_id)
    job = next((job for job in platform.flink.jobs() if job.job_id == run.job_id), None)
    return _status(platform, run, job)


def trouble_of(platform: Platform, job: JobStatus) -> str | None:
    """Why a job fails or has failed; None for one that does not."""
    return platform.flink.root_exception(job.job_id) if job.state in TROUBLED else None


def _status(platform: Platform, run: Run, job: JobStatus | None) -> RunStatus:
    settled = _settled(platform, run, job)
    if settled.status == "stopped":
        return RunStatus(settled, job, settled.savepoints[-1])
    trouble = trouble_of(platform, job) if job is not None and settled.status == "running" else None
    return RunStatus(settled, job, settled.cause or trouble)


def _settled(platform: Platform, run: Run, job: JobStatus | None) -> Run:
    """The run, its end noted when there is one that nobody has noted yet."""
    if run.status not in {"running", "lost"}:
        return run
    if job is None:
        return run if run.status == "lost" else platform.registry.settle(run, "lost", cause=LOST.format(run=run.run))
    if not job.is_over:
        return run if run.status == "running" else platform.registry.settle(run, "running")
    return _ended(platform, run, job)


def _ended(platform: Platform, run: Run, job: JobStatus) -> Run:
    if job.state == "FINISHED":
        savepoint = platform.flink.stopping_savepoint(job.job_id)
        return platform.registry.settle(run, "stopped" if savepoint else "finished", savepoint=savepoint)
    return platform.registry.settle(run, job.state.lower(), cause=trouble_of(platform, job))
