"""How far labels are from what a model expects, window by window."""

from __future__ import annotations

import numpy as np
import pytest

from headrace.training.models.label_windows import LabelWindow, LabelWindows

MINUTE_US = 60_000_000


def drawn(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A label a second, drawn by the very chances that a model gives."""
    random = np.random.default_rng(seed)
    chance = random.beta(1, 3, count)
    return np.arange(count) * 1_000_000, chance, (random.random(count) < chance).astype(float)


def windows(*parts: tuple[np.ndarray, np.ndarray, np.ndarray]) -> list[LabelWindow]:
    gathered = LabelWindows(MINUTE_US)
    for part in parts:
        gathered.add(*part)
    return gathered.windows()


def test_labels_by_the_models_own_chances_surprise_it_as_chance_does_and_flipped_ones_far_more() -> None:
    known, chance, label = drawn(60 * 400)
    found = np.array([one.surprise for one in windows((known, chance, label))])
    assert abs(found.mean()) < 0.15
    assert found.std() == pytest.approx(1, abs=0.1)
    assert found.max() < 5
    assert min(one.surprise for one in windows((known, chance, 1 - label))) > 5


def test_a_window_says_what_a_plain_loop_does() -> None:
    known, chance, label = drawn(120)
    first, second = windows((known, chance, label))
    mine = list(zip(chance[60:], label[60:], strict=True))
    losses = [-np.log(p if y else 1 - p) for p, y in mine]
    expected = [-p * np.log(p) - (1 - p) * np.log(1 - p) for p, _ in mine]
    variance = sum(p * (1 - p) * np.log(p / (1 - p)) ** 2 for p, _ in mine)
    assert second.surprise == pytest.approx((sum(losses) - sum(expected)) / np.sqrt(variance))
    assert (first.from_us, second.from_us, second.rows) == (0, MINUTE_US, 60)
    assert (second.ones, second.expected) == pytest.approx((label[60:].mean(), chance[60:].mean()))


def test_the_order_and_the_parts_in_which_rows_come_are_nobodys() -> None:
    known, chance, label = drawn(500)
    order = np.random.default_rng(1).permutation(500)
    parts = [tuple(column[places] for column in (known, chance, label)) for places in np.array_split(order, 7)]
    whole, found = windows((known, chance, label)), windows(*parts)
    assert [(one.from_us, one.rows) for one in found] == [(one.from_us, one.rows) for one in whole]
    assert [one.surprise for one in found] == pytest.approx([one.surprise for one in whole])


def test_windows_without_a_label_are_none() -> None:
    known, chance, label = drawn(60)
    found = windows((known, chance, label), (known + 5 * MINUTE_US, chance, label), (known[:0], chance[:0], label[:0]))
    assert [(one.from_us // MINUTE_US, one.rows) for one in found] == [(0, 60), (5, 60)]
    assert windows() == windows((known[:0], chance[:0], label[:0])) == []


def test_what_a_model_is_not_sure_of_does_not_surprise_it_and_what_it_is_certain_of_does() -> None:
    known, half = np.zeros(60, np.int64), np.full(60, 0.5)
    (unsure,) = windows((known, half, np.ones(60)))
    assert unsure.surprise == 0
    (certain,) = windows((known, np.zeros(60), np.ones(60)))
    assert 1_000 < certain.surprise < np.inf
