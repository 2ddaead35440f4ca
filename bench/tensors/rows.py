"""Generated rows to make tensors of: seeded, numbers and a label, none of them NULL, which not every side can have."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

SEED = 20_261_122
NUMBERS = tuple(f"v{one}" for one in range(8))
#: Counted by integers, so that there is more than one type to convert.
COUNT, LABEL = "counted", "failed"
COLUMNS = (*NUMBERS, COUNT, LABEL)


def labelled_rows(rows: int) -> pa.Table:
    """So many rows of `COLUMNS`.

    >>> labelled_rows(3).num_rows
    3
    """
    random = np.random.default_rng(SEED)
    numbers = {name: random.normal(size=rows) for name in NUMBERS}
    return pa.table({**numbers, COUNT: random.integers(0, 1_000, rows), LABEL: random.integers(0, 2, rows)})
