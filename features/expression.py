"""From ibis expressions to scalars: the allow-list of what a feature may compute, as one table of rules.

An operation is here only when both engines give it the same meaning (design 4.4). What is missing is refused by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError
from headrace.features.scalar import BOOL, DATETIME, FLOAT, INT, NUMERIC, STR, Scalar, column, conjunction, literal
from headrace.features.source import instant_us

NULL = "null"
BIGINT_RANGE = range(-(2**63), 2**63)
Rule = Callable[[Any], Scalar]


def to_scalar(expression: Any) -> Scalar:
    """The scalar of an ibis expression; UnsupportedError or ColumnTypeError for what a feature may not compute.

    >>> import ibis
    >>> table = ibis.table({"amt": "int64"}, name="t")
    >>> to_scalar(table.amt / 2 > 1.5).text()
    'greater(divide(cast:float(amt), cast:float(2)), 1.5)'
    """
    return _scalar(expression.op())


def _scalar(node: Any) -> Scalar:
    """The scalar of an ibis node, by the table."""
    rule = RULES.get(type(node))
    if rule is None:
        name = type(node).__name__
        known = ", ".join(sorted(kind.__name__ for kind in RULES))
        msg = f"operation {name!r} is not supported in features; supported: {known}"
        raise UnsupportedError(msg)
    return rule(node)


def _type_of(dtype: Any) -> str:
    """The language's type of an ibis type."""
    tests: tuple[tuple[Callable[[], bool], str], ...] = (
        (dtype.is_boolean, BOOL),
        (dtype.is_integer, INT),
        (dtype.is_floating, FLOAT),
        (dtype.is_string, STR),
        (dtype.is_timestamp, DATETIME),
        (dtype.is_null, NULL),
    )
    for holds, name in tests:
        if holds():
            return name
    msg = f"type {dtype} is not supported in features"
    raise UnsupportedError(msg)


def cast(scalar: Scalar, type_: str) -> Scalar:
    """The scalar as another type: int to float, float to int by truncation, bool to int; ColumnTypeError otherwise."""
    if scalar.type == type_:
        return scalar
    if scalar.type == NULL:
        return Scalar("literal", type_)
    if (scalar.type, type_) not in {(INT, FLOAT), (FLOAT, INT), (BOOL, INT)}:
        msg = f"a cast from {scalar.type} to {type_} is not supported; only int to float and back, and bool to int, are"
        raise ColumnTypeError(msg)
    return Scalar("cast", type_, (scalar,))


def unify(scalars: list[Scalar], what: str) -> list[Scalar]:
    """The scalars with one common type: an int beside a float becomes a float, a bare NULL takes the others' type."""
    found = {scalar.type for scalar in scalars} - {NULL}
    common = FLOAT if found == NUMERIC else next(iter(found), NULL)
    if len(found - NUMERIC) > 1 or (found & NUMERIC and found - NUMERIC) or common == NULL:
        msg = f"{what} needs operands of one type, found {', '.join(scalar.type for scalar in scalars)}"
        raise ColumnTypeError(msg)
    return [cast(scalar, common) for scalar in scalars]


def _compared(op: str, types: frozenset[str]) -> Rule:
    """A comparison of two operands of one of `types`."""

    def rule(node: Any) -> Scalar:
        left, right = unify([_scalar(node.left), _scalar(node.right)], op)
        _expect(left, types, op)
        return Scalar(op, BOOL, (left, right))

    return rule


def _arithmetic(op: str) -> Rule:
    """`+ - *` on two numbers: BIGINT when both are integers, DOUBLE otherwise."""

    def rule(node: Any) -> Scalar:
        left, right = unify([_scalar(node.left), _scalar(node.right)], op)
        _expect(left, NUMERIC, op)
        return Scalar(op, left.type, (left, right))

    return rule


