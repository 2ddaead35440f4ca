"""Numbers. Where the outcome is no finite number it is NULL; where an integer leaves BIGINT it is an error by name."""

from __future__ import annotations

import ibis.expr.operations as ops

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.coercion import as_float, cast, constant_int, expect, finite, unify
from headrace.features.operations.rule import Rule
from headrace.features.scalar import BOOL, FLOAT, INT, NUMERIC, TIMES, Scalar, literal

INTEGER = frozenset({INT})
#: So many decimal digits a float tells apart.
MOST_DECIMALS = 15
#: What has a greatest and a least; strings not, for Flink's GREATEST orders them by UTF-16.
EXTREMES = NUMERIC | TIMES
#: Functions from floats to a float.
FUNCTIONS: dict[type, str] = {
    ops.Power: "power",
    ops.Sqrt: "sqrt",
    ops.Exp: "exp",
    ops.Ln: "ln",
    ops.Log2: "log2",
    ops.Log10: "log10",
    ops.Sin: "sin",
    ops.Cos: "cos",
    ops.Tan: "tan",
    ops.Asin: "asin",
    ops.Acos: "acos",
    ops.Atan: "atan",
    ops.Atan2: "atan2",
    ops.Radians: "radians",
    ops.Degrees: "degrees",
}


def _arithmetic(op: str) -> Rule:
    """`+ - *` on two numbers: BIGINT when both are integers, DOUBLE otherwise."""

    def rule(left: Scalar, right: Scalar) -> Scalar:
        one, other = unify([left, right], op)
        expect(one, NUMERIC, op)
        return Scalar(op, one.type, (one, other))

    return rule


def _refuse_zero(divisor: Scalar) -> None:
    """A constant zero can only be a mistake."""
    if divisor.op == "literal" and divisor.value == 0:
        msg = "division by the constant zero is always NULL; divide by another number"
        raise DefinitionError(msg)


def _divide(left: Scalar, right: Scalar) -> Scalar:
    """DOUBLE division, NULL where the divisor is zero."""
    sides = [expect(side, NUMERIC, "divide") for side in (left, right)]
    _refuse_zero(right)
    return Scalar("divide", FLOAT, tuple(cast(side, FLOAT) for side in sides))


def floor_divide(left: Scalar, right: Scalar) -> Scalar:
    """`//` of integers, rounded down as in Python; NULL where the divisor is zero."""
    _refuse_zero(right)
    if FLOAT in {left.type, right.type}:
        msg = "floor_divide of float is not supported, for 1.0 // 0.1 is 9 and 1.0 / 0.1 is 10; write (x / y).floor()"
        raise UnsupportedError(msg)
    return Scalar("floor_divide", INT, tuple(expect(side, INTEGER, "floor_divide") for side in (left, right)))


def modulo(left: Scalar, right: Scalar) -> Scalar:
    """`%` with the sign of the divisor as in Python; NULL where the divisor is zero."""
    _refuse_zero(right)
    one, other = unify([left, right], "modulo")
    expect(one, NUMERIC, "modulo")
    return finite(Scalar("modulo", one.type, (one, other)))


def _negate(arg: Scalar) -> Scalar:
    """`-x`; of an integer it is `0 - x`, so that the one value without a negative is an overflow."""
    expect(arg, NUMERIC, "negate")
    return Scalar("subtract", INT, (literal(0), arg)) if arg.type == INT else Scalar("negate", FLOAT, (arg,))


def _absolute(arg: Scalar) -> Scalar:
    """`abs(x)`; of an integer it is checked like `-x`."""
    if expect(arg, NUMERIC, "abs").type == FLOAT:
        return Scalar("abs", FLOAT, (arg,))
    negative = Scalar("less", BOOL, (arg, literal(0)))
    return Scalar("case", INT, (negative, Scalar("subtract", INT, (literal(0), arg)), arg))


def _sign(arg: Scalar) -> Scalar:
    """-1, 0 or 1 of the argument's type."""
    kind: type[int | float] = float if expect(arg, NUMERIC, "sign").type == FLOAT else int
    zero, one, minus_one = (literal(kind(value)) for value in (0, 1, -1))
    outcomes = (("less", minus_one), ("greater", one), ("equals", zero))
    branches = [part for op, value in outcomes for part in (Scalar(op, BOOL, (arg, zero)), value)]
    return Scalar("case", arg.type, (*branches, Scalar("literal", arg.type)))


