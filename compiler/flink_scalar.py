"""Scalars in Flink SQL. Where Flink's own function has another meaning or none, one of ours stands (HR_...)."""

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
    case,
    coalesce,
    function,
    is_in,
    literal,
    template,
    text_literal,
)
from headrace.features.scalar import BOOL, BYTES, DATE, DATETIME, FLOAT, INT, STR, Scalar

TYPES = {
    STR: "STRING",
    INT: "BIGINT",
    FLOAT: "DOUBLE",
    BOOL: "BOOLEAN",
    DATETIME: "TIMESTAMP_LTZ(6)",
    DATE: "DATE",
    BYTES: "BYTES",
    "int32": "INT",
}
#: Integer arithmetic, by functions of ours: Flink's own wraps around silently.
CHECKED = {"add": "HR_ADD", "subtract": "HR_SUB", "multiply": "HR_MUL", "floor_divide": "HR_FLOOR_DIV"}
#: Of a float with the constant zero they are asked of ABS(x): the planner makes one IN of several, which looks floats
#: up by their bits and would not find -0.0.
EQUALITIES = frozenset({"equals", "not_equals"})
#: Functions by their names here. Flink's UPPER makes two letters of one, by the locale of the machine.
FUNCTIONS = {
    "upper": "HR_UPPER",
    "lower": "HR_LOWER",
    "like": "HR_LIKE",
    "re_search": "HR_RE_SEARCH",
    "re_replace": "HR_RE_REPLACE",
    "starts_with": "STARTSWITH",
    "ends_with": "ENDSWITH",
    "modulo": "HR_FLOOR_MOD",
    "finite": "HR_FINITE",
    "rank": "HR_RANK",
}
TRIMS = {"strip": "BTRIM", "lstrip": "LTRIM", "rstrip": "RTRIM"}
#: Fields of the calendar, by HR_DATE_PART: Flink's EXTRACT is of ms, rounded toward 1970.
FIELDS = ("year", "month", "day", "day_of_year", "day_of_quarter", "iso_year", "iso_week")


_DAYS = "CAST(TIMESTAMPDIFF(DAY, DATE '1970-01-01', {0}) AS BIGINT)"
#: A column or a part of one.
_held = partial(as_integers, patterns={DATETIME: "HR_MICROS({0})", DATE: _DAYS})


def _element(scalar: Scalar, args: list[str], label: str) -> str:
    """An element, counted from 1 here, and never from the end; NULL where there is none."""
    place = scalar.args[1].value
    if isinstance(place, int) and place < 0:
        return f"{args[0]}[CARDINALITY({args[0]}) - {-place - 1}]"
    return f"{args[0]}[{int(place or 0) + 1}]"


def _contains(scalar: Scalar, args: list[str], label: str) -> str:
    """Whether an element equals a value; asked for NULL, Flink's function looks for elements that are NULL."""
    sought = _as_string(scalar.args[1], args[1])
    return f"CASE WHEN {sought} IS NOT NULL THEN ARRAY_CONTAINS({args[0]}, {sought}) END"


def _compared(op: str) -> Rule:
    """A comparison. The order of strings is by HR_COMPARE: Flink's is by UTF-8 or UTF-16, as they happen to be held."""
    sign = COMPARISONS[op]

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        if op in EQUALITIES and any(map(_is_zero, scalar.args)):
            return f"(ABS({args[0]}) {sign} ABS({args[1]}))"
        by_order = scalar.args[0].type == STR and op not in EQUALITIES
        return f"(HR_COMPARE({args[0]}, {args[1]}) {sign} 0)" if by_order else f"({args[0]} {sign} {args[1]})"

    return rule


def _is_in(scalar: Scalar, args: list[str], label: str) -> str:
    """`x IN (...)`. Zero is asked for by itself, as in a comparison."""
    others = [sql for arg, sql in zip(scalar.args, args, strict=True) if not _is_zero(arg)]
    if len(others) == len(args):
        return is_in(scalar, args, label)
    zero = f"ABS({args[0]}) = 0E0"
    return f"({zero} OR {is_in(scalar, others, label)})" if others[1:] else f"({zero})"


def _is_zero(scalar: Scalar) -> bool:
    """Whether it is the constant 0.0, as a float or as an int that became one."""
    of = scalar.args[0] if scalar.op == "cast" else scalar
    return scalar.type == FLOAT and of.op == "literal" and of.value == 0


def _checked(name: str) -> Rule:
    """A function of ours whose overflow is an error that names the label."""
    return lambda scalar, args, label: f"{name}({', '.join([*args, text_literal(label)])})"


def _of_text(text: str, type_: str, value: str = "{0}") -> Rule:
    """A string as another type, NULL where it is none: TRY_CAST alone would take spaces and fractions."""
    pattern = text_literal(rf"\A({text})\z")
    return lambda scalar, args, label: (
        f"CASE WHEN REGEXP({args[0]}, {pattern}) THEN {value.format(f'TRY_CAST({args[0]} AS {type_})')} END"
    )


