"""Trips with times, some of them wrongly labelled, and models that learned from them: what gates are tried on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from headrace.connectors.artifacts import Artifacts
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.registry.model_facts import Facts, Inventory
from headrace.registry.model_states import Decision, State
from headrace.registry.models import ModelRegistry
from headrace.training.data.encoding import Encoding
from headrace.training.data.fits import Standardize, Vocabulary
from headrace.training.data.labels import Label
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import learner_from_files
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.gates import Gate
from headrace.training.models.store import ModelStore
from tests.training.learning import stream

WHY = Decision("ann", "to try it")
FIELDS = (*stream.FIELDS, Field("at", "timestamp"))
FEBRUARY, DECEMBER, CLEAN = (datetime(2013, *day, tzinfo=UTC) for day in ((2, 1), (12, 1), (12, 15)))
LABEL = Label("late", low=0, high=1, bad="leave_out")
ENCODING = Encoding({"speed": Standardize(), "load": Standardize(), "line": Vocabulary()}, LABEL)
CODE, PACKAGES = Inventory({"headrace/errors.py": "ab12"}), Inventory({"torch": "2.15.0"})


def rows(count: int, since: datetime, seed: int = 0, *, flipped: bool = False, turned: bool = False) -> pa.RecordBatch:
    """Trips a second apart. `flipped`: each label is wrong; `turned`: speed means the contrary, as in a new world."""
    found = stream.rows(count, seed)
    columns = {name: found[name] for name in found.schema.names}
    if flipped:
        columns["late"] = pa.array(1 - found["late"].to_numpy())
    if turned:
        columns["speed"] = pa.array(-found["speed"].to_numpy())
    times = np.array([since + timedelta(seconds=place) for place in range(count)])
    columns["at"] = pa.array(times, pa.timestamp("us", "UTC"))
    return pa.RecordBatch.from_pydict(columns)


def table(folder: Path, *batches: pa.RecordBatch) -> IcebergTable:
    """A table with a commit for each of these."""
    made = IcebergCatalog.sqlite("house", folder).create_table(
        "raw", "trips", FIELDS, {"write.parquet.row-group-limit": "300"}
    )
    for batch in batches:
        made.append(pa.Table.from_batches([batch]))
    return made


@cache
def learner() -> TorchLearner:
    """A model of trips of January, as all knew them then."""
    january = rows(3_000, datetime(2013, 1, 1, tzinfo=UTC), seed=1)
    made = fresh(january)
    for batch in stream.micro_batches(january):
        made.learn(batch)
    return made


def fresh(fitted_on: pa.RecordBatch, label: Label = LABEL) -> TorchLearner:
    """A model that knows nothing yet."""
    encoding = Encoding(ENCODING.features, label)
    recipe = Recipe(ModelSpec("logistic"), OptimizerSpec("sgd", 0.2))
    return TorchLearner(recipe, encoding.fit([fitted_on]), fitted_on.slice(0, 1).select(list(encoding.features)), "cpu")


def tuned(*batches: pa.RecordBatch) -> Mapping[str, bytes]:
    """The files of the model of January, gone on with rows that came later."""
    went_on = learner_from_files(learner().artifact(), "cpu")
    for given in batches:
        for batch in stream.micro_batches(given):
            went_on.learn(batch)
    return went_on.artifact()


def change_a_bit(file: Path) -> None:
    """Turn one bit of a data file: of the first speed, by some thousandths of it."""
    rows = pq.read_table(file)
    speed = rows["speed"].to_numpy().copy()
    speed.view(np.int64)[0] ^= 1 << 44
    place = rows.schema.get_field_index("speed")
    changed = rows.set_column(place, rows.schema.field(place), pa.array(speed))
    pq.write_table(changed, file, row_group_size=rows.num_rows)


def store(folder: Path) -> ModelStore:
    made = ModelStore(ModelRegistry.at(folder / "registry.db", "demo"), Artifacts(folder / "artifacts"))
    for inventory in (CODE, PACKAGES):
        made.registry.keep_inventory(inventory)
    return made


def facts(kept: ModelStore, files: Mapping[str, bytes], **changed: Any) -> Facts:
    return Facts(artifact=kept.artifacts.put(files), code=CODE.hash, environment=PACKAGES.hash, **changed)


def champion(kept: ModelStore, gates: list[Gate], files: Mapping[str, bytes] | None = None, **told: Any) -> str:
    """The name of the champion: the model of January, or one of these files, with what else its facts tell."""
    name = kept.register("late_trips", facts(kept, files or learner().artifact(), **told), WHY).name
    assert all(result.passed for result in kept.verify(name, gates, WHY))
    for state in (State.REGISTERED, State.DARK):
        kept.move(name, state, WHY)
    kept.promote(name, None, WHY)
    return name
