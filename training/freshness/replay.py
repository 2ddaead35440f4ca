"""One cadence over history: each row is tested, and only later, when its label has come, learned from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from headrace.errors import TrainingError
from headrace.training.data.order import Order
from headrace.training.freshness.cadences import DECAY, DRIFT, WINDOW, Cadence
from headrace.training.freshness.history import History, Integers
from headrace.training.freshness.in_memory import Drawn, RowsInMemory
from headrace.training.freshness.watch import DriftWatch
from headrace.training.learning.guarding import answer_fault
from headrace.training.learning.learner import Step
from headrace.training.learning.metrics import Floats
from headrace.training.learning.reproducible import reproducible
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import Plan, Trainer

#: Rows that are answered at once, so that a wide network's layers fit into memory.
ANSWERED_ROWS = 16_384
#: Told of so many more rows that were tested or learned from.
Told = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Learning:
    """How a replay learns.

    Attributes:
        new: makes a learner that knows nothing.
        trained: makes one with the weights that every cadence begins with.
        plan: how long a model learns that is made anew.
    """

    new: Callable[[], TorchLearner]
    trained: Callable[[], TorchLearner]
    plan: Plan
    batch_rows: int
    seed: int


@dataclass
class Replayed:
    """What became of a cadence.

    Attributes:
        answers: to each row from the start on, by the model of its moment [rows].
        updates: how often it learned; `rows_visited` and `cpu_s` are what that took.
        kept: how often labels had come, but no row was there to make a new model of, so that the former one stayed.
        refused: rows that the learner's guard refused.
    """

    cadence: Cadence
    answers: Floats
    updates: int = 0
    kept: int = 0
    rows_visited: int = 0
    cpu_s: float = 0.0
    refused: int = 0


class Replay:
    """Cadences over one history, each by itself.

    Args:
        told: of progress, in rows tested and learned from.
    """

    def __init__(self, history: History, learning: Learning, told: Told) -> None:
        self.history, self.learning, self._told = history, learning, told

    def work(self, cadence: Cadence) -> int:
        """About how many rows a cadence tests and learns from, for whoever shows how far it is; of drift it tests."""
        history, instants = self.history, self._instants(cadence)
        if cadence.every == DRIFT:
            learned = 0
        elif not cadence.anew:
            learned = len(history.known(history.start_us, int(instants[-1]))) if len(instants) else 0
        else:
            # Weights that halve over a span add up to as much as weights of 1 over the span through ln 2.
            span = {WINDOW: cadence.span_us, DECAY: cadence.span_us / math.log(2)}.get(cadence.anew, math.inf)
            events = history.event_us
            ends = np.searchsorted(events, instants) - np.searchsorted(events, instants - span)
            learned = int(ends.sum()) * self.learning.plan.epochs
        return len(history.event_us) - history.first + learned

    def run(self, cadence: Cadence) -> Replayed:
        """Test every row from the start on by the model of its moment, and learn at the instants of a cadence.

        Raises TrainingError for an answer that is not finite, with the row, and for an epoch that taught nothing.
        """
        history = self.history
        found = Replayed(cadence, np.empty(len(history.event_us) - history.first))
        learner, since = self.learning.trained(), history.start_us
        instants = self._instants(cadence)
        edges = [history.first, *np.searchsorted(history.event_us, instants).tolist(), len(history.event_us)]
        watch = DriftWatch(history) if cadence.every == DRIFT else None
        with reproducible():
            self._answer(learner, found, edges[0], edges[1])
            for now, (first, last) in zip(instants.tolist(), pairwise(edges[1:]), strict=True):
                if watch is None or watch.drifted(found.answers, now):
                    learner, since = self._learned(learner, found, since, now), now
                self._answer(learner, found, first, last)
        return found

    def _instants(self, cadence: Cadence) -> Integers:
        """When a cadence learns; after the last row there is nothing to be gained by it."""
        history = self.history
        coming = history.label_us[history.by_label]
        coming = coming[np.searchsorted(coming, history.start_us) :]
        return cadence.instants(coming, history.start_us, int(history.event_us[-1]))

    def _answer(self, learner: TorchLearner, found: Replayed, first: int, last: int) -> None:
        """Test the rows between two places."""
        for start in range(first, last, ANSWERED_ROWS):
            end = min(start + ANSWERED_ROWS, last)
            rows = self.history.batch[start:end]
            answers = learner.answers(rows).numpy().astype(np.float64)
            fault = answer_fault(answers, rows.positions.numpy())
            if fault:
                msg = f"cadence {found.cadence.name!r}, after {found.updates} updates: {fault}; look at its numbers, "
                raise TrainingError(msg + "or take a lower rate of learning")
            found.answers[start - self.history.first : end - self.history.first] = answers
            self._told(end - start)

    def _learned(self, learner: TorchLearner, found: Replayed, since_us: int, now_us: int) -> TorchLearner:
        """The learner of an instant: the same one where there is nothing to learn from, or no label has come since."""
        places = self.history.known(since_us, now_us)
        if not len(places):
            return learner
        begun = time.process_time()
        if found.cadence.anew:
            learner = self._anew(learner, found, now_us)
        else:
            rows = self.history.learnable(places, now_us)
            for batch in RowsInMemory(lambda _: rows, self.learning.batch_rows, Order(shuffle=False)):
                self._count(found, learner.learn_tensors(batch))
            found.updates += 1
        found.cpu_s += time.process_time() - begun
        return learner

    def _anew(self, former: TorchLearner, found: Replayed, now_us: int) -> TorchLearner:
        """A new model; the former one where an epoch would have no row to learn from."""
        learning, drawn = self.learning, self._drawn(found.cadence, now_us)
        if not all(drawn.count(epoch) for epoch in range(learning.plan.epochs)):
            found.kept += 1
            return former
        learner = learning.new()
        trainer = Trainer(
            learner, RowsInMemory(drawn.of_epoch, learning.batch_rows, Order(learning.seed)), learning.plan
        )
        trainer.subscribe("micro_batch", lambda event: self._count(found, event.step))
        try:
            trainer.run()
        except TrainingError as error:
            msg = f"cadence {found.cadence.name!r}, after {found.updates} updates: {error}"
            raise TrainingError(msg) from error
        found.updates += 1
        return learner

    def _drawn(self, cadence: Cadence, now_us: int) -> Drawn:
        """The rows of which a cadence makes a new model."""
        history, places = self.history, self.history.known(None, now_us)
        if cadence.anew == WINDOW:
            places = places[history.event_us[places] >= now_us - cadence.span_us]
        rows = history.learnable(places, now_us)
        share = np.exp2((history.event_us[places] - now_us) / cadence.span_us) if cadence.anew == DECAY else None
        return Drawn(rows, share, self.learning.seed)

    def _count(self, found: Replayed, step: Step | None) -> None:
        """Take a micro-batch that was learned from into the counts."""
        if step is not None:
            found.rows_visited += step.rows
            found.refused += 0 if step.learned else step.rows
            self._told(step.rows)
