"""How far a run is, from what it has committed: the offset tiles in Iceberg, never a counter of the job."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.runtime.platform import Platform

_NEWEST = """
SELECT leg, partition, sum(n)::BIGINT AS rows, max(max_offset) AS newest
FROM (
  SELECT leg, partition, block, max(n) AS n, max(max_offset) AS max_offset
  FROM tiles WHERE run = $run GROUP BY ALL
)
GROUP BY ALL
"""


@dataclass(frozen=True)
class LegProgress:
    """What a run has committed of one leg in one partition: rows, and the offset of the newest of them."""

    leg: str
    partition: int
    rows: int
    newest_offset: int


def committed(platform: Platform, run_id: str) -> list[LegProgress]:
    """What a run has committed so far, by leg and partition."""
    table = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
    with duckdb.connect() as connection:
        tiles = table.relation(connection, columns=("run", "leg", "partition", "block", "n", "max_offset"))
        connection.register("tiles", tiles)
        rows = connection.execute(_NEWEST, {"run": run_id}).fetchall()
    return [LegProgress(*row) for row in rows]


def live_positions(platform: Platform, run_id: str) -> dict[int, int]:
    """For each partition the offset after the newest live row that the run has committed."""
    return {part.partition: part.newest_offset + 1 for part in committed(platform, run_id) if part.leg == "live"}
