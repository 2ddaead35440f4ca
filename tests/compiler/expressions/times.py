"""Cases of times. Python's `datetime` says what must come out."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .case import EPOCH, Case, micros

MICROSECOND, DAY = timedelta(microseconds=1), timedelta(days=1)
RANDOM = random.Random(11)


def around(*instants: datetime) -> tuple[datetime, ...]:
    """Each instant, and the microsecond before it."""
    return tuple(moved for instant in instants for moved in (instant, instant - MICROSECOND))


def utc(*parts: int) -> datetime:
    """An instant of UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


INSTANTS = (
    *around(EPOCH, utc(1969, 12, 29), utc(1960, 2, 29), utc(1900, 3, 1), utc(1582, 10, 15), utc(1400, 2, 28, 1, 1, 1)),
    *around(utc(2000, 1, 1), utc(2024, 2, 29), utc(2024, 3, 1), utc(2020, 12, 28), utc(2021, 1, 4), utc(2026, 12, 31)),
    *around(
        utc(2024, 4, 1), utc(2024, 7, 1), utc(2023, 10, 1), utc(2016, 12, 31, 23, 59, 59), utc(2024, 6, 5, 4, 3, 2)
    ),
    *around(utc(2, 1, 1), utc(9999, 12, 31, 23, 59, 59, 999_999)),
    *(EPOCH + timedelta(microseconds=RANDOM.randrange(-(10**16), 10**16)) for _ in range(40)),
)
PAIRS = tuple((INSTANTS[place], INSTANTS[-place - 1]) for place in range(len(INSTANTS)))


def of(field: Callable[[datetime], Any]) -> tuple[tuple[Any, Any], ...]:
    """What Python says of each instant, and NULL for NULL."""
    return (*((instant, field(instant)) for instant in INSTANTS), (None, None))


def quarter(at: datetime) -> int:
    """1 to 4."""
    return (at.month - 1) // 3 + 1


def midnight(at: datetime) -> datetime:
    """The start of the day."""
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def week(at: datetime) -> datetime:
    """The start of the week."""
    return midnight(at) - at.weekday() * DAY


