"""What a view is read of, pinned: one history, or of a union that of each of its sources; dimensions."""

from __future__ import annotations

import duckdb

from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.errors import NotFoundError, RequestError
from headrace.features.instant import instant_us
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.pipelines.pinned_dimensions import open_pinned
from headrace.pipelines.source_rows import use_archives
from headrace.pipelines.training_set import Pinned, PinnedHistory
from headrace.runtime.platform import Platform


def pinned_history(platform: Platform, source: SourcePlan, reader: str) -> PinnedHistory:
    """The history of one source at its newest snapshot, for a reader that errors name, such as `view cards`.

    Raises:
        RequestError: the source has no history.
        NotFoundError: there is no such table, or it was never written.
        SchemaMismatchError: the archive lacks columns of the source.
    """
    if source.history is None:
        msg = f"{reader}: source {source.name} has no history; set `history = IcebergTable(...)`"
        raise RequestError(msg)
    foreign = foreign_version(platform, source)
    table = history_table(platform, source, foreign)
    snapshot = table.current_snapshot_id()
    if snapshot is None:
        msg = f"{reader}: history {table.name} is empty; `headrace archive` copies a topic into it"
        raise NotFoundError(msg)
    if foreign is not None:
        return PinnedHistory(table, snapshot, instant_us(foreign.committed_at))
    # What happened just before the commit may still be on its way, and a later snapshot would have it.
    late_us = source.max_delay_us
    return PinnedHistory(table, snapshot, instant_us(table.committed_at(snapshot)) - late_us, late_us)


def use_pinned(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, pinned: Pinned) -> None:
    """Let `archive` be the pinned rows of a view's source, beside the relations of its dimensions."""
    parts = zip(plan.source.parts, pinned.histories, strict=True)
    use_archives(connection, plan.source, (pinned.relation(connection, part) for part, pinned in parts))
    open_pinned(connection, plan, pinned.dimensions)
