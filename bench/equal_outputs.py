"""Before figures count: every side of the backfill makes the same output of a prefix, by DuckDB's reckoning."""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from headrace.bench.duckdb_rival import database, parquet, tiles_sql, windows_sql
from headrace.bench.kit import KEPT_INTERVAL, CardsKit
from headrace.bench.outputs import (
    TILE_COLUMNS,
    WINDOW_COLUMNS,
    Equality,
    logged_rows,
    logged_tiles,
    require_equal,
    stored_tiles,
)
from headrace.bench.rivals import Script, group_by_tiles, hop_windows, tumble_tiles
from headrace.compiler.flink_tables import appending
from headrace.connectors.iceberg import IcebergTable
from headrace.pipelines.backfill import TILES_NAMESPACE, BackfillPipeline


class EqualOutputs:
    """Compares the outputs of all sides over the rows that the history holds now.

    Args:
        kit: the view and its history.
        hop_rows: the prefix for HOP, which writes hundreds of windows a row.

    Raises:
        OutputsDifferError: an output is not DuckDB's.
    """

    def __init__(self, kit: CardsKit, hop_rows: int) -> None:
        self.kit = kit
        self.rows = kit.history.row_count()
        self.hop_rows = hop_rows

    def compare(self) -> list[Equality]:
        """One result for each side and store."""
        with database() as connection, self.kit.bench.progress.step(f"compare outputs of {self.rows:,} rows"):
            rows = parquet(self.kit.history.files())
            connection.execute(f"CREATE TABLE expected_tiles AS {tiles_sql(rows)}")
            return [*self.ours(connection), *self.hand_tiles(connection), self.hand_hop(connection)]

    def ours(self, connection: duckdb.DuckDBPyConnection) -> list[Equality]:
        """The product's backfill as it is, into both stores."""
        pipeline = BackfillPipeline(self.kit.plan, self.kit.platform, checkpoint_interval=KEPT_INTERVAL)
        self.kit.bench.runner.run(pipeline.prepare().job, self.rows)
        log = self.kit.platform.iceberg.load(TILES_NAMESPACE, pipeline.table(self.kit.group))
        return [
            self._stored(connection, "headrace, Cassandra", pipeline.table(self.kit.group)),
            self._tiles(connection, "headrace, Iceberg", logged_tiles(connection, log, in_cells=True)),
        ]

    def hand_tiles(self, connection: duckdb.DuckDBPyConnection) -> list[Equality]:
        """Tiles by hand, into Iceberg; those in Cassandra are compared after they were measured."""
        history = self.kit.options(self.kit.history)
        grouped = self._kept("group_by", TILE_COLUMNS, lambda sink: group_by_tiles(history, appending(sink)))
        tumbled = self._kept("tumble", TILE_COLUMNS, lambda sink: tumble_tiles(history, sink, kept=True))
        return [
            self._tiles(connection, "GROUP BY, Iceberg", logged_tiles(connection, grouped, in_cells=False)),
            self._tiles(connection, "TUMBLE, Iceberg", logged_rows(connection, tumbled)),
        ]

    def hand_hop(self, connection: duckdb.DuckDBPyConnection) -> Equality:
        """Windows by HOP, on a prefix of its own."""
        prefix = self.kit.prefix(self.hop_rows)
        connection.execute(f"CREATE TABLE expected_windows AS {windows_sql(parquet(prefix.files()))}")
        history = self.kit.options(prefix)
        hopped = self._kept("hop", WINDOW_COLUMNS, lambda sink: hop_windows(history, sink, kept=True))
        found = logged_rows(connection, hopped)
        return require_equal(connection, "HOP, Iceberg", found, "expected_windows", WINDOW_COLUMNS, self.hop_rows)

    def _kept(self, name: str, columns: str, script: Callable[[dict[str, str]], Script]) -> IcebergTable:
        """The output of a rival in a new Iceberg table."""
        table = self.kit.output(name, columns)
        self._run(name, script(self.kit.options(table)))
        return table

    def _run(self, name: str, script: Script) -> None:
        self.kit.bench.runner.run(self.kit.kept_job(name, script), self.rows)

    def _stored(self, connection: duckdb.DuckDBPyConnection, side: str, table: str) -> Equality:
        with self.kit.platform.cassandra.session() as store:
            return self._tiles(connection, side, stored_tiles(connection, store.tile_table(table, self.kit.group)))

    def _tiles(self, connection: duckdb.DuckDBPyConnection, side: str, found: str) -> Equality:
        return require_equal(connection, side, found, "expected_tiles", TILE_COLUMNS, self.rows)
