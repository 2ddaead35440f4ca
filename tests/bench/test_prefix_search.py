"""The search for the largest prefix within a limit, on sides whose cost is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.bench.measure import Measured
from headrace.bench.prefix_search import NEAR_ENOUGH, largest_prefix
from headrace.errors import JobError

LIMIT_S = 120.0


def attempt(cost: Callable[[int], float], tried: list[int]) -> Callable[[int, float], Measured | None]:
    def run(rows: int, limit_s: float) -> Measured | None:
        tried.append(rows)
        return Measured(rows, cost(rows), 1.0) if cost(rows) <= limit_s else None

    return run


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.2])
def test_the_answer_is_near_the_limit_after_few_attempts(exponent: float) -> None:
    tried: list[int] = []
    found = largest_prefix(attempt(lambda rows: 8.0 * (rows / 40_000) ** exponent, tried), 40_000, 10**9, LIMIT_S)
    assert NEAR_ENOUGH * LIMIT_S <= found.wall_s <= LIMIT_S
    assert len(tried) <= 5
    assert tried == sorted(set(tried))


def test_a_leap_too_far_leaves_the_last_that_was_finished() -> None:
    tried: list[int] = []
    found = largest_prefix(attempt(lambda rows: 50.0 if rows <= 1_000 else 500.0, tried), 1_000, 10**9, LIMIT_S)
    assert found.rows == 1_000
    assert len(tried) == 2


def test_it_ends_at_the_whole_table() -> None:
    tried: list[int] = []
    assert largest_prefix(attempt(lambda rows: 1.0, tried), 1_000, 6_000, LIMIT_S).rows == 6_000
    assert tried == [1_000, 6_000]


def test_a_first_prefix_that_is_too_large_is_an_error() -> None:
    with pytest.raises(JobError, match="the first prefix, 1,000 rows, did not finish within 120 s"):
        largest_prefix(attempt(lambda rows: 500.0, []), 1_000, 6_000, LIMIT_S)
