"""Instants, dates and intervals: whole µs of UTC and days, so most of it is integer arithmetic, before 1970 too."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis.expr.operations as ops

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.coercion import constant, expect
from headrace.features.instant import day_number
from headrace.features.operations.numbers import INTEGER, floor_divide, modulo
from headrace.features.operations.rule import Rule
from headrace.features.scalar import DATE, DATETIME, INT, INTERVAL, TIMES, Scalar, literal

INSTANT = frozenset({DATETIME})
DAYS = frozenset({DATE})
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
#: The units that begin at instants, and those that begin with a date.
INSTANT_UNITS = (*UNITS, *DAY_OF)
DATE_UNITS = ("day", "week", *DAY_OF)


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


def _days(day: Scalar) -> Scalar:
    """A date as days since 1970."""
    return Scalar("days", INT, (expect(day, DAYS, "a date"),))


def _date(days: Scalar) -> Scalar:
    """The date so many days after 1970."""
    return Scalar("date", DATE, (days,))


def midnight(day: Scalar) -> Scalar:
    """The instant at which a date begins, in UTC."""
    return _instant(Scalar("multiply", INT, (_days(day), literal(DAY))))


def day_of(instant: Scalar) -> Scalar:
    """The date, in UTC, of an instant."""
    return _date(_units(expect(instant, INSTANT, "date"), "day"))


def _plus(left: Scalar, number: int) -> Scalar:
    """A number and a constant."""
    return left if number == 0 else Scalar("add", INT, (left, literal(number)))


def _since_whole(instant: Scalar, unit: str) -> Scalar:
    """µs since 1970, so moved that they are divisible by the unit's where one begins."""
    return _plus(_micros(instant), THURSDAY * DAY if unit == "week" else 0)


def _units(instant: Scalar, unit: str) -> Scalar:
    """How many units have begun since 1970, before it a negative number."""
    if instant.type == DATE:
        return _weeks(_days(instant)) if unit == "week" else _days(instant)
    return floor_divide(_since_whole(instant, unit), literal(UNITS[unit]))


def _weeks(days: Scalar) -> Scalar:
    """How many weeks have begun after so many days."""
    return floor_divide(_plus(days, THURSDAY), literal(7))


def _clock(holder: str, own: str) -> Rule:
    """A field of the time of day: how many `own` have passed of the `holder`."""
    return lambda arg: floor_divide(modulo(_micros(arg), literal(UNITS[holder])), literal(UNITS[own]))


def _calendar(name: str) -> Rule:
    """A field of the calendar: proleptic Gregorian, UTC."""
    return lambda arg: Scalar(name, INT, (_moment(arg, name),))


def _moment(arg: Scalar, op: str) -> Scalar:
    """An instant itself, and the beginning of a date."""
    return midnight(arg) if expect(arg, TIMES, op).type == DATE else arg


def _quarter(arg: Scalar) -> Scalar:
    """1 to 4."""
    return floor_divide(_plus(_calendar("month")(arg), 2), literal(3))


def _day_of_week(arg: Scalar) -> Scalar:
    """0 (Monday) to 6."""
    expect(arg, TIMES, "day_of_week")
    return modulo(_plus(_units(arg, "day"), THURSDAY), literal(7))


def epoch_seconds(arg: Scalar) -> Scalar:
    """Whole seconds since 1970, rounded down."""
    return _units(_moment(arg, "epoch_seconds"), "second")


def of_epoch(arg: Scalar, us: int) -> Scalar:
    """The instant so many units of `us` each after 1970."""
    return _instant(Scalar("multiply", INT, (expect(arg, INTEGER, "a time"), literal(us))))


def _truncate(arg: Scalar, unit: Any) -> Scalar:
    """The start of the unit that holds an instant; weeks begin on Monday."""
    passed = _passed(arg, _unit_of(unit.name.lower(), "truncate", INSTANT_UNITS))
    return _instant(Scalar("subtract", INT, (_micros(arg), passed)))


