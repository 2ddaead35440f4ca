"""What it costs to keep what a learner knows: bytes of its state, and how long it takes to make and to take back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from headrace.bench.measure import Spread
from headrace.training.data import Encoding, Hash, Label
from headrace.training.learning import ModelSpec, OptimizerSpec, Recipe, TorchLearner

ROWS = pa.RecordBatch.from_pydict({"card": ["a", "b", "c", "d"], "failed": [0, 1, 1, 0]})
#: Names, models and how many values of a category: from some kilobytes of state to many megabytes.
MODELS = (
    ("logistic, 1,000 values", ModelSpec("logistic"), 1_000),
    ("mlp 64 and 32, 1,000 values by 8", ModelSpec("mlp", {"hidden": [64, 32]}), 1_000),
    ("mlp 64 and 32, 100,000 values by 8", ModelSpec("mlp", {"hidden": [64, 32]}), 100_000),
    ("mlp 64 and 32, 1,000,000 values by 8", ModelSpec("mlp", {"hidden": [64, 32]}), 1_000_000),
)


@dataclass(frozen=True)
class CheckpointCost:
    """The state of one learner: its parameters, its bytes, and processor milliseconds to make and to take back."""

    model: str
    parameters: int
    state_bytes: int
    made_ms: Spread
    resumed_ms: Spread


def checkpoint_costs(rounds: int, most_values: int = 1_000_000, device: str = "cpu") -> list[CheckpointCost]:
    """The cost of each of `MODELS` with so many values at most, learnt by Adam, which keeps two numbers a weight."""
    return [_cost(name, spec, values, rounds, device) for name, spec, values in MODELS if values <= most_values]


def _cost(name: str, spec: ModelSpec, values: int, rounds: int, device: str) -> CheckpointCost:
    fitted = Encoding({"card": Hash(values)}, Label("failed")).fit([ROWS])
    example = ROWS.select(["card"]).slice(0, 1)
    learner = TorchLearner(Recipe(spec, OptimizerSpec("adam", 0.01)), fitted, example, device)
    learner.learn(ROWS)
    state = learner.state()
    parameters = sum(one.numel() for one in learner.network.parameters())
    resumed = [_ms(lambda: learner.resume(state)) for _ in range(rounds)]
    made = [_ms(learner.state) for _ in range(rounds)]
    return CheckpointCost(name, parameters, len(state), Spread.of(made), Spread.of(resumed))


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1_000
