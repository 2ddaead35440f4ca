"""When the days of a zone begin: facts from the history of clocks, and what holds of every zone there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.features.instant import EPOCH, instant_of, instant_us
from headrace.features.local_day import (
    DAY_US,
    LONGER_AT_MOST_US,
    begin_us,
    day_of,
    days_held,
    runs,
    widest_tile_us,
)
from headrace.features.window import DAYS_AT_MOST

QUARTER_US = 900_000_000
#: Zone, date, and when the day began.
BEGINNINGS = [
    ("UTC", "2024-03-10", "2024-03-10T00:00Z"),
    # 23 hours, and 25.
    ("America/New_York", "2024-03-10", "2024-03-10T05:00Z"),
    ("America/New_York", "2024-03-11", "2024-03-11T04:00Z"),
    ("America/New_York", "2024-11-03", "2024-11-03T04:00Z"),
    ("America/New_York", "2024-11-04", "2024-11-04T05:00Z"),
    # Offsets of three quarters and of half an hour; the latter changes by half an hour too.
    ("Asia/Kathmandu", "2024-03-10", "2024-03-09T18:15Z"),
    ("Australia/Lord_Howe", "2024-04-07", "2024-04-06T13:00Z"),
    ("Australia/Lord_Howe", "2024-04-08", "2024-04-07T13:30Z"),
    # Midnight is skipped: the day begins at 01:00.
    ("America/Sao_Paulo", "2017-10-15", "2017-10-15T03:00Z"),
    ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00Z"),
    ("Africa/Cairo", "2023-04-28", "2023-04-27T22:00Z"),
    # Half an hour on both sides of midnight is skipped: it begins at 00:30.
    ("America/Toronto", "1919-03-31", "1919-03-31T04:30Z"),
    # The clock goes back from midnight to 23:00: the day before has 25 hours.
    ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00Z"),
    # It goes back from 01:00 to midnight, which comes twice.
    ("America/Havana", "2023-11-05", "2023-11-05T04:00Z"),
    # It went back from 00:01 to 23:01 of the day before: the day began all the same.
    ("America/St_Johns", "2006-10-29", "2006-10-29T02:30Z"),
    ("America/St_Johns", "2006-10-30", "2006-10-30T03:30Z"),
    # The 30th was skipped.
    ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00Z"),
    ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00Z"),
    ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00Z"),
]


def number_of(text: str) -> int:
    return (date.fromisoformat(text) - EPOCH.date()).days


def us_of(text: str) -> int:
    return instant_us(datetime.fromisoformat(text))


def shown(at_us: int, zone: str) -> int:
    """The date that a clock shows, as a day."""
    return (instant_of(at_us).astimezone(ZoneInfo(zone)).date() - EPOCH.date()).days


@pytest.mark.parametrize(("zone", "day", "began"), BEGINNINGS)
def test_a_day_begins_at_the_first_instant_of_its_date(zone: str, day: str, began: str) -> None:
    assert instant_of(begin_us(number_of(day), zone)) == instant_of(us_of(began))


def test_a_clock_that_shows_yesterday_again_is_still_in_today() -> None:
    at_us, zone = us_of("2006-10-29T02:40Z"), "America/St_Johns"
    assert (shown(at_us, zone), day_of(at_us, zone)) == (number_of("2006-10-28"), number_of("2006-10-29"))


def test_a_date_that_was_skipped_holds_nothing() -> None:
    first = us_of("2011-12-30T10:00Z")
    assert day_of(first, "Pacific/Apia") == number_of("2011-12-31")
    assert days_held(1, 1, "Pacific/Apia", first) == (first, first)
    assert days_held(2, 1, "Pacific/Apia", first) == (first - DAY_US, first)


def offsets(zone: str) -> tuple[tuple[int, timedelta | None], ...]:
    """The offset of a zone from UTC at noon of 2000-01-01, and of each day since, to 2037, on which it is another."""
    clock, noon = ZoneInfo(zone), datetime(2000, 1, 1, 12, tzinfo=UTC)
    first = (noon - EPOCH).days
    days = [(first + number, (noon + timedelta(days=number)).astimezone(clock).utcoffset()) for number in range(13_879)]
    return (days[0], *(later for one, later in pairwise(days) if one[1] != later[1]))


#: One zone of each history, so that none is tried twice under another name.
ZONES = {offsets(zone): zone for zone in sorted(available_timezones())}
#: By zone the days around which its offset changes.
CHANGES = {zone: [day + near for day, _ in history for near in (-1, 0, 1, 2)] for history, zone in ZONES.items()}


def test_many_zones_are_tried() -> None:
    assert len(CHANGES) > 150
    assert sum(map(len, CHANGES.values())) > 10_000


def test_in_every_zone_a_day_begins_at_the_first_instant_of_its_date() -> None:
    for zone, days in CHANGES.items():
        for day in days:
            began = begin_us(day, zone)
            assert shown(began - 1, zone) < day <= shown(began, zone), (zone, day)
            assert began <= begin_us(day + 1, zone), (zone, day)


def test_in_every_zone_days_begin_at_a_quarter_and_are_at_most_three_hours_longer() -> None:
    for zone, days in CHANGES.items():
        late = [(day, begin_us(day, zone) - day * DAY_US) for day in days]
        assert {us % QUARTER_US for _, us in late} == {0}, zone
        for number, (day, us) in enumerate(late):
            later = [other - us for last, other in late[number:] if last - day <= 2 * DAYS_AT_MOST]
            assert max(later) <= LONGER_AT_MOST_US, (zone, day)


@given(zone=st.sampled_from(list(CHANGES)), at_us=st.integers(0, 4 * 10**15))
def test_every_instant_is_in_one_day(zone: str, at_us: int) -> None:
    day = day_of(at_us, zone)
    assert begin_us(day, zone) <= at_us < begin_us(day + 1, zone)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca"])
def test_runs_are_all_days_without_gap(zone: str) -> None:
    found = runs(zone, us_of("2000-01-01T00:00Z"))
    assert all(one.stop == later.first and one.late_us != later.late_us for one, later in pairwise(found))
    for run in found:
        assert begin_us(run.first, zone) - run.first * DAY_US == run.late_us
        assert begin_us(run.stop - 1, zone) - (run.stop - 1) * DAY_US == run.late_us


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("UTC", 24 * 60),
        ("Asia/Shanghai", 8 * 60),
        ("Europe/Berlin", 60),
        ("Asia/Kolkata", 30),
        ("Asia/Kabul", 30),
        ("Asia/Kathmandu", 15),
        ("America/Caracas", 30),
    ],
)
def test_the_widest_tile_is_one_that_there_can_be(zone: str, minutes: int) -> None:
    assert widest_tile_us(zone, us_of("2000-01-01T00:00Z")) == minutes * 60_000_000
