"""`BlockBootstrap`: how sure a metric is, and a difference of two, where rows of one day are alike.

Rows are drawn with replacement not one by one but by whole blocks, such as days, since neighbours depend on each other
(B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8, and its percentile intervals, chapter
13). Metrics are sums, so that a drawing costs as much as there are blocks, not rows.

Percentile intervals of few blocks are too narrow: the drawings' variance is (n - 1)/n of what it should be, and they
stand for quantiles of a normal distribution where Student's are due (T. Hesterberg, "What Teachers Should Know About
the Bootstrap", The American Statistician 69, 2015, pages 371 to 386). He takes farther percentiles instead; five blocks
have none so far out, so here each side is made longer by both factors, whatever bound the metric has.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from headrace.errors import TrainingError
from headrace.features.duration import UNITS_US
from headrace.training.learning.checks import ABOVE_0, BELOW_1, check_name, check_number
from headrace.training.learning.metrics import METRICS, Floats

Integers = NDArray[np.int64]

#: Below so many blocks an interval says nothing about blocks that were not seen.
LEAST_BLOCKS = 5

#: By powers of 1/degrees what a normal quantile z lacks of Student's: a common divisor, and factors of z, z^3, z^5 and
#: so on (M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964, 26.7.5).
STUDENT = (
    (4, (1, 1)),
    (96, (3, 16, 5)),
    (384, (-15, 17, 19, 3)),
    (92_160, (-945, -1_920, 1_482, 776, 79)),
)


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with an interval around it, which may reach past what a metric can be, such as below 0.

    >>> str(Interval(-0.02, -0.03, -0.01)), Interval(0.0, -0.1, 0.1).holds_zero
    ('-0.02000 [-0.03000, -0.01000]', True)
    """

    value: float
    low: float
    high: float

    @property
    def holds_zero(self) -> bool:
        """Whether 0 is within: of a difference, that none is shown."""
        return self.low <= 0 <= self.high

    def __str__(self) -> str:
        return f"{self.value:.5f} [{self.low:.5f}, {self.high:.5f}]"


