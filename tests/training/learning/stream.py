"""A generated stream of transactions whose truth is known: the log-odds of the label are linear in what is drawn."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.training.data.encoders import Hash, Raw
from headrace.training.data.encoding import Encoding, Fitted
from headrace.training.data.fits import Vocabulary
from headrace.training.data.labels import Label

#: The truth: log-odds = BIAS + SLOPES . (speed, load) + LINES[line].
BIAS = -0.5
SLOPES = (1.5, -1.0)
LINES = {"a": 0.0, "b": 1.0, "c": -2.0}

LABEL = Label("late", low=0, high=1)
ENCODING = Encoding({"speed": Raw(mask=False), "load": Raw(mask=False), "line": Vocabulary()}, LABEL)


def rows(count: int, seed: int = 0) -> pa.RecordBatch:
    """So many rows."""
    random = np.random.default_rng(seed)
    speed, load, line = random.normal(size=count), random.normal(size=count), random.choice(list(LINES), count)
    odds = BIAS + SLOPES[0] * speed + SLOPES[1] * load + np.array([LINES[one] for one in line])
    late = random.random(count) < 1 / (1 + np.exp(-odds))
    trip = np.arange(count) + 1_000_000 * seed
    columns = {"trip": trip, "speed": speed, "load": load, "line": line, "late": late.astype(np.float64)}
    return pa.RecordBatch.from_pydict({name: pa.array(values) for name, values in columns.items()})


def micro_batches(given: pa.RecordBatch, size: int = 64) -> Iterator[pa.RecordBatch]:
    """The rows in micro-batches."""
    for start in range(0, given.num_rows, size):
        yield given.slice(start, size)


def changed(given: pa.RecordBatch, column: str, value: float | None, row: int = 0) -> pa.RecordBatch:
    """The rows with one value put in."""
    found = given[column].to_pylist()
    found[row] = value
    place = given.schema.names.index(column)
    columns = [pa.array(found, one.type) if at == place else one for at, one in enumerate(given.columns)]
    return pa.RecordBatch.from_arrays(columns, schema=given.schema)


def fitted(encoding: Encoding = ENCODING) -> Fitted:
    """The encoding, fitted on rows of its own."""
    return encoding.fit([rows(500, seed=99)])


def example() -> pa.RecordBatch:
    """One row without its label."""
    return rows(1, seed=98).select(["speed", "load", "line"])


FIELDS = (
    Field("trip", "bigint"),
    Field("speed", "double"),
    Field("load", "double"),
    Field("line", "string"),
    Field("late", "double"),
)


def table(folder: Path, counts: Sequence[int] = (1_500, 1_500)) -> IcebergTable:
    """A table of such rows, a file for each count, in row groups of 500."""
    made = IcebergCatalog.sqlite("house", folder).create_table(
        "raw", "trips", FIELDS, {"write.parquet.row-group-limit": "500"}
    )
    for seed, count in enumerate(counts):
        made.append(pa.Table.from_batches([rows(count, seed)]))
    return made


def desk(folder: Path, model: str, counts: Sequence[int] = (1_500, 1_500)) -> Path:
    """A folder with a lake of such rows, settings, and a definition in `model.py`."""
    properties = json.dumps(dict(table(folder / "lake", counts).catalog.properties))
    settings = f"project: trips\nhome: {folder}/home\niceberg:\n  catalog: house\n  properties: {properties}\n"
    (folder / "headrace.yaml").write_text(settings)
    (folder / "model.py").write_text(model)
    return folder


HASHED = Encoding({"speed": Raw(), "line": Hash(16)}, LABEL)
