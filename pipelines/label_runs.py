"""From a prepared label join to a running job and back: start, stop with a savepoint, resume, drop."""

from __future__ import annotations

import json
from collections.abc import Sequence

from headrace.compiler.label_join import LabelJoinPlan
from headrace.connectors.iceberg import FlinkCommit, IcebergTable
from headrace.errors import JobError, NotFoundError, did_you_mean
from headrace.pipelines import lifecycle
from headrace.pipelines.label_stream import PLAN_FILE, PreparedLabelRun, record_label_run
from headrace.pipelines.label_tables import NAMESPACE, facts_table, letters_table, tables_of
from headrace.pipelines.run_words import anew, is_label_run, label_join_of
from headrace.registry.store import Run
from headrace.runtime.checkpointing import local_path
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.older_state import committed_since
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import SavedState


def runs(platform: Platform) -> list[Run]:
    """The runs of the project's label joins, newest first."""
    return [run for run in platform.registry.runs(platform.settings.project) if is_label_run(run)]


def writing(platform: Platform) -> list[Run]:
    """The runs of label joins whose tables are there, newest first: one for each label join."""
    return [run for run in runs(platform) if _writes(platform, run)]


def run_of(platform: Platform, run_id: str) -> Run:
    """One run of a label join. NotFoundError, with a suggestion, when there is none."""
    known = {run.run: run for run in runs(platform)}
    if run_id not in known:
        msg = f"no run {run_id!r} of a label join; {did_you_mean(run_id, known)}"
        raise NotFoundError(msg)
    return known[run_id]


def plan_of(platform: Platform, run: Run) -> LabelJoinPlan:
    """The plan of a run, as it was when it was prepared."""
    text = (platform.run_folder(run.run) / PLAN_FILE).read_text(encoding="utf-8")
    return LabelJoinPlan.from_dict(json.loads(text))


def start(platform: Platform, prepared: PreparedLabelRun) -> Run:
    """Keep a prepared run and start it. JobError when the cluster refuses the job; `resume` tries again."""
    record_label_run(platform, prepared)
    return lifecycle.submit(platform, prepared.run_id)


def stop(platform: Platform, run_id: str) -> Run:
    """Stop a run's job after a savepoint, which `resume` starts from.

    Raises:
        NotFoundError: there is no such run of a label join.
        JobError: the job is not running, or the savepoint failed; then the job goes on.
    """
    return lifecycle.stop(platform, run_of(platform, run_id).run)


def resume(platform: Platform, run_id: str, start_from: str = lifecycle.LATEST) -> Run:
    """Start a run that does not run, from its newest state or that of a savepoint or checkpoint.

    Raises:
        NotFoundError: there is no such run of a label join, or its tables were dropped.
        CutoverError: the log no longer reaches back to where the run has to read on, or the pinned snapshot is gone.
        JobError: the run is running, or is being resumed elsewhere, has nothing to start from, or has told facts since
            the state was made: it would tell them again.
    """
    run = run_of(platform, run_id)
    tables_of(platform, plan_of(platform, run).name, run_id)
    resumed = lifecycle.resume(
        platform, run_id, start_from, check=lambda run, state: refuse_older(platform, run, state)
    )
    _keep_first(platform, resumed)
    return resumed


def drop(platform: Platform, name: str) -> list[str]:
    """Take the tables of a label join out of the catalog, so that it can be started anew; returns their names.

    Raises:
        NotFoundError: there are none.
        JobError: a run that writes to them is running.
    """
    running = _running(platform, [run for run in runs(platform) if run.view == facts_table(name)])
    if running:
        msg = f"label join {name} is running as {running[0].name}; stop it first (`headrace label-join stop "
        raise JobError(msg + f"{running[0].name}`)")
    found = [table for table in (facts_table(name), letters_table(name)) if _has(platform, table)]
    if not found:
        known = [table for table in platform.iceberg.tables(NAMESPACE) if not table.endswith("_dead_letters")]
        msg = f"no tables of a label join {name!r}; {did_you_mean(name, known)}"
        raise NotFoundError(msg)
    for table in found:
        platform.iceberg.drop_table(platform.iceberg.named(table))
    return found


def refuse_older(platform: Platform, run: Run, state: str | None) -> None:
    """Raise JobError when the run has committed something since a state was made: it would tell that again.

    None is the boundary, behind which is all that was committed.
    """
    name, saved = label_join_of(run), None if state is None else SavedState.read(local_path(state))
    for table in (facts_table(name), letters_table(name)):
        since = _told_since(platform.iceberg.named(table), saved)
        if since is not None:
            msg = f"run {run.run}: snapshot {since.snapshot_id} of {table} was committed after "
            msg += f"{state or 'its boundary'}, from where it would go on: it would tell those rows again; name a "
            msg += f"newer savepoint or checkpoint of it (`--from`), or {anew(run)}"
            raise JobError(msg)


def _writes(platform: Platform, run: Run) -> bool:
    """Whether the tables of a run are there, and its own."""
    try:
        tables_of(platform, plan_of(platform, run).name, run.run)
    except NotFoundError:
        return False
    return True


def _has(platform: Platform, name: str) -> bool:
    """Whether there is a table."""
    return platform.iceberg.has_table(*name.split(".", 1))


def _told_since(table: IcebergTable, state: SavedState | None) -> FlinkCommit | None:
    """The first commit of rows to a run's table that a state does not have; None: it has all."""
    commits = table.flink_appends({})
    return next(iter(commits), None) if state is None else committed_since(state, commits, table.committed_at)


def _keep_first(platform: Platform, resumed: Run) -> None:
    """Cancel the job that a run was just given, and raise JobError, when another process was faster to resume it."""
    running = _running(platform, [resumed])
    if running and running[0].job_id != resumed.job_id:
        platform.flink.cancel(str(resumed.job_id))
        platform.registry.submitted(resumed.run, running[0].job_id, resumed.started_from)
        msg = f"run {resumed.run} was resumed elsewhere at the same time, as job {running[0].job_id}, which goes on"
        raise JobError(msg)


def _running(platform: Platform, among: Sequence[Run]) -> list[JobStatus]:
    """The jobs of some runs that are not over, oldest first; a job has its run's name."""
    names = {run.run for run in among}
    found = (job for job in platform.flink.jobs() if job.name in names and not job.is_over)
    return sorted(found, key=lambda job: (job.started_ms, job.job_id))