class BlockBootstrap:
    """Intervals of metrics of rows, by drawing blocks of them.

    Args:
        blocks: int64 [rows], the block of each row.
        seed: of the drawings; the same gives the same intervals, also to two metrics that are compared.
        resamples: how many drawings.
        level: how often an interval is to hold what is true.

    Raises TrainingError for fewer than `LEAST_BLOCKS` blocks, and ModelError for arguments that cannot be meant.

    >>> day = np.repeat(np.arange(10), 100)
    >>> labels = np.tile([0.0, 1.0], 500)
    >>> drawn = BlockBootstrap(day, seed=7)
    >>> str(drawn.difference("log_loss", np.full(1000, 0.5), np.full(1000, 0.5), labels))
    '0.00000 [0.00000, 0.00000]'
    """

    def __init__(self, blocks: Integers, *, seed: int = 0, resamples: int = 2_000, level: float = 0.95) -> None:
        check_number(resamples, "bootstrap: resamples", 1)
        check_number(level, "bootstrap: level", ABOVE_0, BELOW_1)
        self.blocks, places = np.unique(blocks, return_inverse=True)
        if len(self.blocks) < LEAST_BLOCKS:
            msg = f"bootstrap: the rows are of {len(self.blocks)} blocks (days, where they are drawn by day); expected "
            raise TrainingError(msg + f"at least {LEAST_BLOCKS}: take rows of a longer time")
        self._order = np.argsort(places, kind="stable")
        self._starts = np.searchsorted(places[self._order], np.arange(1, len(self.blocks)))
        self._seed, self._resamples, self._level = seed, resamples, level

    @classmethod
    def by_day(
        cls, event_us: Integers, *, seed: int = 0, resamples: int = 2_000, level: float = 0.95
    ) -> BlockBootstrap:
        """Blocks of the UTC days of event times [rows] in µs since 1970."""
        return cls(event_us // UNITS_US["d"], seed=seed, resamples=resamples, level=level)

    def metric(self, name: str, answers: Floats, labels: Floats) -> Interval:
        """A metric of answers [rows] beside labels [rows].

        Raises ModelError for a name that is not known, and TrainingError for answers or labels that are not finite, are
        not one a row, or of which the metric says nothing.
        """
        sums = self._sums(name, answers, labels)
        return self._interval(_computed(name, sums.sum(axis=0)), self._drawn(name, sums))

    def difference(self, name: str, answers: Floats, others: Floats, labels: Floats) -> Interval:
        """A metric of answers less that of others to the same rows, both by the same drawings."""
        sums, other = self._sums(name, answers, labels), self._sums(name, others, labels)
        value = _computed(name, sums.sum(axis=0)) - _computed(name, other.sum(axis=0))
        return self._interval(value, self._drawn(name, sums) - self._drawn(name, other))

    def by_block(self, name: str, answers: Floats, labels: Floats) -> Floats:
        """A metric of each block; NaN where it is not defined."""
        return np.array([_computed(name, one) for one in self._sums(name, answers, labels)])

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        """How often each drawing has each block: [resamples, blocks]."""
        count = len(self.blocks)
        random = np.random.default_rng(self._seed)
        return random.multinomial(count, np.full(count, 1 / count), size=self._resamples)

    def _sums(self, name: str, answers: Floats, labels: Floats) -> Floats:
        """The sums of a metric by block: [blocks, size]."""
        check_name(name, METRICS, "metric")
        for what, given in (("answers", answers), ("labels", labels)):
            _check_each(what, given, len(self._order))
        parts = (np.split(one[self._order], self._starts) for one in (answers, labels))
        return np.stack([_sums(name, *part) for part in zip(*parts, strict=True)])

    def _drawn(self, name: str, sums: Floats) -> Floats:
        """The metric of each drawing."""
        return np.array([_computed(name, one) for one in self._counts @ sums])

    @cached_property
    def _widening(self) -> float:
        """By how much intervals of so many blocks are wider than those of the drawings."""
        count, share = len(self.blocks), (1 + self._level) / 2
        ratio = student_quantile(share, count - 1) / NormalDist().inv_cdf(share)
        return ratio * math.sqrt(count / (count - 1))

    def _interval(self, value: float, drawn: Floats) -> Interval:
        """The middle of the drawings, widened; those where the metric is not defined say nothing."""
        if np.isnan(value):
            msg = "bootstrap: the metric is not defined over these rows: their labels are all alike"
            raise TrainingError(msg)
        tail = (1 - self._level) / 2
        low, high = np.nanquantile(drawn, [tail, 1 - tail])
        return Interval(value, *(value + self._widening * (float(end) - value) for end in (low, high)))


def student_quantile(share: float, degrees: int) -> float:
    """The quantile of Student's distribution of 4 degrees of freedom or more, for a share from 0.5 on.

    It is off by less than 0.001 to a share of 0.975, and by 0.01 at 0.995.

    >>> [round(student_quantile(0.975, degrees), 2) for degrees in (4, 9, 29)]
    [2.78, 2.26, 2.05]
    """
    z = NormalDist().inv_cdf(share)
    terms = (
        sum(factor * z ** (2 * place + 1) for place, factor in enumerate(factors)) / (divisor * float(degrees) ** power)
        for power, (divisor, factors) in enumerate(STUDENT, start=1)
    )
    return z + sum(terms)


def _check_each(what: str, given: Floats, rows: int) -> None:
    """TrainingError unless there is a finite number for each row."""
    if np.shape(given) != (rows,):
        msg = f"bootstrap: {what} of shape {np.shape(given)}; expected one for each of the {rows:,} rows"
        raise TrainingError(msg)
    wrong = ~np.isfinite(given)
    if wrong.any():
        row = int(wrong.argmax())
        msg = f"bootstrap: {wrong.sum():,} {what} are not finite, the first {given[row]} of row {row}; leave them out"
        raise TrainingError(msg)


def _sums(name: str, answers: Floats, labels: Floats) -> Floats:
    metric = METRICS[name]()
    metric.update(answers, labels)
    return metric.sums


def _computed(name: str, sums: Floats) -> float:
    metric = METRICS[name]()
    metric.merge(sums)
    value = metric.compute()
    return np.nan if value is None else value
