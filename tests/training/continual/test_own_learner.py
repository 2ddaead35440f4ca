"""What learns on where a class makes the learner by a step of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from headrace.training.continual.declared import Retraining
from headrace.training.continual.scheduler import Outcome
from headrace.training.data.encoding import Fitted
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.learner import Step
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import Begun
from headrace.training.learning.torch_learner import TorchLearner

from .desk import Desk, stream

LEARNING_ON = Retraining(rows=500, start="newest")
#: Moves no weight of 32 bits.
STILL = OptimizerSpec("sgd", 1e-30)
LOSSES = {"bce": 1.0, "l2": 0.1}

Making = Callable[[TrainingPipeline, Fitted, pa.RecordBatch], TorchLearner]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def by(**changes: Any) -> Making:
    """A step that changes the recipe."""

    def learner(self: TrainingPipeline, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
        return TorchLearner(replace(self.chosen.recipe, **changes), fitted, example, self.device)

    return learner


def stepped(desk: Desk, *steps: Making, **options: Any) -> list[Outcome]:
    """What comes of 500 rows after another, learned by these steps."""
    found = []
    for step in steps:
        desk.arrive(500)
        found.append(desk.scheduler(LEARNING_ON, pipeline={"learner": step, **options}).step())
    return found


def recipe_of(desk: Desk, version: str) -> Recipe:
    return Begun.of(desk.store.files(version)).recipe


def weights_of(desk: Desk, version: str) -> dict[str, torch.Tensor]:
    return dict(Begun.of(desk.store.files(version)).network.state_dict())


@pytest.mark.parametrize("tuning", [None, OptimizerSpec("adagrad", 0.3)])
def test_what_learns_on_does_so_by_the_recipe_of_its_own_step(desk: Desk, tuning: OptimizerSpec | None) -> None:
    own = OptimizerSpec("momentum", 0.05)
    step = by(losses=LOSSES, optimizer=own, seed=9)
    assert stepped(desk, step, step, fine_tuning=tuning) == [Outcome.DONE] * 2
    made = Recipe(ModelSpec("logistic"), own, LOSSES, seed=9)
    assert recipe_of(desk, "late_trips@1") == made
    assert recipe_of(desk, "late_trips@2") == replace(made, optimizer=tuning or own)
    recorded = [one.facts.training["definition"]["recipe"] for one in desk.store.versions("late_trips")]
    assert [(one["losses"], one["optimizer"]["name"]) for one in recorded] == [(LOSSES, "momentum")] * 2


def test_a_step_may_make_another_network_than_is_declared_which_goes_on_from_its_weights(desk: Desk) -> None:
    step = by(model=ModelSpec("mlp", {"hidden": [4]}))
    assert stepped(desk, step, step, fine_tuning=STILL) == [Outcome.DONE] * 2
    before, after = (weights_of(desk, f"late_trips@{number}") for number in (1, 2))
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert before.keys() == after.keys()


def test_a_learner_of_an_own_class_goes_on_as_one(desk: Desk) -> None:
    asked: list[int] = []

    class Counting(TorchLearner):
        def learn_tensors(self, batch: TensorBatch, rows: int | None = None) -> Step:
            asked.append(len(batch))
            return super().learn_tensors(batch, rows)

    def step(self: TrainingPipeline, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
        return Counting(self.chosen.recipe, fitted, example, self.device)

    assert stepped(desk, step, step) == [Outcome.DONE] * 2
    assert (sum(asked), desk.visited()) == (1_000, [500, 500])


def learned_before(self: TrainingPipeline, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
    made = by()(self, fitted, example)
    made.learn(stream.rows(64))
    return made


def encoding_anew(self: TrainingPipeline, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
    del fitted
    return by()(self, self.chosen.encoding.fit([stream.rows(64)]), example)


def of_wider_network(self: TrainingPipeline, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
    made = by()(self, fitted, example)
    made.network.register_buffer("seen", torch.zeros(3))
    return made


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (by(model=ModelSpec("mlp")), "model: here it is ModelSpec(module='headrace.training.learning.networks:Multi"),
        (encoding_anew, "fitted encoding: here it is "),
        (learned_before, "step 'learner': it has learned of 64 rows already; expected one that"),
        (of_wider_network, "step 'learner': weights to go on from: tensor 'seen': expected "),
    ],
)
def test_what_cannot_take_the_weights_of_its_parent_is_refused_by_name(desk: Desk, step: Making, why: str) -> None:
    assert stepped(desk, by(), step) == [Outcome.DONE, Outcome.FAILED]
    assert f": training late_trips: {why}" in desk.told[-1]
    assert desk.visited() == [500]
