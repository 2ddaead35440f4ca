"""Filters as text: what they print is read back, and whatever else is refused with the place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import RequestError
from headrace.features.instant import instant_of
from headrace.training.data.filter_text import filters_of
from headrace.training.data.filters import (
    OPERATORS,
    Condition,
    EntityShare,
    Present,
    RowFilter,
    TimeRange,
    before,
    entity_split,
    from_,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
VALUES = st.one_of(
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.dates(),
)
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(instant_of)


def _share(edges: list[float], salt: str) -> EntityShare:
    return EntityShare(("card",), min(edges), max(edges), salt)


SHARES = entity_split(["card", "shop"], {"train": 0.7, "valid": 0.2, "test": 0.1})
FILTERS: st.SearchStrategy[RowFilter] = st.one_of(
    st.builds(Condition, NAMES, st.sampled_from(sorted(OPERATORS)), VALUES),
    st.builds(from_, NAMES, INSTANTS),
    st.builds(before, NAMES, INSTANTS),
    st.sampled_from(list(SHARES.values())),
    st.builds(_share, st.lists(st.floats(0, 1), min_size=2, max_size=2, unique=True), st.text(max_size=9)),
    st.builds(Present, NAMES),
    st.builds(TimeRange, NAMES, st.none(), st.none()),
)


@given(st.lists(FILTERS, min_size=1, max_size=4))
def test_filters_are_read_back_from_what_they_print(filters: list[RowFilter]) -> None:
    assert filters_of(" and ".join(map(str, filters))) == tuple(filters)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "expected comparisons joined by 'and'"),
        ("amt > 3 or amt < 1", "found ' or amt < 1'"),
        ("amt > 3 and ", "found ''"),
        ("amt => 3", "found 'amt => 3'"),
        ("line == a", "a quoted text, true, false, a date or an instant, found 'a'"),
        ("at > 2013-10-01T00:00:00Z", "an instant is compared by >= or <, found '>'"),
        ("at >= 2013-10-91", "expected a date of the years 1 to 9999, found '2013-10-91'"),
        ("at >= 2013-10-91T00:00:00Z", "of the years 1 to 9999 in UTC, found '2013-10-91T00:00:00Z'"),
        ("hash of card in [0.1.2, 1)", "found 'hash of card in"),
        ("amt > [1,2]", "found"),
        ("hash of card in [0.9, 0.1)", "expected 0 <= low < high <= 1, found 0.9 and 0.1"),
        ("hash of card in [0.5, 1.5)", "expected 0 <= low < high <= 1"),
        ("hash of card salted own in [0.5, 1)", "found 'hash of card salted own"),
        (
            "amt > 9223372036854775808",
            "at most 64 bits, a text of Unicode, a boolean, a date or an instant, found 9223372036854775808",
        ),
        (f"amt > {'9' * 5_000}", "expected a number"),
        ("amt > 1e999", "expected a finite number"),
        ("line == '\\ud800'", "a text of Unicode"),
        ("at >= 9999-12-31T23:59:59-14:00", "of the years 1 to 9999 in UTC, found '9999"),
        ("at < 0001-01-01T00:00:00+14:00", "of the years 1 to 9999 in UTC, found '0001"),
    ],
)
def test_a_text_that_is_no_filter_is_refused_where_it_goes_wrong(text: str, found: str) -> None:
    with pytest.raises(RequestError) as refused:
        filters_of(text)
    assert found in str(refused.value)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(RequestError, match="zone"):
        filters_of("at >= 2013-10-01T00:00:00")
