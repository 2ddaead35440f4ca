"""From a prepared run to a running job and back: submit, stop with a savepoint, resume, look."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import ViewPlan
from headrace.connectors.prefix import TopicPartition
from headrace.errors import CutoverError, JobError
from headrace.features.knobs import UNSET, Knobs
from headrace.pipelines.backfill import PreparedRun
from headrace.pipelines.configuration import STATE_TTL
from headrace.pipelines.flink_duration import flink_us
from headrace.pipelines.foreign import refuse_other_version
from headrace.pipelines.outcome import note_submitted, status_of
from headrace.pipelines.progress import committed
from headrace.pipelines.retuning import recorded_knobs, retuned
from headrace.pipelines.run_words import anew, is_label_run, stop_command
from headrace.pipelines.savepoint import positions_at
from headrace.pipelines.tuning import flags_of, knobs_for
from headrace.registry.store import Materialization, Pointer, Run, ViewVersion
from headrace.runtime.checkpointing import local_path, retained_checkpoints
from headrace.runtime.cutover import Cutover, check_log_reaches, check_topic_id
from headrace.runtime.job_spec import OWNER_ONLY, JobSpec
from headrace.runtime.legs import log_ranges
from headrace.runtime.platform import Platform

JOB_FILE = "job.json"
SQL_FILE = "job.sql"
# `--from latest`: the savepoint of a stopped run, else the newest state that its last job left or started from.
LATEST = "latest"
#: Raises when a run must not go on from a state; None: from its boundary.
StateCheck = Callable[[Run, str | None], None]


def record_run(platform: Platform, prepared: PreparedRun) -> Run:
    """Keep a prepared run: its view version, its tables, its boundary, and the job's files."""
    project, plan = platform.settings.project, prepared.plan
    platform.registry.add_version(ViewVersion(project, plan.name, plan.version, plan.to_dict()))
    run = Run(
        run=prepared.run_id,
        project=project,
        view=plan.name,
        version=plan.version,
        cutover=json.loads(prepared.cutover.to_json()),
        generation=prepared.generation,
    )
    tables = {group.fingerprint: table for group, table in zip(plan.groups, prepared.tables, strict=True)}
    return keep_run(platform, run, tables, prepared.job, prepared.sql)


def keep_run(platform: Platform, run: Run, tables: Mapping[str, str], job: JobSpec, sql: FlinkJob) -> Run:
    """Keep a run that is ready to be submitted, with the tables that it writes to and the job's files."""
    folder = platform.run_folder(run.run)
    job.save(folder / JOB_FILE)
    (folder / SQL_FILE).touch(mode=OWNER_ONLY)
    (folder / SQL_FILE).write_text(sql.text(), encoding="utf-8")
    made = Materialization(run.project, run.view, run.version, tables, run.generation)
    platform.registry.add_materialization(made)
    kept = replace(run, compiled_plan=str(folder / JOB_FILE))
    platform.registry.add_run(kept)
    return kept


def submit(platform: Platform, run_id: str, savepoint: str | None = None) -> Run:
    """Start a recorded run on the cluster.

    The first version of a view that is started begins to serve at once; a later one when it is promoted.

    Raises:
        NotFoundError: there is no such run.
        JobError: the cluster refuses the job.
    """
    job = _job_of(platform, run_id)
    return note_submitted(platform, run_id, platform.session.submit(job, savepoint), savepoint)


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
    found = status_of(platform, run_id)
    if found.job is None or found.run.status != "running":
        reason = f" ({found.run.cause})" if found.run.cause else ""
        msg = f"run {run_id} is {found.run.status}, not running: there is nothing to stop{reason}"
        raise JobError(msg)
    savepoint = platform.flink.stop_with_savepoint(found.job.job_id, platform.settings.flink.savepoint_dir)
    return platform.registry.settle(found.run, "stopped", savepoint=savepoint)


def resume(
    platform: Platform,
    run_id: str,
    start_from: str = LATEST,
    turn: Knobs = UNSET,
    *,
    check: StateCheck = lambda _run, _state: None,
) -> Run:
    """Start a run that does not run, from a savepoint or checkpoint and the recorded compiled plan.

    Knobs of `turn` take the place of those recorded, for good; one that it leaves out stays as the run has it.

    A run that has committed nothing yet, and one that was only prepared (`backfill --dry-run`), starts from its
    boundary. `check` is asked of the state that was chosen, whoever chose it.

    Raises:
        NotFoundError: there is no such run.
        CutoverError: the log no longer reaches back to where the run has to read on, or the pinned snapshot is gone.
        JobError: the run is running, has nothing to start from, or its state is older than the state's time to live.
    """
    found = status_of(platform, run_id)
    run = found.run
    if found.job is not None and not found.job.is_over:
        state = found.job.state.lower()
        msg = f"run {run_id} is {state} as job {found.job.job_id}; stop it first (`{stop_command(run)}`)"
        raise JobError(msg)
    start = _newest_state(platform, run) if start_from == LATEST else start_from
    if start is None:
        _check_snapshots(platform, run)
    else:
        _check_state_age(_job_of(platform, run_id), start)
    check(run, start)
    _check_log(platform, run, start)
    _check_dimensions(platform, run)
    if turn != UNSET:
        _retune(platform, run, turn)
    return submit(platform, run_id, start)


def knobs_text(platform: Platform, run: Run) -> str:
    """The knobs that a run has recorded, in words."""
    return recorded_knobs(_job_of(platform, run.run), _plan_of(platform, run)).text


