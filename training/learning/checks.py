"""Checks of what a user declares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import ModelError, did_you_mean

#: Bounds of `check_number`: the least number above 0, and the largest below 1.
ABOVE_0, BELOW_1 = math.ulp(0.0), math.nextafter(1.0, 0.0)


def check_name(name: str, known: Sequence[str] | Mapping[str, Any], what: str) -> None:
    """ModelError, with a suggestion, for a name that is not known."""
    if name not in known:
        msg = f"{what}: {name!r} is not known; {did_you_mean(str(name), known)}"
        raise ModelError(msg)


def check_number(value: Any, what: str, least: float, most: float = math.inf) -> None:
    """ModelError unless `value` is a finite number within bounds.

    >>> check_number(1.0, "beta1", 0, BELOW_1)
    Traceback (most recent call last):
    headrace.errors.ModelError: beta1 = 1.0: expected a finite number >= 0 and < 1
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not least <= value <= most:
        bound = "> 0" if least == ABOVE_0 else f">= {least}"
        if most < math.inf:
            bound += " and < 1" if most == BELOW_1 else f" and <= {most}"
        msg = f"{what} = {value!r}: expected a finite number {bound}"
        raise ModelError(msg)


def check_arguments(given: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """ModelError, with a suggestion, for an argument that is not known."""
    for name in given:
        if name not in known:
            msg = f"{what}: no argument {name!r}; {did_you_mean(name, known)}"
            raise ModelError(msg)
