"""Instants, dates and intervals: fields, units, and what is added or subtracted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
from sqlglot import exp

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError, did_you_mean
from headrace.features.coercion import type_of
from headrace.features.operations.times import UNITS
from headrace.features.sql.refused import REFUSED
from headrace.features.sql.rules.common import Rule, arguments, call, constant, operands, sides
from headrace.features.sql.units import FIELDS, IBIS_UNITS, unit_name

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader


#: What SQL counts from 1 and a feature from 0.
COUNTED_FROM_0 = (ops.StringFind, ops.DayOfWeekIndex)


def whole(interval: exp.Interval) -> int:
    """The number of an interval's units; DefinitionError unless it is a whole number."""
    try:
        return int(interval.name)
    except ValueError as error:
        msg = f"INTERVAL {interval.name!r}: expected a whole number and a unit, such as INTERVAL '90' MINUTE"
        raise DefinitionError(msg) from error


def field(part: str) -> Rule:
    """A function that gives a field of a time."""

    def rule(reader: Reader, node: exp.Expr) -> Any:
        (value,) = arguments(node)
        return _field(reader, value, part)

    return rule


def _subtract(reader: Reader, node: exp.Sub) -> Any:
    """A difference. What SQL counts from 1 less 1 is what is counted from 0 here."""
    left, right = operands(reader, node)
    counted = left.op()
    if type(node.this) in (exp.StrPosition, exp.Extract, exp.DayOfWeekIso) and isinstance(counted, ops.Add):
        base, one = counted.args
        if isinstance(base, COUNTED_FROM_0) and right.op() == one:
            return base.to_expr()
    if left.type().is_date() and right.type().is_date():
        msg = "engines differ on the type of a difference of dates; write date_diff('day', b, a) for a - b"
        raise UnsupportedError(msg)
    return left - right


def _multiply(reader: Reader, node: exp.Mul) -> Any:
    """A product; a number of units is an interval."""
    if isinstance(node.expression, exp.Interval) and node.expression.name == "1":
        return _units(reader.read(node.this), node.expression)
    left, right = sides(reader, node)
    return right * left if isinstance(node.expression, exp.Interval) else left * right


def _units(value: Any, interval: exp.Interval) -> Any:
    """So many units of an interval as one."""
    return value.as_interval(IBIS_UNITS[unit_name(interval)])


def _interval(reader: Reader, node: exp.Interval) -> Any:
    """A constant interval; whole seconds as such, so that any two can be compared."""
    if not isinstance(node.this, exp.Literal):
        return _units(reader.read(node.this), node)
    unit, count = unit_name(node), whole(node)
    if UNITS.get(unit, 0) >= UNITS["second"]:
        return ibis.interval(count * UNITS[unit] // UNITS["second"], unit="s")
    return ibis.interval(count, unit=IBIS_UNITS[unit])


def _field(reader: Reader, value: exp.Expr, part: str) -> Any:
    """A field of a time."""
    if part not in FIELDS:
        hint = REFUSED.get(f"extract {part}") or did_you_mean(part, FIELDS)
        msg = f"field {part!r} of a time is not supported; {hint}"
        raise UnsupportedError(msg)
    instant = reader.read(value)
    if not instant.type().is_timestamp() and not instant.type().is_date():
        msg = f"field {part!r} of {type_of(instant.type())} is not supported; expected datetime or date"
        raise ColumnTypeError(msg)
    return FIELDS[part](instant)


def _date_part(reader: Reader, node: exp.Anonymous) -> Any:
    """`date_part('hour', at)`."""
    part, value = node.expressions
    return _field(reader, value, str(constant(part, "the field")).lower())


def _truncate(reader: Reader, node: exp.Expr) -> Any:
    """`date_trunc('hour', at)`."""
    return call(node, reader.read(node.this), "truncate", IBIS_UNITS[unit_name(node)])


def _difference(reader: Reader, node: exp.DateDiff) -> Any:
    """`date_diff('hour', from, to)`."""
    return reader.read(node.this).delta(reader.read(node.expression), unit=unit_name(node))


def _from_unix(reader: Reader, node: exp.UnixToTime) -> Any:
    """An instant from seconds, milliseconds or microseconds since 1970."""
    scale = node.args.get("scale")
    unit = {"": "s", "3": "ms", "6": "us"}["" if scale is None else scale.name]
    return call(node, reader.read(node.this), "as_timestamp", unit)


RULES: dict[type, Rule] = {
    exp.Sub: _subtract,
    exp.Mul: _multiply,
    exp.Interval: _interval,
    exp.Extract: lambda reader, node: _field(reader, node.expression, node.name.lower()),
    exp.TimestampTrunc: _truncate,
    exp.DateTrunc: _truncate,
    exp.DateDiff: _difference,
    exp.UnixToTime: _from_unix,
    exp.TimeToUnix: field("epoch"),
    exp.Year: field("year"),
    exp.Quarter: field("quarter"),
    exp.Month: field("month"),
    exp.Day: field("day"),
    exp.DayOfYear: field("doy"),
    exp.DayOfWeekIso: field("isodow"),
    exp.WeekOfYear: field("week"),
    exp.Hour: field("hour"),
    exp.Minute: field("minute"),
    exp.Second: field("second"),
}
#: Functions that sqlglot knows by name only; the last two are ours: SQL's hold the seconds too.
FUNCTIONS: dict[str, Rule] = {
    "date_part": _date_part,
    "datepart": _date_part,
    "millisecond_of_second": field("millisecond_of_second"),
    "microsecond_of_second": field("microsecond_of_second"),
}
