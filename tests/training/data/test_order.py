"""The order that words make: that of the words themselves, however few of their bits differ."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headrace.training.data.order import order_of

#: Words that differ in their highest bits, in their lowest, or not at all.
WORDS = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 3), st.integers(2**63, 2**63 + 3)), max_size=40)


@given(WORDS)
def test_words_are_in_the_order_of_a_stable_sort(words: list[int]) -> None:
    assert order_of(np.array(words, np.uint64)).tolist() == sorted(range(len(words)), key=words.__getitem__)


def test_random_words_are_in_the_order_of_an_argsort() -> None:
    words = np.random.PCG64(np.random.SeedSequence([3])).random_raw(50_000)
    assert np.array_equal(order_of(words), np.argsort(words))
