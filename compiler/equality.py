"""When two values of a feature are equal."""

from __future__ import annotations

import math
from typing import Any

from headrace.compiler.merge import LG_K
from headrace.compiler.plan import PlannedFeature, PlannedOnDemand

#: Floats that differ by less, relatively, are equal: the order in which a window's floats are added is nobody's.
TOLERANCE = 1e-9
#: A sketch counts exactly up to so many values; beyond, one standard error is 1 / sqrt of it. Five leave no doubt.
EXACT_UP_TO = 1 << LG_K
STANDARD_ERRORS = 5


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


def is_estimate(feature: PlannedFeature | PlannedOnDemand, found: Any, exact: Any) -> bool:
    """Whether two counts of different values differ by no more than an estimate of the exact one may.

    >>> feature = PlannedFeature("ips_1h", "count_distinct", "0a1b2c3d", ("distinct_ip",), "int")
    >>> is_estimate(feature, 10_100, 10_000), is_estimate(feature, 101, 100)
    (True, False)
    """
    is_counted = isinstance(feature, PlannedFeature) and feature.function == "count_distinct"
    if not is_counted or found is None or exact is None or exact <= EXACT_UP_TO:
        return False
    return bool(abs(found - exact) <= STANDARD_ERRORS * exact / EXACT_UP_TO**0.5)
