"""The dimensions that a view joins, each pinned to one version, so that a run or a training set can be made again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import duckdb

from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.lookups import delay_us, dimensions_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.iceberg import IcebergCatalog
from headrace.pipelines.completeness import complete_to
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.pipelines.local_dimensions import make_known, newest_snapshot
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.cutover import DimensionPin
from headrace.runtime.platform import Platform


def pinned_dimensions(platform: Platform, plan: ViewPlan) -> dict[str, PinnedHistory]:
    """The dimensions of a view by name, each at its newest version; one of another system is copied, if it was not yet.

    Raises:
        NotFoundError: there is no such table, or it is empty.
        SchemaMismatchError: it lacks columns of the dimension.
    """
    return {one.name: _pinned(platform, one, delay_us(plan, one.name)) for one in dimensions_of(plan)}


def open_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, dimensions: Mapping[str, PinnedHistory]) -> None:
    """Make the relations of a view's dimensions, at their pinned snapshots."""
    for dimension in dimensions_of(plan):
        pinned = dimensions[dimension.name]
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


def _pinned(platform: Platform, dimension: SourcePlan, delay: int) -> PinnedHistory:
    """A dimension at its newest version, in a table that has positions."""
    foreign = foreign_version(platform, dimension)
    table = history_table(platform, dimension, foreign)
    snapshot = newest_snapshot(dimension, table)
    if foreign is None:
        return PinnedHistory(table, snapshot, complete_to(table.committed_at(snapshot), table.properties, delay))
    return PinnedHistory(table, snapshot, complete_to(foreign.committed_at, foreign.properties, delay))
