"""Comparisons of a column with a value of any type, as ones with a value of the column's own.

Arrow casts one side to the type of the other, which refuses values that the type does not hold, of a column only once
one is met, rounds decimals, and needs more digits of them for statistics than for rows. Of one type nothing is cast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from headrace.features.duration import UNITS_US
from headrace.features.instant import day_number, instant_us

#: A text compares with these, as its UTF-8.
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
)
_PER_SECOND: Mapping[str, int] = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
#: A value between two that a column can have compares as the lower one does so.
_AS_LOWER: Mapping[str, str] = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
#: One below all, or by `==` and `!=` one between two, compares as the least one does so: with none of them, or all.
_AS_LEAST: Mapping[str, str] = {"<": "<", "<=": "<", "==": "<", ">": ">=", ">=": ">=", "!=": ">="}


def of_type(operator: str, value: str | float | date, type_: pa.DataType) -> tuple[str, pa.Scalar] | None:
    """The comparison with a value of a type that holds of the same values of it; None where the two do not compare.

    Numbers are compared exactly. A float is taken for the decimal that it is written as beside decimals. A date stands
    for the midnight at which it begins, in UTC, or without a zone as a column's times are; a datetime has a zone, and
    does not compare with these.

    >>> of_type("<", 2.5, pa.int32())
    ('<=', <pyarrow.Int32Scalar: 2>)
    >>> of_type(">=", 2**40, pa.int32())
    ('>', <pyarrow.Int32Scalar: 2147483647>)
    >>> of_type("==", 0.1, pa.decimal128(20, 2))
    ('==', <pyarrow.Decimal128Scalar: Decimal('0.10')>)
    >>> of_type("<", date(2013, 9, 1), pa.int64()) is None
    True
    """
    if isinstance(value, bool):
        return (operator, pa.scalar(value)) if pa.types.is_boolean(type_) else None
    if isinstance(value, str):
        return (operator, pa.scalar(value)) if any(is_text(type_) for is_text in _TEXTS) else None
    if type_ in (pa.float32(), pa.float64()):
        return None if isinstance(value, date) else _of_floats(operator, value)
    place = _time(value, type_) if isinstance(value, date) else _number(value, type_)
    return None if place is None else _of_whole(operator, place, type_)


def _of_floats(operator: str, value: float) -> tuple[str, pa.Scalar]:
    """A comparison of floats, as one of 64 bits."""
    near = float(value)
    if near == value:
        return operator, pa.scalar(near)
    if operator not in _AS_LOWER:
        # No float equals the value, nor NaN.
        return operator, pa.scalar(math.nan)
    return _AS_LOWER[operator], pa.scalar(near if near < value else math.nextafter(near, -math.inf))


def _number(value: float, type_: pa.DataType) -> Fraction | None:
    """How many of a type's smallest steps a number is; None where the type has no numbers."""
    if pa.types.is_decimal(type_):
        written = Fraction(value) if isinstance(value, int) else Fraction(repr(value))
        return written * Fraction(10) ** int(type_.scale)
    return Fraction(value) if pa.types.is_integer(type_) else None


def _time(value: date, type_: pa.DataType) -> Fraction | None:
    """How many of a type's smallest steps since 1970 a date or an instant is; None where it has no such times."""
    us = instant_us(value) if isinstance(value, datetime) else day_number(value) * UNITS_US["d"]
    if type_ == pa.date32():
        return Fraction(us, UNITS_US["d"])
    if pa.types.is_timestamp(type_) and (type_.tz or not isinstance(value, datetime)):
        return Fraction(us * _PER_SECOND[type_.unit], UNITS_US["s"])
    return None


def _of_whole(operator: str, place: Fraction, type_: pa.DataType) -> tuple[str, pa.Scalar]:
    """A comparison with so many of a type's smallest steps, as one with a whole number of them that it can have."""
    least, most = _ends(type_)
    lower = math.floor(place)
    if lower == place and least <= lower <= most:
        return operator, _scalar(lower, type_)
    if operator in _AS_LOWER and lower >= least:
        return _AS_LOWER[operator], _scalar(min(lower, most), type_)
    return _AS_LEAST[operator], _scalar(least, type_)


def _ends(type_: pa.DataType) -> tuple[int, int]:
    """The fewest and the most of its smallest steps that a value of a type can be."""
    if pa.types.is_decimal(type_):
        most = 10**type_.precision - 1
        return -most, most
    bounds = np.iinfo(type_.to_pandas_dtype() if pa.types.is_integer(type_) else f"int{type_.bit_width}")
    return int(bounds.min), int(bounds.max)


def _scalar(steps: int, type_: pa.DataType) -> Any:
    """The value of a type that is so many of its smallest steps."""
    if pa.types.is_decimal(type_):
        return pa.scalar(Decimal(f"{steps}E{-type_.scale}"), type_)
    return pa.scalar(steps, pa.int32()).cast(type_) if type_ == pa.date32() else pa.scalar(steps, type_)
