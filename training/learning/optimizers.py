"""Optimizers of a declared name, and FTRL-Proximal, which torch has not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer

from headrace.training.learning.spec import OptimizerSpec

#: The usual momentum, where none is given.
MOMENTUM = 0.9


def make_optimizer(spec: OptimizerSpec, parameters: Iterable[Parameter]) -> Optimizer:
    """The optimizer of a spec over parameters, at the spec's rate."""
    given: dict[str, Any] = {**spec.arguments, "lr": spec.rate}
    if spec.name in ("momentum", "nesterov"):
        given = {"momentum": MOMENTUM, **given, "nesterov": spec.name == "nesterov"}
    if spec.name in ("adam", "adamw"):
        # torch refuses a whole number beside a float.
        given["betas"] = (float(given.pop("beta1", 0.9)), float(given.pop("beta2", 0.999)))
    kinds: dict[str, type[Optimizer]] = {"adagrad": Adagrad, "adam": Adam, "adamw": AdamW, "ftrl": FTRL}
    return kinds.get(spec.name, SGD)(list(parameters), **given)


class FTRL(Optimizer):
    """FTRL-Proximal, a rate for each coordinate: H. B. McMahan et al., "Ad Click Prediction", KDD 2013, algorithm 1.

    Weights are a function of `z` and `n`; `z` begins where that function gives the weights there are, so that a model
    can be learnt on. `lr` is the paper's alpha; coordinates whose `|z|` is at most `l1` have weight 0.
    """

    def __init__(
        self, params: Iterable[Parameter], lr: float, beta: float = 1.0, l1: float = 0.0, l2: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "beta": beta, "l1": l1, "l2": l2})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step over the gradients there are."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group)
        return loss

    def _update(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """The paper's steps for one tensor of weights."""
        alpha, beta, l1, l2 = (group[name] for name in ("lr", "beta", "l1", "l2"))
        state = self.state[weight]
        if not state:
            state["n"] = torch.zeros_like(weight)
            state["z"] = -weight * (beta / alpha + l2) - weight.sign() * l1
        grown = state["n"] + gradient.square()
        sigma = (grown.sqrt() - state["n"].sqrt()) / alpha
        state["z"] += gradient - sigma * weight
        state["n"] = grown
        shrunk = state["z"] - state["z"].clamp(-l1, l1)
        weight.copy_(-shrunk / ((beta + grown.sqrt()) / alpha + l2))