def _retune(platform: Platform, run: Run, turn: Knobs) -> None:
    """Record the run's job with knobs turned."""
    job, plan = _job_of(platform, run.run), _plan_of(platform, run)
    turned = retuned(job, plan, knobs_for(plan, platform.settings, {**job.knobs, **flags_of(turn)}))
    turned.save(platform.run_folder(run.run) / JOB_FILE)


def _plan_of(platform: Platform, run: Run) -> ViewPlan:
    """The plan of a run's version."""
    return ViewPlan.from_dict(dict(platform.registry.version(run.project, run.view, run.version).plan))


def new_partitions(platform: Platform, run: Run) -> list[TopicPartition]:
    """Partitions that topics have got since the run's boundary was drawn; the run reads them from offset 0."""
    cutover = _cutover_of(run)
    topics = [part.topic for part in cutover.parts if part.topic is not None]
    found = {TopicPartition(topic, partition) for topic in topics for partition in log_ranges(platform, topic)}
    return sorted(found - cutover.starts.keys())


def _newest_state(platform: Platform, run: Run) -> str | None:
    """Where the run goes on; None: at its boundary, because it has committed nothing yet."""
    if run.status == "finished":
        msg = f"run {run.run} has finished: it has read all that there was"
        raise JobError(msg)
    if run.status == "stopped":
        return run.savepoints[-1]
    checkpoints = platform.settings.flink.checkpoint_dir
    retained = [] if run.job_id is None else retained_checkpoints(checkpoints, run.job_id)
    found = retained[-1] if retained else run.started_from
    if found is None and committed(platform, run.run):
        msg = f"run {run.run}: no savepoint or completed checkpoint to start from; {anew(run)}"
        raise JobError(msg)
    return found


def _check_state_age(job: JobSpec, start: str) -> None:
    """State keeps tiles for a time (processing time); started from older state, late rows would begin tiles anew."""
    place = local_path(start)
    if not place.exists():
        msg = f"run {job.name}: {start} does not exist; name a savepoint of this run or `latest`"
        raise JobError(msg)
    if STATE_TTL not in job.configuration:
        return
    age_us, lives_us = (time.time() - place.stat().st_mtime) * 1e6, flink_us(job.configuration[STATE_TTL], STATE_TTL)
    if age_us > lives_us:
        msg = (
            f"run {job.name}: the state in {start} is {age_us / 3.6e9:.0f} h old, its time to live is "
            f"{lives_us / 3.6e9:.0f} h; backfill the view into a new generation"
        )
        raise JobError(msg)


def _check_log(platform: Platform, run: Run, start: str | None) -> None:
    positions = {} if start is None else positions_at(platform, run.run, local_path(start))
    for cutover in _cutover_of(run).parts:
        if cutover.topic is not None:
            read = {of.partition: offset for of, offset in positions.items() if of.topic == cutover.topic}
            _check_topic(platform, run, cutover.topic, cutover, read)


def _check_topic(platform: Platform, run: Run, topic: str, cutover: Cutover, read: dict[int, int]) -> None:
    """The log of one topic is that of the boundary, and reaches back to where the run reads on."""
    with platform.kafka.admin() as admin:
        found = admin.describe(topic).topic_id
    check_topic_id(topic, cutover.topic_id, found, f"run {run.run}")
    log = log_ranges(platform, topic)
    # A partition that was added since must still have its first record.
    check_log_reaches(topic, dict.fromkeys(log, 0) | cutover.start_offsets | read, log)


def _check_snapshots(platform: Platform, run: Run) -> None:
    """Read from its boundary, a run needs the snapshots that it pinned, and tables without another version of them."""
    for cutover in _cutover_of(run).parts:
        _check_snapshot(platform, run, cutover)


def _check_snapshot(platform: Platform, run: Run, cutover: Cutover) -> None:
    if cutover.table is None or cutover.snapshot_id is None:
        return
    if not platform.iceberg.load(*cutover.table.rsplit(".", 1)).has_snapshot(cutover.snapshot_id):
        msg = (
            f"run {run.run}: snapshot {cutover.snapshot_id} of {cutover.table}, which it has pinned, is expired; its "
            f"tag {cutover.tag!r} was removed; {anew(run)}, from a newer snapshot"
        )
        raise CutoverError(msg)
    # Tables of a label join are those of one run.
    if cutover.origin is not None and not is_label_run(run):
        made = platform.registry.materialization(run.project, run.view, run.version, run.generation)
        refuse_other_version(platform, made.tables.values(), cutover.origin)


def _check_dimensions(platform: Platform, run: Run) -> None:
    """Wherever it goes on from, a run reads the dimensions that it pinned again."""
    for pin in _cutover_of(run).dimensions:
        if not platform.iceberg.named(pin.table).has_snapshot(pin.snapshot_id):
            msg = (
                f"run {run.run}: snapshot {pin.snapshot_id} of {pin.table}, dimension {pin.name}, is expired; its tag "
                "was removed; backfill the view anew, as another --generation"
            )
            raise CutoverError(msg)


def _job_of(platform: Platform, run_id: str) -> JobSpec:
    """The job of a recorded run."""
    return JobSpec.load(platform.run_folder(run_id) / JOB_FILE)


def _cutover_of(run: Run) -> Cutover:
    return Cutover.from_json(json.dumps(dict(run.cutover)))
