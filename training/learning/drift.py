"""`DriftDetector`: tells, loss by loss, when the mean of a stream of losses has changed.

ADWIN2 of A. Bifet and R. Gavaldà, "Learning from Time-Changing Data with Adaptive Windowing", SDM 2007. It keeps a
window of the newest losses, and cuts off its older part whenever the means of two parts differ by more than

    sqrt(2 / m * v * ln(2 / d)) + 2 / (3 m) * ln(2 / d),    1 / m = 1 / n0 + 1 / n1,    d = delta / ln n

where n0 and n1 are the losses of the parts, n those of the window, v its variance, and losses lie from 0 to 1. The
window is kept as an exponential histogram (M. Datar et al., "Maintaining Stream Statistics over Sliding Windows", SODA
2002): buckets of 1, 2, 4, ... losses, at most `BUCKETS` of each size, so that n losses take O(log n) numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headrace.errors import ModelError, TrainingError
from headrace.training.learning.checks import ABOVE_0, BELOW_1, check_number

#: Buckets of each size, before the two oldest become one of twice the size; the paper's M, as it was measured there.
BUCKETS = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DriftSpec:
    """How sure a detector is before it speaks.

    Attributes:
        delta: the paper bounds by it the chance that a look at a stream without a change finds one.
        bound: losses above it count as it: 1 fits errors of 0 and 1 and Brier's score. A loss without a bound, such as
            the log loss, wants one that few rows pass; the larger it is, the later a change is found.
        every: losses from one look to the next. At most `delta / every` of the losses bring a false alarm, by default
            0.6 in 10,000, as long as the losses of a stream without a change do not depend on each other.

    Raises ModelError for a value that cannot be meant.
    """

    delta: float = 0.002
    bound: float = 1.0
    every: int = 32

    def __post_init__(self) -> None:
        check_number(self.delta, "drift: delta", ABOVE_0, BELOW_1)
        check_number(self.bound, "drift: bound", ABOVE_0)
        check_number(self.every, "drift: every", 1)


@dataclass(frozen=True, slots=True)
class Drift:
    """A change that was found.

    Attributes:
        at: how many losses had been seen.
        since: how many of them came before the window that is kept: what follows is the stream as it is now.
        before, after: means of the losses that were cut off, and of those that are kept.
    """

    at: int
    since: int
    before: float
    after: float

    @property
    def rises(self) -> bool:
        """Whether losses have become greater: a model that learns makes them fall, which asks for nothing."""
        return self.after > self.before


class DriftDetector:
    """Watches a stream of losses: of rows, or means of micro-batches of one size.

    One change may be found by several looks in a row, as the window shrinks to what came after it.

    >>> detector = DriftDetector()
    >>> detector.update_all([0.0, 1.0] * 500 + [1.0] * 64)
    [Drift(at=1056, since=928, before=0.5, after=0.71875)]
    >>> resumed = DriftDetector.of(detector.state())
    >>> resumed.seen, resumed.width, resumed.update(1.0)
    (1064, 136, None)
    """

    def __init__(self, spec: DriftSpec | None = None) -> None:
        self.spec = spec or DriftSpec()
        self.seen = 0
        # For each power of two the buckets of so many losses, the oldest first, each as total and sum of squared
        # distances from its mean; losses are in units of the bound.
        self._levels: list[list[tuple[float, float]]] = [[]]

    @classmethod
    def of(cls, state: bytes) -> DriftDetector:
        """The detector that was in a state; ModelError for bytes that `state` did not give."""
        try:
            found = json.loads(state)
            made = cls(DriftSpec(**found["spec"]))
            made.seen = int(found["seen"])
            made._levels = [[_bucket(one) for one in level] for level in found["levels"]]
        except (ValueError, TypeError, KeyError) as error:
            msg = f"state of a drift detector: {type(error).__name__}: {error}; found {state[:40]!r}"
            raise ModelError(msg) from error
        if not made._levels or made.width > made.seen:
            msg = f"state of a drift detector: a window of {made.width} of {made.seen} losses; expected one of at most "
            raise ModelError(msg + "as many as were seen: these bytes are not whole")
        return made

    @property
    def width(self) -> int:
        """The losses in the window."""
        return sum(len(level) << size for size, level in enumerate(self._levels))

    @property
    def mean(self) -> float | None:
        """The mean of the window, losses above the bound counted as it; None before the first loss."""
        total = sum(total for level in self._levels for total, _ in level)
        return self.spec.bound * total / self.width if self.width else None

    def update(self, loss: float) -> Drift | None:
        """Take a loss in; the change that a look finds, if it was time for one.

        Raises TrainingError, and nothing changed, for a loss that is below 0 or no number.
        """
        if not loss >= 0:
            msg = (
                f"drift: loss {loss!r} after {self.seen} others: expected a number from 0 on; leave out what no model "
            )
            raise TrainingError(msg + "was asked")
        self.seen += 1
        self._levels[0].append((min(loss / self.spec.bound, 1.0), 0.0))
        self._compress()
        return self._look() if self.seen % self.spec.every == 0 else None

    def update_all(self, losses: Iterable[float]) -> list[Drift]:
        """Take losses in, one after the other; the changes that were found."""
        return [found for loss in losses if (found := self.update(loss))]

    def state(self) -> bytes:
        """All that it knows, as JSON; equal detectors are equal bytes."""
        facts = {"spec": asdict(self.spec), "seen": self.seen, "levels": self._levels}
        return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()

    def _compress(self) -> None:
        """Join the two oldest buckets of a size of which there are too many."""
        size = 0
        while len(self._levels[size]) > BUCKETS:
            first, second = self._levels[size][:2]
            del self._levels[size][:2]
            if size + 1 == len(self._levels):
                self._levels.append([])
            self._levels[size + 1].append(_joined(first, second, 1 << size))
            size += 1

    def _look(self) -> Drift | None:
        """Cut off the oldest buckets for as long as two parts of the window differ."""
        sizes, totals, squares = self._buckets()
        first = 0
        while len(sizes) - first > 1 and _differ(sizes[first:], totals[first:], squares[first:], self.spec.delta):
            first += 1
        if not first:
            return None
        self._forget(first)
        bound = self.spec.bound
        before, after = totals[:first].sum() / sizes[:first].sum(), totals[first:].sum() / sizes[first:].sum()
        return Drift(self.seen, self.seen - self.width, bound * float(before), bound * float(after))

    def _buckets(self) -> tuple[Floats, Floats, Floats]:
        """Sizes, totals and sums of squared distances, the oldest bucket first."""
        rows = [(1 << size, *one) for size, level in reversed(list(enumerate(self._levels))) for one in level]
        sizes, totals, squares = np.array(rows, np.float64).T
        return sizes, totals, squares

    def _forget(self, buckets: int) -> None:
        """Drop so many of the oldest buckets."""
        for level in reversed(self._levels):
            dropped = min(buckets, len(level))
            del level[:dropped]
            buckets -= dropped
        while len(self._levels) > 1 and not self._levels[-1]:
            self._levels.pop()


def _joined(first: tuple[float, float], second: tuple[float, float], size: int) -> tuple[float, float]:
    """Two buckets of a size as one, by Chan's formula for sums of squared distances."""
    apart = (first[0] - second[0]) / size
    return first[0] + second[0], first[1] + second[1] + apart * apart * size / 2


def _differ(sizes: Floats, totals: Floats, squares: Floats, delta: float) -> bool:
    """Whether two parts of a window of at least two buckets have means too far apart for one distribution."""
    count, mean = sizes.sum(), totals.sum() / sizes.sum()
    variance = (squares.sum() + (sizes * (totals / sizes - mean) ** 2).sum()) / count
    before, total = np.cumsum(sizes)[:-1], np.cumsum(totals)[:-1]
    apart = np.abs(total / before - (totals.sum() - total) / (count - before))
    harmonic, log = 1 / before + 1 / (count - before), math.log(2 * math.log(count) / delta)
    return bool((apart > np.sqrt(2 * harmonic * variance * log) + 2 / 3 * harmonic * log).any())


def _bucket(found: Any) -> tuple[float, float]:
    """A bucket as JSON says it."""
    total, squares = found
    return float(total), float(squares)
