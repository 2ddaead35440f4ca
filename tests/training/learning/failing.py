"""Networks of a user's own that fail, each in a way of its own: by name, in artifacts."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from headrace.training.learning.networks import Logistic, MultilayerPerceptron

#: Floats that no machine has room for: 40 petabytes of them.
TOO_MANY = 10**16


class Greedy(MultilayerPerceptron):
    """Asks for more memory than there is when it answers."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return super().forward(numbers, categories) + torch.empty(TOO_MANY).sum()


class GreedyFromTheStart(MultilayerPerceptron):
    """Asks for more memory than there is when it is made."""

    def __init__(self, *given: Any, **arguments: Any) -> None:
        super().__init__(*given, **arguments)
        self.room = torch.empty(TOO_MANY)


class Crowded(MultilayerPerceptron):
    """Raises what Python does where no thread is left."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        raise RuntimeError("can't start new thread")


class Misfit(MultilayerPerceptron):
    """Multiplies what does not fit."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return numbers @ torch.zeros(numbers.shape[1] + 1)


class LostInCrowds(Logistic):
    """Answers to a row by itself, and with no number to the last of several."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        found: Tensor = super().forward(numbers, categories)
        if len(found) > 1:
            found[-1] = torch.nan
        return found


class Lookup(MultilayerPerceptron):
    """Looks for what is not there."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return {"other": numbers}["answer"]
