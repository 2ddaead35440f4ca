"""A view's tiles folded by Flink in this process: the production job over rows at hand, its tiles ready to be served.

History is an Iceberg table and so is the log of tiles, as in production, in a folder that is gone afterwards. What is
left out is the live leg, and Cassandra: the log's tiles go to a store in memory, by the rules that all stores share.
"""

# ruff: noqa: S608 (names are checked when a file loads, and quoted)
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_lookups import known_until, relation_of
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.flink_sql import FlinkJob, flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, Options, TileOptions
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import Column, SourcePlan, TileGroup, ViewPlan
from headrace.compiler.verdict import Verdict, possible
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import LEDGER_NAMESPACE, OFFSET_TILES, archive_fields, tile_fields
from headrace.connectors.tile_store import Key, Tile
from headrace.pipelines.configuration import view_configuration
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.source_rows import archives
from headrace.pipelines.store_fill import write_tiles
from headrace.pipelines.tuning import tuned
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.online_store import OpenStore, memory_store
from headrace.runtime.session import FlinkSession

#: Names of what is gone afterwards.
PROJECT, RUN, CATALOG = "local", "local", "lake"
RAW, TILES, LEDGER, DIMENSIONS = "raw", "tiles", (LEDGER_NAMESPACE, "offset_tiles"), "dimensions"
#: What fails here, such as an overflow, would fail again; left alone, Flink would try for ever.
ONE_TRY = {"restart-strategy.type": "disable"}
#: Rows that are written to history, and tiles that are in memory, at once.
BATCH = 50_000


class Serve(Protocol):
    """How values are read from a filled store: `serving.bulk.served_table`, which no pipeline may import."""

    def __call__(
        self,
        store: OpenStore,
        project: str,
        references: Sequence[str],
        entities: Sequence[Mapping[str, Any]],
        at: datetime,
    ) -> pa.Table:
        """A column for each feature, a row for each entity."""


@dataclass(frozen=True)
class FlinkEngine:
    """Flink in this process, the code that serves what it made, and whoever is told what takes long."""

    session: FlinkSession
    serve: Serve
    tell: Callable[[str], None] = lambda _: None


@dataclass(frozen=True)
class FlinkTiles:
    """The tiles that Flink made of some rows.

    Attributes:
        blocks: for each partition how many of its rows have each verdict, by the job's ledger.
        entities: by the names of their keys, the entities of which there is a tile.
        rows_read: how many rows the job's source read in each attempt of the job; one that never crashed has one.
    """

    plan: ViewPlan
    blocks: Mapping[int, Mapping[str, int]]
    entities: Mapping[tuple[str, ...], set[Key]]
    store: OpenStore
    serve: Serve
    rows_read: tuple[int, ...]

    @property
    def verdicts(self) -> dict[str, int]:
        """How many of the rows have each verdict."""
        counts = self.blocks.values()
        return {verdict.label: sum(count[verdict.label] for count in counts) for verdict in possible(self.plan.source)}

    def values(self, features: Sequence[str], entities: Sequence[Mapping[str, Any]], at: datetime) -> pa.Table:
        """What is served of features, all of one kind of entity, at an instant: a column each, a row an entity."""
        references = [f"{self.plan.name}:{feature}" for feature in features]
        return self.serve(self.store, PROJECT, references, entities, at).rename_columns(list(features))


class Job(Protocol):
    """A run of a view's job over history, to its end."""

    def __call__(self, plan: ViewPlan, lake: IcebergCatalog, folder: Path) -> tuple[int, ...]:
        """Fill the table of history, have Flink read it and commit all that it makes; what `rows_read` says of it."""


