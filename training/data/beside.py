"""Encoded columns side by side as matrices, each row in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from headrace.training.data.columns import Doubles, Floats
from headrace.training.data.encoders import Encoded, Integers


def numbers_beside(columns: Sequence[Encoded], rows: int) -> Floats:
    """All numbers, float32 [rows, n]; one that is missing is 0, and 1 in the column behind it where it has a mask.

    >>> numbers_beside([Encoded([np.array([2.0, np.nan])], mask=True), Encoded([np.array([3.0, np.inf])])], 2).tolist()
    [[2.0, 0.0, 3.0], [0.0, 1.0, 0.0]]
    """
    placed = _placed(columns)
    found = np.zeros((rows, sum(len(one.numbers) * (1 + one.mask) for one in columns)), np.float32)
    flat = found.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        for place, numbers, _ in placed:
            found[:, place] = numbers
        squares = flat @ flat
    # Asked once for all: column by column it takes longer than everything else here. Squares cannot make up for each
    # other, so that their sum is finite only where each number is.
    if not np.isfinite(squares):
        for place, _, mask in placed:
            absent = ~np.isfinite(found[:, place])
            found[absent, place] = 0
            if mask:
                found[:, place + 1] = absent
    return found


def categories_beside(columns: Sequence[Encoded], rows: int) -> Integers:
    """All categories, int64 [rows, k]."""
    each = [indices for one in columns for indices in one.categories]
    found = np.empty((rows, len(each)), np.int64)
    for place, indices in enumerate(each):
        found[:, place] = indices
    return found


def _placed(columns: Sequence[Encoded]) -> list[tuple[int, Floats | Doubles, bool]]:
    """Each array of numbers with its place in the matrix, and whether a mask is behind it."""
    masked = [(numbers, one.mask) for one in columns for numbers in one.numbers]
    places = accumulate((1 + mask for _, mask in masked), initial=0)
    return [(place, numbers, mask) for place, (numbers, mask) in zip(places, masked, strict=False)]
