"""`DriftWatch`: whether a model has become worse, as far as labels that have come can tell."""

from __future__ import annotations

import numpy as np

from headrace.training.freshness.history import History
from headrace.training.learning.drift import DriftDetector
from headrace.training.learning.metrics import Floats


class DriftWatch:
    """Watches Brier's score of a binary model, row by row in the order in which labels come.

    It begins anew with each drift that it tells, since another model is expected then: rows that the former one was
    asked are left out, though their labels come later.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._begin(history.start_us)
        self._seen_us = history.start_us

    def drifted(self, answers: Floats, now_us: int) -> bool:
        """Whether labels that came since it was last asked show a drift. `answers` are those to all rows tested."""
        history = self._history
        fresh = history.known(self._seen_us, now_us)
        fresh = fresh[history.event_us[fresh] >= self._since_us]
        self._seen_us = now_us
        losses = np.square(answers[fresh - history.first] - history.labels[fresh])
        if not any(drift.rises for drift in self._detector.update_all(losses.tolist())):
            return False
        self._begin(now_us)
        return True

    def _begin(self, now_us: int) -> None:
        self._detector, self._since_us = DriftDetector(), now_us
