"""A registry's database that refuses some rows for a while, as one that goes away in the middle of several changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

#: What SQLite cannot work out, only once a row asks it to: an error of the database, not of a constraint.
FAILS = "SELECT abs(-9223372036854775808)"


@contextmanager
def refusing(database: Path, table: str, when: str = "true") -> Iterator[None]:
    """While it lasts, a new row of a table, for which a condition on NEW holds, is an error of an SQLite database."""
    changed(database, f"CREATE TRIGGER refusing BEFORE INSERT ON {table} WHEN {when} BEGIN {FAILS}; END")
    try:
        yield
    finally:
        changed(database, "DROP TRIGGER refusing")


def changed(database: Path, statement: str) -> None:
    """Change a database by a statement of its own."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(statement)
