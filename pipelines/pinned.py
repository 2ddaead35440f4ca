"""What a view is read of, pinned, as relations: one history, or of a union that of each of its sources; dimensions."""

from __future__ import annotations

import duckdb

from headrace.compiler.plan import ViewPlan
from headrace.pipelines.pinned_dimensions import open_pinned
from headrace.pipelines.source_rows import use_archives
from headrace.pipelines.training_set import Pinned


def use_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, pinned: Pinned) -> None:
    """Let `archive` be the pinned rows of a view's source, beside the relations of its dimensions."""
    parts = zip(plan.source.parts, pinned.histories, strict=True)
    use_archives(connection, plan.source, (pinned.relation(connection, part) for part, pinned in parts))
    open_pinned(connection, plan, pinned.dimensions)