def _logical(op: str) -> Rule:
    """`and` or `or` of two conditions."""

    def rule(node: Any) -> Scalar:
        left, right = (_expect(_scalar(side), frozenset({BOOL}), op) for side in (node.left, node.right))
        return Scalar(op, BOOL, (left, right))

    return rule


def _null_test(op: str) -> Rule:
    """`IS NULL` or `IS NOT NULL`."""
    return lambda node: Scalar(op, BOOL, (_scalar(node.arg),))


def _expect(scalar: Scalar, types: frozenset[str], op: str) -> Scalar:
    """The scalar itself when its type is one of `types`."""
    if scalar.type not in types:
        msg = f"{op} of {scalar.type} is not supported; expected {' or '.join(sorted(types))}"
        raise ColumnTypeError(msg)
    return scalar


def _literal(node: Any) -> Scalar:
    """A constant; numbers must be finite and within BIGINT, and an instant becomes its µs."""
    value = node.value
    if value is None:
        return Scalar("literal", NULL)
    if isinstance(value, datetime):
        return Scalar("literal", DATETIME, value=instant_us(value))
    plain = _plain_value(_type_of(node.dtype), value)
    if isinstance(plain, str) and "\0" in plain:
        msg = f"the string {plain!r} holds a NUL character, which not every engine can carry"
        raise UnsupportedError(msg)
    return literal(plain)


def _plain_value(type_: str, value: Any) -> str | int | float | bool:
    """A literal's value as a plain Python value of the language's type."""
    if type_ == INT and int(value) not in BIGINT_RANGE:
        msg = f"{value!r} is outside the range of BIGINT"
        raise DefinitionError(msg)
    if type_ == FLOAT and not math.isfinite(value):
        msg = f"{value!r} is no finite number; use None for a missing value"
        raise DefinitionError(msg)
    plain: str | int | float | bool = {INT: int, FLOAT: float, STR: str, BOOL: bool}[type_](value)
    return plain


def _divide(node: Any) -> Scalar:
    """DOUBLE division, NULL where the divisor is zero."""
    sides = [_expect(_scalar(side), NUMERIC, "divide") for side in (node.left, node.right)]
    if sides[1].op == "literal" and sides[1].value == 0:
        msg = "division by the constant zero is always NULL; divide by another number"
        raise DefinitionError(msg)
    return Scalar("divide", FLOAT, tuple(cast(side, FLOAT) for side in sides))


def _negate(node: Any) -> Scalar:
    """`-x`; of an integer it is `0 - x`, so that the one value without a negative is an overflow."""
    arg = _expect(_scalar(node.arg), NUMERIC, "negate")
    return Scalar("subtract", INT, (literal(0), arg)) if arg.type == INT else Scalar("negate", FLOAT, (arg,))


def _absolute(node: Any) -> Scalar:
    """`abs(x)`; of an integer it is checked like `-x`."""
    arg = _expect(_scalar(node.arg), NUMERIC, "abs")
    if arg.type == FLOAT:
        return Scalar("abs", FLOAT, (arg,))
    negative = Scalar("less", BOOL, (arg, literal(0)))
    return Scalar("case", INT, (negative, Scalar("subtract", INT, (literal(0), arg)), arg))


def _cast(node: Any) -> Scalar:
    """An explicit cast between int, float and bool."""
    target = _type_of(node.to)
    if node.to not in (dt.int64, dt.float64, dt.Int64(nullable=False), dt.Float64(nullable=False)) and target != BOOL:
        msg = f"a cast to {node.to} is not supported; cast to 'int64' or 'float64'"
        raise UnsupportedError(msg)
    return cast(_scalar(node.arg), target)


def _coalesce(node: Any) -> Scalar:
    """The first operand that is not NULL."""
    args = unify([_scalar(arg) for arg in node.arg], "coalesce")
    return Scalar("coalesce", args[0].type, tuple(args))


