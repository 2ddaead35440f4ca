"""What learns: the one thing that full training and the job on the stream share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pyarrow as pa

from headrace.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one micro-batch.

    Attributes:
        rows: how many it has.
        loss: of the model as it was before the update; NaN or infinite as found, None where it was not asked
            since its rows were refused.
        metrics: of all rows tested so far, each before it was learnt from; None where a metric is not defined yet.
        learned: whether the weights were updated; where not, they are as they were, and `reason` says why.
        refused: the rows that were not learnt from, for a table of dead letters, where they were given as rows; of
            those that were left out of a micro-batch which was learnt, `reason` says why, too.
        first: the place, from 0, of the row that `reason` speaks of, in a micro-batch that was refused; None: of none.
        left_out: their places, from 0, in a micro-batch which was learnt.
    """

    rows: int
    loss: float | None
    metrics: Mapping[str, float | None]
    learned: bool
    reason: str = ""
    refused: pa.RecordBatch | None = None
    left_out: tuple[int, ...] = ()
    first: int | None = None

    def __post_init__(self) -> None:
        refused = 0 if self.refused is None else self.refused.num_rows
        if self.learned and refused != len(self.left_out):
            msg = f"a learned step of {self.rows} rows has {refused} in `refused` and {len(self.left_out)} places in "
            raise TrainingError(msg + "`left_out`; expected a place for each row: the learner must give both")

    @property
    def diverged(self) -> bool:
        """Whether the model failed and not its rows: a loss was worked out of them, and nothing could be learnt by it.

        >>> Step(3, float("nan"), {}, learned=False, reason="the loss is nan").diverged
        True
        >>> Step(3, None, {}, learned=False, reason="a label is not finite").diverged
        False
        """
        return not self.learned and self.loss is not None


@dataclass(frozen=True, slots=True)
class Counters:
    """What a learner has done: part of its state, so that it is as exact as its weights.

    Attributes:
        rows_visited: rows that were given to it; `rows_learned` of them updated the weights.
        batches: micro-batches that were given to it; `steps` of them updated the weights.
    """

    rows_visited: int = 0
    rows_learned: int = 0
    batches: int = 0
    steps: int = 0

    def visited(self, rows: int, *, learned: int) -> Counters:
        """The counters after one more micro-batch, of whose rows so many were learnt from.

        >>> Counters().visited(5, learned=4).visited(3, learned=0)
        Counters(rows_visited=8, rows_learned=4, batches=2, steps=1)
        """
        steps = self.steps + (learned > 0)
        return Counters(self.rows_visited + rows, self.rows_learned + learned, self.batches + 1, steps)


@runtime_checkable
class ChecksRows(Protocol):
    """A learner that can tell by columns alone whether it learns from such rows; a streaming trainer then asks it."""

    def check(self, columns: pa.Schema) -> None:
        """Raise, saying what it expects, where columns are not there or of a type that it does not take."""


@runtime_checkable
class Seeded(Protocol):
    """A learner that draws random numbers by a seed, which becomes a fact of what it learned."""

    @property
    def seed(self) -> int:
        """The seed, 0 or more."""


@runtime_checkable
class KnowsWhenUnready(Protocol):
    """A learner that can tell when what it has learned is no model yet; a streaming trainer makes no candidate then."""

    def unready(self) -> str | None:
        """Why it is none; None where it is one."""


class Learner(Protocol):
    """Learns from micro-batches, and is all in its state.

    `learn(a)`, `state`, `resume` elsewhere and `learn(b)` gives the state of `learn(a)`, `learn(b)` bit for bit.
    """

    @property
    def counters(self) -> Counters:
        """What it has done."""

    def learn(self, rows: pa.RecordBatch) -> Step:
        """Test the model on rows, then train it on them, unless a guard refuses."""

    def state(self) -> bytes:
        """Everything that it knows: weights, optimizer, counters and the sums of its metrics."""

    def resume(self, state: bytes) -> None:
        """Take a state back. ModelError, and nothing changed, for one that is not of such a learner."""

    def artifact(self) -> Mapping[str, bytes]:
        """The model as named files of JSON and safetensors; equal models are equal bytes."""
