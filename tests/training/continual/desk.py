"""A desk for schedules: a table to which rows come, a declared model, a store, and a clock that is set by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.engine import make_url

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.continual.declared import Evaluating, Retraining
from headrace.training.continual.scheduler import Scheduler
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import ModelSpec, OptimizerSpec
from headrace.training.models.model_gates import StoredAnswer
from headrace.training.models.store import ModelStore

from ..learning import stream  # noqa: TID252 (the same generated truth)

#: What `Desk.pipeline` declares, as a file.
MODEL = """
from headrace import TrainingPipeline
from headrace.training.continual import Retraining
from headrace.training.data import Encoding, Label, Raw, Vocabulary
from headrace.training.learning import ModelSpec, OptimizerSpec

class LateTrips(TrainingPipeline):
    "Late."
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding(
        {"speed": Raw(mask=False), "load": Raw(mask=False), "line": Vocabulary()}, Label("late", low=0, high=1)
    )
    model = ModelSpec("logistic")
    optimizer = OptimizerSpec("sgd", 0.1)
    fine_tuning = OptimizerSpec("sgd", 0.2)
    batch_rows = 64
    checkpoint_batches = 2
    retraining = Retraining(rows=500, start="newest")
"""
#: Does what is due, and kills itself in the middle by a signal that nothing can catch.
WORKER = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.continual.scheduler import Scheduler
from headrace.training.learning.pipeline import load_training

def die(event):
    if event.counters.batches == int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

pipeline = load_training(Path("model.py"))(Platform(load_settings()), device="cpu")
clock = lambda: datetime.fromisoformat(sys.argv[2])
Scheduler(pipeline, "cron", subscribers={"micro_batch": [die]}, clock=clock).step()
"""
START = datetime(2026, 1, 1, tzinfo=UTC)


def flipped(rows: pa.RecordBatch) -> pa.RecordBatch:
    """The rows, late ones labelled in time, and the other way round."""
    place = rows.schema.names.index("late")
    return rows.set_column(place, rows.schema.field(place), pc.subtract(1.0, rows["late"]))


@dataclass
class Clock:
    """A clock that is set by hand."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Desk:
    """What a schedule works with."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    told: list[str] = field(default_factory=list)
    _seed: int = 0

    def __post_init__(self) -> None:
        catalog = IcebergCatalog.sqlite("house", self.folder / "lake")
        self.table: IcebergTable = catalog.create_table("raw", "trips", stream.FIELDS, {})
        iceberg = {"catalog": "house", "properties": dict(catalog.properties)}
        settings = {"project": "trips", "home": self.folder / "home", "iceberg": iceberg}
        self.platform = Platform(load_settings(folder=self.folder, environment={}, flags=settings))
        self.store = ModelStore.at(self.platform.settings)

    def arrive(self, count: int, rows: pa.RecordBatch | None = None) -> int:
        """Rows come to the table; the snapshot that has them."""
        self._seed += 1
        self.table.append(pa.Table.from_batches([stream.rows(count, self._seed) if rows is None else rows]))
        return self.snapshot

    @property
    def registry(self) -> Path:
        """The database of models and schedules."""
        return Path(str(make_url(self.platform.settings.registry_url).database))

    @property
    def snapshot(self) -> int:
        """The newest snapshot."""
        found = self.table.refresh().current_snapshot_id()
        assert found is not None
        return found

    def pipeline(
        self, retraining: Retraining | None = None, evaluating: Evaluating | None = None, **options: Any
    ) -> TrainingPipeline:
        """A model that is declared with these schedules."""
        declared: Mapping[str, Any] = {
            "owner": "trips@example.com",
            "source": "raw.trips",
            "encoding": stream.ENCODING,
            "model": ModelSpec("logistic"),
            "optimizer": OptimizerSpec("sgd", 0.1),
            "fine_tuning": OptimizerSpec("sgd", 0.2),
            "batch_rows": 64,
            "gates": [StoredAnswer()],
            "retraining": retraining,
            "evaluating": evaluating,
        }
        kind = type("LateTrips", (TrainingPipeline,), {**declared, **options, "__doc__": "Late."})
        made: TrainingPipeline = kind(self.platform, device="cpu")
        return made

    def scheduler(
        self,
        retraining: Retraining | None = None,
        evaluating: Evaluating | None = None,
        pipeline: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Scheduler:
        """Who does what is due."""
        declared = self.pipeline(retraining, evaluating, **(pipeline or {}))
        return Scheduler(declared, "cron", tell=self.told.append, clock=self.clock, **options)

    def killed(self, *, at_batch: int) -> subprocess.CompletedProcess[str]:
        """A worker in a process of its own that kills itself in the middle of learning on."""
        properties = json.dumps(dict(self.table.catalog.properties))
        lake = f"iceberg:\n  catalog: house\n  properties: {properties}\n"
        (self.folder / "headrace.yaml").write_text(f"project: trips\nhome: {self.folder}/home\n{lake}")
        (self.folder / "model.py").write_text(MODEL)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "USER": "ann"}
        command = [sys.executable, "-P", "-c", WORKER, str(at_batch), self.clock.now.isoformat()]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    def visited(self) -> list[int]:
        """Rows that each version visited."""
        return [one.facts.rows_seen for one in self.store.versions("late_trips")]
