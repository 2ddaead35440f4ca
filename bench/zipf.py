"""How often each of many keys occurs: by a Zipf law, or all alike."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt


@cache
def shares(keys: int, exponent: float) -> npt.NDArray[np.float64]:
    """The share of all events that the keys up to each rank have; exponent 0: all alike.

    >>> shares(4, 0.0).tolist()
    [0.25, 0.5, 0.75, 1.0]
    """
    weights = 1 / np.arange(1, keys + 1, dtype=np.float64) ** exponent
    summed: npt.NDArray[np.float64] = np.cumsum(weights) / weights.sum()
    summed[-1] = 1.0
    return summed
