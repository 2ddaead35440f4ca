"""Tiles in Cassandra: the online store that jobs write to and servers read from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from headrace.compiler.plan import TileGroup
from headrace.connectors.cassandra import CassandraSession, Statement
from headrace.connectors.cql import TileStatements
from headrace.connectors.tile_store import NOTHING, Found, Key, Tile, TileRead, fields_of
from headrace.connectors.wave import Row

SECOND_US = 1_000_000


class CassandraTiles:
    """The tile tables of a keyspace, over one session. A `TileStore`; reads are single-partition, prepared, at once."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session
        self._statements: dict[str, TileStatements] = {}

    def create(self, table: str, group: TileGroup) -> None:
        """Create the table of a tile group unless it is there."""
        self._session.create_tile_table(table, group)

    def write(self, table: str, group: TileGroup, tiles: Iterable[Tile]) -> int:
        """Write tiles by their version; returns how many had not expired yet."""
        text, now_us = self._of(table, group), time.time_ns() // 1000
        every = list(tiles)
        alive = [tile for tile in every if tile.expires_us is None or tile.expires_us > now_us]
        self._session.wave([(text.insert, _inserted(tile, now_us)) for tile in alive])
        self._session.wave([(text.insert_seen, (*key, seen, seen)) for key, seen in _newest(every).items()])
        return len(alive)

    def erase(self, table: str, group: TileGroup, keys: Sequence[Key]) -> None:
        """Delete all tiles of entities at the version after their own, and their newest event times."""
        text = self._of(table, group)
        found = self._session.wave([(text.versions, key) for key in keys])
        self._session.wave([one for key, rows in zip(keys, found, strict=True) for one in _deletes(text, key, rows)])

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """What was found of each key of each read, in one concurrent wave."""
        takers = _takers(reads)
        found = self._session.taking(self._wave(reads), lambda number, rows: takers[number](rows))
        return _by_read(reads, found)

    async def read_async(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """The same without holding up the event loop."""
        takers = _takers(reads)
        found = await self._session.taking_async(self._wave(reads), lambda number, rows: takers[number](rows))
        return _by_read(reads, found)

    def _wave(self, reads: Sequence[TileRead]) -> list[Statement]:
        """A statement for each key of each read."""
        return [statement for read in reads for statement in _statements(self._of(read.table, read.group), read)]

    def _of(self, table: str, group: TileGroup) -> TileStatements:
        """The statements of a table."""
        if table not in self._statements:
            self._statements[table] = TileStatements.of(self._session.connection.keyspace, table, group)
        return self._statements[table]


def _statements(text: TileStatements, read: TileRead) -> list[Statement]:
    """The statement of a read with the parameters of each key."""
    if read.slice is None:
        return [(text.last_event_time, key) for key in read.keys]
    statement, ends = text.newest if read.newest_only else text.slice, tuple(read.slice)
    return [(statement, key + ends) for key in read.keys]


def _takers(reads: Sequence[TileRead]) -> list[Callable[[list[Row]], Found]]:
    """For each statement of a wave what makes an answer of its rows."""
    return [taker for read in reads for taker in [_taker(read)] * len(read.keys)]


def _taker(read: TileRead) -> Callable[[list[Row]], Found]:
    """What makes an answer of the rows of a read's statement."""
    if read.slice is None:
        return lambda rows: Found(last_event_us=rows[0][0]) if rows else NOTHING
    fields = fields_of(read.group)

    def tiles(rows: list[Row]) -> Found:
        return Found({row[0]: dict(zip(fields, row[2:], strict=True)) for row in rows}, rows[0][1]) if rows else NOTHING

    return tiles


def _by_read(reads: Sequence[TileRead], found: Sequence[Found]) -> list[list[Found]]:
    """The answers of a wave, by read."""
    answers = iter(found)
    return [list(islice(answers, len(read.keys))) for read in reads]


def _inserted(tile: Tile, now_us: int) -> tuple[object, ...]:
    """The parameters that write a tile; what remains of its time to live, rounded up."""
    seconds = 0 if tile.expires_us is None else -((now_us - tile.expires_us) // SECOND_US)
    return (*tile.key, tile.level_us, tile.start_us, tile.values, tile.version_us, seconds)


def _newest(tiles: Iterable[Tile]) -> dict[Key, int]:
    """The newest event time of each entity."""
    newest: dict[Key, int] = {}
    for tile in tiles:
        newest[tile.key] = max(tile.last_event_us, newest.get(tile.key, tile.last_event_us))
    return newest


def _deletes(text: TileStatements, key: Key, rows: Sequence[Row]) -> Iterator[Statement]:
    """The deletes of an entity's tiles and of its newest event time."""
    for level, start, version, _ in rows:
        if version is not None:
            yield text.delete, (version + 1, *key, level, start)
    if rows and rows[0][3] is not None:
        yield text.delete_seen, (rows[0][3] + 1, *key)