def _null_if(node: Any) -> Scalar:
    """NULL where two operands are equal, else the first."""
    left, right = unify([_scalar(node.arg), _scalar(node.null_if_expr)], "nullif")
    equal = Scalar("equals", BOOL, (left, right))
    return Scalar("case", left.type, (equal, Scalar("literal", left.type), left))


def _is_in(node: Any) -> Scalar:
    """Membership in a list of constants."""
    args = [_scalar(node.value), *(_scalar(option) for option in node.options)]
    if len(args) == 1 or any(arg.op != "literal" or arg.value is None for arg in args[1:]):
        msg = "isin expects a list of constants that is not empty and holds no None"
        raise UnsupportedError(msg)
    return Scalar("is_in", BOOL, tuple(unify(args, "isin")))


def _between(node: Any) -> Scalar:
    """`lower <= x <= upper`."""
    arg, lower, upper = unify([_scalar(side) for side in (node.arg, node.lower_bound, node.upper_bound)], "between")
    _expect(arg, NUMERIC | {DATETIME}, "between")
    above, below = Scalar("greater_equal", BOOL, (arg, lower)), Scalar("less_equal", BOOL, (arg, upper))
    return conjunction(above, below)


def _case(conditions: list[Scalar], values: list[Scalar]) -> Scalar:
    """The value of the first condition that holds; the last of `values` is the one for none."""
    for condition in conditions:
        _expect(condition, frozenset({BOOL}), "the condition of a case")
    *chosen, otherwise = unify(values, "case")
    branches = [part for pair in zip(conditions, chosen, strict=True) for part in pair]
    return Scalar("case", otherwise.type, (*branches, otherwise))


def _searched_case(node: Any) -> Scalar:
    """`ibis.cases`."""
    return _case([_scalar(case) for case in node.cases], [_scalar(value) for value in (*node.results, node.default)])


def _if_else(node: Any) -> Scalar:
    """`ibis.ifelse`."""
    return _case([_scalar(node.bool_expr)], [_scalar(node.true_expr), _scalar(node.false_null_expr)])


def _length(node: Any) -> Scalar:
    """Characters (code points) of a string."""
    return Scalar("length", INT, (_expect(_scalar(node.arg), frozenset({STR}), "length"),))


def _concat(node: Any) -> Scalar:
    """Strings one after the other; NULL when one of them is."""
    args = [_expect(_scalar(arg), frozenset({STR}), "concat") for arg in node.arg]
    return Scalar("concat", STR, tuple(args))


ORDERED = NUMERIC | {DATETIME}
EQUATABLE = ORDERED | {STR, BOOL}

RULES: dict[type, Rule] = {
    ops.Field: lambda node: column(node.name, _type_of(node.dtype)),
    ops.Literal: _literal,
    ops.Equals: _compared("equals", EQUATABLE),
    ops.NotEquals: _compared("not_equals", EQUATABLE),
    ops.Less: _compared("less", ORDERED),
    ops.LessEqual: _compared("less_equal", ORDERED),
    ops.Greater: _compared("greater", ORDERED),
    ops.GreaterEqual: _compared("greater_equal", ORDERED),
    ops.And: _logical("and"),
    ops.Or: _logical("or"),
    ops.Not: lambda node: Scalar("not", BOOL, (_expect(_scalar(node.arg), frozenset({BOOL}), "not"),)),
    ops.Add: _arithmetic("add"),
    ops.Subtract: _arithmetic("subtract"),
    ops.Multiply: _arithmetic("multiply"),
    ops.Divide: _divide,
    ops.Negate: _negate,
    ops.Abs: _absolute,
    ops.IsNull: _null_test("is_null"),
    ops.NotNull: _null_test("not_null"),
    ops.Cast: _cast,
    ops.Coalesce: _coalesce,
    ops.NullIf: _null_if,
    ops.InValues: _is_in,
    ops.Between: _between,
    ops.IfElse: _if_else,
    ops.SearchedCase: _searched_case,
    ops.StringLength: _length,
    ops.StringConcat: _concat,
}
