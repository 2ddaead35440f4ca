"""How far runs had come at some time: the offsets in the snapshot of the ledger that was there then."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from headrace.connectors.duckdb_files import database
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.prefix import TopicPartition
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.features.instant import instant_of
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.runtime.platform import Platform

_COLUMNS = ("run", "topic", "partition", "max_offset")
_NEWEST = """
SELECT topic, partition, max(max_offset) FROM tiles WHERE list_contains($runs, run) GROUP BY topic, partition
"""


class Commits:
    """What the runs that write some tables had committed, by partition the last offset.

    Args:
        platform: where the ledger is.
        runs: ids; several over the same tables count as the one that is farthest.
    """

    def __init__(self, platform: Platform, runs: Sequence[str]) -> None:
        known = bool(runs) and platform.iceberg.has_table(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
        self._table = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE) if known else None
        self._runs = list(runs)
        self._found: dict[int, dict[TopicPartition, int]] = {}

    def by(self, us: int) -> Mapping[TopicPartition, int] | None:
        """What was committed by a time (µs); None where nothing tells, without runs or with that snapshot expired."""
        snapshot = None if self._table is None else self._table.snapshot_at(instant_of(us))
        return None if self._table is None or snapshot is None else self._at(self._table, snapshot)

    def newest(self) -> Mapping[TopicPartition, int]:
        """What is committed now."""
        return self.by(time.time_ns() // 1000) or {}

    def _at(self, table: IcebergTable, snapshot: int) -> dict[TopicPartition, int]:
        """What a snapshot says."""
        if snapshot not in self._found:
            with database("ledger") as connection:
                table.relation(connection, snapshot, _COLUMNS).create_view("tiles")
                found = connection.execute(_NEWEST, {"runs": self._runs}).fetchall()
                self._found[snapshot] = {TopicPartition(*of): last for *of, last in found}
        return self._found[snapshot]