def _truncate_date(arg: Scalar, unit: Any) -> Scalar:
    """The first day of the unit that holds a date; weeks begin on Monday."""
    name = _unit_of(unit.name.lower(), "truncate of a date", DATE_UNITS)
    if name == "day":
        return arg
    passed = _day_of_week(arg) if name == "week" else _plus(_calendar(DAY_OF[name])(arg), -1)
    return _date(Scalar("subtract", INT, (_days(arg), passed)))


def _passed(instant: Scalar, unit: str) -> Scalar:
    """µs since the unit began that holds an instant."""
    if unit in UNITS:
        return modulo(_since_whole(instant, unit), literal(UNITS[unit]))
    days = _plus(_calendar(DAY_OF[unit])(instant), -1)
    whole = Scalar("multiply", INT, (days, literal(DAY)))
    return Scalar("add", INT, (modulo(_micros(instant), literal(DAY)), whole))


def _unit_of(unit: str, what: str, units: tuple[str, ...]) -> str:
    """A unit's name; UnsupportedError for one that is not among these."""
    if unit not in units:
        msg = f"{what} by {unit!r} is not supported; expected one of {', '.join(units)}"
        raise UnsupportedError(msg)
    return unit


def _delta(what: str, types: frozenset[str], units: tuple[str, ...]) -> Rule:
    """How many units begin after `right` and up to `left`: the difference of both, each rounded down to the unit."""

    def rule(part: Scalar, left: Scalar, right: Scalar) -> Scalar:
        unit = _unit_of(str(constant(part, "delta: the unit")), what, units)
        return Scalar("subtract", INT, tuple(_count(expect(side, types, what), unit) for side in (left, right)))

    return rule


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


def _moved_date(op: str) -> Rule:
    """A date and an interval of whole days."""
    return lambda left, right: _date(Scalar(op, INT, (_days(left), _whole_days(right))))


def _whole_days(interval: Scalar) -> Scalar:
    """How many days an interval has; DefinitionError for a constant that has a fraction of one."""
    if interval.op == "literal" and isinstance(interval.value, int) and interval.value % DAY:
        msg = "a date and an interval with hours or less make no date; add it to an instant, or name whole days"
        raise DefinitionError(msg)
    return floor_divide(
        Scalar("interval_us", INT, (expect(interval, INTERVALS, "a date and an interval"),)), literal(DAY)
    )


def _between_dates(left: Scalar, right: Scalar) -> Scalar:
    """How long it is from one date to another."""
    days = Scalar("subtract", INT, (_days(left), _days(right)))
    return Scalar("multiply", INTERVAL, (days, literal(DAY)))


def _from_parts(year: Scalar, month: Scalar, day: Scalar) -> Scalar:
    """A constant date, of constants; DefinitionError where there is none."""
    parts = [constant(part, "a date's year, month and day") for part in (year, month, day)]
    try:
        return Scalar("literal", DATE, value=day_number(date(*map(int, parts))))
    except (ValueError, OverflowError) as error:
        msg = f"date({', '.join(map(repr, parts))}): {error}"
        raise DefinitionError(msg) from error


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
    ops.TimestampDelta: _delta("delta", INSTANT, INSTANT_UNITS),
    ops.Date: day_of,
    ops.DateFromYMD: _from_parts,
    ops.DateTruncate: _truncate_date,
    ops.DateDelta: _delta("delta of dates", DAYS, DATE_UNITS),
    ops.DateAdd: _moved_date("add"),
    ops.DateSub: _moved_date("subtract"),
    ops.DateDiff: _between_dates,
    ops.TimestampAdd: _moved("add"),
    ops.TimestampSub: _moved("subtract"),
    ops.TimestampDiff: _interval("subtract", INSTANT, INSTANT),
    ops.TimestampFromUNIX: _of_unix,
    ops.IntervalFromInteger: _as_interval,
    ops.IntervalAdd: _interval("add", INTERVALS, INTERVALS),
    ops.IntervalSubtract: _interval("subtract", INTERVALS, INTERVALS),
    ops.IntervalMultiply: _interval("multiply", INTERVALS, INTEGER),
}
