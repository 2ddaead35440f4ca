"""Scalars in DuckDB SQL. Integers are checked already; NaN would be greater than all, so comparisons guard it."""

from __future__ import annotations

from functools import partial

from headrace.compiler import lookups
from headrace.compiler.calls import ERROR, VALUE, column_of
from headrace.compiler.scalar_sql import (
    ARITHMETIC,
    COMMON,
    COMPARISONS,
    DATE_TEXT,
    FLOAT_TEXT,
    INT_TEXT,
    WHITESPACE,
    Dialect,
    Rule,
    as_integers,
    by_cast,
    by_type,
    function,
    literal,
    template,
    text_literal,
)
from headrace.features.scalar import BOOL, BYTES, DATE, DATETIME, FINITE, FLOAT, INT, STR, Scalar

TYPES = {
    STR: "VARCHAR",
    INT: "BIGINT",
    FLOAT: "DOUBLE",
    BOOL: "BOOLEAN",
    DATETIME: "TIMESTAMPTZ",
    DATE: "DATE",
    BYTES: "BLOB",
    "int32": "INTEGER",
}


_DAYS = "({0} - DATE '1970-01-01')"
_OF_DAYS = "(DATE '1970-01-01' + CAST({0} AS INTEGER))"
#: A column or a part of one.
_held = partial(as_integers, patterns={DATETIME: "epoch_us({0})", DATE: _DAYS})
#: What makes a value of an expression again of the integer that it is there.
VALUES = {DATETIME: "make_timestamptz({0})", DATE: _OF_DAYS}


def as_value(type_: str, sql: str) -> str:
    """A value of a type, from the SQL of an expression: the instant of its µs, the date of its day.

    >>> as_value("datetime", "us"), as_value("int", "n")
    ('make_timestamptz(us)', 'n')
    """
    return VALUES.get(type_, "{0}").format(sql)


def _element(scalar: Scalar, args: list[str], label: str) -> str:
    """An element, counted from 1 here, or from -1 at the end; NULL where there is none."""
    place = scalar.args[1].value
    return f"{args[0]}[{place + 1 if isinstance(place, int) and place >= 0 else place}]"


def _of_parts(function: str, pattern: str, otherwise: str) -> Rule:
    """A function over a part of every element; in `pattern` {0} is the struct around the part, {1} the part."""

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        around, part = "", "element"
        for name in str(scalar.args[1].value).split("."):
            around, part = part, f"struct_extract({part}, '{name}')"
        return f"COALESCE({function}([{pattern.format(around, part)} FOR element IN {args[0]}]), {otherwise})"

    return rule


def _compared(op: str) -> Rule:
    """A comparison that is never true of NaN (`<>`: always), as IEEE and Java have it."""

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        plain = f"({args[0]} {COMPARISONS[op]} {args[1]})"
        computed = [sql for arg, sql in zip(scalar.args, args, strict=True) if _may_be_nan(arg)]
        guards = [f"{'' if op == 'not_equals' else 'NOT '}isnan({sql})" for sql in computed]
        return f"({(' OR ' if op == 'not_equals' else ' AND ').join([plain, *guards])})" if guards else plain

    return rule


def _may_be_nan(scalar: Scalar) -> bool:
    """Whether a float was computed: columns are finite by the verdict, others by the language."""
    return scalar.type == FLOAT and scalar.op not in FINITE


#: The remainder has the sign of the dividend here; another divisor on top gives it that of the divisor. In HUGEINT,
#: where neither that sum nor the least BIGINT by -1 is an overflow.
_MODULO = "((CAST({0} AS HUGEINT) % NULLIF({1}, 0) + {1}) % NULLIF({1}, 0))"
_FLOOR_DIVIDE = f"CAST((CAST({{0}} AS HUGEINT) - {_MODULO}) // NULLIF({{1}}, 0) AS BIGINT)"
_FLOAT_MODULO = (
    "({0} % NULLIF({1}, 0E0) + "
    "CASE WHEN {0} % NULLIF({1}, 0E0) <> 0E0 AND (({0} < 0E0) <> ({1} < 0E0)) THEN {1} ELSE 0E0 END)"
)
_NOT_FINITE = "(NOT isfinite({0}))"


def _of_text(text: str, type_: str, value: str = "{0}") -> Rule:
    """A string as another type, NULL where it is none: TRY_CAST alone would take spaces, underscores and fractions."""
    return lambda scalar, args, label: (
        f"CASE WHEN regexp_full_match({args[0]}, {text_literal(text)}) "
        f"THEN {value.format(f'TRY_CAST({args[0]} AS {type_})')} END"
    )


