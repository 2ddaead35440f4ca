"""Columns, constants, NULL and choices."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any

import ibis.expr.operations as ops

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.coercion import NULL, type_of, unify
from headrace.features.instant import day_number, instant_us
from headrace.features.integers import INT_RANGE, beyond_64_bits
from headrace.features.operations.conditions import decided, same
from headrace.features.operations.rule import Rule
from headrace.features.operations.times import interval_us
from headrace.features.scalar import (
    BOOL,
    DATE,
    DATETIME,
    FLOAT,
    INT,
    INTERVAL,
    STR,
    STRUCT,
    Scalar,
    column,
    is_list,
    literal,
)


def _column(relation: Any, name: str) -> Scalar:
    """A column of the source."""
    return column(name, type_of(relation.schema[name]))


def _literal(value: Any, dtype: Any) -> Scalar:
    """A constant; numbers must be finite and within BIGINT; instants and intervals become µs, dates days."""
    if value is None:
        return Scalar("literal", NULL)
    if isinstance(value, datetime):
        return Scalar("literal", DATETIME, value=_instant(value))
    if isinstance(value, date):
        return Scalar("literal", DATE, value=day_number(value))
    type_ = type_of(dtype)
    if type_ == STRUCT or is_list(type_):
        msg = f"a constant that is a {type_} is not supported; compare each part with a constant of its own"
        raise UnsupportedError(msg)
    if type_ == INTERVAL:
        return Scalar("literal", INTERVAL, value=value * interval_us(dtype.unit))
    plain = _plain_value(type_, value)
    if isinstance(plain, str) and "\0" in plain:
        msg = f"the string {plain!r} holds a NUL character, which not every engine can carry"
        raise UnsupportedError(msg)
    return literal(plain)


def _instant(value: datetime) -> int:
    """The µs of a constant instant."""
    if value.tzinfo is None:
        msg = f"{value!r} has no zone; write datetime(2024, 1, 1, tzinfo=UTC)"
        raise DefinitionError(msg)
    return instant_us(value)


def _plain_value(type_: str, value: Any) -> str | int | float | bool:
    """A literal's value as a plain Python value of the language's type."""
    if type_ == INT and int(value) not in INT_RANGE:
        raise beyond_64_bits(repr(value))
    if type_ == FLOAT and not math.isfinite(value):
        msg = f"{value!r} is no finite number; use None for a missing value"
        raise DefinitionError(msg)
    plain: str | int | float | bool = {INT: int, FLOAT: float, STR: str, BOOL: bool}[type_](value)
    return plain


def _coalesce(args: tuple[Scalar, ...]) -> Scalar:
    """The first operand that is not NULL."""
    unified = unify(args, "coalesce")
    return Scalar("coalesce", unified[0].type, tuple(unified))


def _null_if(arg: Scalar, other: Scalar) -> Scalar:
    """NULL where two operands are equal, else the first."""
    left, right = unify([arg, other], "nullif")
    equal = Scalar("equals", BOOL, (left, right))
    return Scalar("case", left.type, (equal, Scalar("literal", left.type), left))


def _searched_case(conditions: tuple[Scalar, ...], values: tuple[Scalar, ...], default: Scalar) -> Scalar:
    """`ibis.cases`: the value of the first condition that holds, else the default."""
    for condition in conditions:
        decided(condition, "the condition of a case")
    *chosen, otherwise = unify([*values, default], "case")
    branches = [part for pair in zip(conditions, chosen, strict=True) for part in pair]
    return Scalar("case", otherwise.type, (*branches, otherwise))


def _simple_case(base: Scalar, cases: tuple[Scalar, ...], values: tuple[Scalar, ...], default: Scalar) -> Scalar:
    """`x.cases((a, value), ...)`: the value beside the first case that x equals, else the default."""
    return _searched_case(tuple(same(base, case) for case in cases), values, default)


def _if_else(condition: Scalar, value: Scalar, otherwise: Scalar) -> Scalar:
    """`ibis.ifelse`."""
    return _searched_case((condition,), (value,), otherwise)


RULES: dict[type, Rule] = {
    ops.Field: _column,
    ops.Literal: _literal,
    ops.Coalesce: _coalesce,
    ops.NullIf: _null_if,
    ops.IfElse: _if_else,
    ops.SearchedCase: _searched_case,
    ops.SimpleCase: _simple_case,
}
