"""The seeded order in which an epoch visits the rows: row groups in an order, and rows in an order within a buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.errors import DefinitionError
from headrace.training.data.row_groups import Integers, RowGroup

Words = npt.NDArray[np.uint64]

#: Keys of seeds, so that the order of row groups has nothing to do with that of rows.
OF_GROUPS, OF_ROWS = 0, 1


@dataclass(frozen=True, slots=True)
class Order:
    """How rows are visited: the same for the same seed and epoch, by any version of NumPy and in any process.

    Row groups come in a seeded order; as many of them as hold `buffer_rows` rows are a buffer, whose rows come in a
    seeded order too. A buffer has one row group at least, however many rows that has.

    Attributes:
        shuffle: False for the order of positions.
    """

    seed: int = 0
    shuffle: bool = True
    buffer_rows: int = 262_144

    def __post_init__(self) -> None:
        if self.seed < 0 or self.buffer_rows < 1:
            msg = f"order: expected seed >= 0 and buffer_rows >= 1; found {self.seed!r} and {self.buffer_rows!r}"
            raise DefinitionError(msg)

    def buffers(self, groups: Sequence[RowGroup], epoch: int, worker: int, workers: int) -> list[list[RowGroup]]:
        """The buffers of an epoch, in order, for one of several workers; every row group is in one buffer of one."""
        order = self.permutation(len(groups), [epoch, OF_GROUPS]) if self.shuffle else range(len(groups))
        found: list[list[RowGroup]] = []
        rows = self.buffer_rows
        for number in order[worker::workers]:
            if rows >= self.buffer_rows:
                found.append([])
                rows = 0
            found[-1].append(groups[number])
            rows += groups[number].rows
        return found

    def rows(self, count: int, epoch: int, buffer: Sequence[RowGroup]) -> Integers | None:
        """The order of the rows of a buffer; None for the one that they have."""
        return self.permutation(count, [epoch, OF_ROWS, buffer[0].start]) if self.shuffle else None

    def permutation(self, count: int, key: Sequence[int]) -> Integers:
        """A seeded order of so many things, another one for each key.

        By sorting raw random words, which NumPy keeps the same for ever; its `permutation` may change (NEP 19).
        """
        words = np.random.PCG64(np.random.SeedSequence([self.seed, *key])).random_raw(count)
        return order_of(words)


def order_of(words: Words) -> Integers:
    """The order that sorts words; equal words come in the order they had.

    >>> order_of(np.array([7, 3, 7, 5], np.uint64)).tolist()
    [1, 3, 0, 2]
    """
    # Places in the lowest bits of the words themselves: numbers are sorted in less than half of the time of an argsort.
    low = np.uint64((1 << len(words).bit_length()) - 1)
    packed = (words & ~low) | np.arange(len(words), dtype=np.uint64)
    packed.sort()
    above = packed & ~low
    if (above[1:] == above[:-1]).any():
        return np.argsort(words, kind="stable")
    return (packed & low).view(np.int64)
