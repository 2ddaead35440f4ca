"""Every operation of the allow-list, by group, on edge values: what the tests run and docs/expressions.md shows."""

from __future__ import annotations

from . import dates, nested, numbers, patterns, strings, times, values
from .case import Case

GROUPS: dict[str, tuple[Case, ...]] = {
    "strings": strings.CASES,
    "regular expressions": patterns.CASES,
    "numbers": numbers.CASES,
    "times": times.CASES,
    "dates": dates.CASES,
    "structs and lists": nested.CASES,
    "casts, NULL and choices": values.CASES,
}
