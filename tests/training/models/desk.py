"""A table that grows, and a model that learns some of its rows, as tests of what was learned need them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.registry.model_facts import ModelVersion
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data.filters import EntityShare, RowFilter
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.registering import register
from headrace.training.learning.spec import ModelSpec, OptimizerSpec
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.evaluator import Evaluator
from headrace.training.models.gates import AtMost, GateResult
from headrace.training.models.learned import Learned, learned_of
from headrace.training.models.model_gates import on_rows
from headrace.training.models.store import ModelStore

from . import trips

TRAIN, HELD_OUT = EntityShare(("trip",), 0.0, 0.7), EntityShare(("trip",), 0.7, 1.0)


class Desk:
    """A table that grows, and a model that learns seven of ten of its trips."""

    def __init__(self, folder: Path) -> None:
        self.table = trips.table(folder / "lake", trips.rows(300, trips.FEBRUARY, seed=1))
        iceberg = {"catalog": "house", "properties": dict(self.table.catalog.properties)}
        flags = {"home": str(folder / "home"), "iceberg": iceberg}
        self.platform = Platform(load_settings(flags=flags, environment={}, folder=folder))
        self.store = ModelStore.at(self.platform.settings)

    def arrive(self, seed: int) -> None:
        self.table.append(pa.Table.from_batches([trips.rows(100, trips.DECEMBER, seed=seed)]))

    def trained(self, after: ModelVersion | None = None) -> ModelVersion:
        """A version of all that is there, or one that goes on from another on what came since."""
        options: dict[str, Any] = {
            "owner": "ann",
            "source": "raw.trips",
            "encoding": trips.ENCODING,
            "__doc__": "Late.",
        }
        options |= {"model": ModelSpec("logistic"), "optimizer": OptimizerSpec("sgd", 0.1), "splits": {"train": TRAIN}}
        pipeline = type("LateTrips", (TrainingPipeline,), options)(self.platform, device="cpu")
        if after is None:
            return register(self.store, pipeline.train(plots=False), trips.WHY)
        outcome = pipeline.learn_on(self.store.files(after.name), after.facts.snapshots["raw.trips"])
        return register(self.store, outcome, trips.WHY, parent=after)

    def rows(self, *filters: RowFilter, at: int | None = None) -> PinnedRows:
        return PinnedRows(Snapshot.of(self.table, at), filters)

    def learned(self, rows: PinnedRows, *line: ModelVersion) -> Learned:
        return learned_of(rows, self.table.refresh(), [(one.name, one.facts) for one in line])

    def judged(self, version: ModelVersion, chosen: EvaluationSet) -> GateResult:
        evaluator = Evaluator([chosen], self.table.catalog, self.store.artifacts)
        gates = on_rows([AtMost(chosen.name, "log_loss", 99.0)], evaluator, self.store)
        return self.store.check(version.name, gates)[0]
