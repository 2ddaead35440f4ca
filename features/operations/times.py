"""Instants and intervals: whole µs of UTC, so most of it is integer arithmetic, before 1970 too."""

from __future__ import annotations

from typing import Any

import ibis.expr.operations as ops

from headrace.errors import UnsupportedError
from headrace.features.coercion import constant, expect
from headrace.features.operations.numbers import INTEGER, floor_divide, modulo
from headrace.features.operations.rule import Rule
from headrace.features.scalar import DATETIME, INT, INTERVAL, Scalar, literal

INSTANT = frozenset({DATETIME})
INTERVALS = frozenset({INTERVAL})
#: Units of one length, in µs, by ibis's name.
UNITS: dict[str, int] = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
    "day": 86_400_000_000,
    "week": 604_800_000_000,
}
DAY = UNITS["day"]
#: 1970-01-01 was a Thursday, three days after the start of its week.
THURSDAY = 3
#: Fields by arithmetic: the unit that holds them, and their own.
CLOCK: dict[type, tuple[str, str]] = {
    ops.ExtractHour: ("day", "hour"),
    ops.ExtractMinute: ("hour", "minute"),
    ops.ExtractSecond: ("minute", "second"),
    ops.ExtractMillisecond: ("second", "millisecond"),
    ops.ExtractMicrosecond: ("second", "microsecond"),
}
#: Fields that only a calendar knows.
CALENDAR: dict[type, str] = {
    ops.ExtractYear: "year",
    ops.ExtractMonth: "month",
    ops.ExtractDay: "day",
    ops.ExtractDayOfYear: "day_of_year",
    ops.ExtractIsoYear: "iso_year",
    ops.ExtractWeekOfYear: "iso_week",
}


#: Which day of a longer unit it is, counted from 1, by ibis's name of the unit.
DAY_OF = {"month": "day", "quarter": "day_of_quarter", "year": "day_of_year"}


def interval_us(unit: Any) -> int:
    """The length of an ibis unit in µs; UnsupportedError for months, quarters, years and nanoseconds."""
    name = unit.name.lower()
    if name not in UNITS:
        msg = f"an interval in {name}s is not supported, for it is no fixed number of µs; use weeks, days or less"
        raise UnsupportedError(msg)
    return UNITS[name]


def _micros(instant: Scalar) -> Scalar:
    """An instant as µs since 1970."""
    return Scalar("micros", INT, (expect(instant, INSTANT, "a time's field"),))


def _instant(us: Scalar) -> Scalar:
    """The instant so many µs after 1970."""
    return Scalar("instant", DATETIME, (us,))


def _plus(left: Scalar, number: int) -> Scalar:
    """A number and a constant."""
    return left if number == 0 else Scalar("add", INT, (left, literal(number)))


def _since_whole(instant: Scalar, unit: str) -> Scalar:
    """µs since 1970, so moved that they are divisible by the unit's where one begins."""
    return _plus(_micros(instant), THURSDAY * DAY if unit == "week" else 0)


def _units(instant: Scalar, unit: str) -> Scalar:
    """How many units have begun since 1970, before it a negative number."""
    return floor_divide(_since_whole(instant, unit), literal(UNITS[unit]))


def _clock(holder: str, own: str) -> Rule:
    """A field of the time of day: how many `own` have passed of the `holder`."""
    return lambda arg: floor_divide(modulo(_micros(arg), literal(UNITS[holder])), literal(UNITS[own]))


def _calendar(name: str) -> Rule:
    """A field of the calendar: proleptic Gregorian, UTC."""
    return lambda arg: Scalar(name, INT, (expect(arg, INSTANT, name),))


def _quarter(arg: Scalar) -> Scalar:
    """1 to 4."""
    return floor_divide(_plus(_calendar("month")(arg), 2), literal(3))


def _day_of_week(arg: Scalar) -> Scalar:
    """0 (Monday) to 6."""
    return modulo(_plus(_units(arg, "day"), THURSDAY), literal(7))


def epoch_seconds(arg: Scalar) -> Scalar:
    """Whole seconds since 1970, rounded down."""
    return _units(arg, "second")