STARTS: dict[str, tuple[str, Callable[[datetime], datetime]]] = {
    "ms": ("millisecond", lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
    "s": ("second", lambda at: at.replace(microsecond=0)),
    "m": ("minute", lambda at: at.replace(second=0, microsecond=0)),
    "h": ("hour", lambda at: at.replace(minute=0, second=0, microsecond=0)),
    "D": ("day", midnight),
    "W": ("week", week),
    "M": ("month", lambda at: midnight(at).replace(day=1)),
    "Q": ("quarter", lambda at: midnight(at).replace(day=1, month=quarter(at) * 3 - 2)),
    "Y": ("year", lambda at: midnight(at).replace(day=1, month=1)),
}
NOTES = {"W": "Monday 00:00 UTC"}
#: Which number a unit has, counted from any one.
NUMBERS: dict[str, Callable[[datetime], int]] = {
    "microsecond": micros,
    "millisecond": lambda at: micros(at) // 1_000,
    "second": lambda at: micros(at) // 1_000_000,
    "minute": lambda at: micros(at) // 60_000_000,
    "hour": lambda at: micros(at) // 3_600_000_000,
    "day": lambda at: at.toordinal(),
    "week": lambda at: (at.toordinal() - at.weekday()) // 7,
    "month": lambda at: at.year * 12 + at.month,
    "quarter": lambda at: at.year * 4 + quarter(at),
    "year": lambda at: at.year,
}
DELTA = "how many units begin on the way: 00:59 to 01:01 is one hour; negative the other way"


def delta(unit: str) -> Case:
    """The difference of two instants in a unit."""
    number = NUMBERS[unit]
    rows = tuple((at, til, number(at) - number(til)) for at, til in PAIRS)
    meaning = DELTA if unit == "hour" else "the same"
    return Case(
        f"{unit}s between", f"tx.at.delta(tx.til, unit='{unit}')", meaning, "at til", (*rows, (None, EPOCH, None))
    )


CASES = (
    Case("year", "tx.at.year()", "proleptic Gregorian, UTC", "at", of(lambda at: at.year)),
    Case("quarter", "tx.at.quarter()", "1 to 4", "at", of(quarter)),
    Case("month", "tx.at.month()", "1 to 12", "at", of(lambda at: at.month)),
    Case("day", "tx.at.day()", "1 to 31", "at", of(lambda at: at.day)),
    Case("day of year", "tx.at.day_of_year()", "1 to 366", "at", of(lambda at: at.timetuple().tm_yday)),
    Case("day of week", "tx.at.day_of_week.index()", "0 (Monday) to 6", "at", of(lambda at: at.weekday())),
    Case("ISO week", "tx.at.week_of_year()", "1 to 53", "at", of(lambda at: at.isocalendar().week)),
    Case("ISO year", "tx.at.iso_year()", "the year of the ISO week", "at", of(lambda at: at.isocalendar().year)),
    Case("hour", "tx.at.hour()", "0 to 23, UTC, before 1970 too", "at", of(lambda at: at.hour)),
    Case("minute", "tx.at.minute()", "0 to 59", "at", of(lambda at: at.minute)),
    Case("second", "tx.at.second()", "0 to 59, without fraction", "at", of(lambda at: at.second)),
    Case("millisecond", "tx.at.millisecond()", "0 to 999, of the second", "at", of(lambda at: at.microsecond // 1000)),
    Case("microsecond", "tx.at.microsecond()", "0 to 999,999, of the second", "at", of(lambda at: at.microsecond)),
    Case(
        "epoch seconds",
        "tx.at.epoch_seconds()",
        "whole seconds since 1970, rounded down",
        "at",
        of(lambda at: micros(at) // 1_000_000),
    ),
    *(
        Case(
            f"start of the {name}",
            f"tx.at.truncate('{unit}')",
            NOTES.get(unit, "UTC, before 1970 too"),
            "at",
            of(start),
        )
        for unit, (name, start) in STARTS.items()
    ),
    *(delta(unit) for unit in NUMBERS),
    Case(
        "plus an interval",
        "tx.at + ibis.interval(days=1, microseconds=1)",
        "weeks to microseconds; months and years are refused, for their length varies",
        "at",
        (*((at, at + DAY + MICROSECOND) for at in INSTANTS if at.year < 9999), (None, None)),
    ),
    Case(
        "minus an interval",
        "tx.at - ibis.interval(weeks=1)",
        "the same",
        "at",
        (*((at, at - 7 * DAY) for at in INSTANTS), (None, None)),
    ),
    Case(
        "intervals computed",
        "tx.at + (ibis.interval(hours=1) * 2 - ibis.interval(minutes=1))",
        "sums, differences and multiples",
        "at",
        ((EPOCH, EPOCH + timedelta(minutes=119)), (None, None)),
    ),
    Case(
        "plus a computed interval",
        "tx.at + tx.i.as_interval('h')",
        "beyond BIGINT µs an error",
        "at i",
        ((EPOCH, -1, EPOCH - timedelta(hours=1)), (EPOCH, None, None), (None, 1, None)),
    ),
    Case(
        "later by more than",
        "tx.at - tx.til > ibis.interval(seconds=3600)",
        "a difference is compared with an interval in seconds",
        "at til",
        (
            (EPOCH + timedelta(hours=1), EPOCH, False),
            (EPOCH + timedelta(hours=1, microseconds=1), EPOCH, True),
            (EPOCH, None, None),
        ),
    ),
    Case(
        "from epoch",
        "tx.i.as_timestamp('ms')",
        "s, ms or us; beyond BIGINT µs an error",
        "i",
        ((0, EPOCH), (-1, EPOCH - timedelta(milliseconds=1)), (None, None)),
    ),
    Case(
        "compare instants",
        "tx.at >= datetime(1970, 1, 1, tzinfo=UTC)",
        "to the microsecond; a constant needs a zone",
        "at",
        of(lambda at: at >= EPOCH),
    ),
    Case(
        "latest",
        "ibis.greatest(tx.at, tx.til)",
        "ignores NULL",
        "at til",
        (*((at, til, max(at, til)) for at, til in PAIRS), (None, EPOCH, EPOCH), (None, None, None)),
    ),
)
