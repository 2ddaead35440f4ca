"""Columns, constants, comparisons, logic, choices and casts."""

from __future__ import annotations

import operator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.sql.rules.common import Rule, binary, literal, method, number, variadic
from headrace.features.sql.syntax import DIALECT

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader

#: The types that a cast may name.
TYPES = {
    "bigint": "int64",
    "double": "float64",
    "text": "string",
    "varchar": "string",
    "boolean": "boolean",
    "date": "date",
}
INSTANTS = frozenset({"timestamptz", "timestampltz"})
#: What to write in place of other types.
HINTS = {
    "time": "; there are no times of day: write TIMESTAMPTZ '2024-01-01 00:00:00+00:00', or DATE '2024-01-01'",
    **dict.fromkeys(INSTANTS, "; write to_timestamp(x) for seconds since 1970"),
}


def _not(reader: Reader, node: exp.Not) -> Any:
    """`NOT x`, and `x IS NOT NULL`."""
    inner = node.this
    if isinstance(inner, exp.Is) and isinstance(inner.expression, exp.Null):
        return reader.read(inner.this).notnull()
    return ~reader.read(inner)


def _is(reader: Reader, node: exp.Is) -> Any:
    """`x IS NULL`."""
    if not isinstance(node.expression, exp.Null):
        msg = "IS is supported with NULL only; write coalesce(x, FALSE) for x IS TRUE"
        raise UnsupportedError(msg)
    return reader.read(node.this).isnull()


def _isin(reader: Reader, node: exp.In) -> Any:
    """`x IN (1, 2)`."""
    if not node.expressions:
        msg = "IN is supported with a list of constants only"
        raise UnsupportedError(msg)
    return reader.read(node.this).isin(reader.all(node.expressions))


def _between(reader: Reader, node: exp.Between) -> Any:
    """`x BETWEEN low AND high`."""
    if node.args.get("symmetric"):
        msg = "BETWEEN SYMMETRIC is not supported; name the lower bound first"
        raise UnsupportedError(msg)
    return reader.read(node.this).between(reader.read(node.args["low"]), reader.read(node.args["high"]))


def _unlike_null(rule: Rule) -> Rule:
    """A comparison that is refused beside NULL: in SQL it lets no row in, and here it would be a test for NULL."""

    def refusing(reader: Reader, node: exp.Binary) -> Any:
        if any(isinstance(side.unnest(), exp.Null) for side in (node.this, node.expression)):
            msg = f"{node.sql(dialect=DIALECT)} is NULL for every row in SQL; write x IS NULL or x IS NOT NULL"
            raise UnsupportedError(msg)
        return rule(reader, node)

    return refusing


def _case(reader: Reader, node: exp.Case) -> Any:
    """`CASE WHEN a THEN b ... ELSE c END`, and `CASE x WHEN a THEN b ... END`."""
    branches = [(reader.read(branch.this), reader.read(branch.args["true"])) for branch in node.args["ifs"]]
    default = reader.read(node.args["default"]) if node.args.get("default") else None
    if node.this is not None:
        return reader.read(node.this).cases(*branches, else_=default)
    return ibis.cases(*branches, else_=default)


def _if(reader: Reader, node: exp.If) -> Any:
    """`if(condition, a, b)`."""
    otherwise = node.args.get("false")
    return ibis.ifelse(
        reader.read(node.this), reader.read(node.args["true"]), None if otherwise is None else reader.read(otherwise)
    )


def _cast(reader: Reader, node: exp.Cast) -> Any:
    """A cast, or a constant instant or date."""
    target = node.to.this.value.lower()
    if isinstance(node.this, exp.Literal) and node.this.is_string and "timestamp" in target:
        return ibis.literal(_instant(node.this.this), type="timestamp('UTC', 6)")
    if isinstance(node.this, exp.Literal) and node.this.is_string and target == "date":
        return ibis.literal(_date(node.this.this))
    value = reader.read(node.this)
    if target in INSTANTS and (value.type().is_string() or value.type().is_date()):
        return value.cast("timestamp('UTC', 6)")
    if target not in TYPES:
        msg = f"a cast to {target.upper()} is not supported; cast to BIGINT, DOUBLE or VARCHAR"
        raise UnsupportedError(msg + HINTS.get(target, ""))
    return value.try_cast(TYPES[target]) if isinstance(node, exp.TryCast) else value.cast(TYPES[target])


def _date(text: str) -> date:
    """A constant date; DefinitionError for a text that is none."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is no date; write DATE '2024-02-29'"
        raise DefinitionError(msg) from error


def _instant(text: str) -> datetime:
    """A constant instant; DefinitionError for one without a zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is no instant; write TIMESTAMPTZ '2024-01-01 00:00:00+00:00'"
        raise DefinitionError(msg) from error
    if found.tzinfo is None:
        msg = f"{text!r} has no zone; write TIMESTAMPTZ '{found.isoformat(sep=' ')}+00:00'"
        raise DefinitionError(msg)
    return found


RULES: dict[type, Rule] = {
    exp.Column: lambda reader, node: reader.column(node),
    exp.Paren: lambda reader, node: reader.read(node.this),
    exp.Literal: lambda reader, node: literal(number(node)),
    exp.Boolean: lambda reader, node: ibis.literal(node.this),
    exp.Null: lambda reader, node: ibis.null(),
    exp.EQ: _unlike_null(binary(operator.eq)),
    exp.NEQ: _unlike_null(binary(operator.ne)),
    exp.LT: binary(operator.lt),
    exp.LTE: binary(operator.le),
    exp.GT: binary(operator.gt),
    exp.GTE: binary(operator.ge),
    exp.And: binary(operator.and_),
    exp.Or: binary(operator.or_),
    exp.NullSafeEQ: method("identical_to"),
    exp.NullSafeNEQ: lambda reader, node: ~reader.read(node.this).identical_to(reader.read(node.expression)),
    exp.Not: _not,
    exp.Is: _is,
    exp.In: _isin,
    exp.Between: _between,
    exp.Case: _case,
    exp.If: _if,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Coalesce: variadic(ibis.coalesce),
    exp.Nullif: method("nullif"),
}
