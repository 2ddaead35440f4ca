"""Casts that a user writes."""

from __future__ import annotations

from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from headrace.errors import UnsupportedError
from headrace.features.coercion import NULL, cast, finite, type_of
from headrace.features.instant import FIRST_DAY, LAST_DAY
from headrace.features.operations.rule import Rule
from headrace.features.operations.times import UNITS, day_of, epoch_seconds, midnight, of_epoch
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR, Scalar, conjunction, literal

#: The one width of each type that can be asked for.
WIDTHS = {INT: dt.Int64, FLOAT: dt.Float64}


def _bool_to_str(scalar: Scalar) -> Scalar:
    """`true` or `false`."""
    negated = Scalar("not", BOOL, (scalar,))
    return Scalar("case", STR, (scalar, literal("true"), negated, literal("false"), Scalar("literal", STR)))


def _date_to_str(scalar: Scalar) -> Scalar:
    """As in ISO 8601, `2024-02-29`; NULL of what was computed to be beyond the years 1 to 9999."""
    days = Scalar("days", INT, (scalar,))
    first, last = (
        Scalar("greater_equal", BOOL, (days, literal(FIRST_DAY))),
        Scalar("less_equal", BOOL, (days, literal(LAST_DAY))),
    )
    return Scalar("case", STR, (conjunction(first, last), Scalar("cast", STR, (scalar,)), Scalar("literal", STR)))


CASTS: dict[tuple[str, str], Rule] = {
    (INT, FLOAT): lambda scalar: cast(scalar, FLOAT),
    (FLOAT, INT): lambda scalar: cast(scalar, INT),
    (BOOL, INT): lambda scalar: cast(scalar, INT),
    (BOOL, FLOAT): lambda scalar: cast(cast(scalar, INT), FLOAT),
    (BOOL, STR): _bool_to_str,
    (INT, STR): lambda scalar: Scalar("cast", STR, (scalar,)),
    (STR, INT): lambda scalar: Scalar("cast", INT, (scalar,)),
    (STR, FLOAT): lambda scalar: finite(Scalar("cast", FLOAT, (scalar,))),
    (DATETIME, INT): epoch_seconds,
    (DATETIME, DATE): day_of,
    (DATE, DATETIME): midnight,
    (DATE, STR): _date_to_str,
    (STR, DATE): lambda scalar: Scalar("cast", DATE, (scalar,)),
    (INT, DATETIME): lambda scalar: of_epoch(scalar, UNITS["second"]),
}
#: Why others are refused, where it is not plain.
REASONS = {
    (FLOAT, STR): "engines print floats differently; round it to an int first",
    (INT, BOOL): "write x != 0",
    (FLOAT, BOOL): "write x != 0",
    (STR, BOOL): "write x == 'true'",
    (DATETIME, STR): "engines print times differently; take its fields",
    (STR, DATETIME): "declare the column as datetime, and its text is read as a time at the source",
    (INT, DATE): "write ibis.date(1970, 1, 1) + x.as_interval('D')",
    (DATE, INT): "write x.delta(ibis.date(1970, 1, 1), unit='day') for days, x.epoch_seconds() for seconds",
    (FLOAT, DATETIME): "cast it to int, and then x.as_timestamp('s')",
    (DATETIME, FLOAT): "cast it to int, which gives seconds since 1970",
}


def _cast(scalar: Scalar, to: Any) -> Scalar:
    """An explicit cast; UnsupportedError for one without a single meaning."""
    target = type_of(to)
    if not isinstance(to, WIDTHS.get(target, dt.DataType)):
        msg = f"a cast to {to} is not supported; cast to 'int64' or 'float64'"
        raise UnsupportedError(msg)
    if scalar.type in {target, NULL}:
        return cast(scalar, target)
    if (scalar.type, target) not in CASTS:
        reason = REASONS.get((scalar.type, target), "it has no meaning here")
        msg = f"a cast from {scalar.type} to {target} is not supported; {reason}"
        raise UnsupportedError(msg)
    return CASTS[scalar.type, target](scalar)


RULES: dict[type, Rule] = {ops.Cast: _cast, ops.TryCast: _cast}