#: The casts of the contract: exact, truncating, 0 or 1, and NULL for text that is no number.
CASTS = {
    (INT, FLOAT): template("CAST({0} AS DOUBLE)"),
    (FLOAT, INT): _checked("HR_TO_BIGINT"),
    (BOOL, INT): template("CASE WHEN {0} THEN CAST(1 AS BIGINT) WHEN NOT {0} THEN CAST(0 AS BIGINT) END"),
    (INT, STR): template("CAST({0} AS STRING)"),
    (STR, INT): _of_text(INT_TEXT, "BIGINT"),
    (STR, FLOAT): _of_text(FLOAT_TEXT, "DOUBLE"),
    (STR, DATE): _of_text(DATE_TEXT, "DATE", _DAYS),
    (DATE, STR): template("CAST(TIMESTAMPADD(DAY, CAST({0} AS INT), DATE '1970-01-01') AS STRING)"),
}


def _extreme(name: str) -> Rule:
    """GREATEST or LEAST, which are NULL where an operand is: each operand is followed by those that may replace it."""

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        turns = [coalesce(scalar, args[start:] + args[:start], label) for start in range(len(args))]
        return f"{name}({', '.join(turns)})"

    return rule


def _with_strings(rule: Rule) -> Rule:
    """A rule whose string constants must be STRING: a choice between CHAR(3) and CHAR(6) could pad the shorter."""

    def wrapped(scalar: Scalar, args: list[str], label: str) -> str:
        texts = [_as_string(arg, sql) for arg, sql in zip(scalar.args, args, strict=True)]
        return rule(scalar, texts, label)

    return wrapped


def _as_string(scalar: Scalar, sql: str) -> str:
    """A string constant as STRING, anything else as it is."""
    is_text = scalar.op == "literal" and scalar.type == STR and scalar.value is not None
    return f"CAST({sql} AS STRING)" if is_text else sql


FLINK = Dialect(
    name="flink",
    quote="`",
    types=TYPES,
    struct="ROW<{}>",
    array="ARRAY<{}>",
    rules={
        **COMMON,
        **{op: _compared(op) for op in COMPARISONS},
        "is_in": _is_in,
        **{op: by_type(_checked(CHECKED[op]), template(f"({{0}} {sign} {{1}})")) for op, sign in ARITHMETIC.items()},
        **{op: function(name) for op, name in FUNCTIONS.items()},
        **{op: template(f"{name}({{0}}, {text_literal(WHITESPACE)})") for op, name in TRIMS.items()},
        **{op: template(f"HR_DATE_PART({{0}}, '{op.upper()}')") for op in FIELDS},
        "column": _held(lambda scalar, args, label: f"`{scalar.value}`"),
        "call": lambda scalar, args, label: f"`{column_of(scalar)}`.`{VALUE}`",
        "lookup": lambda scalar, args, label: f"`{lookups.column_of(scalar)}`",
        "call_error": lambda scalar, args, label: f"`{column_of(scalar.args[0])}`.`{ERROR}`",
        "literal": literal(TYPES),
        "cast": by_cast(CASTS),
        "case": _with_strings(case),
        "coalesce": _with_strings(coalesce),
        "greatest": _with_strings(_extreme("GREATEST")),
        "least": _with_strings(_extreme("LEAST")),
        # In brackets: without, the name of the column could be that of a table.
        "field": _held(lambda scalar, args, label: f"({args[0]}).`{scalar.value}`"),
        "element": _held(_element),
        "list_length": template("CAST(CARDINALITY({0}) AS BIGINT)"),
        "list_contains": _contains,
        "list_join": template("ARRAY_JOIN({0}, {1})"),
        "list_min": _held(template("ARRAY_MIN({0})")),
        "list_max": _held(template("ARRAY_MAX({0})")),
        # Behind the last element there is NULL, of the elements' own type, which may be that of a struct.
        "lacks_element": template("ARRAY_CONTAINS({0}, {0}[CARDINALITY({0}) + 1])"),
        "all_finite": template("HR_ALL_FINITE({0})"),
        "lacks_part": function("HR_LACKS"),
        "finite_parts": function("HR_ALL_FINITE"),
        "re_extract": lambda scalar, args, label: f"HR_RE_EXTRACT({args[0]}, {args[1]}, {scalar.args[2].value})",
        "length": template("CAST(CHAR_LENGTH({0}) AS BIGINT)"),
        "contains": template("(POSITION({1} IN {0}) > 0)"),
        "find": template("(CAST(POSITION({1} IN {0}) AS BIGINT) - 1)"),
        "floor_divide": _checked(CHECKED["floor_divide"]),
        "round": template("ROUND({0}, 0)"),
        # x - x is 0 for a finite x and NaN otherwise. `<>` is true of NaN even where the planner turns around a NOT;
        # an ordered comparison would not be.
        "not_finite": template("({0} - {0} <> 0E0)"),
    },
)
