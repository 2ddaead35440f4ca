"""Training sets that are kept: rows in Iceberg, what they were made of in the registry, made again bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from headrace.compiler.plan import ViewPlan, fingerprint_of
from headrace.connectors.schema import Field
from headrace.errors import ConnectorError, RequestError
from headrace.pipelines.spine import OUTSIDE, ROW
from headrace.pipelines.stored_columns import stored, stored_fields
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.pipelines.training_set import Pinned, PinnedHistory, TrainingSet, rows_fingerprint
from headrace.registry.training_sets import TrainingSetRecord, TrainingSetRegistry
from headrace.runtime.platform import Platform

NAMESPACE = "training_sets"


@dataclass(frozen=True)
class Rebuilt:
    """A training set made again: its record, and the fingerprints of the stored rows and of those made now."""

    record: TrainingSetRecord
    stored: str
    made: str

    @property
    def is_identical(self) -> bool:
        """Whether stored rows, rows made now and the record agree, bit for bit."""
        return self.stored == self.made == self.record.fingerprint


class SavedTrainingSets:
    """The training sets of a project.

    Args:
        platform: where Iceberg tables and the registry are.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def registry(self) -> TrainingSetRegistry:
        """The records."""
        return TrainingSetRegistry(self.platform.settings.registry_url)

    def save(self, pipeline: TrainingSetPipeline, made: TrainingSet) -> TrainingSetRecord:
        """Keep a training set, and tag the snapshots that it was made from, so that they do not expire.

        The same made again has the same id, and is kept once.

        Raises:
            RequestError: a column of the spine has a type that is not stored.
        """
        rows = stored(made.to_arrow())
        definition = _definition(pipeline, made)
        fingerprint = rows_fingerprint(rows)
        id_ = fingerprint_of([self.platform.settings.project, definition, fingerprint])
        name = f"{self.platform.settings.project}_{id_}"
        for view, pinned in made.histories.items():
            for history in pinned.histories:
                history.table.tag(f"training-set-{id_}-{view}", history.snapshot_id)
            for dimension, one in pinned.dimensions.items():
                one.table.tag(f"training-set-{id_}-{view}-{dimension}", one.snapshot_id)
        table = self.platform.iceberg.create_table(NAMESPACE, name, [*stored_fields(rows), Field(ROW, "bigint")])
        numbered = rows.append_column(ROW, pa.array(range(rows.num_rows), pa.int64()))
        table.fill([numbered])
        snapshot = table.refresh().current_snapshot_id()
        if snapshot is None or table.row_count(snapshot) != rows.num_rows:
            msg = f"Iceberg table {table.name}: expected {rows.num_rows:,} rows, found {table.row_count(snapshot):,}"
            raise ConnectorError(msg)
        table.tag(f"training-set-{id_}", snapshot)
        record = TrainingSetRecord(
            id_, self.platform.settings.project, definition, table.name, snapshot, rows.num_rows, fingerprint
        )
        self.registry.add(record)
        return self.get(id_)

    def get(self, id_: str) -> TrainingSetRecord:
        """One record; NotFoundError with a suggestion."""
        return self.registry.get(self.platform.settings.project, id_)

    def all(self) -> list[TrainingSetRecord]:
        """All records, newest first."""
        return self.registry.all(self.platform.settings.project)

    def rows(self, record: TrainingSetRecord) -> pa.Table:
        """The stored rows, in order."""
        found = self.platform.iceberg.named(record.table).arrow(record.snapshot_id)
        return stored(found.sort_by(ROW).drop_columns([ROW]))

    def rebuild(self, id_: str) -> Rebuilt:
        """Make a training set again, by the engine and from the snapshots that it was made with, and compare.

        Raises:
            NotFoundError: no such set, or a snapshot is gone.
        """
        record = self.get(id_)
        rows = self.rows(record)
        again = self.again(record, rows)
        return Rebuilt(record, rows_fingerprint(rows), rows_fingerprint(stored(again.to_arrow())))

    def explain(self, record: TrainingSetRecord, rows: pa.Table, row: int) -> dict[str, pa.Table]:
        """For each feature the rows of history behind its value in one of the stored rows.

        RequestError when there is no such row.
        """
        if not 0 <= row < record.rows:
            msg = f"training set {record.id}: no row {row}; it has rows 0 to {record.rows - 1}"
            raise RequestError(msg)
        return self.again(record, rows.slice(row, 1)).explain(0)

    def again(self, record: TrainingSetRecord, rows: pa.Table) -> TrainingSet:
        """The set made again from the spine in its stored rows."""
        definition = record.definition
        features = definition["features"]
        plans = {view: ViewPlan.from_dict(plan) for view, plan in definition["plans"].items()}
        pipeline = TrainingSetPipeline(
            self.platform,
            plans,
            known_by=definition["known_by"],
            window_mode=definition["window_mode"],
            outside="flag",
            histories={view: self._pinned(found) for view, found in definition["histories"].items()},
            engine=definition["engine"],
        )
        made = {OUTSIDE, *(one["name"] for one in features)}
        spine = rows.select([name for name in rows.column_names if name not in made])
        return pipeline.build(
            spine,
            {f"{one['view']}:{one['feature']}": one["mode_text"] for one in features},
            event_time=definition["event_time"],
            full_names=definition["full_names"],
        )

    def _pinned(self, found: Mapping[str, Any]) -> Pinned:
        """What a set was made from."""
        histories = tuple(map(self._table, found["histories"]))
        dimensions = {name: self._table(one) for name, one in found["dimensions"].items()}
        return Pinned(histories, found["until_us"], dimensions)

    def _table(self, found: Mapping[str, Any]) -> PinnedHistory:
        """A table at its snapshot."""
        return PinnedHistory(self.platform.iceberg.named(found["table"]), found["snapshot"], found["until_us"])


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
