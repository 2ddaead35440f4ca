"""How far a run is, from what it has committed: the offset tiles in Iceberg, never a counter of the job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.runtime.platform import Platform

_COLUMNS = ("run", "leg", "topic", "partition", "block", "n", "max_offset")
# Rows of one block only grow, so its newest version has the greatest numbers.
_FOLD = """
INSERT OR REPLACE INTO blocks
SELECT leg, topic, partition, block,
  greatest(max(n), any_value(held_n)), greatest(max(max_offset), any_value(held_offset))
FROM (
  SELECT new.*, blocks.n AS held_n, blocks.max_offset AS held_offset
  FROM new LEFT JOIN blocks USING (leg, topic, partition, block) WHERE run = $run
)
GROUP BY leg, topic, partition, block
"""
_NEWEST = "SELECT leg, topic, partition, sum(n)::BIGINT, max(max_offset) FROM blocks GROUP BY ALL ORDER BY ALL"


@dataclass(frozen=True)
class LegProgress:
    """What a run has committed of one leg in one partition: rows, and the offset of the newest of them."""

    leg: str
    topic: str
    partition: int
    rows: int
    newest_offset: int


class CommitWatch:
    """What a run has committed, asked for again and again: each look reads only what was committed since the last.

    Args:
        platform: where the run's tables are.
        run_id: the run.
    """

    def __init__(self, platform: Platform, run_id: str) -> None:
        self._run_id = run_id
        self._table = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
        self._snapshot: int | None = None
        self._connection = duckdb.connect()
        self._connection.execute(
            "CREATE TABLE blocks (leg TEXT, topic TEXT, partition BIGINT, block BIGINT, n BIGINT, max_offset BIGINT, "
            "PRIMARY KEY (leg, topic, partition, block))"
        )

    def look(self) -> list[LegProgress]:
        """What the run has committed by now, by leg, topic and partition."""
        newest = self._table.refresh().current_snapshot_id()
        if newest != self._snapshot:
            self._fold(self._table.files_after(self._snapshot))
            self._snapshot = newest
        return [LegProgress(*row) for row in self._connection.execute(_NEWEST).fetchall()]

    def _fold(self, files: Sequence[str]) -> None:
        """Take in the rows of some data files."""
        self._connection.register("new", self._table.relation(self._connection, columns=_COLUMNS, files=files))
        self._connection.execute(_FOLD, {"run": self._run_id})
        self._connection.unregister("new")


def committed(platform: Platform, run_id: str) -> list[LegProgress]:
    """What a run has committed so far, by leg, topic and partition; for more than one look keep a `CommitWatch`."""
    return CommitWatch(platform, run_id).look()
