"""The online store that the settings name, opened for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from headrace.connectors.tile_store import TileReader
from headrace.runtime.online_store import open_store
from headrace.runtime.settings import Settings, load_settings
from headrace.serving.cache import CachedTiles
from headrace.serving.online import OnlineStore
from headrace.serving.result import OnlineFeatures

if TYPE_CHECKING:
    from headrace.serving.given import EntityRows


@contextmanager
def online_store(settings: Settings | None = None) -> Iterator[OnlineStore]:
    """The online store of the settings (default: those that hold here). Raises SettingsError, ConnectorError."""
    found = settings or load_settings()
    online = found.online
    with open_store(found) as opened:
        tiles: TileReader = opened.tiles
        if online.cache_max_age_s:
            tiles = CachedTiles(tiles, online.cache_max_age_s, online.cache_tiles)
        yield OnlineStore(found.project, opened.registry, tiles)


def get_online_features(
    features: Sequence[str],
    entity_rows: EntityRows,
    *,
    at: datetime | str | None = None,
    settings: Settings | None = None,
) -> OnlineFeatures:
    """The values of features for entities, over a session of its own; keep an `online_store` for more than one call.

    See `OnlineStore.get_online_features` for the forms of entities, the meaning of `at` and the errors.
    """
    with online_store(settings) as store:
        return store.get_online_features(features, entity_rows, at=at)
