"""DuckDB on the same files: the rival that shows what the machine can do, and the reference for all outputs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from headrace.bench.measure import Measured
from headrace.bench.rivals import HOPS_US, LEVELS_US
from headrace.connectors.duckdb_files import in_utc

# As many as Flink gets: one for each slot that a job takes.
THREADS = 2
_TILES = """
SELECT cc_num, {level}::BIGINT AS level, us - us % {level} AS tile_start,
  count(*) AS n, sum(cents)::BIGINT AS spent, max(cents) AS largest
FROM (SELECT cc_num, cents, epoch_us(ts) AS us FROM {rows}) GROUP BY ALL
"""
_WINDOWS = """
SELECT cc_num, {width}::BIGINT AS width, window_end, count(*) AS n, sum(cents)::BIGINT AS spent, max(cents) AS largest
FROM (
  SELECT cc_num, cents, unnest(range(us - us % {slide} + {slide}, us - us % {slide} + {slide} + {width}, {slide}))
    AS window_end
  FROM (SELECT cc_num, cents, epoch_us(ts) AS us FROM {rows})
) GROUP BY ALL
"""


@contextmanager
def database(threads: int = THREADS) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that counts in UTC."""
    with in_utc() as connection:
        connection.execute(f"SET threads = {threads}")
        yield connection


def parquet(files: Sequence[str]) -> str:
    """The rows of some Parquet files as a relation."""
    paths = ", ".join("'" + file.removeprefix("file://").replace("'", "''") + "'" for file in files)
    return f"read_parquet([{paths}])"


def tiles_sql(rows: str) -> str:
    """All tiles of some rows: one GROUP BY a level, which is faster than one over the product with the levels."""
    return "\nUNION ALL\n".join(_TILES.format(level=level, rows=rows) for level in LEVELS_US)


def windows_sql(rows: str) -> str:
    """All windows of some rows that hold any: card, width, end."""
    return "\nUNION ALL\n".join(_WINDOWS.format(slide=slide, width=width, rows=rows) for slide, width in HOPS_US)


def measured_tiles(files: Sequence[str], rows: int) -> Measured:
    """Make all tiles of the files as a table in memory; the seconds are those of the query alone."""
    with database() as connection:
        wall, cpu = time.monotonic(), time.process_time()
        connection.execute(f"CREATE TABLE tiles AS {tiles_sql(parquet(files))}")
        return Measured(rows, time.monotonic() - wall, time.process_time() - cpu)
