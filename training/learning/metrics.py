"""Metrics with reset, update, compute and merge: each is a few sums, so that parts of the rows can be added up.

Sums are 64-bit floats of fixed length, which a learner keeps in its state; a metric of no rows is None, which is
neither 0 nor NaN.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelError
from headrace.training.learning.checks import check_name

Floats = NDArray[np.float64]

#: Chances are kept this far from 0 and 1: about the spacing of 32-bit floats below 1, in which networks answer.
LEAST_CHANCE = 1e-7
#: An answer is 1 from this chance on.
THRESHOLD = 0.5
#: Bins of the log-odds, in which a chance near 0 or 1 is as fine as one in the middle: 1/32 wide from -16 to 16.
ODDS_BINS = 1024
MOST_ODDS = 16.0
#: The number of bins that C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, take.
CALIBRATION_BINS = 15


class Metric(ABC):
    """A metric of answers [rows] beside labels [rows], both 64-bit floats. `sums` are all that it remembers."""

    size: ClassVar[int] = 2
    #: Whether more is better.
    rises: ClassVar[bool] = False

    def __init__(self) -> None:
        self.sums: Floats = np.zeros(self.size)

    def reset(self) -> None:
        """Forget all rows."""
        self.sums = np.zeros(self.size)

    def update(self, answer: Floats, label: Floats) -> None:
        """Take rows in."""
        self.sums = self.sums + self._sums(answer, label)

    def merge(self, sums: Floats) -> None:
        """Take in the rows of another metric of this kind, by its sums."""
        self.sums = self.sums + sums

    @abstractmethod
    def compute(self) -> float | None:
        """The metric of all rows taken in; None where there are none."""

    @abstractmethod
    def _sums(self, answer: Floats, label: Floats) -> Floats:
        """The sums of some rows, of length `size`."""


class Mean(Metric):
    """A metric that is a mean over the rows."""

    def compute(self) -> float | None:
        """The mean."""
        rows, total = self.sums
        return float(total / rows) if rows else None

    def _sums(self, answer: Floats, label: Floats) -> Floats:
        return np.array([len(label), self._each(answer, label).sum()])

    @abstractmethod
    def _each(self, answer: Floats, label: Floats) -> Floats:
        """What each row adds."""


class LogLoss(Mean):
    """The mean negative log-likelihood of the labels.

    >>> metric = LogLoss()
    >>> metric.update(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    >>> round(metric.compute(), 6)
    0.693147
    """

    def _each(self, answer: Floats, label: Floats) -> Floats:
        chance = np.clip(answer, LEAST_CHANCE, 1 - LEAST_CHANCE)
        found: Floats = -(label * np.log(chance) + (1 - label) * np.log1p(-chance))
        return found


class Brier(Mean):
    """The mean squared distance of the chance from the label (G. W. Brier, 1950, for two classes)."""

    def _each(self, answer: Floats, label: Floats) -> Floats:
        found: Floats = np.square(answer - label)
        return found


class Accuracy(Mean):
    """The share of rows whose label is 1 where the chance is at least one half, and 0 elsewhere."""

    rises = True

    def _each(self, answer: Floats, label: Floats) -> Floats:
        found: Floats = ((answer >= THRESHOLD) == (label >= THRESHOLD)).astype(np.float64)
        return found


class MeanAbsoluteError(Mean):
    """The mean distance of the answer from the label."""

    def _each(self, answer: Floats, label: Floats) -> Floats:
        found: Floats = np.abs(answer - label)
        return found


class RootMeanSquaredError(Mean):
    """The root of the mean squared distance of the answer from the label."""

    def _each(self, answer: Floats, label: Floats) -> Floats:
        found: Floats = np.square(answer - label)
        return found

    def compute(self) -> float | None:
        """The root of the mean."""
        mean = super().compute()
        return None if mean is None else math.sqrt(mean)


class AreaUnderCurve(Metric):
    """The share of pairs of a 1 and a 0 that the answers order rightly, by a histogram of the log-odds.

    Pairs within one bin count half, as ties do: the value is off by at most half the share of such pairs. None unless
    both labels were seen.

    >>> metric = AreaUnderCurve()
    >>> metric.update(np.array([0.2, 0.6, 0.4, 0.9]), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> metric.compute()
    0.75
    """

    size = 2 * ODDS_BINS
    rises = True

    def compute(self) -> float | None:
        """The share of pairs."""
        negative, positive = self.sums.reshape(2, ODDS_BINS)
        pairs = negative.sum() * positive.sum()
        below = np.cumsum(negative) - negative
        return float((positive * (below + 0.5 * negative)).sum() / pairs) if pairs else None

    def _sums(self, answer: Floats, label: Floats) -> Floats:
        chance = np.clip(answer, LEAST_CHANCE, 1 - LEAST_CHANCE)
        odds = np.log(chance) - np.log1p(-chance)
        place = np.clip((odds + MOST_ODDS) * (ODDS_BINS / (2 * MOST_ODDS)), 0, ODDS_BINS - 1).astype(np.int64)
        return np.bincount(place + ODDS_BINS * (label >= THRESHOLD), minlength=self.size).astype(np.float64)


class CalibrationError(Metric):
    """How far mean chance and share of ones are apart in bins of the chance, weighted by the rows of each bin."""

    size = 3 * CALIBRATION_BINS

    def compute(self) -> float | None:
        """The mean distance."""
        rows, chances, ones = self.sums.reshape(3, CALIBRATION_BINS)
        return float(np.abs(chances - ones).sum() / rows.sum()) if rows.sum() else None

    def _sums(self, answer: Floats, label: Floats) -> Floats:
        place = np.clip(answer * CALIBRATION_BINS, 0, CALIBRATION_BINS - 1).astype(np.int64)
        binned = [np.bincount(place, weights, CALIBRATION_BINS) for weights in (None, answer, label)]
        return np.concatenate(binned).astype(np.float64)


METRICS: Mapping[str, type[Metric]] = {
    "log_loss": LogLoss,
    "auc": AreaUnderCurve,
    "accuracy": Accuracy,
    "brier": Brier,
    "calibration_error": CalibrationError,
    "mae": MeanAbsoluteError,
    "rmse": RootMeanSquaredError,
}
#: The metrics that fit each task.
METRICS_OF: Mapping[str, tuple[str, ...]] = {
    "binary": ("log_loss", "auc", "accuracy", "brier", "calibration_error"),
    "regression": ("mae", "rmse"),
}


class MetricSet:
    """Some metrics by name, updated together. ModelError for a name that is not known.

    >>> metrics = MetricSet(["mae"])
    >>> metrics.update(np.array([1.0, 2.0]), np.array([1.0, 4.0]))
    >>> metrics.compute()
    {'mae': 1.0}
    """

    def __init__(self, names: Sequence[str]) -> None:
        for name in names:
            check_name(name, METRICS, "metric")
        self._metrics = {name: METRICS[name]() for name in names}

    @classmethod
    def of_task(cls, task: str) -> MetricSet:
        """All metrics that fit a task."""
        return cls(METRICS_OF[task])

    def reset(self) -> None:
        """Forget all rows."""
        for metric in self._metrics.values():
            metric.reset()

    def update(self, answer: Floats, label: Floats) -> None:
        """Take rows in."""
        for metric in self._metrics.values():
            metric.update(answer, label)

    def merge(self, sums: Mapping[str, Floats]) -> None:
        """Take in rows by what `sums` said of them; ModelError when they are of other metrics."""
        lengths = {name: len(one) for name, one in sums.items()}
        expected = {name: metric.size for name, metric in self._metrics.items()}
        if lengths != expected:
            msg = f"metric sums: expected lengths {expected}, found {lengths}"
            raise ModelError(msg)
        for name, metric in self._metrics.items():
            metric.merge(sums[name])

    def compute(self) -> dict[str, float | None]:
        """Each metric of the rows taken in."""
        return {name: metric.compute() for name, metric in self._metrics.items()}

    def sums(self) -> dict[str, Floats]:
        """All that is remembered, by name."""
        return {name: metric.sums for name, metric in self._metrics.items()}
