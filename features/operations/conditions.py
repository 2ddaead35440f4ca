"""Comparisons, membership, NULL tests and logic."""

from __future__ import annotations

import ibis.expr.operations as ops

from headrace.errors import UnsupportedError
from headrace.features.coercion import expect, unify
from headrace.features.operations.rule import Rule
from headrace.features.scalar import BOOL, INTERVAL, NUMERIC, STR, TIMES, Scalar, conjunction

ORDERED = NUMERIC | TIMES | {INTERVAL, STR}
EQUATABLE = ORDERED | {BOOL}
CONDITION = frozenset({BOOL})
#: What makes a constant of a comparison: Python compares the method itself, whatever the rows are.
FIELD_HINT = (
    "where it came of a field that has the name of a method of ibis, such as tx.device.name, write tx.device['name']"
)


def _compared(op: str, types: frozenset[str]) -> Rule:
    """A comparison of two operands of one of `types`."""

    def rule(left: Scalar, right: Scalar) -> Scalar:
        one, other = unify([left, right], op)
        expect(one, types, op)
        return Scalar(op, BOOL, (one, other))

    return rule


same = _compared("equals", EQUATABLE)


def _identical(left: Scalar, right: Scalar) -> Scalar:
    """Equality in which NULL equals NULL: never NULL itself."""
    one, other = unify([left, right], "identical_to")
    missing = [Scalar("is_null", BOOL, (side,)) for side in (one, other)]
    either, both = (Scalar(op, BOOL, tuple(missing)) for op in ("or", "and"))
    return Scalar("case", BOOL, (either, both, same(one, other)))


def decided(condition: Scalar, op: str) -> Scalar:
    """A condition; UnsupportedError for a constant, which is seldom what was meant.

    `tx.device.name == "ios"` compares a method of ibis, and Python says that it is no text, whatever the rows are.
    """
    if condition.op == "literal" and condition.value is not None:
        msg = f"{op} of the constant {condition.value!r} is not supported: leave it out; {FIELD_HINT}"
        raise UnsupportedError(msg)
    return expect(condition, CONDITION, op)


def _logical(op: str) -> Rule:
    """`and` or `or` of two conditions."""
    return lambda left, right: Scalar(op, BOOL, (decided(left, op), decided(right, op)))


def _not(arg: Scalar) -> Scalar:
    """`~x`."""
    return Scalar("not", BOOL, (expect(arg, CONDITION, "not"),))


def _xor(left: Scalar, right: Scalar) -> Scalar:
    """One of two conditions but not both; NULL when either is."""
    return Scalar("not_equals", BOOL, (decided(left, "xor"), decided(right, "xor")))


def _null_test(op: str) -> Rule:
    """`IS NULL` or `IS NOT NULL`."""
    return lambda arg: Scalar(op, BOOL, (arg,))


def _is_in(value: Scalar, options: tuple[Scalar, ...]) -> Scalar:
    """Membership in a list of constants."""
    if not options or any(option.op != "literal" or option.value is None for option in options):
        msg = "isin expects a list of constants that is not empty and holds no None"
        raise UnsupportedError(msg)
    return Scalar("is_in", BOOL, tuple(unify([value, *options], "isin")))


def _between(arg: Scalar, lower: Scalar, upper: Scalar) -> Scalar:
    """`lower <= x <= upper`."""
    arg, lower, upper = unify([arg, lower, upper], "between")
    expect(arg, ORDERED, "between")
    above, below = Scalar("greater_equal", BOOL, (arg, lower)), Scalar("less_equal", BOOL, (arg, upper))
    return conjunction(above, below)


RULES: dict[type, Rule] = {
    ops.Equals: same,
    ops.NotEquals: _compared("not_equals", EQUATABLE),
    ops.Less: _compared("less", ORDERED),
    ops.LessEqual: _compared("less_equal", ORDERED),
    ops.Greater: _compared("greater", ORDERED),
    ops.GreaterEqual: _compared("greater_equal", ORDERED),
    ops.IdenticalTo: _identical,
    ops.Between: _between,
    ops.InValues: _is_in,
    ops.And: _logical("and"),
    ops.Or: _logical("or"),
    ops.Xor: _xor,
    ops.Not: _not,
    ops.IsNull: _null_test("is_null"),
    ops.NotNull: _null_test("not_null"),
}
