from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from headrace.errors import RequestError
from headrace.features.instant import instant_of, instant_us
from headrace.training.freshness.cadences import Cadence, parse_cadences

NONE = np.empty(0, np.int64)


def at(*parts: int) -> int:
    return instant_us(datetime(*parts, tzinfo=UTC))  # type: ignore[misc, arg-type]


def due(name: str, start: int, end: int) -> list[str]:
    return [f"{instant_of(one):%m-%d %H:%M}" for one in Cadence.parse(name).instants(NONE, start, end).tolist()]


CALENDAR = {
    "monthly": ["02-01 00:00", "03-01 00:00"],
    "weekly": ["01-26 00:00", "02-02 00:00", "02-09 00:00", "02-16 00:00", "02-23 00:00"],
}


@pytest.mark.parametrize("name", CALENDAR)
def test_a_calendar_goes_by_months_and_by_mondays(name: str) -> None:
    assert due(name, at(2026, 1, 20, 5), at(2026, 3, 1)) == CALENDAR[name]


def test_days_and_hours_begin_behind_the_start_and_end_with_the_end() -> None:
    assert due("daily", at(2026, 1, 1), at(2026, 1, 3)) == ["01-02 00:00", "01-03 00:00"]
    assert due("hourly", at(2026, 1, 1, 22, 30), at(2026, 1, 2, 0, 59)) == ["01-01 23:00", "01-02 00:00"]
    assert due("static", at(2026, 1, 1), at(2027, 1, 1)) == []


def test_so_many_labels_are_complete_a_microsecond_after_the_last() -> None:
    labels = np.array([10, 11, 11, 12, 13, 30], np.int64)
    assert Cadence.parse("2rows").instants(labels, 5, 100).tolist() == [12, 13, 31]
    assert Cadence.parse("4rows").instants(labels, 5, 100).tolist() == [13]
    assert Cadence.parse("2rows").instants(labels, 5, 13).tolist() == [12, 13]


def test_static_is_always_among_them_and_none_is_there_twice() -> None:
    assert [one.name for one in parse_cadences("daily, static,daily,monthly:decay=30d")] == [
        "static",
        "daily",
        "monthly:decay=30d",
    ]


WRONG = {
    "dayly": "did you mean 'daily'",
    "0rows": "'0rows' is none",
    "rows": "such as 500rows",
    "static:full": "a static model never learns",
    "daily:whole": "'whole' is none of full, window=DURATION",
    "daily:window": "'window' is none of full",
    "daily:full=3d": "'full=3d' is none of full",
    "daily:window=3": "is no duration",
    "daily:decay=0d": "decay of no time has no rows",
}


@pytest.mark.parametrize("text", WRONG)
def test_a_cadence_that_is_none_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(RequestError, match=WRONG[text]):
        parse_cadences(text)
