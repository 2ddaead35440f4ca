"""The dimensions that a view joins, each pinned to one version, so that a run or a training set can be made again."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.foreign import shadow
from headrace.connectors.schema import archive_fields, fields_of
from headrace.features.instant import instant_us
from headrace.pipelines.foreign import foreign_version
from headrace.pipelines.legs import table_name_of
from headrace.pipelines.local_dimensions import make_known, newest_snapshot
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.platform import Platform


def pinned_dimensions(platform: Platform, plan: ViewPlan) -> dict[str, PinnedHistory]:
    """The dimensions of a view by name, each at its newest version; one of another system is copied, if it was not yet.

    Raises:
        NotFoundError: there is no such table, or it is empty.
        SchemaMismatchError: it lacks columns of the dimension.
    """
    return {dimension.name: _pinned(platform, dimension) for dimension in dimensions_of(plan)}


def open_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, dimensions: Mapping[str, PinnedHistory]) -> None:
    """Make the relations of a view's dimensions, at their pinned snapshots."""
    for dimension in dimensions_of(plan):
        pinned = dimensions[dimension.name]
        columns = [field.name for field in archive_fields(dimension.columns) if field.name != "_raw"]
        pinned.table.relation(connection, pinned.snapshot_id, columns).create_view(relation_of(dimension.name))
        make_known(connection, dimension.name, pinned.until_us)


def _pinned(platform: Platform, dimension: SourcePlan) -> PinnedHistory:
    """A dimension at its newest version, in a table that has positions."""
    foreign = foreign_version(platform, dimension)
    if foreign is None:
        table = platform.iceberg.load(*table_name_of(dimension))
        table.check_columns(archive_fields(dimension.columns))
        snapshot = newest_snapshot(dimension, table)
        return PinnedHistory(table, snapshot, instant_us(table.committed_at(snapshot)))
    copy = shadow(platform.iceberg, foreign, fields_of(dimension.columns), dimension.event_time)
    return PinnedHistory(copy, newest_snapshot(dimension, copy), instant_us(foreign.committed_at))
