"""Scalars in Flink SQL. Integer arithmetic goes through HR_ADD, HR_SUB, HR_MUL: Flink's own wraps around silently."""

from __future__ import annotations

from headrace.compiler.scalar_sql import (
    ARITHMETIC,
    COMMON,
    COMPARISONS,
    Dialect,
    Rule,
    by_type,
    case,
    coalesce,
    literal,
    template,
    text_literal,
)
from headrace.features.scalar import BOOL, BYTES, DATETIME, FLOAT, INT, STR, Scalar

TYPES = {
    STR: "STRING",
    INT: "BIGINT",
    FLOAT: "DOUBLE",
    BOOL: "BOOLEAN",
    DATETIME: "TIMESTAMP_LTZ(6)",
    BYTES: "BYTES",
    "int32": "INT",
}
CHECKED = {"add": "HR_ADD", "subtract": "HR_SUB", "multiply": "HR_MUL"}

#: Truncation; beyond BIGINT it is an overflow like any other. 1 or 2 keeps the planner from folding it to a constant.
_TO_BIGINT = (
    "CASE WHEN {0} IS NULL THEN CAST(NULL AS BIGINT) "
    "WHEN {0} >= -9.223372036854775808E18 AND {0} < 9.223372036854775808E18 THEN CAST({0} AS BIGINT) "
    "ELSE HR_ADD(9223372036854775807, CASE WHEN {0} < 0E0 THEN CAST(1 AS BIGINT) ELSE CAST(2 AS BIGINT) END, {1}) END"
)


def _column(scalar: Scalar, args: list[str], label: str) -> str:
    """A column; an instant as its µs."""
    name = f"`{scalar.value}`"
    return f"HR_MICROS({name})" if scalar.type == DATETIME else name


def _checked(op: str) -> Rule:
    """Integer arithmetic whose overflow is an error that names the label."""
    return lambda scalar, args, label: f"{CHECKED[op]}({args[0]}, {args[1]}, {text_literal(label)})"


def _cast(scalar: Scalar, args: list[str], label: str) -> str:
    """The casts of the contract: exact, truncating and 0 or 1."""
    pattern = {
        (INT, FLOAT): "CAST({0} AS DOUBLE)",
        (FLOAT, INT): _TO_BIGINT,
        (BOOL, INT): "CASE WHEN {0} THEN CAST(1 AS BIGINT) WHEN NOT {0} THEN CAST(0 AS BIGINT) END",
    }[scalar.args[0].type, scalar.type]
    return pattern.format(args[0], text_literal(label))


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
    rules={
        **COMMON,
        **{op: template(f"({{0}} {sign} {{1}})") for op, sign in COMPARISONS.items()},
        **{op: by_type(_checked(op), template(f"({{0}} {sign} {{1}})")) for op, sign in ARITHMETIC.items()},
        "column": _column,
        "literal": literal(TYPES),
        "cast": _cast,
        "case": _with_strings(case),
        "coalesce": _with_strings(coalesce),
        "length": template("CAST(CHAR_LENGTH({0}) AS BIGINT)"),
        # x - x is 0 for a finite x and NaN otherwise. `<>` is true of NaN even where the planner turns around a NOT;
        # an ordered comparison would not be.
        "not_finite": template("({0} - {0} <> 0E0)"),
    },
)
