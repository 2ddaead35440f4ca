"""Metrics with reset, update, compute and merge: each is a few sums, so that parts of the rows can be added up.

Sums are 64-bit floats of fixed length, which a learner keeps in its state; a metric of no rows is None, which is
neither 0 nor NaN. A micro-batch is summed by itself and then added, so that the same ones in the same order give the
same bits, whether they are looked at one by one or many at once, which takes less time.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelError
from headrace.training.learning.checks import check_name
from headrace.training.learning.spec import BINARY, REGRESSION

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
#: So many micro-batches wait at most to be looked at: of 512 rows they fit a processor's cache.
MOST_WAITING = 32

Part = tuple[Floats, Floats]


class Seen:
    """Micro-batches of answers and labels, none of them empty, and what several metrics ask of their rows."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.answer, self.label = parts[0]
        if len(parts) > 1:
            self.answer = np.concatenate([answer for answer, _ in parts])
            self.label = np.concatenate([label for _, label in parts])
        self.counts = [len(label) for _, label in parts]

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each micro-batch."""
        found: NDArray[np.int64] = np.cumsum([0, *self.counts[:-1]])
        return found

    @cached_property
    def logs(self) -> Part:
        """The logarithms of each chance, and of what it lacks of 1."""
        chance = np.maximum(np.minimum(self.answer, 1 - LEAST_CHANCE), LEAST_CHANCE)
        return np.log(chance), np.log1p(-chance)

    @cached_property
    def ones(self) -> NDArray[np.bool_]:
        """Which labels are 1, or nearer to it than to 0."""
        found: NDArray[np.bool_] = self.label >= THRESHOLD
        return found


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
        """Take a micro-batch in."""
        if len(label):
            self.sums = self.added(self.sums, Seen([(answer, label)]))

    def merge(self, sums: Floats) -> None:
        """Take in the rows of another metric of this kind, by its sums."""
        self.sums = self.sums + sums

    def compute(self) -> float | None:
        """The metric of all rows taken in; None where there are none."""
        return self.value(self.sums)

    @classmethod
    @abstractmethod
    def value(cls, sums: Floats) -> float | None:
        """What sums say; None where they are of no rows."""

    @classmethod
    @abstractmethod
    def added(cls, sums: Floats, seen: Seen) -> Floats:
        """New sums [size]: those given and, one micro-batch after the other, those of rows."""


class Mean(Metric):
    """A metric that is a mean over the rows."""

    @classmethod
    def value(cls, sums: Floats) -> float | None:
        """The mean."""
        rows, total = sums.tolist()
        return float(total / rows) if rows else None

    @classmethod
    def added(cls, sums: Floats, seen: Seen) -> Floats:
        """Rows, and the total of what each adds."""
        rows, total = sums.tolist()
        for one in np.add.reduceat(cls._each(seen), seen.starts).tolist():
            total += one
        return np.array([rows + len(seen.label), total])

    @staticmethod
    @abstractmethod
    def _each(seen: Seen) -> Floats:
        """What each row adds."""


class LogLoss(Mean):
    """The mean negative log-likelihood of the labels.

    >>> metric = LogLoss()
    >>> metric.update(np.array([0.5, 0.5]), np.array([0.0, 1.0]))
    >>> round(metric.compute(), 6)
    0.693147
    """

    @staticmethod
    def _each(seen: Seen) -> Floats:
        of_one, of_zero = seen.logs
        found: Floats = -(seen.label * of_one + (1 - seen.label) * of_zero)
        return found


class Brier(Mean):
    """The mean squared distance of the chance from the label (G. W. Brier, 1950, for two classes)."""

    @staticmethod
    def _each(seen: Seen) -> Floats:
        found: Floats = np.square(seen.answer - seen.label)
        return found


class Accuracy(Mean):
    """The share of rows whose label is 1 where the chance is at least one half, and 0 elsewhere."""

    rises = True

    @staticmethod
    def _each(seen: Seen) -> Floats:
        found: Floats = ((seen.answer >= THRESHOLD) == seen.ones).astype(np.float64)
        return found


class MeanAbsoluteError(Mean):
    """The mean distance of the answer from the label."""

    @staticmethod
    def _each(seen: Seen) -> Floats:
        found: Floats = np.abs(seen.answer - seen.label)
        return found


class RootMeanSquaredError(Mean):
    """The root of the mean squared distance of the answer from the label."""

    @staticmethod
    def _each(seen: Seen) -> Floats:
        found: Floats = np.square(seen.answer - seen.label)
        return found

    @classmethod
    def value(cls, sums: Floats) -> float | None:
        """The root of the mean."""
        mean = super().value(sums)
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

    @classmethod
    def value(cls, sums: Floats) -> float | None:
        """The share of pairs."""
        negative, positive = sums.reshape(2, ODDS_BINS)
        pairs = negative.sum() * positive.sum()
        below = np.cumsum(negative) - negative
        return float((positive * (below + 0.5 * negative)).sum() / pairs) if pairs else None

    @classmethod
    def added(cls, sums: Floats, seen: Seen) -> Floats:
        """Rows by label and bin: whole numbers, whose sums have no order."""
        of_one, of_zero = seen.logs
        place = (of_one - of_zero + MOST_ODDS) * (ODDS_BINS / (2 * MOST_ODDS))
        binned = np.maximum(np.minimum(place, ODDS_BINS - 1), 0).astype(np.int64) + ODDS_BINS * seen.ones
        summed: Floats = sums + np.bincount(binned, minlength=cls.size)
        return summed


class CalibrationError(Metric):
    """How far mean chance and share of ones are apart in bins of the chance, weighted by the rows of each bin."""

    size = 3 * CALIBRATION_BINS

    @classmethod
    def value(cls, sums: Floats) -> float | None:
        """The mean distance."""
        rows, chances, ones = sums.reshape(3, CALIBRATION_BINS)
        return float(np.abs(chances - ones).sum() / rows.sum()) if rows.sum() else None

    @classmethod
    def added(cls, sums: Floats, seen: Seen) -> Floats:
        """Rows, chances and labels by bin."""
        bins = np.minimum((seen.answer * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
        parts = len(seen.counts)
        if parts > 1:
            bins += np.repeat(np.arange(parts) * CALIBRATION_BINS, seen.counts)
        found = [np.bincount(bins, one, parts * CALIBRATION_BINS) for one in (None, seen.answer, seen.label)]
        if parts == 1:
            # What follows, for one: a stream tells of each micro-batch, which are then never looked at many at once.
            alone: Floats = sums + np.concatenate(found)
            return alone
        each = np.concatenate([one.reshape(parts, CALIBRATION_BINS) for one in found], axis=1)
        # By `cumsum`, which adds in order.
        summed: Floats = np.cumsum(np.vstack([sums, each]), axis=0)[-1]
        return summed


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
    BINARY: ("log_loss", "auc", "accuracy", "brier", "calibration_error"),
    REGRESSION: ("mae", "rmse"),
}


class MetricValues(Mapping[str, float | None]):
    """Metrics by name of the rows taken in, worked out when they are asked for. A value: more rows make another."""

    def __init__(
        self, kinds: Mapping[str, type[Metric]], known: Mapping[str, Floats], waiting: Sequence[Part] = ()
    ) -> None:
        self._kinds, self._known, self._waiting = kinds, known, waiting

    def after(self, answer: Floats, label: Floats) -> MetricValues:
        """The metrics of these rows and a further micro-batch, whose arrays must not be changed any more."""
        if not len(label):
            return self
        found = MetricValues(self._kinds, self._known, (*self._waiting, (answer, label)))
        if len(found._waiting) == MOST_WAITING:
            found.sums()
        return found

    def sums(self) -> Mapping[str, Floats]:
        """All that is remembered, by name; never to be changed in place."""
        if self._waiting:
            seen = Seen(self._waiting)
            self._known = {name: kind.added(self._known[name], seen) for name, kind in self._kinds.items()}
            self._waiting = ()
        return self._known

    def __getitem__(self, name: str) -> float | None:
        return self._kinds[name].value(self.sums()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __repr__(self) -> str:
        return repr(dict(self))


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
        self._kinds = {name: METRICS[name] for name in names}
        self.reset()

    @classmethod
    def of_task(cls, task: str) -> MetricSet:
        """All metrics that fit a task."""
        return cls(METRICS_OF[task])

    @property
    def values(self) -> MetricValues:
        """The metrics as of now, whatever comes after."""
        return self._values

    def reset(self) -> None:
        """Forget all rows."""
        self._values = MetricValues(self._kinds, {name: np.zeros(kind.size) for name, kind in self._kinds.items()})

    def update(self, answer: Floats, label: Floats) -> None:
        """Take a micro-batch in; its arrays must not be changed any more."""
        self._values = self._values.after(answer, label)

    def merge(self, sums: Mapping[str, Floats]) -> None:
        """Take in rows by what `sums` said of them; ModelError when they are of other metrics."""
        lengths = {name: len(one) for name, one in sums.items()}
        expected = {name: kind.size for name, kind in self._kinds.items()}
        if lengths != expected:
            msg = f"metric sums: expected lengths {expected}, found {lengths}"
            raise ModelError(msg)
        mine = self._values.sums()
        self._values = MetricValues(self._kinds, {name: mine[name] + sums[name] for name in self._kinds})

    def compute(self) -> dict[str, float | None]:
        """Each metric of the rows taken in."""
        return dict(self._values)

    def sums(self) -> Mapping[str, Floats]:
        """All that is remembered, by name."""
        return self._values.sums()
