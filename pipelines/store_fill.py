"""A view's tiles computed on this machine and written to an online store, without Flink."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import duckdb

from headrace.compiler.duckdb_tiles import cells_sql, encoders
from headrace.compiler.plan import TileGroup, ViewPlan, table_name
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.tile_store import Tile
from headrace.errors import RequestError
from headrace.pipelines.local_dimensions import open_dimensions
from headrace.pipelines.local_input import Given, open_input
from headrace.pipelines.local_run import verdicts_of
from headrace.registry.store import Materialization, Pointer, Registry, ViewVersion

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable
    from headrace.runtime.online_store import OpenStore

#: Tiles in memory at once: some hundred MB at most.
BATCH = 50_000


@dataclass(frozen=True)
class StoreFill:
    """What was written: rows of the input by verdict, tiles by table, and how many had expired before."""

    view: str
    version: str
    verdicts: Mapping[str, int]
    tiles: Mapping[str, int]
    expired: int


def fill_store(
    plan: ViewPlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    store: OpenStore,
    *,
    project: str,
    sample: int | None = None,
    dimensions: Mapping[str, str] = MappingProxyType({}),
) -> StoreFill:
    """Write the tiles of a file's or table's rows to a store, and let this version of the view serve there.

    Tiles add to those that are there, each by its number of events: an input that continues another one must hold its
    rows too. `given`, `load`, `sample`, `dimensions` and the errors are `local_run.run_locally`'s; also ConnectorError.
    """
    with view_database(plan) as connection:
        open_input(connection, plan.source, given, load, sample)
        open_dimensions(connection, plan, dimensions, load)
        verdicts, newest_us = verdicts_of(connection, plan)
        if newest_us is None:
            msg = f"{given}: no row is accepted, so there is nothing to write"
            raise RequestError(msg)
        counts, all_tiles = write_tiles(plan, store, project, lambda group: _batches(connection, plan, group))
    return StoreFill(plan.name, plan.version, verdicts, counts, all_tiles - sum(counts.values()))


def write_tiles(
    plan: ViewPlan, store: OpenStore, project: str, batches: Callable[[TileGroup], Iterable[list[Tile]]]
) -> tuple[dict[str, int], int]:
    """Write the tiles of all groups, and let this version of the view serve.

    Returns how many were written to each table, and of how many: those that had expired before are not written.
    """
    tables = {group.fingerprint: table_name(project, plan.name, group.fingerprint, 1) for group in plan.groups}
    counts, all_tiles = dict.fromkeys(tables.values(), 0), 0
    for group in plan.groups:
        table = tables[group.fingerprint]
        store.tiles.create(table, group)
        for batch in batches(group):
            counts[table] += store.tiles.write(table, group, batch)
            all_tiles += len(batch)
    _register(store.registry, project, plan, tables)
    return counts, all_tiles


def _batches(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, group: TileGroup) -> Iterator[list[Tile]]:
    """The tiles of a group."""
    rows = connection.execute(cells_sql(plan, group, "archive"))
    bytes_of = encoders(group)
    retentions = {level: group.retention_us(level) if plan.clock == "wall" else None for level in group.levels_us}
    while batch := rows.fetchmany(BATCH):
        yield [_tile(row, len(group.keys), bytes_of, retentions) for row in batch]


def _tile(
    row: tuple[Any, ...],
    keys: int,
    bytes_of: Mapping[int, Callable[[Any], bytes | None]],
    retentions: Mapping[int, int | None],
) -> Tile:
    """A row of `cells_sql` as a tile."""
    level, start, *values, newest = row[keys:]
    for number, encode in bytes_of.items():
        values[number] = encode(values[number])
    retention = retentions[level]
    expires = None if retention is None else start + level + retention
    return Tile(row[:keys], level, start, tuple(values), newest, expires)


def _register(registry: Registry, project: str, plan: ViewPlan, tables: Mapping[str, str]) -> None:
    """Note the version and its tables, and let it serve."""
    registry.add_version(ViewVersion(project, plan.name, plan.version, plan.to_dict()))
    registry.add_materialization(Materialization(project, plan.name, plan.version, tables))
    registry.set_pointer(Pointer(project, plan.name, plan.version), registry.pointer(project, plan.name))
