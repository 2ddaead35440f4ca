"""A learner for tests, small and whole: logistic regression by gradient descent in numpy, its counter in its state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

import numpy as np
import pyarrow as pa

from headrace.errors import UnknownColumnError, did_you_mean
from headrace.training.learning.learner import Counters, Step

RATE = 0.5


class Logistic:
    """Learns `label` from the columns of `inputs`; a NaN among them is refused, and nothing is learned from it."""

    def __init__(self, files: Mapping[str, bytes] | None, inputs: list[str], label: str = "label") -> None:
        self.inputs = inputs
        self.label = label
        self.weights = np.zeros(len(inputs) + 1)
        self.counters = Counters()
        self.loss_sum = 0.0
        if files is not None:
            self.weights = np.array(json.loads(files["model.json"])["weights"])

    def check(self, columns: pa.Schema) -> None:
        missing = [name for name in (*self.inputs, self.label) if name not in columns.names]
        if missing:
            raise UnknownColumnError(f"logistic: no column {missing[0]!r}; {did_you_mean(missing[0], columns.names)}")

    def learn(self, rows: pa.RecordBatch) -> Step:
        columns = [np.ones(rows.num_rows), *(rows.column(name).to_numpy(zero_copy_only=False) for name in self.inputs)]
        values, label = np.stack(columns, axis=1), rows.column(self.label).to_numpy(zero_copy_only=False)
        chance = 1 / (1 + np.exp(-values @ self.weights))
        loss = float(-np.mean(np.log(np.where(label == 1, chance, 1 - chance))))
        learned = bool(np.isfinite(loss))
        self.counters = self.counters.visited(rows.num_rows, learned=rows.num_rows if learned else 0)
        if not learned:
            return Step(rows.num_rows, loss, self.metrics(), learned=False, reason=f"the loss is {loss}")
        self.weights = self.weights + RATE * values.T @ (label - chance) / rows.num_rows
        self.loss_sum += loss * rows.num_rows
        return Step(rows.num_rows, loss, self.metrics(), learned=True)

    def metrics(self) -> Mapping[str, float | None]:
        learned = self.counters.rows_learned
        return {"log_loss": self.loss_sum / learned if learned else None}

    def state(self) -> bytes:
        counters = [getattr(self.counters, name) for name in Counters.__slots__]
        return json.dumps({"w": self.weights.tolist(), "c": counters, "l": self.loss_sum}).encode()

    def resume(self, state: bytes) -> None:
        found = json.loads(state)
        self.weights, self.counters, self.loss_sum = np.array(found["w"]), Counters(*found["c"]), found["l"]

    def artifact(self) -> Mapping[str, bytes]:
        model = {"weights": self.weights.tolist(), "rows": self.counters.rows_learned}
        return {"model.json": json.dumps(model, sort_keys=True).encode()}


def make(files: Mapping[str, bytes] | None, inputs: list[str], label: str = "label") -> Logistic:
    return Logistic(files, inputs, label)


class Witness(Logistic):
    """The same, whose artifact tells of all columns that it was given: their names, types, values and order."""

    digest = ""

    def learn(self, rows: pa.RecordBatch) -> Step:
        # `repr` of a float has as many digits as tell it from its neighbours, and 0.0 from -0.0; None is no NaN.
        said = repr([(one.name, str(one.type)) for one in rows.schema]) + repr(rows.to_pylist())
        self.digest = sha256((self.digest + said).encode()).hexdigest()
        return super().learn(rows)

    def state(self) -> bytes:
        return json.dumps([self.digest, super().state().decode()]).encode()

    def resume(self, state: bytes) -> None:
        self.digest, own = json.loads(state)
        super().resume(own.encode())

    def artifact(self) -> Mapping[str, bytes]:
        return {**super().artifact(), "rows.json": json.dumps({"digest": self.digest}).encode()}


def witness(files: Mapping[str, bytes] | None, inputs: list[str], label: str = "label") -> Witness:
    return Witness(files, inputs, label)
