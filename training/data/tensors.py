"""`TensorBatch`: rows as tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class TensorBatch:
    """Rows as tensors, one row of each tensor a row of the data.

    Attributes:
        numbers: float32 [rows, n], always finite.
        categories: int64 [rows, k], each from 0 to below its size.
        label: float32 [rows], finite; None where rows are only scored.
        positions: int64 [rows], the row's place in the snapshot, files in the order of commits, or in what was encoded.

    >>> one = TensorBatch(torch.ones(2, 1), torch.zeros(2, 0, dtype=torch.int64), None, torch.arange(2))
    >>> len(one), len(TensorBatch.joined([one, one])[1:])
    (2, 3)
    """

    numbers: Tensor
    categories: Tensor
    label: Tensor | None
    positions: Tensor

    @classmethod
    def joined(cls, parts: Sequence[TensorBatch]) -> TensorBatch:
        """The rows of at least one batch, one after the other; all have labels, or none, and are the processor's."""
        if len(parts) == 1:
            return parts[0]
        labels = [part.label for part in parts if part.label is not None]
        return cls(
            _behind([part.numbers for part in parts]),
            _behind([part.categories for part in parts]),
            _behind(labels) if labels else None,
            _behind([part.positions for part in parts]),
        )

    @classmethod
    def shuffled(cls, parts: Sequence[TensorBatch], order: npt.NDArray[np.int64]) -> TensorBatch:
        """The rows that `joined` gives, in an order [rows] of their places there; each row is copied once."""
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        labels = [part.label for part in parts if part.label is not None]
        return cls(
            _scattered([part.numbers for part in parts], places),
            _scattered([part.categories for part in parts], places),
            _scattered(labels, places) if labels else None,
            _scattered([part.positions for part in parts], places),
        )

    def __len__(self) -> int:
        return int(self.positions.shape[0])

    def __getitem__(self, rows: slice) -> TensorBatch:
        """Some of the rows, which share memory with these."""
        return self._with(lambda tensor: tensor[rows])

    def taken(self, order: Tensor) -> TensorBatch:
        """The rows of an index int64 [m], copied; all are the processor's."""
        places = order.numpy()
        return self._with(lambda tensor: torch.from_numpy(_rows_at(tensor.numpy(), places)))

    def split(self, sizes: Sequence[int]) -> Iterator[TensorBatch]:
        """All rows, so many at a time as some sizes say, which share memory with these."""
        labels = repeat(None, len(sizes)) if self.label is None else self.label.split_with_sizes(sizes)
        columns = (self.numbers, self.categories, self.positions)
        numbers, categories, positions = (one.split_with_sizes(sizes) for one in columns)
        return map(TensorBatch, numbers, categories, labels, positions)

    def to(self, device: torch.device | str) -> TensorBatch:
        """The same rows on a device; these themselves where they are there."""
        if self.numbers.device == device:
            return self
        return self._with(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> TensorBatch:
        """The same rows in memory from which a GPU copies by itself; a DataLoader asks for it."""
        return self._with(lambda tensor: tensor.pin_memory())

    def _with(self, change: Callable[[Tensor], Tensor]) -> TensorBatch:
        """Every tensor changed in the same way."""
        label = None if self.label is None else change(self.label)
        return TensorBatch(change(self.numbers), change(self.categories), label, change(self.positions))


# Rows are copied by NumPy, in the thread that asks: torch's own threads would share the work and wait for each other,
# which took twice the processor's time beside a thread that reads.


def _behind(tensors: Sequence[Tensor]) -> Tensor:
    """The rows of tensors of the processor, one after the other."""
    return torch.from_numpy(np.concatenate([tensor.numpy() for tensor in tensors]))


def _rows_at(values: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """The rows [m, ...] of an array at some places; a row of a matrix as one value, for half of the time."""
    if values.ndim == 1 or not values.size:
        return values.take(order, axis=0)
    taken = _as_rows(np.ascontiguousarray(values)).take(order)
    return taken.view(values.dtype).reshape(-1, values.shape[1])


def _scattered(tensors: Sequence[Tensor], places: npt.NDArray[np.int64]) -> Tensor:
    """The rows of tensors, each put at its place; a row of a matrix as one value here, too."""
    arrays = [np.ascontiguousarray(tensor.numpy()) for tensor in tensors]
    found = np.empty((len(places), *arrays[0].shape[1:]), arrays[0].dtype)
    if not found.size:
        return torch.from_numpy(found)
    rows, at = _as_rows(found), 0
    for array in arrays:
        # 'clip', as places are all within, and are not looked through again.
        np.put(rows, places[at : at + len(array)], _as_rows(array), mode="clip")
        at += len(array)
    return torch.from_numpy(found)


def _as_rows(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array [m, ...] whose rows lie behind each other as an array [m] that shares its memory."""
    if array.ndim == 1:
        return array
    return array.view(np.dtype((np.void, array.itemsize * array.shape[1]))).reshape(-1)
