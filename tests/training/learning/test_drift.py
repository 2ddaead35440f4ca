"""The detector of drift beside river's, on streams whose changes are known, and on streams without one."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest
from river.drift.adwin_c import AdaptiveWindowing

from headrace.errors import ModelError, TrainingError
from headrace.training.learning.drift import BUCKETS, Drift, DriftDetector, DriftSpec

#: Errors of 0 and 1 whose share rises from one to the other; and by when that must have been found.
BEFORE, AFTER, FOUND_WITHIN = 0.2, 0.4, 512
#: As the limit of what is asked for: false alarms in so many rows.
ROWS_OF_AN_ALARM = 10_000


def errors(shares: list[float], rows: int, seed: int) -> list[float]:
    """So many errors of 0 and 1 with each share, one share after the other."""
    random = np.random.default_rng(seed)
    return np.concatenate([random.random(rows) < share for share in shares]).astype(float).tolist()


def log_losses(count: int, seed: int) -> list[float]:
    """Log losses of a model that knows each chance, over labels of those chances."""
    random = np.random.default_rng(seed)
    chance = 1 / (1 + np.exp(-random.normal(-1, 1.5, count)))
    return (-np.log(np.where(random.random(count) < chance, chance, 1 - chance))).tolist()


def alarms_of(found: list[Drift]) -> list[int]:
    return [one.at for one in found]


@pytest.mark.parametrize("every", [1, 32])
@pytest.mark.parametrize("seed", range(5))
def test_windows_are_cut_where_river_cuts_them(seed: int, every: int) -> None:
    losses = errors([0.3, 0.6, 0.1, 0.15], 1_200, seed) + np.random.default_rng(seed).random(800).tolist()
    river = AdaptiveWindowing(delta=0.01, clock=every, max_buckets=BUCKETS, min_window_length=1, grace_period=1)
    expected = [(at, int(river.get_width())) for at, loss in enumerate(losses, 1) if river.update(loss)]
    detector = DriftDetector(DriftSpec(delta=0.01, every=every))
    assert [(one.at, one.at - one.since) for one in detector.update_all(losses)] == expected
    assert len(expected) > 3
    assert detector.mean == pytest.approx(river.get_total() / river.get_width())


@pytest.mark.parametrize("seed", range(20))
def test_a_change_is_found_within_its_bound_and_not_before(seed: int) -> None:
    found = DriftDetector().update_all(errors([BEFORE, AFTER], 2_000, seed))
    assert 2_000 < found[0].at <= 2_000 + FOUND_WITHIN
    assert found[0].rises
    last = found[-1]
    assert last.before < last.after
    assert abs(last.since - 2_000) < FOUND_WITHIN


@pytest.mark.parametrize("kind", ["errors", "log losses"])
def test_streams_without_a_change_have_few_alarms(kind: str) -> None:
    rows, alarms = 0, 0
    for seed in range(20):
        losses = errors([BEFORE], 20_000, seed) if kind == "errors" else log_losses(20_000, seed)
        spec = DriftSpec() if kind == "errors" else DriftSpec(bound=4)
        rows, alarms = rows + len(losses), alarms + len(DriftDetector(spec).update_all(losses))
    assert alarms * ROWS_OF_AN_ALARM < rows


def test_losses_that_fall_are_a_change_that_does_not_rise() -> None:
    found = DriftDetector().update_all(errors([AFTER, BEFORE], 2_000, seed=1))
    assert found
    assert not any(one.rises for one in found)


def test_a_detector_goes_on_elsewhere_bit_for_bit() -> None:
    losses = errors([BEFORE, AFTER, BEFORE], 1_000, seed=3)
    whole = DriftDetector(DriftSpec(bound=1.5, every=8))
    expected = whole.update_all(losses)
    for stop in (0, 1, 7, 999, 1_203, 3_000):
        begun = DriftDetector(DriftSpec(bound=1.5, every=8))
        first = begun.update_all(losses[:stop])
        resumed = DriftDetector.of(begun.state())
        assert first + resumed.update_all(losses[stop:]) == expected
        assert resumed.state() == whole.state()


def test_state_grows_as_the_logarithm_of_the_stream() -> None:
    detector = DriftDetector()
    sizes = []
    for _ in range(6):
        detector.update_all(errors([BEFORE], 4_000 if not sizes else len(sizes) * 4_000, seed=len(sizes)))
        levels = json.loads(detector.state())["levels"]
        assert max(len(level) for level in levels) <= BUCKETS
        assert len(levels) <= np.log2(detector.seen) + 1
        sizes.append(len(detector.state()))
    assert max(after - before for before, after in pairwise(sizes)) < sizes[0]


@pytest.mark.parametrize("loss", [float("nan"), -0.1, float("-inf")])
def test_a_loss_that_is_none_changes_nothing(loss: float) -> None:
    detector = DriftDetector()
    detector.update_all([0.5] * 10)
    before = detector.state()
    with pytest.raises(TrainingError, match=r"loss .* after 10 others: expected a number from 0 on"):
        detector.update(loss)
    assert detector.state() == before


def test_a_loss_beyond_the_bound_counts_as_the_bound() -> None:
    detector = DriftDetector(DriftSpec(bound=2))
    detector.update_all([float("inf"), 1.0])
    assert detector.mean == 1.5


@pytest.mark.parametrize("state", [b"", b"{}", b"[1]", b'{"spec":{},"seen":1,"levels":[[[0,0],[1,0]]]}', b"\xff"])
def test_bytes_that_are_no_state_are_refused(state: bytes) -> None:
    with pytest.raises(ModelError, match="state of a drift detector"):
        DriftDetector.of(state)


@pytest.mark.parametrize("given", [{"delta": 0}, {"delta": 1}, {"bound": 0}, {"every": 0}, {"bound": float("nan")}])
def test_a_spec_that_cannot_be_meant_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=f"drift: {next(iter(given))}"):
        DriftSpec(**given)  # type: ignore[arg-type]


def f1(alarms: list[int], changes: list[int]) -> float:
    """Of alarms beside changes: the first alarm within `FOUND_WITHIN` rows of a change is right, others are wrong."""
    right = sum(any(0 < alarm - change <= FOUND_WITHIN for alarm in alarms) for change in changes)
    return 2 * right / (len(alarms) + len(changes))


@pytest.mark.parametrize(("after", "least"), [(0.4, 0.4), (0.3, 0.1)])
def test_alarms_are_worth_more_than_alarms_at_every_look(after: float, least: float) -> None:
    """Ten changes, large ones and small ones, of streams of twenty seeds."""
    shares, changes = [BEFORE, after] * 5 + [BEFORE], [2_000 * one for one in range(1, 11)]
    always = f1(list(range(32, 22_001, 32)), changes)
    found = [f1(alarms_of(DriftDetector().update_all(errors(shares, 2_000, seed))), changes) for seed in range(20)]
    assert always == pytest.approx(0.029, abs=0.001)
    assert np.mean(found) > least
