"""When to stop before the last epoch, and which epoch was the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from headrace.errors import ModelError, TrainingError
from headrace.training.learning.checks import check_name, check_number
from headrace.training.learning.metrics import METRICS, METRICS_OF


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop when a metric of the evaluation has not become better for so many epochs.

    Attributes:
        metric: one of `METRICS`, which also say whether more or less is better.
        patience: so many epochs in a row without a gain, and it stops.
        least_gain: what a gain is at least, in units of the metric.

    >>> EarlyStopping("auc", patience=1).is_gain(0.7, 0.6), EarlyStopping("log_loss").is_gain(0.7, 0.6)
    (True, False)
    """

    metric: str = "log_loss"
    patience: int = 2
    least_gain: float = 0.0

    def __post_init__(self) -> None:
        check_name(self.metric, METRICS, "early stopping: metric")
        check_number(self.patience, "early stopping: patience", 1)
        check_number(self.least_gain, "early stopping: least_gain", 0)

    def check_task(self, task: str) -> None:
        """ModelError, with what there is, unless evaluations of a task have the metric.

        >>> EarlyStopping("rmse").check_task("regression")
        """
        if self.metric not in METRICS_OF[task]:
            msg = f"early stopping: metric {self.metric!r} is none of task {task!r}, so that it would never be better; "
            raise ModelError(msg + f"take one of {', '.join(METRICS_OF[task])}")

    def watched_value(self, values: Mapping[str, float | None]) -> float:
        """The metric in the values of an evaluation; TrainingError where its rows do not define it."""
        value = values.get(self.metric)
        if value is None:
            empty = all(one is None for one in values.values())
            why = "the split has no rows" if empty else "its labels are all alike"
            msg = f"early stopping: {self.metric!r} is not defined over the evaluation split: {why}; change its "
            raise TrainingError(msg + "filters, watch another metric, or take stopping=None")
        return value

    def is_gain(self, value: float, best: float) -> bool:
        """Whether a value is better than the best so far."""
        gain = value - best if METRICS[self.metric].rises else best - value
        return gain > self.least_gain


@dataclass(frozen=True, slots=True)
class Watched:
    """What early stopping has seen: the best value, its epoch, and the last epoch."""

    best: float | None = None
    best_epoch: int = -1
    last_epoch: int = -1

    def after(self, rule: EarlyStopping, epoch: int, value: float) -> Watched:
        """What is known after one more epoch.

        >>> seen = Watched()
        >>> for epoch, value in enumerate([0.9, 0.5, 0.6]):
        ...     seen = seen.after(EarlyStopping("mae"), epoch, value)
        >>> seen
        Watched(best=0.5, best_epoch=1, last_epoch=2)
        """
        if self.best is None or rule.is_gain(value, self.best):
            return Watched(value, epoch, epoch)
        return replace(self, last_epoch=epoch)

    def is_over(self, rule: EarlyStopping) -> bool:
        """Whether patience has ended."""
        return self.last_epoch - self.best_epoch >= rule.patience
