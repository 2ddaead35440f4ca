"""Where a savepoint or checkpoint of a run stands: which of its commits came before it."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path

import duckdb

from headrace.connectors.iceberg import FlinkCommit, IcebergTable
from headrace.connectors.prefix import TopicPartition
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.runtime.platform import Platform

METADATA = "_metadata"
#: What Flink's metadata files begin with: a magic number, the version of their format, the checkpoint's id.
HEADER = struct.Struct(">Iiq")
MAGIC = 0x4960672D
#: Flink names a savepoint's folder by the first digits of its job, and puts checkpoints into a folder of the job.
SAVEPOINT = re.compile(r"savepoint-([0-9a-f]{6})-")
CHECKPOINT = re.compile(r"([0-9a-f]{32})/chk-\d+")
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


def checkpoint_id(state: Path) -> int:
    """The number of the checkpoint that a savepoint or checkpoint is, as its metadata says."""
    try:
        magic, _, found = HEADER.unpack((state / METADATA).read_bytes()[: HEADER.size])
    except (OSError, struct.error) as error:
        msg = f"{state} is no savepoint or checkpoint: {error}; expected a folder with {METADATA}"
        raise JobError(msg) from error
    if magic != MAGIC:
        msg = f"{state / METADATA}: expected Flink's metadata, which begins with {MAGIC:#x}, found {magic:#x}"
        raise JobError(msg)
    return int(found)


def job_of(state: Path) -> str | None:
    """The first digits of the job that wrote a savepoint or checkpoint; None when the path does not tell.

    >>> job_of(Path("/savepoints/savepoint-0a1b2c-77aa00112233"))
    '0a1b2c'
    """
    found = SAVEPOINT.search(state.name) or CHECKPOINT.search(str(state))
    return found.group(1) if found else None


def snapshot_at(commits: Sequence[FlinkCommit], checkpoint: int) -> int | None:
    """The newest snapshot of a job's commits at a checkpoint, else the one before all of them; None without commits.

    >>> made = [FlinkCommit(7, 6, "0a1b", 1), FlinkCommit(9, 8, "0a1b", 3)]
    >>> [snapshot_at(made, checkpoint) for checkpoint in (0, 1, 2, 3, 4)]
    [6, 7, 7, 9, 9]
    """
    before = [commit.snapshot_id for commit in commits if commit.checkpoint_id <= checkpoint]
    return before[-1] if before else next((commit.parent_id for commit in commits), None)
