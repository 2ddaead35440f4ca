"""Where a savepoint or checkpoint of a run stands: which of its commits came before it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb

from headrace.connectors.iceberg import FlinkCommit, IcebergTable
from headrace.connectors.prefix import TopicPartition
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import checkpoint_id, job_of

#: After the newest live row of each partition, whatever the version of its block: rows of a block only grow.
POSITIONS = """
SELECT topic, partition, max(max_offset) + 1 FROM tiles WHERE run = $run AND leg = 'live' GROUP BY topic, partition
"""


def positions_at(platform: Platform, run_id: str, state: Path) -> dict[TopicPartition, int]:
    """For each partition the offset after the newest live row that is in a savepoint or checkpoint.

    A job commits what it has read at each checkpoint, so the offset tiles as they were then have it. Where nothing
    tells them apart, because the folder was renamed or its job had committed nothing, they are the newest ones.

    Raises:
        JobError: the folder is no savepoint or checkpoint.
    """
    checkpoint, job = checkpoint_id(state), job_of(state)
    table = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
    own = [commit for commit in table.flink_commits() if job is not None and commit.job_id.startswith(job)]
    return _positions(table, run_id, snapshot_at(own, checkpoint))


def _positions(table: IcebergTable, run_id: str, snapshot_id: int | None) -> dict[TopicPartition, int]:
    with duckdb.connect() as connection:
        rows = table.relation(connection, snapshot_id, ("run", "leg", "topic", "partition", "max_offset"))
        connection.register("tiles", rows)
        found = connection.execute(POSITIONS, {"run": run_id}).fetchall()
        return {TopicPartition(*of): offset for *of, offset in found}


def snapshot_at(commits: Sequence[FlinkCommit], checkpoint: int) -> int | None:
    """The newest snapshot of a job's commits at a checkpoint, else the one before all of them; None without commits.

    >>> made = [FlinkCommit(7, 6, "0a1b", 1), FlinkCommit(9, 8, "0a1b", 3)]
    >>> [snapshot_at(made, checkpoint) for checkpoint in (0, 1, 2, 3, 4)]
    [6, 7, 7, 9, 9]
    """
    before = [commit.snapshot_id for commit in commits if commit.checkpoint_id <= checkpoint]
    return before[-1] if before else next((commit.parent_id for commit in commits), None)
