"""Deletion of an entity from the online store: from every table in which a view has kept tiles of such entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from headrace.compiler.codec import decode
from headrace.compiler.plan import TileGroup
from headrace.compiler.tiles import Slice
from headrace.connectors.tile_store import Found, Key, TileRead, TileReader, TileStore
from headrace.errors import RequestError, SettingsError
from headrace.features.instant import instant_of
from headrace.registry.store import Registry, ViewVersion
from headrace.serving.request import check_rows, from_text

#: After the start of any tile.
LAST_START_US = 2**63 - 1


@dataclass(frozen=True, slots=True)
class EntityTable:
    """A tile table, and the key of an entity in it."""

    name: str
    group: TileGroup
    key: Key


@dataclass(frozen=True, slots=True)
class Known:
    """When the newest event of an entity was, and where its newest tile begins; None where there is none.

    A late event that comes after an erasure has brought back a tile, but not that the entity was seen.
    """

    last_event: datetime | None = None
    newest_tile: datetime | None = None


def entity_tables(registry: Registry, project: str, view: str, texts: Mapping[str, str]) -> list[EntityTable]:
    """The tables of all versions and generations of a view that have the keys of an entity, each once.

    `texts` are the values of its keys by name, such as those of a command line.

    Raises:
        NotFoundError: there is no such view.
        SettingsError: another version of headrace has planned a table in another way.
        RequestError: no table has these keys, or a value is none of its key's type.
    """
    registry.check_view(project, view)
    tables = dict(_tables(registry, project, view))
    found = [_of_entity(name, group, texts) for name, group in tables.items() if _names(group) == texts.keys()]
    if not found:
        kinds = sorted({", ".join(sorted(_names(group))) for group in tables.values()})
        msg = f"view {view!r}: no features of an entity with keys {', '.join(sorted(texts))}; found {'; '.join(kinds)}"
        raise RequestError(msg)
    return found


def known_of(tiles: TileReader, tables: Sequence[EntityTable]) -> list[Known]:
    """What each table knows of the entity."""
    found = iter(tiles.read([read for table in tables for read in _reads(table)]))
    return [_known([one for (one,) in islice(found, len(_reads(table)))]) for table in tables]


def erase(tiles: TileStore, tables: Sequence[EntityTable]) -> None:
    """Delete all tiles of the entity, and that it was ever seen."""
    for table in tables:
        tiles.erase(table.name, table.group, [table.key])


def _tables(registry: Registry, project: str, view: str) -> Iterator[tuple[str, TileGroup]]:
    """The tile tables of a view by name, of all versions and generations."""
    for made in registry.materializations(project, view):
        for group in _groups(registry.version(project, view, made.version)):
            yield made.tables[group.fingerprint], group


def _groups(version: ViewVersion) -> list[TileGroup]:
    """The tile groups of a version. No more of its plan is read: that of another version of headrace may differ."""
    try:
        return [decode(TileGroup, group) for group in version.plan["groups"]]
    except (KeyError, TypeError) as error:
        what = f"view {version.view}, version {version.version}"
        msg = f"{what}: its tables are of another version of headrace ({error}); erase with that one"
        raise SettingsError(msg) from error


def _reads(table: EntityTable) -> list[TileRead]:
    """When the entity was seen, and its newest tile of each level."""
    whole = [Slice(level, 0, LAST_START_US) for level in table.group.levels_us]
    newest = [TileRead(table.name, table.group, (table.key,), part, newest_only=True) for part in whole]
    return [TileRead(table.name, table.group, (table.key,), None), *newest]


def _known(found: Sequence[Found]) -> Known:
    """What was found, as instants."""
    seen = [one.last_event_us for one in found if one.last_event_us is not None]
    starts = [start for one in found for start in one.tiles]
    last, newest = (instant_of(max(each)) if each else None for each in (seen, starts))
    return Known(last, newest)


def _names(group: TileGroup) -> set[str]:
    return {key.name for key in group.keys}


def _of_entity(name: str, group: TileGroup, texts: Mapping[str, str]) -> EntityTable:
    """The key of an entity from texts."""
    row = {key.name: from_text(texts[key.name], key.type) for key in group.keys}
    check_rows([row], group.keys)
    return EntityTable(name, group, tuple(row.values()))
