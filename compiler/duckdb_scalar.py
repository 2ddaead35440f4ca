"""Scalars in DuckDB SQL. Integers are checked already; NaN would be greater than all, so comparisons guard it."""

from __future__ import annotations

from headrace.compiler.scalar_sql import (
    ARITHMETIC,
    COMMON,
    COMPARISONS,
    Dialect,
    Rule,
    literal,
    template,
)
from headrace.features.scalar import BOOL, BYTES, DATETIME, FLOAT, INT, STR, Scalar

TYPES = {
    STR: "VARCHAR",
    INT: "BIGINT",
    FLOAT: "DOUBLE",
    BOOL: "BOOLEAN",
    DATETIME: "TIMESTAMPTZ",
    BYTES: "BLOB",
    "int32": "INTEGER",
}


def _column(scalar: Scalar, args: list[str], label: str) -> str:
    """A column; an instant as its µs."""
    name = f'"{scalar.value}"'
    return f"epoch_us({name})" if scalar.type == DATETIME else name


def _compared(op: str) -> Rule:
    """A comparison that is never true of NaN (`<>`: always), as IEEE and Java have it."""

    def rule(scalar: Scalar, args: list[str], label: str) -> str:
        plain = f"({args[0]} {COMPARISONS[op]} {args[1]})"
        computed = [sql for arg, sql in zip(scalar.args, args, strict=True) if _may_be_nan(arg)]
        guards = [f"{'' if op == 'not_equals' else 'NOT '}isnan({sql})" for sql in computed]
        return f"({(' OR ' if op == 'not_equals' else ' AND ').join([plain, *guards])})" if guards else plain

    return rule


def _may_be_nan(scalar: Scalar) -> bool:
    """Whether a float was computed: columns and constants are finite, by the verdict and by the language."""
    return scalar.type == FLOAT and scalar.op not in {"column", "literal"}


def _cast(scalar: Scalar, args: list[str], label: str) -> str:
    """The casts of the contract: exact, truncating and 0 or 1."""
    pattern = {
        (INT, FLOAT): "CAST({0} AS DOUBLE)",
        (FLOAT, INT): "CAST(trunc({0}) AS BIGINT)",
        (BOOL, INT): "CAST({0} AS BIGINT)",
    }[scalar.args[0].type, scalar.type]
    return pattern.format(args[0])


DUCKDB = Dialect(
    name="duckdb",
    quote='"',
    types=TYPES,
    rules={
        **COMMON,
        **{op: _compared(op) for op in COMPARISONS},
        **{op: template(f"({{0}} {sign} {{1}})") for op, sign in ARITHMETIC.items()},
        "column": _column,
        "literal": literal(TYPES),
        "cast": _cast,
        "length": template("length({0})"),
        "not_finite": template("(NOT isfinite({0}))"),
    },
)
