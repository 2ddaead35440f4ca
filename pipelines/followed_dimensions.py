"""The dimensions that a live job joins: followed, as their owners write them, not only at the versions that it pinned.

An event waits until the dimension is complete to it. From then on no version that it could see is written any more, so
it sees the same whichever newer version of the table is read, by the job, by the job after a failure, or by DuckDB.
"""

from __future__ import annotations

import duckdb

from headrace.compiler.flink_tables import Following
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.iceberg import IcebergCatalog
from headrace.errors import UnsupportedError
from headrace.features.duration import UNITS_US, format_duration
from headrace.pipelines.local_dimensions import open_dimensions
from headrace.pipelines.pinned_dimensions import open_pinned, recorded
from headrace.runtime.cutover import Cutover
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform


def following(platform: Platform, dimension: SourcePlan) -> Following:
    """How a job follows a dimension."""
    options = platform.iceberg.flink_options(*table_name_of(dimension))
    return Following(options, platform.settings.flink.dimension_patience_s)


def refuse_unfollowed(plan: ViewPlan, patience_s: int) -> None:
    """Refuse a view with a live source whose dimensions cannot be followed, or whose events could wait too long.

    Raises:
        UnsupportedError: a dimension lies in Delta, or a row may tell of a time so far after its arrival that the job
            would fail before that has come.
    """
    parts = plan.source.parts
    for dimension in dimensions_of(plan) if any(part.live is not None for part in parts) else ():
        _refuse_delta(plan, dimension)
        for source in parts:
            _refuse_far_future(source, dimension, patience_s)


def open_joined(
    connection: duckdb.DuckDBPyConnection, plan: ViewPlan, catalog: IcebergCatalog, cutover: Cutover
) -> None:
    """Make the relations of the dimensions that a run joins: as they are now where it follows them, else as pinned."""
    if cutover.is_live:
        open_dimensions(connection, plan, {}, catalog.named)
    else:
        open_pinned(connection, plan, recorded(catalog, cutover.dimensions))


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
