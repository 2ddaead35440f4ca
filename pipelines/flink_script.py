"""A view's tiles folded by Flink through what happens to a job: rows that come bit by bit, pauses, and crashes.

The job is that of production, in streaming mode, on a cluster of its own inside the client's JVM. Its history grows by
one commit for each stretch of rows, and it saves its state when the script says so, and at no other time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from headrace.compiler.lookups import joins_of
from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.errors import JobError, UnsupportedError
from headrace.pipelines.flink_tiles import (
    FlinkEngine,
    FlinkTiles,
    histories,
    local_configuration,
    local_job,
    savepoints,
    tiles_of,
)
from headrace.pipelines.script import Marker
from headrace.pipelines.tuning import CHECKPOINT_INTERVAL
from headrace.runtime.flink_in_process import ClusterInProcess, cluster_in_process
from headrace.runtime.flink_rest import Attempt, FlinkRest
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.session import FlinkSession

#: Rows that are there to be read from then on, and what happens to the job between them.
Script = Sequence[pa.Table | Marker]

#: History is read commit by commit, from the first one on.
STREAMED = {
    "streaming": "true",
    "monitor-interval": "100ms",
    "starting-strategy": "INCREMENTAL_FROM_EARLIEST_SNAPSHOT",
}
#: No state is saved unasked within any test.
UNASKED = "365 d"
#: Longer than a task manager takes to go: nothing is started on one that is about to.
RESTART_DELAY = "300 ms"
#: Restarts beyond those of the script: the first is an error, and until that is told the job must be there to ask.
SPARE_RESTARTS = 3
#: The prefix of the name of a vertex that reads from outside.
SOURCE = "Source: "
POLL_S = 0.05
#: How long a job may take to start, or to read a stretch of rows: seconds are usual.
PATIENCE_S = 120.0


def played_by_flink(script: Script, plan: ViewPlan, engine: FlinkEngine) -> AbstractContextManager[FlinkTiles]:
    """The tiles that Flink makes of the rows of a script, for as long as the `with` lasts.

    Tables have the columns of the archive. When the script is over the job is stopped with a savepoint.

    Raises:
        UnsupportedError: the rows are of a union, or look a dimension up.
        JobError: the planner refuses the job; it fails by itself, or does not get on; what failed last is quoted.
    """

    refuse_unplayed(plan)

    def job(plan: ViewPlan, lake: IcebergCatalog, folder: Path) -> tuple[int, ...]:
        (history,) = histories(plan.source)
        engine.tell(f"starting Flink over a script of {len(script):,} steps")
        with cluster_in_process(engine.session) as cluster:
            job_id = _submitted(script, plan, lake, folder, replace(engine.session, cluster=cluster.address))
            return _Player(cluster, job_id, lake.load(*history), savepoints(folder)).play(script)

    return tiles_of(job, plan, engine.serve)


def refuse_unplayed(plan: ViewPlan) -> None:
    """UnsupportedError for rows of a union or that look a dimension up: a script has one history, and that alone."""
    for join in joins_of(plan):
        msg = f"view {plan.name}: joins dimension {join.dimension.name}, whose versions no script can play yet; leave "
        msg += "markers out"
        raise UnsupportedError(msg)
    if plan.source.members:
        msg = f"view {plan.name}: {plan.source.name} is a union, whose rows no script can play yet; leave markers out"
        raise UnsupportedError(msg)


def _submitted(script: Script, plan: ViewPlan, lake: IcebergCatalog, folder: Path, session: FlinkSession) -> str:
    """The view's job, begun over a history that is still empty; returns Flink's id of it."""
    job = local_job(plan, lake, {}, STREAMED)
    options = {**job.config, **local_configuration(plan, folder), CHECKPOINT_INTERVAL: UNASKED, **_restarts(script)}
    compiled = session.compile(job.statements, job.inserts, options)
    return session.submit(JobSpec(f"{plan.name} of a script", compiled, job.statements, options, parallelism=1))


def _restarts(script: Script) -> dict[str, str]:
    """The options by which a job outlives the crashes of its script."""
    restarts = sum(step is Marker.CRASH for step in script) + SPARE_RESTARTS
    return {
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": str(restarts),
        "restart-strategy.fixed-delay.delay": RESTART_DELAY,
    }


class _Player:
    """Plays a script to a job that has read nothing yet, and knows how many rows it must have read at any step."""

    def __init__(self, cluster: ClusterInProcess, job_id: str, history: IcebergTable, savepoints: str) -> None:
        self._cluster = cluster
        self._rest = FlinkRest.of(cluster.address)
        self._job_id = job_id
        self._history = history
        self._savepoints = savepoints
        self._attempt = 0
        #: Rows that the running attempt has to read, and those of them that are in no checkpoint.
        self._due, self._unsaved = 0, 0
        #: Rows that each attempt before the running one has read.
        self._rows_read: list[int] = []
        self._happens: dict[Marker, Callable[[], None]] = {Marker.PAUSE: self._pause, Marker.CRASH: self._crash}

    def play(self, script: Script) -> tuple[int, ...]:
        """Play all steps and stop the job; returns how many rows each of its attempts read, as Flink counted them."""
        try:
            for step in script:
                self._step(step)
            return self._stopped()
        except JobError as error:
            msg = f"{error}; what failed last in the job: {self._rest.root_exception(self._job_id) or 'nothing'}"
            raise JobError(msg) from error

    def _step(self, step: pa.Table | Marker) -> None:
        if isinstance(step, Marker):
            self._happens[step]()
            return
        self._history.append(step.select([field.name for field in self._history.fields]))
        self._due += step.num_rows
        self._unsaved += step.num_rows

    def _pause(self) -> None:
        self._read_all()
        self._rest.checkpoint(self._job_id)
        self._unsaved = 0

    def _crash(self) -> None:
        self._rows_read.append(self._read_all())
        self._cluster.lose_task_manager()
        again = self._awaited("started again", self._has_started_again)
        self._attempt, self._due = again[0].number, self._unsaved

    def _stopped(self) -> tuple[int, ...]:
        last = self._read_all()
        self._rest.stop_with_savepoint(self._job_id, self._savepoints)
        return (*self._rows_read, last)

    def _read_all(self) -> int:
        """Wait until the running attempt has read what it has to; returns how many rows it has read."""
        what = f"read {self._due} rows in attempt {self._attempt}"
        return _rows_in(self._awaited(what, self._has_read_all))

    def _has_started_again(self, found: Sequence[Attempt]) -> bool:
        return _all_run(found) and all(one.number > self._attempt for one in found)

    def _has_read_all(self, found: Sequence[Attempt]) -> bool:
        """Whether it has; JobError when the job has started anew by itself."""
        if any(one.number > self._attempt for one in found):
            msg = f"the job failed by itself in attempt {self._attempt}"
            raise JobError(msg)
        return _all_run(found) and _rows_in(found) >= self._due

    def _awaited(self, what: str, holds: Callable[[Sequence[Attempt]], bool]) -> Sequence[Attempt]:
        """Wait until something holds of the job. JobError when it is over, or nothing comes of it."""
        found: Sequence[Attempt] = ()
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self._rest.attempts(self._job_id)
            if holds(found):
                return found
            if (job := self._rest.job(self._job_id)).is_over:
                msg = f"the job is {job.state} and has not {what}"
                raise JobError(msg)
            time.sleep(POLL_S)
        msg = f"within {PATIENCE_S:.0f} s the job has not {what}; its subtasks: {found}"
        raise JobError(msg)


def _all_run(found: Sequence[Attempt]) -> bool:
    return all(one.state == "RUNNING" for one in found)


def _rows_in(found: Sequence[Attempt]) -> int:
    """How many rows the sources have read."""
    return sum(one.rows_in for one in found if one.vertex.startswith(SOURCE))
