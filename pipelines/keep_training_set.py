"""Keeping a training set: its rows in Iceberg, what they were made of in the registry."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from headrace.compiler.plan import fingerprint_of
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.errors import ConnectorError
from headrace.pipelines.spine import ROW
from headrace.pipelines.stored_columns import stored, stored_fields
from headrace.pipelines.training_set import Pinned, PinnedHistory, TrainingSet, rows_fingerprint
from headrace.registry.training_sets import TrainingSetRecord, TrainingSetRegistry

if TYPE_CHECKING:
    from headrace.pipelines.training_pipeline import TrainingSetPipeline

NAMESPACE = "training_sets"


def keep(pipeline: TrainingSetPipeline, made: TrainingSet) -> TrainingSetRecord:
    """Keep a set that a pipeline made, and tag the snapshots that it was made from, so that they do not expire.

    The same made again has the same id, and is kept once.

    Raises:
        RequestError: a column of the spine has a type that is not stored.
        NotFoundError: a snapshot that it was made from is gone.
        ConnectorError: the Iceberg table that the set's id names has another number of rows, or was changed by
            another writer while it was filled.
    """
    settings, iceberg = pipeline.platform.settings, pipeline.platform.iceberg
    rows, definition = stored(made.to_arrow()), _definition(pipeline, made)
    fingerprint = rows_fingerprint(rows)
    id_ = fingerprint_of([settings.project, definition, fingerprint])
    _tag_sources(made, f"training-set-{id_}")
    table, snapshot = _written(iceberg, f"{settings.project}_{id_}", rows)
    table.tag(f"training-set-{id_}", snapshot)
    registry = TrainingSetRegistry(settings.registry_url)
    registry.add(TrainingSetRecord(id_, settings.project, definition, table.name, snapshot, rows.num_rows, fingerprint))
    return registry.get(settings.project, id_)


def _tag_sources(made: TrainingSet, tag: str) -> None:
    """Keep the snapshots that a set was made from."""
    for view, pinned in made.histories.items():
        for history in pinned.histories:
            history.table.tag(f"{tag}-{view}", history.snapshot_id)
        for dimension, one in pinned.dimensions.items():
            one.table.tag(f"{tag}-{view}-{dimension}", one.snapshot_id)


def _written(iceberg: IcebergCatalog, name: str, rows: pa.Table) -> tuple[IcebergTable, int]:
    """The table of the rows with their numbers, and its snapshot; ConnectorError where it has other rows."""
    table = iceberg.create_table(NAMESPACE, name, [*stored_fields(rows), Field(ROW, "bigint")])
    table.fill([rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))])
    snapshot = table.refresh().current_snapshot_id()
    if snapshot is None or table.row_count(snapshot) != rows.num_rows:
        msg = f"Iceberg table {table.name}: expected {rows.num_rows:,} rows, found {table.row_count(snapshot):,}"
        raise ConnectorError(msg)
    return table, snapshot


def _definition(pipeline: TrainingSetPipeline, made: TrainingSet) -> dict[str, Any]:
    """What makes the same rows of the same spine, as plain values."""
    return {
        "engine": made.engine,
        "event_time": made.event_time,
        "known_by": made.known_by,
        "window_mode": pipeline.window_mode,
        "full_names": all(one.name == f"{one.view}__{one.feature}" for one in made.features),
        "features": [{**asdict(one), "mode_text": one.mode_text} for one in made.features],
        "histories": {view: _recorded(pinned) for view, pinned in made.histories.items()},
        "plans": {view: pipeline.views[view].to_dict() for view in made.histories},
    }


def _recorded(pinned: Pinned) -> dict[str, Any]:
    """What a set was made from, as plain values."""
    return {
        "histories": list(map(_table_at, pinned.histories)),
        "until_us": pinned.until_us,
        "dimensions": {name: _table_at(one) for name, one in pinned.dimensions.items()},
    }


def _table_at(pinned: PinnedHistory) -> dict[str, Any]:
    """A table at its snapshot, as plain values."""
    return {"table": pinned.table.name, "snapshot": pinned.snapshot_id, "until_us": pinned.until_us}
