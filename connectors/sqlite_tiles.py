"""Tiles in an SQLite file: the online store of laptops and tests, without a server, under the same rules as Cassandra.

A tile is a row, an erased tile a row without `n`; the newest event time of an entity is in a table of its own.
"""

# ruff: noqa: S608 (tables have names of their own: names are quoted, values are parameters)
from __future__ import annotations

import asyncio
import math
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

from headrace.compiler.plan import TileGroup
from headrace.connectors.closing import Closing
from headrace.connectors.cql import quote
from headrace.connectors.tile_store import NOTHING, Cell, Found, Key, Tile, TileRead, fields_of
from headrace.errors import ConnectorError, NotFoundError, did_you_mean

#: How long a write waits for another process that is writing.
BUSY_TIMEOUT_S = 10.0
MEMORY = ":memory:"
MISSING = "no such table: "


class SqliteTiles(Closing):
    """The tile tables of one file, made when it is not there; `:memory:` for one that ends with the object.

    A `TileStore`. One connection, one thread at a time.

    >>> SqliteTiles(":memory:").read([])
    []
    """

    def __init__(self, path: Path | str) -> None:
        self.path = str(path)
        self._lock = RLock()
        with self._translated():
            if self.path != MEMORY:
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                self.path, timeout=BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
            )
            # Readers in other processes go on while one writes.
            self._connection.execute("PRAGMA journal_mode = WAL")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def create(self, table: str, group: TileGroup) -> None:
        """Create the tables of a tile group unless they are there."""
        with self._writing() as connection:
            for statement in _Sql(table, group).create:
                connection.execute(statement)

    def write(self, table: str, group: TileGroup, tiles: Iterable[Tile]) -> int:
        """Write tiles by their version; returns how many had not expired yet. Removes those that have by now."""
        sql, now_us = _Sql(table, group), time.time_ns() // 1000
        every = list(tiles)
        alive = [tile for tile in every if tile.expires_us is None or tile.expires_us > now_us]
        with self._writing() as connection:
            connection.execute(sql.expire, (now_us,))
            connection.executemany(sql.insert, map(_row, alive))
            connection.executemany(sql.insert_seen, ((*tile.key, tile.last_event_us) for tile in every))
        return len(alive)

    def erase(self, table: str, group: TileGroup, keys: Sequence[Key]) -> None:
        """Delete all tiles of entities at the version after their own, and their newest event times."""
        sql = _Sql(table, group)
        with self._writing() as connection:
            connection.executemany(sql.erase, keys)
            connection.executemany(sql.erase_seen, keys)

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """What was found of each key of each read, in order, all as of one moment."""
        now_us = time.time_ns() // 1000
        with self._lock, self._translated(), self._transaction("DEFERRED") as connection:
            return [_found(connection, read, now_us) for read in reads]

    async def read_async(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """The same in a thread of its own."""
        return await asyncio.to_thread(self.read, reads)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """The connection, for a change that is made as a whole or not at all."""
        with self._lock, self._translated(), self._transaction("IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[sqlite3.Connection]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Errors of SQLite as ours, naming the file."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            if str(error).startswith(MISSING):
                name = str(error).removeprefix(MISSING)
                msg = f"no SQLite table {name!r} in {self.path}; {did_you_mean(name, self._tables())}"
                raise NotFoundError(msg) from error
            msg = f"SQLite file {self.path}: {error}"
            raise ConnectorError(msg) from error

    def _tables(self) -> list[str]:
        found = self._connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        return [name for (name,) in found if not name.endswith(_SEEN)]


_SEEN = "_seen"


class _Sql:
    """The statements of one tile table. Columns have no type, so that SQLite keeps each value as it is."""

    def __init__(self, table: str, group: TileGroup) -> None:
        self.table, self.seen = quote(table), quote(f"{table}{_SEEN}")
        # With prefixes, because keys and partials are named by users.
        self.keys = [quote(f"key_{key.name}") for key in group.keys]
        self.fields = [quote(f"cell_{name}") for name in fields_of(group)]
        self.where = " AND ".join(f"{key} = ?" for key in self.keys)

    @cached_property
    def create(self) -> tuple[str, str]:
        """The tables."""
        keys, fields = ", ".join(self.keys), ", ".join(self.fields)
        return (
            f"CREATE TABLE IF NOT EXISTS {self.table} ({keys}, level, tile_start, version NOT NULL, expires_us, "
            f"{fields}, PRIMARY KEY ({keys}, level, tile_start)) WITHOUT ROWID",
            f"CREATE TABLE IF NOT EXISTS {self.seen} "
            f"({keys}, last_event_time, version NOT NULL, PRIMARY KEY ({keys})) WITHOUT ROWID",
        )

    @cached_property
    def insert(self) -> str:
        """Write a tile unless one with as many events, or more, is there."""
        columns = [*self.keys, "level", "tile_start", "version", "expires_us", *self.fields]
        changed = ", ".join(f"{name} = excluded.{name}" for name in ("version", "expires_us", *self.fields))
        return (
            f"INSERT INTO {self.table} ({', '.join(columns)}) VALUES ({_marks(len(columns))}) "
            f"ON CONFLICT DO UPDATE SET {changed} WHERE excluded.version > version"
        )

    @cached_property
    def insert_seen(self) -> str:
        """Note an event time, which is its own version, unless a newer one is there."""
        return (
            f"INSERT INTO {self.seen} ({', '.join(self.keys)}, last_event_time, version) "
            f"SELECT {_marks(len(self.keys))}, at, at FROM (SELECT ? AS at) WHERE TRUE ON CONFLICT DO UPDATE SET "
            "last_event_time = excluded.last_event_time, version = excluded.version WHERE excluded.version > version"
        )

    @cached_property
    def erase(self) -> str:
        """Empty the tiles of an entity, one version on."""
        emptied = ", ".join(f"{name} = NULL" for name in self.fields)
        return f"UPDATE {self.table} SET version = version + 1, {emptied} WHERE {self.where}"

    @cached_property
    def erase_seen(self) -> str:
        """Forget when an entity was seen, one version on."""
        return f"UPDATE {self.seen} SET version = version + 1, last_event_time = NULL WHERE {self.where}"

    @cached_property
    def expire(self) -> str:
        """Remove what has expired."""
        return f"DELETE FROM {self.table} WHERE expires_us <= ?"

    @cached_property
    def slice(self) -> str:
        """The tiles of an entity in a slice, newest first."""
        return (
            f"SELECT tile_start, {', '.join(self.fields)} FROM {self.table} WHERE {self.where} AND level = ? "
            f"AND tile_start >= ? AND tile_start < ? AND (expires_us IS NULL OR expires_us > ?) "
            f"AND {self.fields[0]} IS NOT NULL ORDER BY tile_start DESC"
        )

    @cached_property
    def last_event_time(self) -> str:
        """The newest event time of an entity."""
        return f"SELECT last_event_time FROM {self.seen} WHERE {self.where}"


def _found(connection: sqlite3.Connection, read: TileRead, now_us: int) -> list[Found]:
    """What a read finds of each of its keys."""
    sql = _Sql(read.table, read.group)
    if read.slice is None:
        return [Found(last_event_us=_seen(connection, sql, key)) for key in read.keys]
    bools = [place for place, column in enumerate(read.group.cell) if column.type == "bool"]
    text = f"{sql.slice} LIMIT 1" if read.newest_only else sql.slice

    def of(key: Key) -> Found:
        rows = connection.execute(text, (*key, *read.slice, now_us)).fetchall() if read.slice else []
        tiles = {start: _cell(bools, values) for start, *values in rows}
        return Found(tiles, _seen(connection, sql, key)) if tiles else NOTHING

    return [of(key) for key in read.keys]


def _cell(bools: Sequence[int], values: list[Any]) -> Cell:
    """A cell of a row's values; SQLite has no booleans."""
    for place in bools:
        values[place] = None if values[place] is None else bool(values[place])
    return tuple(values)


def _seen(connection: sqlite3.Connection, sql: _Sql, key: Key) -> int | None:
    """The newest event time of an entity."""
    found: tuple[int | None] | None = connection.execute(sql.last_event_time, key).fetchone()
    return found[0] if found else None


def _row(tile: Tile) -> tuple[Any, ...]:
    """The parameters that write a tile."""
    return (*tile.key, tile.level_us, tile.start_us, tile.version_us, tile.expires_us, *map(_kept, tile.values))


def _kept(value: Any) -> Any:
    """A field as SQLite keeps it: NaN would be NULL, which merging leaves out; infinite is as little a value."""
    return value if value == value else math.inf


def _marks(count: int) -> str:
    return ", ".join("?" * count)
