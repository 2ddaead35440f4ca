from __future__ import annotations

from itertools import combinations
from typing import cast

import pytest
import torch
from torch import Tensor, nn

from headrace.errors import ModelError
from headrace.training.learning.artifact import network_class, network_of
from headrace.training.learning.losses import Loss
from headrace.training.learning.networks import FactorizationMachine, Inputs, Logistic, MultilayerPerceptron
from headrace.training.learning.spec import ModelSpec, Recipe

INPUTS = Inputs(3, (4, 2))


class Picky(nn.Module):
    """A network of somebody's own that takes no arguments but its own idea of them."""

    def __init__(self, inputs: Inputs, depth: int) -> None:
        super().__init__()
        msg = f"depth {depth} is too deep for {inputs.numbers} numbers"
        raise ValueError(msg)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def rows() -> tuple[Tensor, Tensor]:
    return torch.randn(5, 3), torch.tensor([[0, 1], [3, 0], [1, 1], [2, 0], [3, 1]])


def test_logistic_is_linear_with_a_weight_for_each_value() -> None:
    network, (numbers, categories) = Logistic(INPUTS), rows()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
        found = network(numbers, categories)
    first, second = network.category.weight[:4, 0], network.category.weight[4:, 0]
    expected = [
        sum(w * x for w, x in zip(network.weight.tolist(), row.tolist(), strict=True))
        + (network.bias + first[a] + second[b]).item()
        for row, (a, b) in zip(numbers, categories.tolist(), strict=True)
    ]
    assert found.tolist() == pytest.approx(expected, abs=1e-5)


def test_a_factorization_machine_adds_the_product_of_each_pair() -> None:
    """Rendle's equation 1, pair by pair, over the inputs written out with one column for each value."""
    network, (numbers, categories) = FactorizationMachine(INPUTS, factors=4), rows()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
        found = network(numbers, categories)
        linear = network.first(numbers, categories)
    factors = torch.cat([network.number_factors, network.category_factors.weight]).detach()
    for row, (a, b) in enumerate(categories.tolist()):
        values = [*numbers[row].tolist(), *(0.0 for _ in range(6))]
        values[3 + a] = values[3 + 4 + b] = 1.0
        pairs = sum(
            float(factors[i] @ factors[j]) * values[i] * values[j] for i, j in combinations(range(len(values)), 2)
        )
        assert float(found[row]) == pytest.approx(float(linear[row]) + pairs, abs=1e-4)


@pytest.mark.parametrize("name", ["logistic", "mlp", "factorization_machine"])
@pytest.mark.parametrize("inputs", [Inputs(0, (3,)), Inputs(2, ()), INPUTS])
def test_every_network_learns_with_or_without_numbers_and_categories(name: str, inputs: Inputs) -> None:
    network = network_of(ModelSpec(name), inputs)
    categories = torch.zeros(6, len(inputs.categories), dtype=torch.int64)
    found = network(torch.randn(6, inputs.numbers), categories)
    assert found.shape == (6,)
    found.sum().backward()
    assert all(one.grad is not None for one in network.parameters() if one.numel())


def test_dropout_makes_learning_differ_from_testing() -> None:
    assert MultilayerPerceptron(INPUTS).learns_as_it_tests
    assert not MultilayerPerceptron(INPUTS, dropout=0.5).learns_as_it_tests


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ModelSpec("nowhere.at_all:Net"), "module 'nowhere.at_all' cannot be imported"),
        (ModelSpec("headrace.training.learning.networks:Logistik"), "did you mean 'Logistic'"),
        (ModelSpec("os:system"), "'system' of os is no torch module"),
        (ModelSpec("headrace.training.learning.networks:Inputs"), "no torch module"),
        (ModelSpec("mlp", {"hiden": [3]}), "hiden"),
        (ModelSpec("mlp", {"hidden": [0]}), "width = 0"),
        (ModelSpec(f"{__name__}:Picky", {"depth": 9}), "with arguments {'depth': 9}: ValueError: depth 9 is too deep"),
    ],
)
def test_a_network_that_cannot_be_had_is_refused(spec: ModelSpec, message: str) -> None:
    with pytest.raises(ModelError) as found:
        network_of(spec, INPUTS)
    assert message in str(found.value)


def test_nothing_but_a_torch_module_is_called() -> None:
    with pytest.raises(ModelError, match="no torch module"):
        network_class("subprocess:run")


def test_a_loss_is_the_weighted_sum_of_its_terms() -> None:
    network, (numbers, categories) = Logistic(INPUTS), rows()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_()
    outputs, label = network(numbers, categories).detach(), torch.tensor([0.0, 1.0, 1.0, 0.0, 1.0])
    losses = {"bce": 2.0, "mse": 3.0, "mae": 5.0, "huber": 7.0, "l1": 0.1, "l2": 0.01}
    chance = torch.sigmoid(outputs)
    apart, weights = (chance - label).abs(), torch.cat([network.weight, network.category.weight[:, 0]]).detach()
    huber = torch.where(apart < 0.4, 0.5 * apart**2, 0.4 * (apart - 0.2))
    expected = (
        2 * -(label * chance.log() + (1 - label) * (1 - chance).log()).mean()
        + 3 * (apart**2).mean()
        + 5 * apart.mean()
        + 7 * huber.mean()
        + 0.1 * weights.abs().sum()
        + 0.01 * 0.5 * (weights**2).sum()
    )
    loss = Loss(Recipe(ModelSpec("logistic"), losses=losses, huber_delta=0.4))
    found = loss(outputs, label, network).item()
    assert found == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("inputs", [Inputs(0, (3,)), Inputs(2, ()), Inputs(3, (4, 2))])
def test_gradients_by_hand_are_those_of_autograd(inputs: Inputs) -> None:
    network = Logistic(inputs)
    numbers, slope = torch.randn(20, inputs.numbers), torch.randn(20)
    chosen = [torch.randint(size, (20, 1)) for size in inputs.categories]
    categories = torch.cat(chosen, dim=1) if chosen else torch.zeros(20, 0, dtype=torch.int64)
    network(numbers, categories).backward(slope)
    for one, found in zip(network.parameters(), network.gradients(numbers, categories, slope), strict=True):
        assert (one.grad is None) == (found is None)
        assert found is None or torch.allclose(found, cast("Tensor", one.grad), atol=1e-5)
