from __future__ import annotations

import numpy as np
import pytest

from headrace.errors import ModelError, TrainingError
from headrace.training.learning.bootstrap import BlockBootstrap, student_quantile
from headrace.training.learning.metrics import METRICS, Floats

DAYS, ROWS_OF_A_DAY = 60, 25
DAY = np.repeat(np.arange(DAYS), ROWS_OF_A_DAY)


def errors(seed: int) -> Floats:
    """Errors of rows of which a day has an error of its own; their mean is 0.5 in the long run."""
    random = np.random.default_rng(seed)
    return np.clip(0.5 + np.repeat(random.normal(0, 0.1, DAYS), ROWS_OF_A_DAY) + random.normal(0, 0.05, len(DAY)), 0, 1)


def answers(seed: int) -> tuple[Floats, Floats]:
    """Chances, and labels of them."""
    random = np.random.default_rng(seed)
    chance = random.random(len(DAY))
    return chance, (random.random(len(DAY)) < chance).astype(float)


def covered(blocks: np.ndarray) -> float:  # type: ignore[type-arg]
    """How often the interval holds what is true."""
    zeros = np.zeros(len(DAY))
    found = [BlockBootstrap(blocks, seed=seed, resamples=400).metric("mae", errors(seed), zeros) for seed in range(100)]
    return float(np.mean([one.low <= 0.5 <= one.high for one in found]))


def test_intervals_by_day_hold_the_truth_as_often_as_they_say() -> None:
    # 95 of 100, less three standard errors of such a count.
    assert covered(DAY) > 0.88


def test_intervals_by_row_would_not_where_a_day_has_an_error_of_its_own() -> None:
    zeros = np.zeros(len(DAY))
    by_day, by_row = (
        BlockBootstrap(blocks, resamples=200).metric("mae", errors(1), zeros) for blocks in (DAY, np.arange(len(DAY)))
    )
    assert by_row.high - by_row.low < 0.5 * (by_day.high - by_day.low)


@pytest.mark.parametrize("days", [5, 10, 30])
def test_a_difference_is_claimed_as_rarely_as_they_say_of_however_few_days(days: int) -> None:
    """Of two models that err alike in the long run; percentiles alone claim one in a sixth of cases of 5 days."""
    random, drawn = np.random.default_rng(days), BlockBootstrap(np.arange(days), seed=days, resamples=400)
    zeros, measured = np.zeros(days), 300
    pairs = random.normal(5, 1, (measured, 2, days))
    claimed = sum(not drawn.difference("mae", one, other, zeros).holds_zero for one, other in pairs)
    # 5 of 100, more or less three standard errors of such a count.
    assert 0.012 < claimed / measured < 0.088


#: M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", 1964, table 26.10.
TABLE = {(0.95, 4): 2.132, (0.975, 4): 2.776, (0.975, 9): 2.262, (0.975, 29): 2.045, (0.9, 6): 1.440}


@pytest.mark.parametrize(("share", "degrees"), TABLE)
def test_students_quantiles_are_those_of_the_table(share: float, degrees: int) -> None:
    assert student_quantile(share, degrees) == pytest.approx(TABLE[share, degrees], abs=0.001)


@pytest.mark.parametrize("name", METRICS)
def test_the_value_is_the_metric_of_all_rows(name: str) -> None:
    chance, label = answers(seed=2)
    metric = METRICS[name]()
    metric.update(chance, label)
    found = BlockBootstrap(DAY, resamples=50).metric(name, chance, label)
    assert found.value == pytest.approx(metric.compute())
    assert found.low < found.value < found.high


def test_rows_of_a_block_need_not_lie_together() -> None:
    chance, label = answers(seed=3)
    order = np.random.default_rng(0).permutation(len(DAY))
    tidy, mixed = BlockBootstrap(DAY, resamples=50), BlockBootstrap(DAY[order], resamples=50)
    expected = tidy.metric("log_loss", chance, label)
    found = mixed.metric("log_loss", chance[order], label[order])
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert mixed.by_block("brier", chance[order], label[order]) == pytest.approx(tidy.by_block("brier", chance, label))


def test_a_difference_is_drawn_in_pairs() -> None:
    """Two models err on the same days, so that their difference is surer than either."""
    zeros, first = np.zeros(len(DAY)), errors(4)
    drawn = BlockBootstrap(DAY, resamples=200)
    found, alone = drawn.difference("mae", first - 0.01, first, zeros), drawn.metric("mae", first, zeros)
    assert found.value == pytest.approx(-0.01)
    assert found.high - found.low < 1e-9 < alone.high - alone.low
    assert not found.holds_zero
    assert drawn.difference("mae", first, first, zeros).holds_zero


def test_days_are_those_of_utc() -> None:
    day_us = 86_400_000_000
    event_us = np.arange(10) * (day_us // 2)
    assert BlockBootstrap.by_day(event_us).blocks.tolist() == [0, 1, 2, 3, 4]


def test_the_same_seed_draws_the_same() -> None:
    chance, label = answers(seed=5)
    first, again, other = (
        BlockBootstrap(DAY, seed=seed, resamples=50).metric("auc", chance, label) for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused_by_every_metric(name: str, value: float) -> None:
    chance, label = answers(seed=7)
    wrong = np.where(np.arange(len(DAY)) == 40, value, chance)
    drawn = BlockBootstrap(DAY, resamples=5)
    with pytest.raises(TrainingError, match=f"1 answers are not finite, the first {value} of row 40"):
        drawn.difference(name, chance, wrong, label)
    with pytest.raises(TrainingError, match="labels are not finite"):
        drawn.metric(name, chance, wrong)


def test_what_cannot_be_said_is_refused() -> None:
    chance, label = answers(seed=6)
    with pytest.raises(TrainingError, match=r"of 4 blocks .*; expected at least 5"):
        BlockBootstrap(np.arange(4))
    with pytest.raises(ModelError, match="did you mean 'log_loss'"):
        BlockBootstrap(DAY).metric("logloss", chance, label)
    with pytest.raises(TrainingError, match="labels are all alike"):
        BlockBootstrap(DAY, resamples=5).metric("auc", chance, np.zeros(len(DAY)))
    with pytest.raises(TrainingError, match=r"answers of shape \(3,\); expected one for each of the 1,500 rows"):
        BlockBootstrap(DAY).metric("auc", chance[:3], label)
    with pytest.raises(ModelError, match="bootstrap: level"):
        BlockBootstrap(DAY, level=1)
