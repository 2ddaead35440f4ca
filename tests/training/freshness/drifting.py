"""A generated stream whose changes are known: the log-odds of the label turn round at a day of drift."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace import TrainingPipeline
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data import Encoding, Label, Raw
from headrace.training.learning import ModelSpec, OptimizerSpec

FIELDS = (
    Field("x", "double"),
    Field("y", "double"),
    Field("z", "double"),
    Field("happened_at", "timestamp"),
    Field("known_at", "timestamp"),
    Field("known_us", "bigint"),
    Field("one", "double"),
)
START_US = 1_767_225_600_000_000  # 2026-01-01, a Thursday
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
SLOPES = np.array([1.5, -1.0])


@dataclass(frozen=True)
class Stream:
    """Rows at random instants of so many days; `drifts` are days at which the slopes turn by a quarter of a circle.

    `shuffled` rows have the features and the label of other ones, so that no time is unlike another.
    """

    count: int = 6_000
    days: int = 40
    drifts: Sequence[int] = ()
    delay_us: int = 2 * HOUR_US
    missing: int = 0
    shuffled: bool = False
    seed: int = 0

    def rows(self) -> pa.Table:
        """The rows, in no order; the label comes up to `delay_us` later, of the first `missing` it never does."""
        random = np.random.default_rng(self.seed)
        event = START_US + random.integers(0, self.days * DAY_US, self.count)
        angle = sum(((event >= START_US + day * DAY_US) * np.pi / 2 for day in self.drifts), np.zeros(self.count))
        x, y, z = random.normal(size=(3, self.count))
        slope = SLOPES[0] * np.array([np.cos(angle), np.sin(angle)]) + SLOPES[1] * np.array(
            [-np.sin(angle), np.cos(angle)]
        )
        one = random.random(self.count) < 1 / (1 + np.exp(-(slope[0] * x + slope[1] * y)))
        if self.shuffled:
            event = random.permutation(event)
        known = event + 1 + random.integers(0, self.delay_us, self.count)
        never = np.arange(self.count) < self.missing
        columns = {
            "x": pa.array(x),
            "y": pa.array(y),
            "z": pa.array(z),
            "happened_at": pa.array(event, pa.timestamp("us", "UTC")),
            "known_at": pa.array(known, pa.timestamp("us", "UTC"), mask=never),
            "known_us": pa.array(known, pa.int64(), mask=never),
            "one": pa.array(one.astype(float), mask=never),
        }
        return pa.table(columns)


class Ones(TrainingPipeline):
    """Whether a row is a one."""

    owner = "ann@example.com"
    source = "raw.ones"
    encoding = Encoding({"x": Raw(mask=False), "y": Raw(mask=False)}, Label("one", low=0, high=1))
    model = ModelSpec("logistic")
    optimizer = OptimizerSpec("sgd", rate=0.3)
    fine_tuning = OptimizerSpec("sgd", rate=0.05)
    batch_rows = 64
    epochs = 2
    seed = 5
    event_time = "happened_at"
    label_time = "known_at"


def platform(folder: Path, rows: pa.Table, fields: Sequence[Field] = FIELDS) -> Platform:
    """A platform whose lake has the rows as `raw.ones`; its settings are in the folder."""
    catalog = IcebergCatalog.sqlite("house", folder / "lake")
    catalog.create_table("raw", "ones", fields).append(rows)
    properties = json.dumps(dict(catalog.properties))
    text = f"project: ones\nhome: {folder}/home\niceberg:\n  catalog: house\n  properties: {properties}\n"
    (folder / "headrace.yaml").write_text(text)
    return Platform(load_settings(folder=folder, environment={}))
