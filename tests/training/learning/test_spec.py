from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from headrace.errors import ModelError
from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe, ScheduleSpec

RECIPE = Recipe(
    ModelSpec("mlp", {"hidden": [8, 4], "dropout": 0.1}),
    OptimizerSpec("adam", 0.02, {"beta1": 0.8}, ScheduleSpec("cosine", {"steps": 100}, warmup=5), clip_norm=1.0),
    {"bce": 1.0, "l2": 1e-4},
    guard=Guard(explosion=50.0),
    seed=7,
)

WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "model": (lambda: ModelSpec("logistik"), "did you mean 'logistic'"),
    "no class": (lambda: ModelSpec("package.module"), "expected 'package.module:Class'"),
    "task": (lambda: ModelSpec("logistic", task="binery"), "did you mean 'binary'"),
    "arguments": (lambda: ModelSpec("mlp", {"hidden": {1, 2}}), "what JSON can say"),
    "optimizer": (lambda: OptimizerSpec("adm"), "did you mean 'adam'"),
    "its argument": (lambda: OptimizerSpec("sgd", 0.1, {"beta1": 0.9}), "no argument 'beta1'"),
    "beta1": (
        lambda: OptimizerSpec("adam", arguments={"beta1": 1.0}),
        "beta1 = 1.0: expected a finite number >= 0 and < 1",
    ),
    "beta2": (
        lambda: OptimizerSpec("adamw", arguments={"beta2": 1.5}),
        "beta2 = 1.5: expected a finite number >= 0 and < 1",
    ),
    "momentum": (lambda: OptimizerSpec("momentum", arguments={"momentum": 1.5}), "momentum = 1.5: expected a finite"),
    "nesterov": (
        lambda: OptimizerSpec("nesterov", arguments={"momentum": 0}),
        "optimizer 'nesterov': momentum = 0: expected a finite number > 0 and < 1",
    ),
    "eps": (lambda: OptimizerSpec("adam", arguments={"eps": 0.0}), "eps = 0.0: expected a finite number >= 1e-30"),
    "beta": (lambda: OptimizerSpec("ftrl", arguments={"beta": 0}), "beta = 0: expected a finite number >= 1e-30"),
    "rate": (lambda: OptimizerSpec("sgd", float("inf")), "rate = inf: expected a finite number > 0"),
    "no rate": (lambda: OptimizerSpec("sgd", 0), "rate = 0: expected a finite number > 0"),
    "clip": (lambda: OptimizerSpec(clip_norm=-1.0), "clip_norm = -1.0"),
    "schedule": (lambda: ScheduleSpec("cosinus"), "did you mean 'cosine'"),
    "its steps": (lambda: ScheduleSpec("cosine", {"steps": 0}), "steps = 0"),
    "ftrl": (lambda: OptimizerSpec("ftrl", schedule=ScheduleSpec(warmup=3)), "takes no schedule"),
    "loss": (lambda: Recipe(ModelSpec("logistic"), losses={"bcee": 1.0}), "did you mean 'bce'"),
    "penalties": (lambda: Recipe(ModelSpec("logistic"), losses={"l2": 1.0}), "no label enters"),
    "task of bce": (
        lambda: Recipe(ModelSpec("logistic", task="regression"), losses={"bce": 1}),
        "asks for task 'binary'",
    ),
    "seed": (lambda: Recipe(ModelSpec("logistic"), seed=-1), "seed -1"),
    "guard": (lambda: Guard(explosion=0.5), "explosion = 0.5"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_refused_where_it_is_written(name: str) -> None:
    make, message = WRONG[name]
    with pytest.raises(ModelError) as found:
        make()
    assert message in str(found.value)


def test_a_recipe_goes_to_json_and_back() -> None:
    assert Recipe.from_json(json.loads(json.dumps(RECIPE.to_json()))) == RECIPE


@pytest.mark.parametrize("lost", ["model", "optimizer", "losses", "seed"])
def test_a_recipe_without_a_part_is_refused(lost: str) -> None:
    written = RECIPE.to_json()
    del written[lost]
    with pytest.raises(ModelError, match=lost):
        Recipe.from_json(written)


def test_the_loss_of_a_task_is_its_usual_one() -> None:
    assert Recipe(ModelSpec("logistic")).losses == {"bce": 1.0}
    assert Recipe(ModelSpec("logistic", task="regression")).losses == {"mse": 1.0}