def _integral(op: str) -> Rule:
    """`floor` or `ceil`: an int."""

    def rule(arg: Scalar) -> Scalar:
        whole = expect(arg, NUMERIC, op)
        return whole if whole.type == INT else cast(Scalar(op, FLOAT, (finite(whole),)), INT)

    return rule


def _round(arg: Scalar, digits: Scalar) -> Scalar:
    """To the nearest int, a half away from zero; or to some decimals, as a float."""
    count = constant_int(digits, "round: the number of digits")
    if count > MOST_DECIMALS:
        msg = f"round: expected at most {MOST_DECIMALS} digits, which is what a float holds; found {count}"
        raise DefinitionError(msg)
    return _decimals(arg, count) if count and arg.type != INT else _integral("round")(arg)


def _decimals(arg: Scalar, count: int) -> Scalar:
    """`(x * 100).round() / 100` in floats: of what would be beyond them the number itself."""
    number, scale = finite(expect(arg, NUMERIC, "round")), literal(10.0**count)
    whole = Scalar("round", FLOAT, (finite(Scalar("multiply", FLOAT, (number, scale))),))
    # A negative number may round to -0.0 or to 0.0, and only their sum with 0.0 is one.
    rounded = Scalar("add", FLOAT, (Scalar("divide", FLOAT, (whole, scale)), literal(0.0)))
    return Scalar("coalesce", FLOAT, (rounded, number))


def _function(op: str) -> Rule:
    """A function of floats, NULL where its value is no finite number."""
    return lambda *args: finite(Scalar(op, FLOAT, tuple(as_float(arg, op) for arg in args)))


def _log(arg: Scalar, base: Scalar | None) -> Scalar:
    """The logarithm to any base; the natural one without."""
    ln = _function("ln")
    return ln(arg) if base is None else _divide(ln(arg), ln(base))


def _extreme(op: str) -> Rule:
    """`greatest` or `least` of those operands that are not NULL."""

    def rule(args: tuple[Scalar, ...]) -> Scalar:
        unified = unify(args, op)
        expect(unified[0], EXTREMES, op)
        return unified[0] if len(unified) == 1 else Scalar(op, unified[0].type, tuple(map(finite, unified)))

    return rule


def _clip(arg: Scalar, lower: Scalar | None, upper: Scalar | None) -> Scalar:
    """The argument within bounds; a bound that is NULL bounds nothing."""
    _refuse_disorder(lower, upper)
    bounds = [(op, bound) for op, bound in (("less", lower), ("greater", upper)) if bound is not None]
    value, *limits = unify([arg, *(bound for _, bound in bounds)], "clip")
    expect(value, NUMERIC, "clip")
    beyond = [Scalar(op, BOOL, (value, limit)) for (op, _), limit in zip(bounds, limits, strict=True)]
    branches = [part for pair in zip(beyond, limits, strict=True) for part in pair]
    return Scalar("case", value.type, (*branches, value))


def _refuse_disorder(lower: Scalar | None, upper: Scalar | None) -> None:
    """Constant bounds in the wrong order can only be a mistake."""
    low, high = ((None if bound is None else bound.value) for bound in (lower, upper))
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        msg = f"clip: the lower bound {low!r} is above the upper bound {high!r}"
        raise DefinitionError(msg)


RULES: dict[type, Rule] = {
    ops.Add: _arithmetic("add"),
    ops.Subtract: _arithmetic("subtract"),
    ops.Multiply: _arithmetic("multiply"),
    ops.Divide: _divide,
    ops.FloorDivide: floor_divide,
    ops.Modulus: modulo,
    ops.Negate: _negate,
    ops.Abs: _absolute,
    ops.Sign: _sign,
    ops.Floor: _integral("floor"),
    ops.Ceil: _integral("ceil"),
    ops.Round: _round,
    ops.Greatest: _extreme("greatest"),
    ops.Least: _extreme("least"),
    ops.Clip: _clip,
    ops.Log: _log,
    **{kind: _function(op) for kind, op in FUNCTIONS.items()},
}
