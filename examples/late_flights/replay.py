"""The job's learning once more, in a plain loop: what it had learned when each flight left, and what came of it.

The loop learns what the job told that it learned, row by row in the same micro-batches. That the files of its models
are those of the job's candidates, byte for byte, shows that the job learned just this, each row once, kill or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from headrace.connectors.artifacts import address_of
from headrace.training.learning.metrics import Floats
from headrace.training.learning.torch_learner import TorchLearner

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Replayed:
    """What became of rows, in their order.

    Attributes:
        answers: the chance that the model of its departure gave to each flight [rows].
        knew_us: of that model, when the newest label that it had learned was known (µs since 1970); its least value
            where it had learned none of these rows.
        artifacts: the address of the model's files, by rows learned.
        log_loss: of each row just before it was learned: test, then train.
    """

    answers: Floats
    knew_us: Integers
    artifacts: Mapping[int, str]
    log_loss: float


def replay(learner: TorchLearner, rows: pa.Table, sizes: Sequence[int], kept: frozenset[int]) -> Replayed:
    """Learn rows in micro-batches, and answer each flight by the model that there was when it left.

    Args:
        learner: the model to go on from; it learns.
        rows: in the order in which their labels were known, with `departed_at` and `known_at`.
        sizes: of the micro-batches, which hold all rows.
        kept: after how many rows the model's files are looked at.
    """
    batches = rows.combine_chunks().to_batches()[0]
    departed, known = (micros(rows, name) for name in ("departed_at", "known_at"))
    by_departure = np.argsort(departed, kind="stable")
    leaves = departed[by_departure]
    answers, knew, artifacts, done, start = np.empty(len(known)), np.empty(len(known), np.int64), {}, 0, 0
    newest = int(np.iinfo(np.int64).min)
    for size in sizes:
        micro_batch, last = batches.slice(start, size), int(known[start + size - 1])
        left = by_departure[done : int(np.searchsorted(leaves, last, side="right"))]
        answers[left], knew[left] = _answers(learner, batches, left), newest
        loss = learner.learn(micro_batch).metrics["log_loss"]
        done, start, newest = done + len(left), start + size, last
        if start in kept:
            artifacts[start] = address_of(learner.artifact())
    rest = by_departure[done:]
    answers[rest], knew[rest] = _answers(learner, batches, rest), newest
    return Replayed(answers, knew, artifacts, loss or np.nan)


def micros(rows: pa.Table, name: str) -> Integers:
    """A column of instants, in µs since 1970."""
    return np.asarray(pc.cast(rows[name], pa.timestamp("us", "UTC")).cast(pa.int64()))


def _answers(learner: TorchLearner, rows: pa.RecordBatch, places: Integers) -> Floats:
    if not len(places):
        return np.empty(0)
    chosen = learner.fitted.encode(rows.take(pa.array(places)), labels=False)
    return learner.answers(chosen).numpy().astype(np.float64)
