"""Hours of flights whose labels say the contrary, and what learning them does to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from headrace.examples.late_flights.departures import COLUMNS
from headrace.examples.late_flights.gates import WEEK
from headrace.examples.late_flights.history import arrow_rows
from headrace.examples.late_flights.stream import LateFlightsAsTheyLand
from headrace.training.learning.metrics import LogLoss
from headrace.training.learning.torch_learner import TorchLearner

#: The first hour that is flipped has at least so many flights: at night few land.
BUSY = 30
#: How many hours are flipped, until it matters.
HOURS = (1, 2, 4, 8, 16, 24)
#: The rows of these hours are in a partition of their own, so that no two rows have one place.
PARTITION = 1


@dataclass(frozen=True)
class Flip:
    """Some hours of flights, and log loss on the week after them.

    Attributes:
        rows: as they were.
        before: of the model; `own` of one that has learned the rows as well, `flipped` with their labels flipped.
    """

    hours: int
    rows: pd.DataFrame
    before: float
    own: float
    flipped: float

    def __str__(self) -> str:
        moved = f"{self.own - self.before:+.4f} as they were, {self.flipped - self.before:+.4f} flipped"
        return f"{len(self.rows)} labels of {self.hours} h move the next week's log loss by {moved}"


def flips(learner: Callable[[], TorchLearner], rows: pd.DataFrame, count: int) -> Iterator[Flip]:
    """What more and more flipped hours do to a model that has learned the first `count` rows."""
    for hours in HOURS:
        chosen = hours_after(rows, count, hours)
        newest = chosen["known_at"].iloc[-1]
        week = rows[(rows["known_at"] > newest) & (rows["known_at"] <= newest + WEEK)]
        losses = [loss_after(learner(), learned, week) for learned in (chosen[:0], chosen, with_flipped_labels(chosen))]
        yield Flip(hours, chosen, *losses)


def hours_after(rows: pd.DataFrame, count: int, hours: int) -> pd.DataFrame:
    """The labels of some hours from the first busy one on that lies wholly behind the first `count` rows."""
    later = rows[rows["known_at"] > rows["known_at"].iloc[count - 1].ceil("h")]
    starts = later["known_at"].dt.floor("h")
    sizes = later.groupby(starts, sort=True).size()
    start = sizes.index[sizes >= BUSY][0]
    found: pd.DataFrame = later[(starts >= start) & (starts < start + pd.Timedelta(hours=hours))]
    return found.assign(_src_partition=PARTITION, _src_offset=range(len(found)))


def with_flipped_labels(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows whose labels say the contrary."""
    return rows.assign(late=1 - rows["late"])


def loss_after(learner: TorchLearner, learned: pd.DataFrame, tested: pd.DataFrame) -> float:
    """Log loss on rows of a model that has learned others, in the stream's micro-batches."""
    step = LateFlightsAsTheyLand.micro_batch_rows
    for start in range(0, len(learned), step):
        learner.learn(arrow_rows(learned[start : start + step], COLUMNS).to_batches()[0])
    answers = learner.answers(learner.fitted.encode(arrow_rows(tested, COLUMNS).to_batches()[0], labels=False))
    metric = LogLoss()
    metric.update(answers.numpy().astype(np.float64), tested["late"].to_numpy(np.float64))
    return metric.compute() or np.nan
