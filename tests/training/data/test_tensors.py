"""Rows as tensors: shuffled and cut without another value, or another row's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headrace.training.data import TensorBatch


def batch(start: int, rows: int, *, numbers: int = 3, categories: int = 2, label: bool = True) -> TensorBatch:
    places = torch.arange(start, start + rows)
    return TensorBatch(
        places[:, None] + torch.arange(numbers) / 8,
        places[:, None] * 10 + torch.arange(categories),
        -places.float() if label else None,
        places,
    )


def tensors(one: TensorBatch) -> list[torch.Tensor]:
    found = [one.numbers, one.categories, one.positions]
    return found if one.label is None else [*found, one.label]


def same(one: TensorBatch, other: TensorBatch) -> bool:
    pairs = list(zip(tensors(one), tensors(other), strict=True))
    return all(mine.dtype == theirs.dtype and torch.equal(mine, theirs) for mine, theirs in pairs)


@pytest.mark.parametrize("sizes", [[7], [3, 1, 9], [4, 0, 5]])
@pytest.mark.parametrize("shape", [{}, {"numbers": 0}, {"categories": 0}, {"label": False}, {"numbers": 1}])
def test_rows_of_several_parts_are_shuffled_as_those_of_one(sizes: list[int], shape: dict[str, int]) -> None:
    starts = np.cumsum([0, *sizes[:-1]])
    parts = [batch(int(start), rows, **shape) for start, rows in zip(starts, sizes, strict=True)]
    order = np.random.default_rng(5).permutation(sum(sizes))
    assert same(TensorBatch.shuffled(parts, order), TensorBatch.joined(parts).taken(torch.from_numpy(order)))


@pytest.mark.parametrize("label", [True, False])
def test_rows_are_cut_into_parts_that_share_their_memory(label: bool) -> None:
    whole = batch(0, 9, label=label)
    parts = list(whole.split([2, 4, 3]))
    assert [len(one) for one in parts] == [2, 4, 3]
    assert same(TensorBatch.joined(parts), whole)
    whole.numbers[2] = 77
    assert parts[1].numbers[0].tolist() == [77] * 3
