from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from headrace.errors import ModelError
from headrace.training.learning.checks import BELOW_1
from headrace.training.learning.optimizers import FTRL, make_optimizer
from headrace.training.learning.schedules import factor
from headrace.training.learning.spec import OPTIMIZERS, OptimizerSpec, ScheduleSpec

RATE = 0.1
GRADIENTS = (0.5, -1.0, 0.25, 2.0)


def steps_of(spec: OptimizerSpec, begin: float, gradients: Sequence[float]) -> list[float]:
    """The weight after each step."""
    weight = nn.Parameter(torch.tensor([begin], dtype=torch.float64))
    optimizer = make_optimizer(spec, [weight])
    found = []
    for gradient in gradients:
        weight.grad = torch.tensor([gradient], dtype=torch.float64)
        optimizer.step()
        found.append(weight.item())
    return found


def sgd(weight: float) -> list[float]:
    found = []
    for gradient in GRADIENTS:
        weight -= RATE * gradient
        found.append(weight)
    return found


def with_momentum(weight: float, *, nesterov: bool) -> list[float]:
    found, velocity = [], 0.0
    for gradient in GRADIENTS:
        velocity = 0.9 * velocity + gradient
        weight -= RATE * (gradient + 0.9 * velocity if nesterov else velocity)
        found.append(weight)
    return found


def adagrad(weight: float) -> list[float]:
    found, squares = [], 0.0
    for gradient in GRADIENTS:
        squares += gradient**2
        weight -= RATE * gradient / (math.sqrt(squares) + 1e-10)
        found.append(weight)
    return found


def adam(weight: float, *, decay: float = 0.0) -> list[float]:
    found, first, second = [], 0.0, 0.0
    for step, gradient in enumerate(GRADIENTS, start=1):
        weight -= RATE * decay * weight
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        weight -= RATE * (first / (1 - 0.9**step)) / (math.sqrt(second / (1 - 0.999**step)) + 1e-8)
        found.append(weight)
    return found


EXPECTED: dict[str, tuple[OptimizerSpec, Callable[[float], list[float]]]] = {
    "sgd": (OptimizerSpec("sgd", RATE), sgd),
    "momentum": (OptimizerSpec("momentum", RATE), lambda weight: with_momentum(weight, nesterov=False)),
    "nesterov": (OptimizerSpec("nesterov", RATE), lambda weight: with_momentum(weight, nesterov=True)),
    "adagrad": (OptimizerSpec("adagrad", RATE), adagrad),
    "adam": (OptimizerSpec("adam", RATE), adam),
    "adamw": (OptimizerSpec("adamw", RATE, {"weight_decay": 0.5}), lambda weight: adam(weight, decay=0.5)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_optimizer_steps_as_its_formula_says(name: str) -> None:
    spec, formula = EXPECTED[name]
    assert steps_of(spec, 1.0, GRADIENTS) == pytest.approx(formula(1.0), abs=1e-9)


@pytest.mark.parametrize(("name", "argument"), [(name, one) for name, known in OPTIMIZERS.items() for one in known])
def test_every_argument_that_is_taken_makes_an_optimizer(name: str, argument: str) -> None:
    """The least and the largest that a spec takes, and a step without a gradient from there."""
    taken = 0
    for value in (0, 1e-30, 1e-3, BELOW_1, 1.0, 10.0):
        with suppress(ModelError):
            spec = OptimizerSpec(name, 1e-3, {argument: value})
            assert all(map(math.isfinite, steps_of(spec, 1.0, [0.0, 0.5])))
            taken += 1
    assert taken


@given(
    gradients=st.lists(st.floats(-10, 10), min_size=1, max_size=20),
    l1=st.floats(0, 2),
    l2=st.floats(0, 2),
    rate=st.floats(0.01, 1),
)
def test_ftrl_is_the_algorithm_of_the_paper(gradients: list[float], l1: float, l2: float, rate: float) -> None:
    """Algorithm 1, line by line, in Python's floats; it begins at 0."""
    weight, z, n, expected = 0.0, 0.0, 0.0, []
    for gradient in gradients:
        sigma = (math.sqrt(n + gradient**2) - math.sqrt(n)) / rate
        z, n = z + gradient - sigma * weight, n + gradient**2
        weight = 0.0 if abs(z) <= l1 else -(z - math.copysign(l1, z)) / ((1 + math.sqrt(n)) / rate + l2)
        expected.append(weight)
    found = steps_of(OptimizerSpec("ftrl", rate, {"l1": l1, "l2": l2}), 0.0, gradients)
    assert found == pytest.approx(expected, abs=1e-8)


@given(weight=st.floats(-5, 5), l1=st.floats(0, 2), l2=st.floats(0, 2))
def test_ftrl_goes_on_from_the_weights_there_are(weight: float, l1: float, l2: float) -> None:
    (found,) = steps_of(OptimizerSpec("ftrl", RATE, {"l1": l1, "l2": l2}), weight, [0.0])
    assert found == pytest.approx(weight, abs=1e-9)


def test_ftrl_leaves_weights_without_a_gradient() -> None:
    weight = nn.Parameter(torch.ones(2))
    FTRL([weight], lr=RATE).step()
    assert weight.tolist() == [1.0, 1.0]


def test_ftrl_calls_a_closure() -> None:
    weight = nn.Parameter(torch.zeros(1))

    def closure() -> float:
        weight.grad = torch.ones(1)
        return 4.0

    assert FTRL([weight], lr=1.0).step(closure) == 4.0
    assert weight.item() < 0


def numbers(schedule: ScheduleSpec, steps: Sequence[int]) -> Tensor:
    return torch.tensor([factor(schedule, step) for step in steps], dtype=torch.float64)


def test_schedules_are_those_of_torch() -> None:
    """torch's own schedulers are the oracle, over steps that are taken one by one."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    ours = ScheduleSpec("cosine", {"steps": 20, "floor": 0.1})
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20, eta_min=0.1)
    for step in range(20):
        assert factor(ours, step) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_a_rate_rises_over_the_warm_up_and_then_falls_as_it_would_without() -> None:
    plain, warmed = ScheduleSpec("inverse_sqrt", {"scale": 10}), ScheduleSpec("inverse_sqrt", {"scale": 10}, warmup=4)
    assert numbers(warmed, range(4)).tolist() == [0.25, 0.5, 0.75, 1.0]
    assert torch.equal(numbers(warmed, range(4, 30)), numbers(plain, range(26)))
    assert factor(plain, 10) == pytest.approx(1 / math.sqrt(2))
