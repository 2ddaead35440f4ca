"""When to stop before the last epoch, and which epoch was the best."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headrace.training.learning.checks import check_name, check_number
from headrace.training.learning.metrics import METRICS


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

    def after(self, rule: EarlyStopping, epoch: int, value: float | None) -> Watched:
        """What is known after one more epoch; a metric that is not defined is no gain.

        >>> seen = Watched()
        >>> for epoch, value in enumerate([0.9, 0.5, 0.6]):
        ...     seen = seen.after(EarlyStopping("mae"), epoch, value)
        >>> seen
        Watched(best=0.5, best_epoch=1, last_epoch=2)
        """
        if value is not None and (self.best is None or rule.is_gain(value, self.best)):
            return Watched(value, epoch, epoch)
        return replace(self, last_epoch=epoch)

    def is_over(self, rule: EarlyStopping) -> bool:
        """Whether patience has ended."""
        return self.last_epoch - self.best_epoch >= rule.patience
