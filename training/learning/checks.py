"""Checks of what a user declares."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from headrace.errors import ModelError, did_you_mean


def check_name(name: str, known: Sequence[str] | Mapping[str, Any], what: str) -> None:
    """ModelError, with a suggestion, for a name that is not known."""
    if name not in known:
        msg = f"{what}: {name!r} is not known; {did_you_mean(str(name), known)}"
        raise ModelError(msg)


def check_number(value: Any, what: str, least: float, most: float = math.inf) -> None:
    """ModelError unless `value` is a finite number within bounds.

    >>> check_number(float("nan"), "rate", 0)
    Traceback (most recent call last):
    headrace.errors.ModelError: rate = nan: expected a finite number >= 0
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not least <= value <= most:
        bound = f">= {least}" if least != math.ulp(0.0) else "> 0"
        msg = f"{what} = {value!r}: expected a finite number {bound}" + (f" and <= {most}" if most < math.inf else "")
        raise ModelError(msg)


def check_arguments(given: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """ModelError, with a suggestion, for an argument that is not known."""
    for name in given:
        if name not in known:
            msg = f"{what}: no argument {name!r}; {did_you_mean(name, known)}"
            raise ModelError(msg)
