"""Training sets that were kept: found, read, explained, and made again bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from headrace.compiler.plan import ViewPlan
from headrace.errors import RequestError
from headrace.pipelines.spine import OUTSIDE, ROW
from headrace.pipelines.stored_columns import stored
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.pipelines.training_set import Pinned, PinnedHistory, TrainingSet, rows_fingerprint
from headrace.registry.training_sets import TrainingSetRecord, TrainingSetRegistry
from headrace.runtime.platform import Platform


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
    """The training sets of a project that `TrainingSet.save` kept.

    Args:
        platform: where Iceberg tables and the registry are.
    """

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    @cached_property
    def registry(self) -> TrainingSetRegistry:
        """The records."""
        return TrainingSetRegistry(self.platform.settings.registry_url)

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
