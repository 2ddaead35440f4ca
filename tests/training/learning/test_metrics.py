from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ModelError
from headrace.training.learning.metrics import (
    CALIBRATION_BINS,
    METRICS,
    METRICS_OF,
    MOST_ODDS,
    MOST_WAITING,
    ODDS_BINS,
    Floats,
    MetricSet,
)

#: An answer of 32 bits, as networks give them, with its label.
PAIRS = st.lists(st.tuples(st.floats(0, 1, width=32), st.sampled_from([0.0, 1.0])), max_size=40)


def columns(pairs: list[tuple[float, float]]) -> tuple[Floats, Floats]:
    found = np.array(pairs, np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def of(name: str, answer: Floats, label: Floats) -> float | None:
    metric = METRICS[name]()
    metric.update(answer, label)
    return metric.compute()


def log_loss(pairs: list[tuple[float, float]]) -> float:
    chances = [
        min(max(chance, 1e-7), 1 - 1e-7) if label else 1 - min(max(chance, 1e-7), 1 - 1e-7) for chance, label in pairs
    ]
    return sum(-math.log(chance) for chance in chances) / len(pairs)


def calibration_error(pairs: list[tuple[float, float]]) -> float:
    """By a loop over bins, each from its lower edge on."""
    total = 0.0
    for number in range(CALIBRATION_BINS):
        inside = [pair for pair in pairs if min(int(pair[0] * CALIBRATION_BINS), CALIBRATION_BINS - 1) == number]
        if inside:
            total += abs(sum(chance for chance, _ in inside) - sum(label for _, label in inside))
    return total / len(pairs)


ORACLES = {
    "log_loss": log_loss,
    "accuracy": lambda pairs: sum((chance >= 0.5) == (label == 1) for chance, label in pairs) / len(pairs),
    "brier": lambda pairs: sum((chance - label) ** 2 for chance, label in pairs) / len(pairs),
    "calibration_error": calibration_error,
    "mae": lambda pairs: sum(abs(answer - label) for answer, label in pairs) / len(pairs),
    "rmse": lambda pairs: math.sqrt(sum((answer - label) ** 2 for answer, label in pairs) / len(pairs)),
}


@pytest.mark.parametrize("name", ORACLES)
@given(pairs=PAIRS)
def test_a_metric_is_what_a_loop_over_rows_makes_of_it(name: str, pairs: list[tuple[float, float]]) -> None:
    found = of(name, *columns(pairs))
    if pairs:
        assert found == pytest.approx(ORACLES[name](pairs), abs=1e-9)
    else:
        assert found is None


def odds_bin(chance: float) -> int:
    kept = min(max(chance, 1e-7), 1 - 1e-7)
    odds = math.log(kept) - math.log1p(-kept)
    return int(min(max((odds + MOST_ODDS) * ODDS_BINS / (2 * MOST_ODDS), 0), ODDS_BINS - 1))


@given(pairs=PAIRS)
def test_the_area_is_off_by_half_the_pairs_of_one_bin_at_most(pairs: list[tuple[float, float]]) -> None:
    ones = [chance for chance, label in pairs if label == 1]
    zeros = [chance for chance, label in pairs if label == 0]
    found = of("auc", *columns(pairs))
    if not (ones and zeros):
        assert found is None
        return
    right = sum((one > zero) + 0.5 * (one == zero) for one in ones for zero in zeros)
    near = sum(odds_bin(one) == odds_bin(zero) and one != zero for one in ones for zero in zeros)
    pairs_in_all = len(ones) * len(zeros)
    assert found is not None
    assert abs(found - right / pairs_in_all) <= 0.5 * near / pairs_in_all + 1e-9


def test_rare_ones_are_told_apart() -> None:
    """Chances of 0.1 % and 0.2 %: a histogram of chances would have them in one bin."""
    answer = np.array([0.001] * 50 + [0.002] * 50)
    label = np.array([0.0] * 49 + [1.0] + [0.0] * 40 + [1.0] * 10)
    assert of("auc", answer, label) == pytest.approx((10 * 49 + 0.5 * (49 + 10 * 40)) / (11 * 89))


@pytest.mark.parametrize("name", METRICS)
@given(first=PAIRS, second=PAIRS)
def test_parts_merge_into_the_whole(
    name: str, first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    merged, other = METRICS[name](), METRICS[name]()
    merged.update(*columns(first))
    other.update(*columns(second))
    merged.merge(other.sums)
    whole = of(name, *columns([*first, *second]))
    assert merged.compute() == (None if whole is None else pytest.approx(whole))


def test_a_reset_forgets() -> None:
    metrics = MetricSet.of_task("binary")
    metrics.update(np.array([0.2, 0.9]), np.array([1.0, 0.0]))
    metrics.reset()
    assert metrics.compute() == dict.fromkeys(("log_loss", "auc", "accuracy", "brier", "calibration_error"))


def test_an_unknown_metric_gets_a_suggestion() -> None:
    with pytest.raises(ModelError, match="did you mean 'log_loss'"):
        MetricSet(["logloss"])


def test_sums_of_other_metrics_are_refused() -> None:
    metrics = MetricSet(["mae"])
    with pytest.raises(ModelError, match=r"expected lengths \{'mae': 2\}, found \{'rmse': 2\}"):
        metrics.merge(MetricSet(["rmse"]).sums())


PARTS = st.lists(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.sampled_from([0.0, 1.0])), max_size=12),
    min_size=MOST_WAITING - 3,
    max_size=MOST_WAITING + 9,
)


@pytest.mark.parametrize("task", METRICS_OF)
@given(parts=PARTS)
@settings(max_examples=20)
def test_sums_are_the_same_bits_whether_looked_at_often_or_once(
    task: str, parts: list[list[tuple[float, float]]]
) -> None:
    """A learner's state is made after any micro-batch, and must not depend on when."""
    often, once = MetricSet.of_task(task), MetricSet.of_task(task)
    for part in parts:
        often.update(*columns(part))
        often.sums()
        once.update(*columns(part))
    mine, theirs = often.sums(), once.sums()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    assert mine[METRICS_OF[task][0]][0] == sum(map(len, parts))


def test_values_are_those_of_their_moment_whatever_comes_after() -> None:
    metrics, answer = MetricSet(["mae"]), np.array([1.0, 3.0])
    metrics.update(answer, np.array([1.0, 1.0]))
    then = metrics.values
    for _ in range(2 * MOST_WAITING):
        metrics.update(answer, answer)
    assert dict(then) == {"mae": 1.0}
    assert metrics.compute() == {"mae": 2 / (2 + 4 * MOST_WAITING)}
