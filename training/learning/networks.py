"""The networks of headrace: each takes the numbers and categories of rows, and gives one output a row.

A network of a user's own is any `torch.nn.Module` that is made as `Class(inputs, **arguments)` and called as these are.
The output is a log-odds where the task is binary, and the answer itself where it is a regression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from headrace.errors import ModelError
from headrace.training.learning.checks import check_number

#: Factors begin this small, so that a machine begins nearly linear (Rendle 2010, section V, has 0.01 to 0.1).
FACTOR_DEVIATION = 0.01


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a network is given: so many numbers a row, and for each category how many values it has.

    >>> Inputs(2, (10, 5)).offsets
    (0, 10)
    """

    numbers: int
    categories: tuple[int, ...] = ()

    @property
    def offsets(self) -> tuple[int, ...]:
        """Where the values of each category begin in a table of all values."""
        return tuple(sum(self.categories[:place]) for place in range(len(self.categories)))


class Logistic(nn.Module):
    """Linear in the numbers, with one weight for each value of each category; logistic where the task is binary.

    It begins at zero, as the loss is convex. `categories` are indexes [rows, k], and `numbers` [rows, n]; the outputs
    are [rows].
    """

    learns_as_it_tests = True

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(inputs.numbers))
        self.bias = nn.Parameter(torch.zeros(1))
        self.category = CategoryTable(inputs.categories, 1)
        nn.init.zeros_(self.category.weight)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """The outputs [rows]."""
        linear = numbers @ self.weight + self.bias
        if not categories.shape[1]:
            return linear
        chosen: Tensor = self.category(categories)
        return linear + chosen.sum(dim=(1, 2))

    def gradients(self, numbers: Tensor, categories: Tensor, slope: Tensor) -> list[Tensor | None]:
        """The gradient of each parameter, in their order, of a loss that has the derivative `slope` [rows] by outputs.

        As autograd has it to rounding, and it takes a third of the time. None of weights that no row has.
        """
        by_category = None
        if categories.shape[1]:
            each = slope.unsqueeze(1).expand(categories.shape).reshape(-1, 1)
            places = (categories + self.category.offsets).flatten()
            by_category = torch.zeros_like(self.category.weight).index_add_(0, places, each)
        return [torch.mv(numbers.t(), slope), slope.sum(dim=0, keepdim=True), by_category]


class FactorizationMachine(nn.Module):
    """`Logistic` and all products of two inputs, weighted by products of their factors.

    S. Rendle, "Factorization Machines", ICDM 2010: the sum over pairs is `((sum v x)^2 - sum (v x)^2) / 2`, linear in
    the inputs. `factors` is the length of each input's vector.
    """

    learns_as_it_tests = True

    def __init__(self, inputs: Inputs, factors: int = 8) -> None:
        super().__init__()
        check_number(factors, "factorization machine: factors", 1)
        self.first = Logistic(inputs)
        self.number_factors = nn.Parameter(torch.randn(inputs.numbers, factors) * FACTOR_DEVIATION)
        self.category_factors = CategoryTable(inputs.categories, factors)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """The outputs [rows]."""
        chosen: Tensor = self.category_factors(categories)
        total = numbers @ self.number_factors + chosen.sum(dim=1)
        squares = numbers.square() @ self.number_factors.square() + chosen.square().sum(dim=1)
        linear: Tensor = self.first(numbers, categories)
        return linear + 0.5 * (total.square() - squares).sum(dim=1)


class MultilayerPerceptron(nn.Module):
    """Layers of rectified linear units over the numbers and an embedding of each category.

    `hidden` are the widths of the layers, `embedding` the length of a category's vector, and `dropout` the share of
    units that are silent while it learns.
    """

    def __init__(
        self, inputs: Inputs, hidden: Sequence[int] = (64, 32), embedding: int = 8, dropout: float = 0.0
    ) -> None:
        super().__init__()
        for width in (*hidden, embedding):
            check_number(width, "mlp: width", 1)
        check_number(dropout, "mlp: dropout", 0, 0.99)
        self.learns_as_it_tests = dropout == 0
        self.embedding = CategoryTable(inputs.categories, embedding)
        widths = [inputs.numbers + embedding * len(inputs.categories), *hidden]
        layers: list[nn.Module] = []
        for wide, narrow in pairwise(widths):
            layers += [nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        """The outputs [rows]."""
        if categories.shape[1]:
            embedded: Tensor = self.embedding(categories)
            numbers = torch.cat([numbers, embedded.flatten(start_dim=1)], dim=1)
        found: Tensor = self.layers(numbers)
        return found.squeeze(1)


class CategoryTable(nn.Module):
    """A vector for each value of each category, in one table, so that all are looked up at once.

    Indexes [rows, k] give vectors [rows, k, width].
    """

    offsets: Tensor

    def __init__(self, categories: Sequence[int], width: int) -> None:
        super().__init__()
        if any(count < 1 for count in categories):
            msg = f"categories {tuple(categories)}: each has at least one value"
            raise ModelError(msg)
        self.weight = nn.Parameter(torch.randn(sum(categories), width) * FACTOR_DEVIATION)
        # Not persistent: a function of the inputs, which the artifact has.
        offsets = torch.tensor(Inputs(0, tuple(categories)).offsets, dtype=torch.int64)
        self.register_buffer("offsets", offsets, persistent=False)

    def forward(self, categories: Tensor) -> Tensor:
        """The vectors [rows, k, width]."""
        return nn.functional.embedding(categories + self.offsets, self.weight)
