"""How a run of a label join gets on, by what it has committed: its tables, and its rows of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from headrace.compiler.flink_label_join import letters_of
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.pipelines.label_runs import plan_of, run_of
from headrace.pipelines.label_tables import counts_in, tables_of
from headrace.pipelines.ledger import consistent
from headrace.pipelines.ledger_facts import Block, opened_blocks
from headrace.pipelines.local_labels import LabelCounts
from headrace.pipelines.outcome import status_of as outcome_of
from headrace.registry.store import Run
from headrace.runtime.cutover import Cutover
from headrace.runtime.legs import log_ranges
from headrace.runtime.platform import Platform


@dataclass(frozen=True, slots=True)
class LabelStatus:
    """A run, what Flink says of its job, and the counts of its newest commits.

    Attributes:
        state: `running`, `stopped`, `failed`, … as `headrace jobs` has it.
        detail: why a job failed, or the savepoint with which it was stopped.
        counts: what became of the rows that are committed, all of one checkpoint.
        logged_lag, labels_lag: rows that are there, archived or in the log, and not committed yet.
        committed_at: when facts or dead letters were last committed (processing time).
    """

    run: str
    join: str
    state: str
    detail: str | None
    counts: LabelCounts
    logged_lag: int
    labels_lag: int
    committed_at: datetime | None


@dataclass(frozen=True)
class Committed:
    """What a run has committed of one and the same checkpoint: tables, at a snapshot each, and blocks of offsets."""

    plan: LabelJoinPlan
    facts: IcebergTable
    letters: IcebergTable
    snapshots: dict[str, int | None]
    blocks: dict[str, list[Block]]

    @property
    def read(self) -> tuple[int, int]:
        """How many logged rows and labels were read."""
        logged, labels = (sum(block.n for block in self.blocks[side]) for side in (LOGGED, LABELS))
        return logged, labels

    def counts(self) -> LabelCounts:
        """What became of all rows."""
        return counts_in(self.plan, self.facts, self.letters, self.read, self.snapshots)


def status_of(platform: Platform, run_id: str) -> LabelStatus:
    """How a run gets on.

    Raises:
        NotFoundError: there is no such run of a label join, or a table or topic of it is gone.
        JobError: the cluster does not answer.
    """
    found = outcome_of(platform, run_of(platform, run_id).run)
    committed = committed_by(platform, found.run)
    cutover = Cutover.from_dict(found.run.cutover)
    there = [_there(platform, part) for part in cutover.parts]
    lags = [rows - read for rows, read in zip(there, committed.read, strict=True)]
    times = [_committed_at(table) for table in (committed.facts, committed.letters)]
    return LabelStatus(
        run=found.run.run,
        join=committed.plan.name,
        state=found.job.state.lower() if found.job and found.run.status == "running" else found.run.status,
        detail=found.detail,
        counts=committed.counts(),
        logged_lag=lags[0],
        labels_lag=lags[1],
        committed_at=max((at for at in times if at is not None), default=None),
    )


def committed_by(platform: Platform, run: Run) -> Committed:
    """What a run has committed; of one that runs what all its tables have of one checkpoint.

    Raises:
        NotFoundError: a table of the run is gone, or is another run's by now.
    """
    plan = plan_of(platform, run)
    facts, letters = tables_of(platform, plan.name, run.run)
    ledger = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
    job_id, newest = _running(platform, run)
    snapshots = consistent([facts, letters, ledger], job_id, acknowledged=newest)
    views = {side: letters_of(plan, side) for side in (LOGGED, LABELS)}
    blocks = opened_blocks(ledger, snapshots[ledger.name], run.run, views.values())
    return Committed(plan, facts, letters, snapshots, {side: blocks[view] for side, view in views.items()})


def _running(platform: Platform, run: Run) -> tuple[str | None, int]:
    """The job of a run that may still commit, None where it cannot, and its newest completed checkpoint."""
    try:
        running = any(job.job_id == run.job_id and not job.is_over for job in platform.flink.jobs())
        return (run.job_id, platform.flink.checkpoints(str(run.job_id)).newest_id) if running else (None, 0)
    except JobError:
        return None, 0


def _there(platform: Platform, cutover: Cutover) -> int:
    """How many rows of a source there are: those of its pinned history, and all in the log behind the boundary."""
    if cutover.topic is None:
        return cutover.archived_rows
    ends = {partition: log.end for partition, log in log_ranges(platform, cutover.topic).items()}
    starts = cutover.start_offsets
    return cutover.archived_rows + sum(end - starts.get(partition, 0) for partition, end in ends.items())


def _committed_at(table: IcebergTable) -> datetime | None:
    """When a table was last written to."""
    snapshot = table.current_snapshot_id()
    return None if snapshot is None else table.committed_at(snapshot)
