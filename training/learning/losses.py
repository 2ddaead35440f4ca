"""The loss: a weighted sum of named losses of the answers and penalties of the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn
from torch.nn import functional

from headrace.training.learning.spec import BINARY, REGRESSION, Recipe

#: By task, from the outputs of a network to its answers.
LINKS: Mapping[str, Callable[[Tensor], Tensor]] = {BINARY: Tensor.sigmoid, REGRESSION: lambda outputs: outputs}


class Loss:
    """The loss of a recipe. Called with outputs [rows], labels [rows] and the network; gives one number, in float32.

    Losses of answers are means over the rows; penalties are sums over all weights but biases, the L2 penalty with its
    customary half.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._terms = {name: weight for name, weight in recipe.losses.items() if weight}
        self._delta = recipe.huber_delta
        self._link = LINKS[recipe.model.task]

    def __call__(self, outputs: Tensor, label: Tensor, network: nn.Module) -> Tensor:
        """The weighted sum."""
        terms = [weight * self._term(name, outputs, label, network) for name, weight in self._terms.items()]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    @property
    def has_slope(self) -> bool:
        """Whether `slope` knows the derivative: of `bce` alone, where answers are chances."""
        return list(self._terms) == ["bce"] and self._link is LINKS[BINARY]

    def slope(self, answers: Tensor, label: Tensor) -> Tensor:
        """The derivative of the weighted `bce` by each output [rows], of whose answers [rows] it is a function."""
        return (answers - label).mul_(self._terms["bce"] / len(label))

    def _term(self, name: str, outputs: Tensor, label: Tensor, network: nn.Module) -> Tensor:
        if name == "bce":
            return functional.binary_cross_entropy_with_logits(outputs, label)
        if name == "mse":
            return functional.mse_loss(self._link(outputs), label)
        if name == "mae":
            return functional.l1_loss(self._link(outputs), label)
        if name == "huber":
            return functional.huber_loss(self._link(outputs), label, delta=self._delta)
        return _penalty(name, network)


def _penalty(name: str, network: nn.Module) -> Tensor:
    """The sum of the weights' absolute values, or half the sum of their squares."""
    weights = [weight for key, weight in network.named_parameters() if not key.endswith("bias")]
    sums = [weight.abs().sum() if name == "l1" else 0.5 * weight.square().sum() for weight in weights]
    total = sums[0]
    for one in sums[1:]:
        total = total + one
    return total
