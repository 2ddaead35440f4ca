"""Cases of dates. Python's `date` says what must come out."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from .case import EPOCH, Case
from .times import INSTANTS, of, quarter

DAY = timedelta(days=1)
RANDOM = random.Random(12)
FIRST, LAST = date.min, date.max
DATES = (
    *(date(1970, 1, 1), date(1969, 12, 31), date(1969, 12, 28), date(1969, 12, 29), FIRST, LAST),
    *(date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2023, 3, 1), date(2000, 2, 29), date(1900, 3, 1)),
    *(date(2020, 12, 28), date(2021, 1, 3), date(2021, 1, 4), date(2026, 12, 31), date(2024, 12, 30)),
    # Where the Julian calendar ended, and a day that only it had.
    *(date(1582, 10, 4), date(1582, 10, 15), date(1500, 3, 1), date(1500, 2, 28), date(4, 2, 29), date(9, 12, 31)),
    *(date.fromordinal(RANDOM.randrange(1, LAST.toordinal())) for _ in range(40)),
)
PAIRS = tuple((DATES[place], DATES[-place - 1]) for place in range(len(DATES)))
NOT_DATES = (
    *("2023-02-30", "2023-2-3", "0000-01-01", "10000-01-01", "2023-02-29", "1500-02-29", "2023-13-01", "2023-00-10"),
    *("2023-01-00", "2023-04-31", "", " 2023-01-01", "2023-01-01 ", "2023-01-01\n", "20230101", "-001-01-01", "now"),
    *("2023-01-01T00:00:00", "2023/01/01", "+2023-01-01", "２０２３-01-01", "-2023-01-01", "9999-12-32", "2023-1-01"),
)


def days(field: Callable[[date], Any]) -> tuple[tuple[Any, Any], ...]:
    """What Python says of each date, and NULL for NULL."""
    return (*((day, field(day)) for day in DATES), (None, None))


def pairs(field: Callable[[date, date], Any]) -> tuple[tuple[Any, ...], ...]:
    """What Python says of each pair, and NULL where one is."""
    return (*((day, due, field(day, due)) for day, due in PAIRS), (None, FIRST, None), (LAST, None, None))


STARTS: dict[str, tuple[str, Callable[[date], date]]] = {
    "D": ("day", lambda day: day),
    "W": ("week", lambda day: day - day.weekday() * DAY),
    "M": ("month", lambda day: day.replace(day=1)),
    "Q": ("quarter", lambda day: day.replace(day=1, month=(day.month + 2) // 3 * 3 - 2)),
    "Y": ("year", lambda day: day.replace(day=1, month=1)),
}
#: Which number a unit has, counted from any one.
NUMBERS: dict[str, Callable[[date], int]] = {
    "day": lambda day: day.toordinal(),
    "week": lambda day: (day.toordinal() - day.weekday()) // 7,
    "month": lambda day: day.year * 12 + day.month,
    "quarter": lambda day: day.year * 4 + (day.month + 2) // 3,
    "year": lambda day: day.year,
}
FIELDS: dict[str, tuple[str, str, Callable[[date], Any]]] = {
    "year": ("year()", "proleptic Gregorian", lambda day: day.year),
    "quarter": ("quarter()", "1 to 4", lambda day: (day.month + 2) // 3),
    "month": ("month()", "1 to 12", lambda day: day.month),
    "day": ("day()", "1 to 31", lambda day: day.day),
    "day of year": ("day_of_year()", "1 to 366", lambda day: day.timetuple().tm_yday),
    "day of week": ("day_of_week.index()", "0 (Monday) to 6", lambda day: day.weekday()),
    "ISO week": ("week_of_year()", "1 to 53", lambda day: day.isocalendar().week),
    "ISO year": ("iso_year()", "the year of the ISO week", lambda day: day.isocalendar().year),
    "epoch seconds": ("epoch_seconds()", "of its midnight, UTC", lambda day: (day.toordinal() - 719163) * 86_400),
}


def midnight(day: date) -> datetime:
    """When a date begins."""
    return datetime.combine(day, time(), UTC)


def delta(unit: str) -> Case:
    """The difference of two dates in a unit."""
    number = NUMBERS[unit]
    meaning = "how many begin on the way; negative the other way" if unit == "day" else "the same"
    rows = pairs(lambda day, due: number(day) - number(due))
    return Case(f"{unit}s between dates", f"tx.day.delta(tx.due, unit='{unit}')", meaning, "day due", rows)


CASES = (
    Case("date of an instant", "tx.at.date()", "the day in UTC", "at", of(lambda at: at.date())),
    Case("datetime to date", "tx.at.cast('date')", "the same", "at", of(lambda at: at.date())),
    Case("date to datetime", "tx.day.cast('timestamp')", "00:00 UTC", "day", days(midnight)),
    Case("date to str", "tx.day.cast('string')", "as 2024-02-29; NULL beyond the years 1 to 9999", "day", days(str)),
    Case(
        "date beyond the years to str",
        "(tx.day + ibis.interval(days=1)).cast('string')",
        "NULL",
        "day",
        ((LAST, None), (FIRST, "0001-01-02")),
    ),
    Case(
        "str to date",
        "tx.s.cast('date')",
        "as 2024-02-29, to the letter; anything else, 2023-02-30 and the year 0 too, is NULL",
        "s",
        (*((str(day), day) for day in DATES), *((text, None) for text in NOT_DATES), (None, None)),
    ),
    *(
        Case(f"{name} of a date", f"tx.day.{write}", meaning, "day", days(field))
        for name, (write, meaning, field) in FIELDS.items()
    ),
    *(
        Case(
            f"first day of the {name}",
            f"tx.day.truncate('{unit}')",
            "a Monday" if unit == "W" else "a date",
            "day",
            (*((day, start(day)) for day in DATES if day.year > 1), (None, None)),
        )
        for unit, (name, start) in STARTS.items()
    ),
    *(delta(unit) for unit in NUMBERS),
    Case(
        "date plus days",
        "tx.day + ibis.interval(days=30)",
        "weeks and days; hours are refused, and so are months and years, for their length varies",
        "day",
        (*((day, day + 30 * DAY) for day in DATES if day.year < 9999), (None, None)),
    ),
    Case(
        "date minus weeks",
        "tx.day - ibis.interval(weeks=1)",
        "the same",
        "day",
        (*((day, day - 7 * DAY) for day in DATES if day.year > 1), (None, None)),
    ),
    Case(
        "date plus computed days",
        "tx.day + tx.i.as_interval('D')",
        "beyond BIGINT µs an error",
        "day i",
        ((date(2024, 2, 28), 2, date(2024, 3, 1)), (date(2024, 3, 1), -1, date(2024, 2, 29)), (None, 1, None)),
    ),
    Case(
        "dates further apart than",
        "tx.day - tx.due > ibis.interval(days=1)",
        "a difference is compared with an interval in days",
        "day due",
        pairs(lambda day, due: day - due > DAY),
    ),
    Case("earlier date", "tx.day < tx.due", "", "day due", pairs(lambda day, due: day < due)),
    Case(
        "compare dates",
        "tx.day >= date(2024, 2, 29)",
        "with a date of Python; NULL of NULL",
        "day",
        days(lambda day: day >= date(2024, 2, 29)),
    ),
    Case(
        "date of constants",
        "tx.day == ibis.date(2024, 2, 29)",
        "the same as date(2024, 2, 29)",
        "day",
        days(lambda day: day == date(2024, 2, 29)),
    ),
    Case(
        "date among",
        "tx.day.isin([date(1969, 12, 31), date(1, 1, 1)])",
        "",
        "day",
        days(lambda day: day in {date(1969, 12, 31), FIRST}),
    ),
    Case(
        "date between",
        "tx.day.between(date(1969, 12, 31), tx.due)",
        "both ends count",
        "day due",
        (
            *((day, due, date(1969, 12, 31) <= day <= due) for day, due in PAIRS),
            (None, LAST, None),
            (FIRST, None, False),
        ),
    ),
    Case(
        "later date",
        "ibis.greatest(tx.day, tx.due)",
        "ignores NULL",
        "day due",
        (*((day, due, max(day, due)) for day, due in PAIRS), (None, FIRST, FIRST), (None, None, None)),
    ),
    Case(
        "fill NULL with a date",
        "tx.day.fill_null(date(1, 1, 1))",
        "",
        "day",
        ((LAST, LAST), (None, FIRST)),
    ),
    Case("date is NULL", "tx.day.isnull()", "never NULL itself", "day", ((FIRST, False), (None, True))),
    Case(
        "age in years",
        "tx.at.date().delta(tx.day, unit='year')",
        "years begun, not whole ones",
        "at day",
        (*((at, date(1970, 1, 1), at.year - 1970) for at in INSTANTS), (EPOCH, None, None)),
    ),
    Case(
        "quarter of the date of an instant",
        "tx.at.date().quarter()",
        "as of the instant",
        "at",
        of(quarter),
    ),
)
