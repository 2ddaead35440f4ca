"""Are the outputs equal? Each side's tiles or windows, as relations, against DuckDB's of the same rows."""

# ruff: noqa: S608 (the names are ours)
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from headrace.connectors.cassandra import TileTable
from headrace.connectors.iceberg import IcebergTable
from headrace.errors import HeadraceError

TILE = "cc_num, level, tile_start"
TILE_COLUMNS = f"{TILE}, n, spent, largest"
WINDOW_COLUMNS = "cc_num, width, window_end, n, spent, largest"
# How many differences a message shows: enough to see a pattern.
SHOWN = 3


class OutputsDifferError(HeadraceError, AssertionError):
    """Two sides of a benchmark do not compute the same: their speeds cannot be compared."""


@dataclass(frozen=True)
class Equality:
    """What was compared: whose output, of how many rows of input, and how many rows of output are equal."""

    side: str
    rows_in: int
    rows_out: int


def require_equal(
    connection: duckdb.DuckDBPyConnection, side: str, found: str, expected: str, columns: str, rows_in: int
) -> Equality:
    """Compare two relations as bags of rows.

    Raises:
        OutputsDifferError: they differ; the first differences are shown.
    """
    wrong = [*_without(connection, found, expected, columns), *_without(connection, expected, found, columns)]
    count = connection.execute(f"SELECT count(*) FROM {found}").fetchall()[0][0]
    if wrong or not count:
        msg = f"{side}: {count:,} rows from {rows_in:,}, of ({columns}) not in both: {wrong[:SHOWN]!r}"
        raise OutputsDifferError(msg)
    return Equality(side, rows_in, count)


def stored_tiles(connection: duckdb.DuckDBPyConnection, table: TileTable) -> str:
    """The tiles of a Cassandra table as a relation with the columns of a tile."""
    connection.register("stored", as_arrow(table.scan_columns(), (row for page in table.scan() for row in page)))
    connection.execute(
        f"CREATE OR REPLACE TABLE stored_tiles AS "
        f"SELECT {TILE}, n, sum_cents AS spent, max_cents AS largest FROM stored"
    )
    return "stored_tiles"


def logged_tiles(connection: duckdb.DuckDBPyConnection, log: IcebergTable, *, in_cells: bool) -> str:
    """The newest version of each tile in an append log as a relation with the columns of a tile.

    `in_cells`: the log is the product's, with its values in a cell.
    """
    values = "cell.sum_cents AS spent, cell.max_cents AS largest" if in_cells else "spent, largest"
    connection.register("log", log.refresh().relation(connection))
    connection.execute(
        f"CREATE OR REPLACE TABLE logged_tiles AS SELECT {TILE}, n, {values} FROM log "
        f"QUALIFY row_number() OVER (PARTITION BY {TILE} ORDER BY n DESC) = 1"
    )
    return "logged_tiles"


def logged_rows(connection: duckdb.DuckDBPyConnection, log: IcebergTable) -> str:
    """All rows of an append log."""
    connection.register("logged_rows", log.refresh().relation(connection))
    return "logged_rows"


def as_arrow(names: Sequence[str], rows: Iterable[Sequence[int]]) -> pa.Table:
    """Rows of integers as columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(names)
    return pa.table({name: pa.array(values, pa.int64()) for name, values in zip(names, columns, strict=True)})


def _without(connection: duckdb.DuckDBPyConnection, left: str, right: str, columns: str) -> list[tuple[object, ...]]:
    """Rows of the left that the right lacks."""
    sql = f"SELECT {columns} FROM {left} EXCEPT ALL SELECT {columns} FROM {right} ORDER BY ALL LIMIT {SHOWN}"
    return connection.execute(sql).fetchall()
