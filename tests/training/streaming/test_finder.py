"""Rows that are found by their positions, and ranges of those that are missing."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.errors import NotFoundError
from headrace.training.streaming.finder import Finder


def test_a_range_of_missing_rows_ends_with_its_partition_and_most_are_counted() -> None:
    none = np.empty((0, 2), np.int64)
    with pytest.raises(NotFoundError, match=r"rows: 3 rows .*: partition 0, offset 9; partition 1, offsets 1 to 2$"):
        Finder("rows", none, np.array([[0, 9], [1, 1], [1, 2]]))
    with pytest.raises(NotFoundError, match=r"7 rows .*; partition 4, offset 0, and 2 ranges more$"):
        Finder("rows", none, np.array([[partition, 0] for partition in range(7)]))
