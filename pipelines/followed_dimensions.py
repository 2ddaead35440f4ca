"""The dimensions that a live job joins: followed, as their owners write them, not only at the versions that it pinned.

An event waits until the dimension is complete to it. From then on no version that it could see is written any more, so
it sees the same whichever newer version of the table is read, by the job, by the job after a failure, or by DuckDB.
Of a look-up table a newer version would say something else of the same event: it is not followed, but read as pinned.
"""

from __future__ import annotations

import duckdb

from headrace.compiler.flink_tables import Following
from headrace.compiler.lookups import dimensions_of, table_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import UnsupportedError
from headrace.features.duration import UNITS_US, format_duration
from headrace.pipelines.local_dimensions import open_dimension
from headrace.pipelines.pinned_dimensions import open_as_pinned, pinned_dimension, recorded
from headrace.pipelines.training_set import PinnedHistory
from headrace.runtime.cutover import Cutover
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform


def following(platform: Platform, dimension: SourcePlan) -> Following:
    """How a job follows a dimension."""
    options = platform.iceberg.flink_options(*table_name_of(dimension))
    return Following(options, platform.settings.flink.dimension_patience_s)


def is_followed(plan: ViewPlan, dimension: str, cutover: Cutover) -> bool:
    """Whether a run follows a dimension, rather than read it as pinned."""
    return cutover.is_live and table_of(plan, dimension).is_versioned


def refuse_unfollowed(plan: ViewPlan, patience_s: int) -> None:
    """Refuse a view with a live source whose dimensions cannot be followed, or whose events could wait too long.

    Raises:
        UnsupportedError: a dimension lies in Delta, or a row may tell of a time so far after its arrival that the job
            would fail before that has come.
    """
    parts = plan.source.parts
    if all(part.live is None for part in parts):
        return
    for dimension in (one for one in dimensions_of(plan) if table_of(plan, one.name).is_versioned):
        _refuse_delta(plan, dimension)
        for source in parts:
            _refuse_far_future(source, dimension, patience_s)


def open_joined(
    connection: duckdb.DuckDBPyConnection, plan: ViewPlan, catalog: IcebergCatalog, cutover: Cutover
) -> None:
    """Make the relations of the dimensions that a run joins: as they are now where it follows them, else as pinned."""
    pinned = recorded(catalog, cutover.dimensions)
    for dimension in dimensions_of(plan):
        if is_followed(plan, dimension.name, cutover):
            open_dimension(connection, dimension, table_of(plan, dimension.name), catalog.named)
        else:
            open_as_pinned(connection, dimension, pinned[dimension.name])


def joined_dimensions(platform: Platform, plan: ViewPlan, cutover: Cutover) -> dict[str, PinnedHistory]:
    """The dimensions that a run joins, by name: those that it follows at their newest versions, others as pinned.

    Raises as `pinned_dimensions` does.
    """
    pinned = recorded(platform.iceberg, cutover.dimensions)
    return {
        one.name: pinned_dimension(platform, one, table_of(plan, one.name))
        if is_followed(plan, one.name, cutover)
        else pinned[one.name]
        for one in dimensions_of(plan)
    }


def _refuse_delta(plan: ViewPlan, dimension: SourcePlan) -> None:
    history = dimension.history
    if history is not None and history.kind == "delta":
        msg = (
            f"view {plan.name}: joins dimension {dimension.name}, a Delta table ({history.name}), and reads a topic: a "
            "running job follows Iceberg tables alone; keep the dimension in Iceberg, or backfill a source with "
            "history alone"
        )
        raise UnsupportedError(msg)


def _refuse_far_future(source: SourcePlan, dimension: SourcePlan, patience_s: int) -> None:
    if source.max_future_us >= patience_s * UNITS_US["s"]:
        allowed, waits = format_duration(source.max_future_us), format_duration(patience_s * UNITS_US["s"])
        msg = (
            f"source {source.name}: its rows may be {allowed} ahead of their arrival (max_future), and a job waits no "
            f"longer than {waits} for dimension {dimension.name} to be complete to a row "
            '(flink.dimension_patience_s); set max_future = "1m" in the source, so that rows further ahead are dead '
            "letters, or raise the setting"
        )
        raise UnsupportedError(msg)
