"""Rows in memory as micro-batches, in a seeded order; all of them, or a seeded draw for each epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headrace.training.data.order import Order
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.metrics import Floats

#: Keys of seeds, so that which rows are drawn has nothing to do with their order.
OF_DRAWS, OF_ORDER = 0, 1


@dataclass
class RowsInMemory:
    """Micro-batches of rows, in another order each epoch: `Batches` of a `Trainer`.

    Attributes:
        rows: gives the rows of an epoch.
        order: of which the seed counts, and whether it shuffles.
    """

    rows: Callable[[int], TensorBatch]
    batch_rows: int
    order: Order
    _epoch: int = field(default=0, init=False)
    _given: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[TensorBatch]:
        rows = self.rows(self._epoch)
        if self.order.shuffle:
            rows = rows.taken(torch.from_numpy(self.order.permutation(len(rows), [self._epoch, OF_ORDER])))
        for start in range(self._given * self.batch_rows, len(rows), self.batch_rows):
            self._given += 1
            yield rows[start : start + self.batch_rows]

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""
        self._epoch, self._given = epoch, 0

    def state_dict(self) -> dict[str, Any]:
        """Where it is."""
        return {"epoch": self._epoch, "given": self._given}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._epoch, self._given = state["epoch"], state["given"]


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Rows of which each epoch has its own draw: every row by its share, which stands for a weight.

    Attributes:
        share: the chance of each row [rows]; None: all rows, always.
    """

    rows: TensorBatch
    share: Floats | None
    seed: int

    def of_epoch(self, epoch: int) -> TensorBatch:
        """The rows of an epoch, the same for the same seed by any version of NumPy."""
        if self.share is None:
            return self.rows
        return self.rows.taken(torch.from_numpy(np.flatnonzero(self._places(epoch, self.share))))

    def count(self, epoch: int) -> int:
        """How many rows an epoch has."""
        return len(self.rows) if self.share is None else np.count_nonzero(self._places(epoch, self.share))

    def _places(self, epoch: int, share: Floats) -> NDArray[np.bool_]:
        """Whether each row is drawn."""
        words = np.random.PCG64(np.random.SeedSequence([self.seed, epoch, OF_DRAWS])).random_raw(len(share))
        drawn: NDArray[np.bool_] = words < share * 2.0**64
        return drawn
