"""Tiles out of Cassandra, and the online store that the settings describe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from headrace.connectors.cassandra import CassandraSession, TileRead, TileTable
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings
from headrace.serving.online import Answer, OnlineStore, Read
from headrace.serving.result import OnlineFeatures


class CassandraTiles:
    """The tile tables of a keyspace, read by one session."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    def read(self, reads: Sequence[Read]) -> list[Answer]:
        """The answers in order, in one concurrent wave. Raises ConnectorError when Cassandra fails."""
        tables = {read.table: TileTable(self._session, read.table, read.group) for read in reads}
        found = self._session.wave([_statement(tables[read.table], read) for read in reads])
        return [_answer(tables[read.table], read, rows) for read, rows in zip(reads, found, strict=True)]


@contextmanager
def online_store(settings: Settings | None = None) -> Iterator[OnlineStore]:
    """The online store of the settings (default: those that hold here). Raises SettingsError, ConnectorError."""
    platform = Platform(settings or load_settings())
    with platform.cassandra.session() as session:
        yield OnlineStore(platform.settings.project, platform.registry, CassandraTiles(session))


def get_online_features(
    features: Sequence[str],
    entity_rows: Sequence[Mapping[str, Any]],
    *,
    at: datetime | None = None,
    settings: Settings | None = None,
) -> OnlineFeatures:
    """The values of features for entities, over a session of its own; keep an `online_store` for more than one call.

    See `OnlineStore.get_online_features` for the meaning of `at` and for the errors.
    """
    with online_store(settings) as store:
        return store.get_online_features(features, entity_rows, at=at)


def _tile_read(read: Read) -> TileRead | None:
    """The read of tiles; None for a last event time."""
    return None if read.slice is None else TileRead(read.key, read.slice, read.newest_only)


def _statement(table: TileTable, read: Read) -> tuple[str, Sequence[Any]]:
    """The statement of a read."""
    tiles = _tile_read(read)
    return table.seen_statement(read.key) if tiles is None else table.statement(tiles)


def _answer(table: TileTable, read: Read, rows: Sequence[tuple[Any, ...]]) -> Answer:
    """The rows of a read as its answer."""
    tiles = _tile_read(read)
    if tiles is None:
        return Answer({}, rows[0][0] if rows else None)
    cells = {(cell.level_us, cell.tile_start_us): cell.values for cell in table.cells(tiles, rows)}
    return Answer(cells, table.last_event_us(rows))
