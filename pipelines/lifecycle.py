"""From a prepared run to a running job and back: submit, stop with a savepoint, resume, look."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from headrace.compiler.plan import ViewPlan
from headrace.errors import JobError
from headrace.pipelines.backfill import PreparedRun
from headrace.pipelines.configuration import state_ttl_us
from headrace.pipelines.cutover import Cutover, check_log_reaches
from headrace.pipelines.legs import log_ranges
from headrace.pipelines.progress import live_positions
from headrace.registry.store import Materialization, Pointer, Run, ViewVersion
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.job_spec import OWNER_ONLY, JobSpec
from headrace.runtime.platform import Platform

JOB_FILE = "job.json"
SQL_FILE = "job.sql"
# `--from latest`: the newest savepoint of the run, else its newest checkpoint.
LATEST = "latest"


@dataclass(frozen=True)
class RunStatus:
    """A run with what Flink says of its job; `job` is None when the cluster does not know it any more."""

    run: Run
    job: JobStatus | None


def record_run(platform: Platform, prepared: PreparedRun) -> Run:
    """Keep a prepared run: its view version, its tables, its boundary, and the job's files."""
    project, plan = platform.settings.project, prepared.plan
    registry, folder = platform.registry, platform.run_folder(prepared.run_id)
    prepared.job.save(folder / JOB_FILE)
    (folder / SQL_FILE).touch(mode=OWNER_ONLY)
    (folder / SQL_FILE).write_text(prepared.sql.text(), encoding="utf-8")
    registry.add_version(ViewVersion(project, plan.name, plan.version, plan.to_dict()))
    tables = {group.fingerprint: table for group, table in zip(plan.groups, prepared.tables, strict=True)}
    registry.add_materialization(Materialization(project, plan.name, plan.version, tables, prepared.generation))
    run = Run(
        run=prepared.run_id,
        project=project,
        view=plan.name,
        version=plan.version,
        cutover=json.loads(prepared.cutover.to_json()),
        generation=prepared.generation,
        compiled_plan=str(folder / JOB_FILE),
    )
    registry.add_run(run)
    return run


def submit(platform: Platform, run_id: str, savepoint: str | None = None) -> Run:
    """Start a recorded run on the cluster.

    The first version of a view that is started begins to serve at once; a later one when it is promoted.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster refuses the job.
    """
    job = JobSpec.load(platform.run_folder(run_id) / JOB_FILE)
    job_id = platform.session.submit(job, savepoint)
    run = platform.registry.update_run(run_id, status="running", job_id=job_id)
    if platform.registry.pointer(run.project, run.view) is None:
        platform.registry.set_pointer(Pointer(run.project, run.view, run.version, run.generation), None)
    return run


def promote(platform: Platform, view: str, version: str, generation: int = 1) -> Pointer:
    """Let another version of a view serve, unless somebody else changed it meanwhile.

    Raises:
        NotFoundError: there is no such view or version, or it has no tables.
        RegistryConflictError: another process promoted a version at the same time.
    """
    project, registry = platform.settings.project, platform.registry
    found = registry.version(project, view, version)
    pointer = Pointer(project, view, found.version, generation)
    registry.set_pointer(pointer, registry.pointer(project, view))
    return pointer


def stop(platform: Platform, run_id: str) -> Run:
    """Stop a run's job after a savepoint, which `resume` starts from.

    Raises:
        NotFoundError: there is no such run.
        JobError: the job is not running, or the savepoint failed; then the job goes on.
    """
    run = platform.registry.run(run_id)
    if run.job_id is None or run.status != "running":
        msg = f"run {run_id} is {run.status}, not running: there is nothing to stop"
        raise JobError(msg)
    savepoint = platform.flink.stop_with_savepoint(run.job_id, platform.settings.flink.savepoint_dir)
    return platform.registry.update_run(run_id, status="stopped", savepoint=savepoint)


def resume(platform: Platform, run_id: str, start_from: str = LATEST) -> Run:
    """Start a stopped or failed run again, from a savepoint or checkpoint and the recorded compiled plan.

    A run that was only prepared (`backfill --dry-run`) starts from its boundary.

    Raises:
        NotFoundError: there is no such run.
        CutoverError: the log no longer reaches back to where the run has to read on.
        JobError: the run is running, has nothing to start from, or its state is older than the state's time to live.
    """
    run = platform.registry.run(run_id)
    known = _job_of(platform, run)
    if known is not None and not known.is_over:
        msg = f"run {run_id} is {known.state.lower()} as job {run.job_id}; stop it first (`headrace stop {run_id}`)"
        raise JobError(msg)
    if run.job_id is None:
        _check_log(platform, run)
        return submit(platform, run_id)
    start = _newest_state(platform, run) if start_from == LATEST else start_from
    _check_state_age(platform, run, start)
    _check_log(platform, run)
    return submit(platform, run_id, start)


def statuses(platform: Platform, view: str | None = None) -> list[RunStatus]:
    """All runs of the project, newest first, with the state of their jobs."""
    runs = platform.registry.runs(platform.settings.project, view)
    jobs = {job.job_id: job for job in platform.flink.jobs()}
    return [RunStatus(run, jobs.get(run.job_id or "")) for run in runs]


def _job_of(platform: Platform, run: Run) -> JobStatus | None:
    return next((job for job in platform.flink.jobs() if job.job_id == run.job_id), None)


def _newest_state(platform: Platform, run: Run) -> str:
    checkpoints = _retained_checkpoints(platform, run)
    if run.status == "stopped" and run.savepoints:
        return run.savepoints[-1]
    found = [*run.savepoints[-1:], *checkpoints[-1:]]
    if not found:
        msg = f"run {run.run}: no savepoint or completed checkpoint to start from; backfill the view anew"
        raise JobError(msg)
    return max(found, key=lambda path: _local(path).stat().st_mtime)


def _retained_checkpoints(platform: Platform, run: Run) -> list[str]:
    """Completed checkpoints of the run's last job, oldest first: those whose metadata is there."""
    folder = _local(platform.settings.flink.checkpoint_dir) / str(run.job_id)
    found = sorted(folder.glob("chk-*/_metadata"), key=lambda file: file.stat().st_mtime)
    return [f"file://{file.parent}" for file in found]


def _check_state_age(platform: Platform, run: Run, start: str) -> None:
    """State keeps tiles for a time (processing time); started from older state, late rows would begin tiles anew."""
    plan = ViewPlan.from_dict(dict(platform.registry.version(run.project, run.view, run.version).plan))
    place = _local(start)
    if not place.exists():
        msg = f"run {run.run}: {start} does not exist; name a savepoint of this run or `latest`"
        raise JobError(msg)
    age_us = (time.time() - place.stat().st_mtime) * 1e6
    if age_us > state_ttl_us(plan):
        msg = (
            f"run {run.run}: the state in {start} is {age_us / 3.6e9:.0f} h old, its time to live is "
            f"{state_ttl_us(plan) / 3.6e9:.0f} h; backfill the view into a new generation"
        )
        raise JobError(msg)


def _check_log(platform: Platform, run: Run) -> None:
    cutover = Cutover.from_json(json.dumps(dict(run.cutover)))
    if cutover.topic is not None:
        wanted = cutover.start_offsets | live_positions(platform, run.run)
        check_log_reaches(cutover.topic, wanted, log_ranges(platform, cutover.topic))


def _local(uri: str) -> Path:
    return Path(uri.removeprefix("file://").removeprefix("file:"))
