"""Tiles in Cassandra: the online store that jobs write to and servers read from."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from headrace.compiler.plan import TileGroup
from headrace.connectors.cassandra import CassandraSession, Statement
from headrace.connectors.cassandra_reads import Request, by_read, requests_of
from headrace.connectors.cql import TileStatements
from headrace.connectors.tile_store import Found, Key, Tile, TileRead
from headrace.connectors.wave import Row

SECOND_US = 1_000_000


class CassandraTiles:
    """The tile tables of a keyspace, over one session. A `TileStore`; reads are single-partition, prepared, at once.

    The slices of an entity that a wave asks for are read by one statement, as far as its tiles are not too many.
    """

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
        self._session.execute_many(text.insert, [_inserted(tile, now_us) for tile in alive])
        self._session.execute_many(text.insert_seen, [(*key, seen, seen) for key, seen in _newest(every).items()])
        return len(alive)

    def erase(self, table: str, group: TileGroup, keys: Sequence[Key]) -> None:
        """Delete all tiles of entities at the version after their own, and their newest event times."""
        text = self._of(table, group)
        found = self._session.execute_many(text.versions, keys)
        self._session.wave([one for key, rows in zip(keys, found, strict=True) for one in _deletes(text, key, rows)])

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """What was found of each key of each read, in one concurrent wave."""
        requests = requests_of(reads, self._read_statements)
        takers = [request.take for request in requests for _ in request.keys]
        found = self._session.taking(_statements(requests), lambda number, rows: takers[number](rows))
        return by_read(reads, requests, found)

    async def read_async(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        """The same without holding up the event loop."""
        requests = requests_of(reads, self._read_statements)
        takers = [request.take for request in requests for _ in request.keys]
        found = await self._session.taking_async(_statements(requests), lambda number, rows: takers[number](rows))
        return by_read(reads, requests, found)

    def _read_statements(self, read: TileRead) -> TileStatements:
        return self._of(read.table, read.group)

    def _of(self, table: str, group: TileGroup) -> TileStatements:
        """The statements of a table."""
        if table not in self._statements:
            self._statements[table] = TileStatements.of(self._session.connection.keyspace, table, group)
        return self._statements[table]


def _statements(requests: Sequence[Request]) -> list[Statement]:
    """The statements of a wave, key after key."""
    return [
        Statement(request.text, (*key, *request.values), request.names) for request in requests for key in request.keys
    ]


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
            yield Statement(text.delete, (version + 1, *key, level, start))
    if rows and rows[0][3] is not None:
        yield Statement(text.delete_seen, (rows[0][3] + 1, *key))