def folded_by_flink(
    connection: duckdb.DuckDBPyConnection, plan: ViewPlan, engine: FlinkEngine
) -> AbstractContextManager[FlinkTiles]:
    """The tiles that Flink makes of the relation `archive`, for as long as the `with` lasts.

    The dimensions that the view joins are relations of `connection` too, as `open_dimensions` makes them. No tile
    expires: the time they are asked for is that of the data.

    Raises:
        JobError: the planner refuses the job, or it fails, as it does on an integer overflow.
    """

    def job(plan: ViewPlan, lake: IcebergCatalog, folder: Path) -> tuple[int, ...]:
        if rows := _fill_history(connection, plan, lake):
            engine.tell(f"starting Flink over {rows:,} rows")
            _run(plan, lake, folder, engine.session, _filled_dimensions(connection, plan, lake))
        return (rows,)

    return tiles_of(job, plan, engine.serve)


@contextmanager
def tiles_of(job: Job, plan: ViewPlan, serve: Serve) -> Iterator[FlinkTiles]:
    """The tiles that a job makes in a folder of its own, for as long as the `with` lasts; raises what the job does."""
    timeless = replace(plan, clock="event")
    with memory_store() as store:
        with TemporaryDirectory(prefix="headrace-") as folder:
            lake = IcebergCatalog.sqlite(CATALOG, Path(folder))
            _create_tables(timeless, lake)
            rows_read = job(timeless, lake, Path(folder))
            tiles = _collected(timeless, lake, store, serve, rows_read)
        yield replace(tiles, plan=plan)


def histories(source: SourcePlan) -> list[tuple[str, str]]:
    """Namespace and name of the table of history of each of a source's parts."""
    return [(RAW, name) for name in archives(source)]


def local_job(
    plan: ViewPlan, lake: IcebergCatalog, dimensions: Mapping[str, DimensionOptions], more: Options | None = None
) -> FlinkJob:
    """The view's job over history, read by the catalog's options and more; dimensions that it joins are by name."""
    legs = [Legs({**lake.flink_options(*history), **(more or {})}, None) for history in histories(plan.source)]
    tiles = {
        group.fingerprint: TileOptions(cassandra=None, iceberg=lake.flink_options(TILES, group.fingerprint))
        for group in plan.groups
    }
    ledger = lake.flink_options(*LEDGER)
    bindings = JobBindings(PROJECT, RUN, legs, tiles, offset_tiles=ledger, dimensions=dimensions)
    return flink_job(plan, bindings)


def local_configuration(plan: ViewPlan, folder: Path) -> dict[str, str]:
    """The options of production, with one task, and checkpoints in a folder."""
    tuning = tuned()
    kept = Checkpointing(f"{folder.as_uri()}/checkpoints", savepoints(folder), flink_text(tuning.checkpoint_us))
    return {**view_configuration(plan, kept, tuning), "parallelism.default": "1"}


def savepoints(folder: Path) -> str:
    """Where a job in a folder saves its state when it is stopped.

    >>> savepoints(Path("/tmp/job"))
    'file:///tmp/job/savepoints'
    """
    return f"{folder.as_uri()}/savepoints"


def _create_tables(plan: ViewPlan, lake: IcebergCatalog) -> None:
    """Create history, empty, and what the job writes to."""
    for history, part in zip(histories(plan.source), plan.source.parts, strict=True):
        lake.create_table(*history, archive_fields(part.columns))
    lake.create_table(*LEDGER, OFFSET_TILES)
    for group in plan.groups:
        lake.create_table(TILES, group.fingerprint, tile_fields(group.keys, group.cell))


def _fill_history(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, lake: IcebergCatalog) -> int:
    """Fill history with the rows; returns how many there are."""
    counts = []
    for place, part in zip(histories(plan.source), plan.source.parts, strict=True):
        names = ", ".join(DUCKDB.identifier(field.name) for field in archive_fields(part.columns))
        rows = connection.sql(f"SELECT {names} FROM {place[1]}").to_arrow_reader(BATCH)
        history = lake.load(*place)
        history.fill(pa.Table.from_batches([batch]) for batch in rows)
        counts.append(history.row_count())
    return sum(counts)


def _filled_dimensions(
    connection: duckdb.DuckDBPyConnection, plan: ViewPlan, lake: IcebergCatalog
) -> dict[str, DimensionOptions]:
    """The dimensions of a view, copied into tables."""
    return {dimension.name: _filled_dimension(connection, dimension, lake) for dimension in dimensions_of(plan)}


