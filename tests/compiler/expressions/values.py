"""Cases of casts, NULL, choices and logic."""

from __future__ import annotations

from .case import MAX, MIN, Case
from .times import INSTANTS, micros

BOTH = (True, False, None)
NUMBERS = {
    "0": 0,
    "-0": 0,
    "+5": 5,
    "-12": -12,
    "007": 7,
    str(MAX): MAX,
    str(MIN): MIN,
}
NO_INTS = (
    "",
    "-",
    " 5",
    "5 ",
    "5\n",
    "1.0",
    "1e3",
    "1_000",
    "0x10",
    "٣",
    "--1",
    "9223372036854775808",
    "1" * 40,
    "NaN",
)
FLOATS = {
    "0": 0.0,
    "-0.0": -0.0,
    "1.5": 1.5,
    "+.5": 0.5,
    "5.": 5.0,
    "1e3": 1000.0,
    "-1E-3": -0.001,
    "5e-324": 5e-324,
    "1e-999": 0.0,
    "0.1": 0.1,
    "2.2250738585072011e-308": 2.2250738585072011e-308,
    "9007199254740993": 9007199254740992.0,
    "123456789012345678901234567890": 1.2345678901234568e29,
}
NO_FLOATS = (
    "",
    ".",
    "e5",
    " 1",
    "1 ",
    "1\n",
    "1,5",
    "1_0.0",
    "NaN",
    "nan",
    "inf",
    "Infinity",
    "1e999",
    "-1e999",
    "1d",
    "0x1p3",
)

CASES = (
    Case(
        "str to int",
        "tx.s.cast('int64')",
        "an optional sign and digits; anything else, spaces and numbers beyond BIGINT too, is NULL",
        "s",
        (*NUMBERS.items(), *((text, None) for text in NO_INTS), (None, None)),
    ),
    Case(
        "str to float",
        "tx.s.cast('float64')",
        "digits, a point, an exponent; anything else, NaN and what is beyond the floats too, is NULL",
        "s",
        (*FLOATS.items(), *((text, None) for text in NO_FLOATS), (None, None)),
    ),
    Case(
        "int to str",
        "tx.i.cast('string')",
        "decimal digits",
        "i",
        ((0, "0"), (-5, "-5"), (MAX, str(MAX)), (MIN, str(MIN)), (None, None)),
    ),
    Case("bool to str", "tx.b.cast('string')", "true or false", "b", ((True, "true"), (False, "false"), (None, None))),
    Case("bool to int", "tx.b.cast('int64')", "1 or 0", "b", ((True, 1), (False, 0), (None, None))),
    Case("bool to float", "tx.b.cast('float64')", "1 or 0", "b", ((True, 1.0), (False, 0.0), (None, None))),
    Case(
        "float to int",
        "tx.x.cast('int64')",
        "without its fraction; beyond BIGINT an error",
        "x",
        ((1.9, 1), (-1.9, -1), (-0.0, 0), (9.2e18, 9_200_000_000_000_000_000), (-(2.0**63), MIN), (None, None)),
    ),
    Case(
        "what is no number to int",
        "(tx.x * 1e308).cast('int64')",
        "NULL",
        "x",
        ((1e10, None), (-1e10, None), (0.0, 0), (None, None)),
    ),
    Case(
        "int to float", "tx.i.cast('float64')", "the nearest", "i", ((MAX, 2.0**63), (2**53 + 1, 2.0**53), (None, None))
    ),
    Case(
        "datetime to int",
        "tx.at.cast('int64')",
        "seconds since 1970, rounded down",
        "at",
        (*((at, micros(at) // 1_000_000) for at in INSTANTS), (None, None)),
    ),
    Case(
        "int to datetime",
        "tx.i.cast('timestamp')",
        "seconds since 1970; beyond BIGINT µs an error",
        "i",
        ((-1, INSTANTS[0].replace(year=1969, month=12, day=31, hour=23, minute=59, second=59)), (None, None)),
    ),
    Case(
        "identical",
        "tx.i.identical_to(tx.j)",
        "NULL is NULL: never NULL itself",
        "i j",
        ((1, 1, True), (1, 2, False), (None, 1, False), (1, None, False), (None, None, True)),
    ),
    Case(
        "identical floats",
        "tx.x.identical_to(tx.y)",
        "-0.0 is 0.0",
        "x y",
        ((0.0, -0.0, True), (None, None, True), (1.0, None, False)),
    ),
    Case("identical strings", "tx.s.identical_to('a')", "", "s", (("a", True), ("b", False), (None, False))),
    Case("fill NULL", "tx.s.fill_null('none')", "", "s", (("a", "a"), ("", ""), (None, "none"))),
    Case(
        "fill NULL after a function",
        "tx.x.ln().fill_null(-1)",
        "no finite number is NULL",
        "x",
        ((1.0, 0.0), (0.0, -1.0)),
    ),
    Case("coalesce", "ibis.coalesce(tx.i, tx.j, 7)", "", "i j", ((1, 2, 1), (None, 2, 2), (None, None, 7))),
    Case("NULL if", "tx.s.nullif('')", "", "s", (("", None), ("a", "a"), (None, None))),
    Case("is NULL", "tx.s.isnull()", "never NULL itself", "s", (("", False), (None, True))),
    Case("is not NULL", "tx.x.notnull()", "never NULL itself", "x", ((0.0, True), (None, False))),
    Case("not equal", "tx.b != tx.c", "NULL when either is", "b c", ((True, False, True), (True, None, None))),
    Case("try to cast", "tx.s.try_cast('int64')", "as cast", "s", (("5", 5), ("x", None), (None, None))),
    Case(
        "exclusive or",
        "tx.b ^ tx.c",
        "NULL when either is",
        "b c",
        tuple((b, c, None if b is None or c is None else b != c) for b in BOTH for c in BOTH),
    ),
    Case(
        "and",
        "tx.b & tx.c",
        "False & NULL is False",
        "b c",
        tuple((b, c, False if False in (b, c) else None if None in (b, c) else True) for b in BOTH for c in BOTH),
    ),
    Case(
        "or",
        "tx.b | ~tx.c",
        "True | NULL is True",
        "b c",
        tuple(
            (b, c, True if b is True or c is False else None if None in (b, c) else False) for b in BOTH for c in BOTH
        ),
    ),
    Case(
        "isin",
        "tx.s.isin(['a', 'it\\'s'])",
        "NULL of NULL",
        "s",
        (("a", True), ("it's", True), ("", False), (None, None)),
    ),
    Case(
        "cases of a value",
        "tx.s.cases(('a', 'first'), ('bb', 'second'), else_=tx.t)",
        "the first that equals; NULL equals none",
        "s t",
        (("a", "x", "first"), ("bb", "x", "second"), ("c", "x", "x"), (None, "x", "x"), ("c", None, None)),
    ),
    Case(
        "cases",
        "ibis.cases((tx.i > 1, 'many'), (tx.i == 1, 'one'), else_=None)",
        "the first that is true",
        "i",
        ((2, "many"), (1, "one"), (0, None), (None, None)),
    ),
    Case("if else", "tx.b.ifelse(tx.i, -1)", "NULL is not true", "b i", ((True, 5, 5), (False, 5, -1), (None, 5, -1))),
)
