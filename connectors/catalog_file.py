"""The SQLite file of an Iceberg catalog, opened by many at once: threads, processes, Java and Python."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path


@contextmanager
def alone(file: Path) -> Iterator[None]:
    """Hold a lock beside a catalog's file among threads and processes.

    Two who open a new database at once would both create its tables, and one of them would fail.
    """
    with file.with_name(f"{file.name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def prepare(file: Path) -> None:
    """Let readers go on beside a writer, and give the table the column that Java's schema version V1 expects.

    Without the column each Flink job would alter the table as it starts, and two at once would fail.
    """
    with sqlite3.connect(file, timeout=60) as database:
        database.execute("PRAGMA journal_mode=WAL")
        columns = {row[1] for row in database.execute("PRAGMA table_info(iceberg_tables)")}
        if "iceberg_type" not in columns:
            database.execute("ALTER TABLE iceberg_tables ADD COLUMN iceberg_type VARCHAR(5)")
    database.close()
