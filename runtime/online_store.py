"""The online store that the settings name: where tiles are kept, and the registry that says what they are tiles of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.connectors.tile_store import TileStore
from headrace.errors import NotFoundError
from headrace.registry.store import Registry
from headrace.runtime.settings import Settings

#: A database that is gone with its connection.
IN_MEMORY = "sqlite://"


@dataclass(frozen=True)
class OpenStore:
    """An online store that is open: its tiles, and the registry of the views that are in it."""

    tiles: TileStore
    registry: Registry


def open_store(settings: Settings, *, create: bool = False) -> AbstractContextManager[OpenStore]:
    """The store of `online.store`, to be used in a `with`; `create` makes a file that is not there.

    Raises SettingsError, ConnectorError; NotFoundError where there is no such file.

    Cassandra's tiles are written by jobs, whose registry is in the home. A file has its registry in itself, so that it
    can be taken elsewhere, and what is tried out in it never decides what a cluster serves.
    """
    return STORES[settings.online.store](settings, create)


def store_registry(settings: Settings) -> Registry:
    """The registry of the views in the store of `online.store`; no server is asked. Raises as `open_store` does."""
    return REGISTRIES[settings.online.store](settings)


@contextmanager
def memory_store() -> Iterator[OpenStore]:
    """A store and its registry in memory, both gone with the `with`."""
    from headrace.connectors.sqlite_tiles import MEMORY, SqliteTiles

    with SqliteTiles(MEMORY) as tiles, closing(Registry(IN_MEMORY)) as registry:
        yield OpenStore(tiles, registry)


@contextmanager
def _cassandra(settings: Settings, create: bool) -> Iterator[OpenStore]:
    # Imported where they are needed: a file needs neither a driver nor a lake.
    from headrace.connectors.cassandra_tiles import CassandraTiles
    from headrace.runtime.platform import Platform

    platform = Platform(settings)
    with platform.cassandra.session() as session:
        yield OpenStore(CassandraTiles(session), platform.registry)


@contextmanager
def _sqlite(settings: Settings, create: bool) -> Iterator[OpenStore]:
    from headrace.connectors.sqlite_tiles import SqliteTiles

    file = settings.online.file if create else _existing(settings)
    with SqliteTiles(file) as tiles:
        yield OpenStore(tiles, Registry.at(file))


def _existing(settings: Settings) -> Path:
    """The file of the store."""
    file = settings.online.file
    if not file.exists():
        msg = f"no online store {file}; fill it by `headrace run FEATURES --input ROWS --to-store sqlite:{file}`"
        raise NotFoundError(msg)
    return file


def _registry_of_jobs(settings: Settings) -> Registry:
    from headrace.runtime.platform import Platform

    return Platform(settings).registry


STORES: dict[str, Callable[[Settings, bool], AbstractContextManager[OpenStore]]] = {
    "cassandra": _cassandra,
    "sqlite": _sqlite,
}
REGISTRIES: dict[str, Callable[[Settings], Registry]] = {
    "cassandra": _registry_of_jobs,
    "sqlite": lambda settings: Registry.at(_existing(settings)),
}
