"""The largest prefix that a side finishes within a limit: from a small one upwards, each guess from the last time."""

from __future__ import annotations

from collections.abc import Callable

from headrace.bench.measure import Measured
from headrace.errors import JobError

#: A run that took this share of the limit is the answer: a further leap would gain less than the search costs.
NEAR_ENOUGH = 0.65
# A leap aims at this share of the limit, by at most this factor, on a cost that grows a little faster than the rows.
AIM, GREATEST_LEAP, LEAP_EXPONENT = 0.85, 8.0, 0.9

#: Runs a prefix of so many rows; None when it did not finish within so many seconds.
Attempt = Callable[[int, float], Measured | None]


def largest_prefix(attempt: Attempt, first: int, most: int, limit_s: float) -> Measured:
    """The run over the largest prefix found, of at most `most` rows.

    Raises:
        JobError: not even the first prefix is finished in time.
    """
    best, rows = None, first
    while (found := attempt(rows, limit_s)) is not None:
        best = found
        if found.wall_s >= NEAR_ENOUGH * limit_s or rows >= most:
            return best
        rows = min(most, next_prefix(rows, found.wall_s, limit_s))
    if best is None:
        msg = f"the first prefix, {first:,} rows, did not finish within {limit_s:.0f} s; begin with a smaller one"
        raise JobError(msg)
    return best


def next_prefix(rows: int, wall_s: float, limit_s: float) -> int:
    """How many rows to try after so many took so long; always more.

    >>> next_prefix(40_000, 10.0, 120.0), next_prefix(400_000, 60.0, 120.0)
    (320000, 644857)
    """
    return int(rows * min(GREATEST_LEAP, max(1.1, (AIM * limit_s / wall_s) ** LEAP_EXPONENT)))