def _filled_dimension(
    connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, lake: IcebergCatalog
) -> DimensionOptions:
    """A dimension with its versions and to when they are complete."""
    fields, name = archive_fields(dimension.columns), relation_of(dimension.name)
    columns = ", ".join(DUCKDB.identifier(field.name) for field in fields)
    table = lake.create_table(DIMENSIONS, name, fields)
    table.fill([connection.sql(f"SELECT {columns} FROM {name}").to_arrow_table()])
    ((until_us,),) = connection.execute(f"SELECT {known_until(dimension.name)}()").fetchall()
    return DimensionOptions(table.flink_options(table.refresh().current_snapshot_id()), until_us)


def _run(
    plan: ViewPlan,
    lake: IcebergCatalog,
    folder: Path,
    session: FlinkSession,
    dimensions: Mapping[str, DimensionOptions],
) -> None:
    """The job over history as it is."""
    job = local_job(plan, lake, dimensions)
    session.run(job.statements, job.inserts, {**job.config, **local_configuration(plan, folder), **ONE_TRY})


def _collected(
    plan: ViewPlan, lake: IcebergCatalog, store: OpenStore, serve: Serve, rows_read: tuple[int, ...]
) -> FlinkTiles:
    """Fill the store with what a job made."""
    entities: dict[tuple[str, ...], set[Key]] = {_names(group.keys): set() for group in plan.groups}
    with in_utc() as connection:

        def batches(group: TileGroup) -> Iterator[list[Tile]]:
            for batch in _logged(connection, lake, group):
                entities[_names(group.keys)].update(tile.key for tile in batch)
                yield batch

        write_tiles(plan, store, PROJECT, batches)
        return FlinkTiles(plan, _blocks(connection, lake), entities, store, serve, rows_read)


def _logged(connection: duckdb.DuckDBPyConnection, lake: IcebergCatalog, group: TileGroup) -> Iterator[list[Tile]]:
    """The tiles of a group, all their versions: a store keeps the fullest."""
    connection.register("tile_log", lake.load(TILES, group.fingerprint).relation(connection))
    places = ", ".join(DUCKDB.identifier(name) for name in (*_names(group.keys), "level", "tile_start"))
    cell = ", ".join(f"cell.{DUCKDB.identifier(column.name)}" for column in group.cell)
    rows, keys = connection.execute(f"SELECT {places}, {cell} FROM tile_log"), len(group.keys)
    while batch := rows.fetchmany(BATCH):
        yield [_tile(row[:keys], *row[keys:]) for row in batch]


def _tile(key: Key, level_us: int, start_us: int, *values: Any) -> Tile:
    """A row of the log as a tile. The log has no newest event times; a start is enough for an entity to be known."""
    return Tile(key, level_us, start_us, values, start_us)


def _blocks(connection: duckdb.DuckDBPyConnection, lake: IcebergCatalog) -> dict[int, dict[str, int]]:
    """How many rows of each partition have each verdict, by the newest version of each block of the ledger."""
    connection.register("ledger", lake.load(*LEDGER).relation(connection))
    columns = {verdict: verdict.label for verdict in Verdict} | {Verdict.DEAD_LETTER: "dead_lettered"}
    sums = ", ".join(f"CAST(sum({name}) AS BIGINT)" for name in columns.values())
    newest = ", ".join(f"max({name}) AS {name}" for name in columns.values())
    blocks = f"SELECT partition, {newest} FROM ledger GROUP BY topic, partition, block"
    rows = connection.execute(f"SELECT partition, {sums} FROM ({blocks}) GROUP BY partition").fetchall()
    return {row[0]: {verdict.label: count for verdict, count in zip(columns, row[1:], strict=True)} for row in rows}


def _names(keys: Sequence[Column]) -> tuple[str, ...]:
    return tuple(key.name for key in keys)
