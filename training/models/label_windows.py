"""How plausible labels are to a model, window by window of when they were known."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headrace.training.data.row_groups import Integers
from headrace.training.learning.metrics import Floats, Seen


@dataclass(frozen=True, slots=True)
class LabelWindow:
    """Labels that were known one after the other, and what a model had expected of them.

    Attributes:
        from_us: when the window began (µs since the epoch).
        rows: how many labels.
        ones: the mean label.
        expected: the mean chance that the model gave to the label 1.
        surprise: by how many standard deviations the log loss is above that which the model's chances expect, were the
            labels drawn by them, independently.
    """

    from_us: int
    rows: int
    ones: float
    expected: float
    surprise: float


class LabelWindows:
    """Gathers labels beside a model's answers, in any order.

    The surprise is made as D. J. Spiegelhalter's test of calibration is ("Probabilistic prediction in patient
    management and clinical trials", Statistics in Medicine, 1986), of log losses in place of squared ones: of a chance
    p the loss has the mean of the entropy, and the variance p (1 - p) logit(p)². What a model is sure of counts most,
    and an hour that it holds for uncertain surprises it either way but little. Labels that say the contrary are far
    off. Labels of one hour hang together, in a storm, so that honest hours, too, are off by more than chance.

    Args:
        every_us: how long a window is (µs), counted from the epoch.
    """

    def __init__(self, every_us: int) -> None:
        self._every_us = every_us
        self._starts: list[Integers] = []
        self._sums: list[Floats] = []

    def add(self, known_us: Integers, answer: Floats, label: Floats) -> None:
        """Take rows in: when each label was known (µs since the epoch), the model's chance, and the label."""
        if not len(label):
            return
        of_one, of_zero = Seen([(answer, label)]).logs
        odds, variance = of_one - of_zero, np.exp(of_one + of_zero)
        each = [np.ones(len(label)), label, answer, (answer - label) * odds, variance * np.square(odds)]
        self._group(known_us // self._every_us * self._every_us, np.stack(each))

    def windows(self) -> list[LabelWindow]:
        """The windows, oldest first; none where there are no rows."""
        if not self._starts:
            return []
        starts, sums = np.concatenate(self._starts), np.concatenate(self._sums, axis=1)
        self._starts, self._sums = [], []
        self._group(starts, sums)
        (known,), (found,) = self._starts, self._sums
        return [_window(start, *one) for start, one in zip(known.tolist(), found.T.tolist(), strict=True)]

    def _group(self, starts: Integers, each: Floats) -> None:
        """Keep the sums of each window."""
        known, places = np.unique(starts, return_inverse=True)
        self._starts.append(known)
        self._sums.append(np.stack([np.bincount(places, one, len(known)) for one in each]))


def _window(start_us: int, rows: float, ones: float, expected: float, excess: float, variance: float) -> LabelWindow:
    # A chance of one half says nothing, whatever comes.
    surprise = excess / math.sqrt(variance) if variance else 0.0
    return LabelWindow(start_us, int(rows), ones / rows, expected / rows, surprise)