def of_epoch(arg: Scalar, us: int) -> Scalar:
    """The instant so many units of `us` each after 1970."""
    return _instant(Scalar("multiply", INT, (expect(arg, INTEGER, "a time"), literal(us))))


def _truncate(arg: Scalar, unit: Any) -> Scalar:
    """The start of the unit that holds an instant; weeks begin on Monday."""
    passed = _passed(arg, _unit_of(unit.name.lower(), "truncate"))
    return _instant(Scalar("subtract", INT, (_micros(arg), passed)))


def _passed(instant: Scalar, unit: str) -> Scalar:
    """µs since the unit began that holds an instant."""
    if unit in UNITS:
        return modulo(_since_whole(instant, unit), literal(UNITS[unit]))
    days = _plus(_calendar(DAY_OF[unit])(instant), -1)
    whole = Scalar("multiply", INT, (days, literal(DAY)))
    return Scalar("add", INT, (modulo(_micros(instant), literal(DAY)), whole))


def _unit_of(unit: str, what: str) -> str:
    """A unit's name; UnsupportedError for one that instants in µs do not have."""
    if unit not in {*UNITS, *DAY_OF}:
        known = ", ".join([*UNITS, *DAY_OF])
        msg = f"{what} by {unit!r} is not supported; expected one of {known}"
        raise UnsupportedError(msg)
    return unit


def _delta(part: Scalar, left: Scalar, right: Scalar) -> Scalar:
    """How many units begin after `right` and up to `left`: the difference of both, each rounded down to the unit."""
    unit = _unit_of(str(constant(part, "delta: the unit")), "delta")
    return Scalar("subtract", INT, (_count(left, unit), _count(right, unit)))


def _count(instant: Scalar, unit: str) -> Scalar:
    """The number of the unit that holds an instant, counted from any one."""
    if unit in UNITS:
        return _units(instant, unit)
    year = _calendar("year")(instant)
    if unit == "year":
        return year
    within, length = PARTS_OF_YEAR[unit]
    return Scalar("add", INT, (Scalar("multiply", INT, (year, literal(length))), within(instant)))


#: Where in its year a unit is, and how many of it a year has.
PARTS_OF_YEAR: dict[str, tuple[Rule, int]] = {"month": (_calendar("month"), 12), "quarter": (_quarter, 4)}


def _moved(op: str) -> Rule:
    """An instant and an interval."""
    return lambda left, right: Scalar(op, DATETIME, (expect(left, INSTANT, op), expect(right, INTERVALS, op)))


def _interval(op: str, left: frozenset[str], right: frozenset[str]) -> Rule:
    """An interval from two operands of these types."""
    return lambda one, other: Scalar(op, INTERVAL, (expect(one, left, op), expect(other, right, op)))


def _as_interval(arg: Scalar, unit: Any) -> Scalar:
    """So many units as an interval."""
    return Scalar("multiply", INTERVAL, (expect(arg, INTEGER, "an interval"), literal(interval_us(unit))))


def _of_unix(arg: Scalar, unit: Any) -> Scalar:
    """`x.as_timestamp(unit)`."""
    return of_epoch(arg, interval_us(unit))


RULES: dict[type, Rule] = {
    **{kind: _clock(holder, own) for kind, (holder, own) in CLOCK.items()},
    **{kind: _calendar(name) for kind, name in CALENDAR.items()},
    ops.ExtractQuarter: _quarter,
    ops.ExtractEpochSeconds: epoch_seconds,
    ops.DayOfWeekIndex: _day_of_week,
    ops.TimestampTruncate: _truncate,
    ops.TimestampDelta: _delta,
    ops.TimestampAdd: _moved("add"),
    ops.TimestampSub: _moved("subtract"),
    ops.TimestampDiff: _interval("subtract", INSTANT, INSTANT),
    ops.TimestampFromUNIX: _of_unix,
    ops.IntervalFromInteger: _as_interval,
    ops.IntervalAdd: _interval("add", INTERVALS, INTERVALS),
    ops.IntervalSubtract: _interval("subtract", INTERVALS, INTERVALS),
    ops.IntervalMultiply: _interval("multiply", INTERVALS, INTEGER),
}
