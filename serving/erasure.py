"""Deletion of an entity from the online store: from every table in which a view has kept tiles of such entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.connectors.tile_store import Key, TileRead, TileReader, TileStore
from headrace.errors import RequestError
from headrace.features.instant import instant_of
from headrace.registry.store import Registry
from headrace.serving.request import check_rows, from_text


@dataclass(frozen=True, slots=True)
class EntityTable:
    """A tile table, and the key of an entity in it."""

    name: str
    group: TileGroup
    key: Key


def entity_tables(registry: Registry, project: str, view: str, texts: Mapping[str, str]) -> list[EntityTable]:
    """The tables of all versions and generations of a view that have the keys of an entity, each once.

    `texts` are the values of its keys by name, such as those of a command line.

    Raises:
        NotFoundError: there is no such view.
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


def last_events(tiles: TileReader, tables: Sequence[EntityTable]) -> list[datetime | None]:
    """When the newest event of the entity was, as each table knows it; None where it is unknown."""
    found = tiles.read([TileRead(table.name, table.group, (table.key,), None) for table in tables])
    return [None if one.last_event_us is None else instant_of(one.last_event_us) for (one,) in found]


def erase(tiles: TileStore, tables: Sequence[EntityTable]) -> None:
    """Delete all tiles of the entity, and that it was ever seen."""
    for table in tables:
        tiles.erase(table.name, table.group, [table.key])


def _tables(registry: Registry, project: str, view: str) -> Iterator[tuple[str, TileGroup]]:
    """The tile tables of a view by name, of all versions and generations."""
    for made in registry.materializations(project, view):
        plan = ViewPlan.from_dict(dict(registry.version(project, view, made.version).plan))
        for group in plan.groups:
            yield made.tables[group.fingerprint], group


def _names(group: TileGroup) -> set[str]:
    return {key.name for key in group.keys}


def _of_entity(name: str, group: TileGroup, texts: Mapping[str, str]) -> EntityTable:
    """The key of an entity from texts."""
    row = {key.name: from_text(texts[key.name], key.type) for key in group.keys}
    check_rows([row], group.keys)
    return EntityTable(name, group, tuple(row.values()))
