"""When two values of a feature are equal."""

from __future__ import annotations

import math
from typing import Any

#: Floats that differ by less, relatively, are equal: the order in which a window's floats are added is nobody's.
TOLERANCE = 1e-9


def same(found: Any, expected: Any) -> bool:
    """Whether two values of a feature are equal; floats within `TOLERANCE`, all else exactly.

    >>> same(0.1 + 0.2, 0.3), same(0, None), same(1, True), same(2, 2.0), same([0], [False])
    (True, False, False, True, False)
    """
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(found, bool) or isinstance(expected, bool):
        return found is expected
    if isinstance(found, float) and isinstance(expected, int | float):
        return math.isclose(found, expected, rel_tol=TOLERANCE)
    return bool(found == expected)
