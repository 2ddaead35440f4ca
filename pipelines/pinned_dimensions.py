"""The dimensions that a view joins, each pinned to one version, so that a run or a training set can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.lookups import dimensions_of, table_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.duckdb_files import in_utc
from headrace.connectors.iceberg import IcebergCatalog
from headrace.features.dimension_table import DimensionTable
from headrace.features.instant import instant_us
from headrace.pipelines.completeness import complete_to
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.pipelines.local_dimensions import make_known
from headrace.pipelines.local_tables import newest_snapshot
from headrace.pipelines.repeated_keys import refuse_repeated
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.cutover import DimensionPin
from headrace.runtime.platform import Platform


def pinned_dimensions(platform: Platform, plan: ViewPlan) -> dict[str, PinnedHistory]:
    """The dimensions of a view by name, each at its newest version; one of another system is copied, if it was not yet.

    Raises:
        NotFoundError: there is no such table, or it is empty.
        SchemaMismatchError: it lacks columns of the dimension, or rows of a look-up table have one key.
    """
    return {one.name: pinned_dimension(platform, one, table_of(plan, one.name)) for one in dimensions_of(plan)}


def pinned_dimension(platform: Platform, dimension: SourcePlan, table: DimensionTable) -> PinnedHistory:
    """A dimension at its newest version, in a table that has positions; errors are `pinned_dimensions`'s."""
    pinned = _pinned(platform, dimension, table)
    if not table.is_versioned:
        with in_utc() as connection:
            pinned.relation(connection, dimension).create_view(relation_of(dimension.name))
            refuse_repeated(connection, table, f"{table.kind.title()} table {table.location}")
    return pinned


def open_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, dimensions: Mapping[str, PinnedHistory]) -> None:
    """Make the relations of a view's dimensions, at their pinned snapshots."""
    for dimension in dimensions_of(plan):
        open_as_pinned(connection, dimension, dimensions[dimension.name])


def open_as_pinned(connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, pinned: PinnedHistory) -> None:
    """Make the relation of one dimension, at its pinned snapshot."""
    pinned.relation(connection, dimension).create_view(relation_of(dimension.name))
    make_known(connection, dimension.name, pinned.until_us)


def pins_of(dimensions: Mapping[str, PinnedHistory]) -> tuple[DimensionPin, ...]:
    """What a run records of its dimensions."""
    return tuple(
        DimensionPin(name, pinned.table.name, pinned.snapshot_id, pinned.until_us)
        for name, pinned in dimensions.items()
    )


def recorded(catalog: IcebergCatalog, pins: Iterable[DimensionPin]) -> dict[str, PinnedHistory]:
    """The dimensions of a run, by name. NotFoundError when a table is gone."""
    return {pin.name: PinnedHistory(catalog.named(pin.table), pin.snapshot_id, pin.until_us) for pin in pins}


def pinned_by_runs(platform: Platform, tables: Iterable[str]) -> dict[str, PinnedHistory]:
    """The dimensions that runs into these tables have pinned; none where there was no such run.

    What a generation holds was joined to one version of each dimension: a newer one is for the next generation.
    """
    wanted = set(tables)
    for run in platform.registry.runs(platform.settings.project):
        made = platform.registry.materialization(run.project, run.view, run.version, run.generation).tables
        pins = [DimensionPin(**pin) for pin in run.cutover.get("dimensions", ())]
        if run.job_id is not None and pins and not wanted.isdisjoint(made.values()):
            return recorded(platform.iceberg, pins)
    return {}


def _pinned(platform: Platform, dimension: SourcePlan, joined: DimensionTable) -> PinnedHistory:
    """A dimension at its newest version, in a table that has positions, and to when that is complete."""
    foreign = foreign_version(platform, dimension)
    table = history_table(platform, dimension, foreign)
    snapshot = newest_snapshot(dimension, table)
    committed = table.committed_at(snapshot) if foreign is None else foreign.committed_at
    if not joined.is_versioned:
        return PinnedHistory(table, snapshot, instant_us(committed))
    noted = table.properties if foreign is None else foreign.properties
    return PinnedHistory(table, snapshot, complete_to(committed, noted, joined.delay_us))