#: The casts of the contract: exact, truncating, 0 or 1, and NULL for text that is no number.
CASTS = {
    (INT, FLOAT): template("CAST({0} AS DOUBLE)"),
    (FLOAT, INT): template("CAST(trunc(CASE WHEN isfinite({0}) THEN {0} END) AS BIGINT)"),
    (BOOL, INT): template("CAST({0} AS BIGINT)"),
    (INT, STR): template("CAST({0} AS VARCHAR)"),
    (STR, INT): _of_text(INT_TEXT, "BIGINT"),
    (STR, FLOAT): _of_text(FLOAT_TEXT, "DOUBLE"),
    (STR, DATE): _of_text(DATE_TEXT, "DATE", _DAYS),
    (DATE, STR): template(f"CAST({_OF_DAYS} AS VARCHAR)"),
}
#: Fields of the calendar, by DuckDB's names.
FIELDS = {
    "year": "year",
    "month": "month",
    "day": "day",
    "day_of_year": "doy",
    "iso_year": "isoyear",
    "iso_week": "week",
}
#: Functions of strings by their names here; whitespace is named.
STRINGS = {
    "contains": "contains",
    "starts_with": "starts_with",
    "ends_with": "suffix",
    "upper": "upper",
    "re_search": "regexp_matches",
    "lower": "lower",
}
TRIMS = {"strip": "trim", "lstrip": "ltrim", "rstrip": "rtrim"}

DUCKDB = Dialect(
    name="duckdb",
    quote='"',
    types=TYPES,
    struct="STRUCT({})",
    array="{}[]",
    rules={
        **COMMON,
        **{op: _compared(op) for op in COMPARISONS},
        **{op: template(f"({{0}} {sign} {{1}})") for op, sign in ARITHMETIC.items()},
        **{op: function(name) for op, name in STRINGS.items()},
        **{op: template(f"{name}({{0}}, {text_literal(WHITESPACE)})") for op, name in TRIMS.items()},
        **{op: template(f"date_part('{name}', make_timestamp({{0}}))") for op, name in FIELDS.items()},
        "day_of_quarter": template(
            "(date_diff('day', date_trunc('quarter', make_timestamp({0})), make_timestamp({0})) + 1)"
        ),
        "column": _held(lambda scalar, args, label: f'"{scalar.value}"'),
        "call": lambda scalar, args, label: f'"{column_of(scalar)}".{VALUE}',
        "lookup": lambda scalar, args, label: f'"{lookups.column_of(scalar)}"',
        "call_error": lambda scalar, args, label: f'"{column_of(scalar.args[0])}".{ERROR}',
        "literal": literal(TYPES),
        "cast": by_cast(CASTS),
        "field": _held(lambda scalar, args, label: f"struct_extract({args[0]}, '{scalar.value}')"),
        "element": _held(_element),
        "list_length": template("len({0})"),
        "list_contains": template("CASE WHEN {1} IS NOT NULL THEN list_contains({0}, {1}) END"),
        "list_join": template("CASE WHEN {0} IS NOT NULL THEN COALESCE(array_to_string({0}, {1}), '') END"),
        "list_min": _held(template("list_min({0})")),
        "list_max": _held(template("list_max({0})")),
        "lacks_element": template("(len({0}) <> list_count({0}))"),
        "all_finite": template("COALESCE(list_bool_and([isfinite(element) FOR element IN {0}]), TRUE)"),
        "lacks_part": _of_parts("list_bool_or", "({0} IS NOT NULL AND {1} IS NULL)", "FALSE"),
        "finite_parts": _of_parts("list_bool_and", "isfinite({1})", "TRUE"),
        "re_extract": lambda scalar, args, label: (
            f"CASE WHEN regexp_matches({args[0]}, {args[1]}) "
            f"THEN regexp_extract({args[0]}, {args[1]}, {scalar.args[2].value}) END"
        ),
        "re_replace": template("regexp_replace({0}, {1}, {2}, 'g')"),
        "length": template("length({0})"),
        "like": template("({0} LIKE {1})"),
        "find": template("(strpos({0}, {1}) - 1)"),
        "not_finite": template(_NOT_FINITE),
        "finite": template(f"CASE WHEN {_NOT_FINITE} THEN CAST(NULL AS DOUBLE) ELSE {{0}} END"),
        "floor_divide": template(_FLOOR_DIVIDE),
        "modulo": by_type(template(f"CAST({_MODULO} AS BIGINT)"), template(_FLOAT_MODULO)),
        "round": template("round({0})"),
        "rank": template("CAST('0x' || left(md5({0}), 15) AS BIGINT)"),
        "greatest": function("greatest"),
        "least": function("least"),
    },
)
