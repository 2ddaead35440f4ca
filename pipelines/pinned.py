"""What a view is read of, pinned, as relations: one history, or of a union that of each of its sources; dimensions."""

from __future__ import annotations

import duckdb

from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.schema import archive_fields
from headrace.pipelines.pinned_dimensions import open_pinned
from headrace.pipelines.source_rows import use_archives
from headrace.pipelines.training_set import Pinned, PinnedHistory


def use_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, pinned: Pinned) -> None:
    """Let `archive` be the pinned rows of a view's source, beside the relations of its dimensions."""
    parts = zip(plan.source.parts, pinned.histories, strict=True)
    use_archives(connection, plan.source, (_relation(connection, *each) for each in parts))
    open_pinned(connection, plan, pinned.dimensions)


def _relation(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, pinned: PinnedHistory
) -> duckdb.DuckDBPyRelation:
    """The rows of one history, without what no value is made of."""
    columns = [field.name for field in archive_fields(source.columns) if field.name != "_raw"]
    return pinned.table.relation(connection, pinned.snapshot_id, columns)
