"""Cases of numbers. Python's own integers, floats and `math` say what must come out."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal

from .case import MAX, MIN, ROUNDING, Case

INTS = (0, 1, -1, 2, -2, 3, -3, 7, -7, 10, 2**53 + 1, MAX, MAX - 1, MIN, MIN + 1)
PAIRS = tuple((i, j) for i in INTS for j in INTS)
FLOATS = (
    *(0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999999999999994, -0.49999999999999994, 1.0, -1.0, 0.1, 2.675),
    *(4503599627370495.5, -4503599627370495.5, 4503599627370497.0, 9007199254740993.0, 9.2e18, -9.2e18),
    *(5e-324, 2.2250738585072014e-308, 1e-9, 1e15 + 0.3, math.pi, -math.e, 1000.0, 536870912.0),
)
RANDOM = random.Random(7)
SPREAD = tuple(RANDOM.uniform(-1, 1) * 10 ** RANDOM.randint(-6, 6) for _ in range(100))
HUGE = 1.7e308
#: Texts of which a half is between the two nearest, and the floats are on either side of it.
HALVES = (1.005, 1.015, 1.115, 2.675, -1.005, 0.145, 10.235, 1e-3, 0.005, -0.004, 0.015, 123456.785, 1e22, 2**52 + 0.5)
WIDE = Context(prec=400)
Number = float | int | None


def of(function: Callable[[float], Number], inputs: tuple[float, ...]) -> tuple[tuple[Number, Number], ...]:
    """What a function of Python gives for each input, and NULL for NULL."""
    return (*((x, function(x)) for x in inputs), (None, None))


def to_decimals(x: float, digits: int) -> float:
    """Rounded as floats compute it, a half away from zero; what is beyond the floats itself."""
    scaled = x * 10.0**digits
    whole = Decimal(scaled).quantize(Decimal(1), ROUND_HALF_UP, WIDE) if math.isfinite(scaled) else None
    return x if whole is None else float(whole) / 10.0**digits


def or_null(function: Callable[..., float]) -> Callable[..., float | None]:
    """The function, None where Python refuses or the value is no finite number."""

    def checked(*args: float) -> float | None:
        try:
            value = function(*args)
        except (ValueError, OverflowError, ZeroDivisionError):
            return None
        return value if isinstance(value, float) and math.isfinite(value) else None

    return checked


def half_away(x: float) -> int:
    """The nearest integer, a half away from zero."""
    whole = math.floor(abs(x))
    return int(math.copysign(whole + (abs(x) - whole >= 0.5), x))


def calculated(operation: str, write: str, function: Callable[[float], float], edges: str) -> Case:
    """A function of one float, which may differ in the last bits."""
    extra = (0.0, -0.0, 1.0, -1.0, 2.0, 8.0, 1000.0, 0.5, 1e-300, 700.0, 710.0, -750.0, HUGE, -HUGE)
    return Case(operation, write, edges, "x", of(or_null(function), (*extra, *SPREAD)), ROUNDING)


BASES = (0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, 10.0, -8.0, 1e200)
EXPONENTS = (0.0, 1.0, -1.0, 2.0, 3.0, -2.0, 0.5, 1 / 3, 1e3)
DIVISORS = (3.0, -3.0, 0.1, -0.1, 1e-3, 2.5)

CASES = (
    Case(
        "modulo",
        "tx.i % tx.j",
        "the sign of the divisor, as in Python; NULL by zero",
        "i j",
        (*((i, j, i % j if j else None) for i, j in PAIRS), (None, 2, None), (2, None, None)),
    ),
    Case("modulo of a constant", "tx.i % 7", "as modulo", "i", of(lambda i: i % 7, INTS)),
    Case(
        "modulo of floats",
        "tx.x % tx.y",
        "the sign of the divisor, as in Python; NULL by zero",
        "x y",
        (
            *((x, y, x % y) for x in (*FLOATS, *SPREAD) for y in DIVISORS),
            (1.0, 0.0, None),
            (1.0, -0.0, None),
            (None, 1.0, None),
        ),
    ),
    Case(
        "floor division",
        "tx.i // tx.j",
        "of ints, rounded down, as in Python; NULL by zero; beyond BIGINT an error",
        "i j",
        (*((i, j, i // j if j else None) for i, j in PAIRS if (i, j) != (MIN, -1)), (None, 2, None), (2, None, None)),
    ),
    Case("floor division by a constant", "tx.i // -7", "as floor division", "i", of(lambda i: i // -7, INTS)),
    Case("floor", "tx.x.floor()", "an int; beyond BIGINT an error", "x", of(math.floor, FLOATS)),
    Case("ceil", "tx.x.ceil()", "an int; beyond BIGINT an error", "x", of(math.ceil, FLOATS)),
    Case(
        "round",
        "tx.x.round()",
        "an int, a half away from zero (not to even, as in Python); beyond BIGINT an error",
        "x",
        of(half_away, FLOATS),
    ),
    Case(
        "round to decimals",
        "tx.x.round(2)",
        "(x * 100).round() / 100 as floats compute it: 1.005, which is a little less, is 1.0; 0 to 15 decimals",
        "x",
        of(lambda x: to_decimals(x, 2), (*FLOATS, *SPREAD, *HALVES, HUGE, -HUGE)),
    ),
    Case(
        "round to many decimals",
        "tx.x.round(15)",
        "the same",
        "x",
        of(lambda x: to_decimals(x, 15), (*FLOATS, *SPREAD, *HALVES, HUGE)),
    ),
    Case("round an int to decimals", "tx.i.round(2)", "itself", "i", ((7, 7), (MAX, MAX), (None, None))),
    Case(
        "round what is no number",
        "(tx.x * 1e308).round()",
        "NULL",
        "x",
        ((1e10, None), (-1e10, None), (0.0, 0), (None, None)),
    ),
    Case(
        "power",
        "tx.x ** tx.y",
        "a float; NULL where it is no finite number: 0 ** -1, (-8) ** (1 / 3), 1e200 ** 2",
        "x y",
        (
            *((x, y, or_null(math.pow)(x, y)) for x in BASES for y in EXPONENTS),
            (None, 0.0, None),
            (0.0, None, None),
        ),
        ROUNDING,
    ),
    Case(
        "power of ints",
        "tx.i ** 2",
        "a float",
        "i",
        ((3, 9.0), (-3, 9.0), (MIN, 2.0**126), (None, None)),
    ),
    Case(
        "square root",
        "tx.x.sqrt()",
        "NULL below zero",
        "x",
        of(or_null(math.sqrt), (*FLOATS, HUGE)),
    ),
    calculated("exponential", "tx.x.exp()", math.exp, "NULL where it is beyond the floats"),
    calculated("natural logarithm", "tx.x.ln()", math.log, "NULL of 0 and below"),
    calculated("logarithm to 10", "tx.x.log10()", math.log10, "NULL of 0 and below"),
    calculated("logarithm to 2", "tx.x.log2()", math.log2, "NULL of 0 and below; not to be rounded down"),
    Case(
        "logarithm to a base",
        "tx.x.log(tx.y)",
        "NULL of 0 and below, and to base 1",
        "x y",
        (
            (8.0, 2.0, 3.0),
            (0.5, 10.0, math.log(0.5) / math.log(10)),
            (8.0, 1.0, None),
            (8.0, 0.0, None),
            (0.0, 2.0, None),
        ),
        ROUNDING,
    ),
    calculated("sine", "tx.x.sin()", math.sin, "of radians"),
    calculated("cosine", "tx.x.cos()", math.cos, "of radians"),
    calculated("tangent", "tx.x.tan()", math.tan, "of radians"),
    calculated("arc sine", "tx.x.asin()", math.asin, "NULL beyond -1 and 1"),
    calculated("arc cosine", "tx.x.acos()", math.acos, "NULL beyond -1 and 1"),
    calculated("arc tangent", "tx.x.atan()", math.atan, ""),
    Case(
        "arc tangent of two",
        "tx.y.atan2(tx.x)",
        "",
        "y x",
        tuple((y, x, math.atan2(y, x)) for y in (0.0, 1.0, -1.0, 1e9) for x in (0.0, 1.0, -1.0, 1e-9)),
        ROUNDING,
    ),
    calculated("radians", "tx.x.radians()", math.radians, "of degrees"),
    calculated("degrees", "tx.x.degrees()", math.degrees, "of radians; NULL where it is beyond the floats"),
    Case(
        "sign",
        "tx.x.sign()",
        "-1, 0 or 1 of the same type",
        "x",
        of(lambda x: float((x > 0) - (x < 0)), FLOATS),
    ),
    Case("sign of ints", "tx.i.sign()", "as sign", "i", of(lambda i: (i > 0) - (i < 0), INTS)),
    Case(
        "absolute",
        "tx.i.abs()",
        "the least BIGINT has none, which is an error",
        "i",
        of(abs, INTS[:-2]),
    ),
    Case(
        "greatest",
        "ibis.greatest(tx.i, tx.j, 0)",
        "ignores NULL; NULL when all are",
        "i j",
        ((1, 2, 2), (-1, -2, 0), (None, 5, 5), (None, None, 0), (MAX, MIN, MAX)),
    ),
    Case(
        "least",
        "ibis.least(tx.i, tx.j)",
        "as greatest",
        "i j",
        ((1, 2, 1), (None, 5, 5), (5, None, 5), (None, None, None)),
    ),
    Case(
        "greatest of floats",
        "ibis.greatest(tx.x * 10, tx.y)",
        "ignores what is no finite number",
        "x y",
        ((1.0, 2.0, 10.0), (HUGE, 1.0, 1.0), (None, 1.0, 1.0), (-HUGE, None, None), (-0.5, -4.0, -4.0)),
    ),
    Case(
        "clip",
        "tx.x.clip(lower=-1, upper=tx.y)",
        "a bound that is NULL bounds nothing; where the lower is above the upper, the lower",
        "x y",
        ((-5.0, 1.0, -1.0), (5.0, 1.0, 1.0), (0.5, 1.0, 0.5), (5.0, None, 5.0), (None, 1.0, None), (-5.0, -9.0, -1.0)),
    ),
    Case("clip of ints", "tx.i.clip(0, 10)", "an int", "i", ((-1, 0), (0, 0), (10, 10), (MAX, 10), (None, None))),
    Case(
        "isin of a zero",
        "tx.x.isin([0])",
        "-0.0 is 0.0",
        "x",
        ((0.0, True), (-0.0, True), (5e-324, False), (None, None)),
    ),
    Case(
        "isin of floats",
        "tx.x.isin([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])",
        "-0.0 is 0.0",
        "x",
        ((0.0, True), (-0.0, True), (0.1, False), (6.0, True), (None, None)),
    ),
    Case(
        "plus and minus",
        "tx.i + tx.j - 1",
        "of ints an int, beyond BIGINT an error; a float beside one a float",
        "i j",
        ((1, 2, 2), (MAX, -1, MAX - 2), (None, 1, None)),
    ),
    Case("times", "tx.i * 1.5", "as plus", "i", ((3, 4.5), (-1, -1.5), (None, None))),
    Case("minus sign", "-tx.i", "as plus: the least BIGINT has none", "i", of(lambda i: -i, INTS[:-2])),
    Case("compare", "tx.x < tx.y", "as in Python", "x y", ((0.0, -0.0, False), (1.0, 2.0, True), (None, 1.0, None))),
    Case(
        "equal to one of several",
        "(tx.x == 0) | (tx.x == 1.5) | (tx.x == -0.0) | (tx.x == 3)",
        "-0.0 is 0.0",
        "x",
        ((0.0, True), (-0.0, True), (1.5, True), (3.0, True), (-3.0, False), (5e-324, False), (None, None)),
    ),
    Case(
        "different from several",
        "(tx.x != 0) & (tx.x != 1.5) & (tx.x * 1e308 != 0) & (tx.x != 3)",
        "-0.0 is 0.0",
        "x",
        ((0.0, False), (-0.0, False), (1.5, False), (3.0, False), (-3.0, True), (1e10, True), (None, None)),
    ),
    Case(
        "compare what is no number",
        "tx.x * 1e308 - tx.x * 1e308 >= tx.y",
        "never true",
        "x y",
        ((1e10, 0.0, False), (1.0, 0.0, True), (None, 0.0, None)),
    ),
    Case(
        "between",
        "tx.i.between(-1, tx.j)",
        "both ends included",
        "i j",
        ((-1, 5, True), (5, 5, True), (6, 5, False), (-2, None, False), (0, None, None)),
    ),
    Case(
        "divide",
        "tx.i / tx.j",
        "a float; NULL by zero",
        "i j",
        ((1, 2, 0.5), (1, 0, None), (-7, 2, -3.5), (None, 1, None), (MAX, 1, 9.223372036854775807e18)),
    ),
)
