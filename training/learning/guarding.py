"""What is not to be learnt from or counted: labels, losses, gradients and answers that cannot be meant."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headrace.training.data.encoding import Fitted
from headrace.training.data.labels import Label, LabelRange
from headrace.training.learning.metrics import Floats
from headrace.training.learning.spec import BINARY, Guard

#: Within which a task's labels are, where it has bounds: a chance is the mean of what is 0 or 1.
BOUNDS: Mapping[str, tuple[float, float]] = {BINARY: (0.0, 1.0)}


def label_range(label: Tensor) -> LabelRange:
    """The range of labels [rows], of which there is one; NaN to NaN where one of them is that.

    >>> label_range(torch.tensor([0.5, 0.0, 1.0]))
    LabelRange(least=0.0, greatest=1.0)
    """
    least, greatest = label.aminmax()
    return LabelRange(least.item(), greatest.item())


def label_fault(labels: LabelRange, task: str) -> str:
    """What is wrong with labels of a range; empty where nothing is.

    >>> label_fault(LabelRange(0.0, 7.0), "binary")
    "labels from 0.0 to 7.0: expected 0 to 1 for task 'binary'"
    """
    least, most = labels.least, labels.greatest
    if not (math.isfinite(least) and math.isfinite(most)):
        return "a label is not finite"
    low, high = BOUNDS.get(task, (-math.inf, math.inf))
    if not low <= least <= most <= high:
        return f"labels from {least} to {most}: expected {low:g} to {high:g} for task {task!r}"
    return ""


def label_of_task(label: Label, task: str) -> Label:
    """A label with the bounds that its task has besides those that are declared.

    Raises DefinitionError where no label is within both.

    >>> label_of_task(Label("late", high=5), "binary")
    Label(column='late', low=0.0, high=1.0, bad='refuse')
    """
    if task not in BOUNDS:
        return label
    least, most = BOUNDS[task]
    low = least if label.low is None else max(label.low, least)
    return replace(label, low=low, high=most if label.high is None else min(label.high, most))


def fitted_of_task(fitted: Fitted, task: str) -> Fitted:
    """A fitted encoding by which rows are evaluated: labels outside of the task's bounds are bad, as in learning."""
    label = fitted.encoding.label
    if label is None:
        return fitted
    return replace(fitted, encoding=replace(fitted.encoding, label=label_of_task(label, task)))


def loss_fault(loss: float, guard: Guard, mean: float, learned: int) -> str:
    """What is wrong with a loss, after so many were learnt from with such a mean; empty where nothing is.

    >>> loss_fault(90.0, Guard(explosion=100.0), mean=0.5, learned=30)
    'the loss explodes: 90 is more than 100 times the mean of 30 losses, 0.5'
    """
    if not math.isfinite(loss):
        return f"the loss is {loss}"
    if learned >= guard.after and mean > 0 and loss > guard.explosion * mean:
        return (
            f"the loss explodes: {loss:g} is more than {guard.explosion:g} times the mean of {learned} losses, {mean:g}"
        )
    return ""


def gradient_norm(gradients: Iterable[Tensor]) -> float:
    """The norm of gradients as if they were one; not finite where one of their numbers is not, or its square.

    >>> import torch
    >>> gradient_norm([torch.tensor([3.0]), torch.tensor([[0.0, 4.0]])])
    5.0
    """
    return math.hypot(*(torch.linalg.vector_norm(one).item() for one in gradients))


def gradient_fault(norm: float, guard: Guard) -> str:
    """What is wrong with the norm of a gradient; empty where nothing is.

    >>> gradient_fault(float("inf"), Guard())
    'the gradient is not finite'
    """
    if not math.isfinite(norm):
        return "the gradient is not finite"
    if norm > guard.most_gradient:
        return f"the gradient explodes: its norm {norm:g} is over {guard.most_gradient:g}"
    return ""


def answer_fault(answers: Floats, positions: NDArray[np.int64]) -> str:
    """What is wrong with answers [rows] to rows at some positions; empty where nothing is.

    >>> answer_fault(np.array([0.5, np.nan]), np.array([7, 9]))
    'the answer to the row at position 9 is nan'
    """
    wrong = ~np.isfinite(answers)
    if not wrong.any():
        return ""
    row = int(wrong.argmax())
    return f"the answer to the row at position {int(positions[row])} is {answers[row]}"
