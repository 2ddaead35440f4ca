"""Numbers: arithmetic and functions."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.sql.rules.common import Rule, binary, call, literal, method, number, variadic

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader


def _negative(reader: Reader, node: exp.Neg) -> Any:
    """A negative constant, or the negative of an expression."""
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        return literal(-number(node.this))
    return -reader.read(node.this)


def _logarithm(reader: Reader, node: exp.Log) -> Any:
    """`log(base, x)`; engines differ on `log(x)`."""
    if node.expression is None:
        msg = "log of one argument is base 10 in DuckDB and natural in Flink; write log10(x) or ln(x)"
        raise UnsupportedError(msg)
    value = reader.read(node.expression)
    known = {"10": "log10", "2": "log2"}
    if isinstance(node.this, exp.Literal) and node.this.this in known:
        return call(node, value, known[node.this.this])
    return call(node, value, "log", reader.read(node.this))


def _clip(reader: Reader, node: exp.Anonymous) -> Any:
    """`clip(x, lower, upper)`; NULL bounds nothing."""
    bounds = [None if isinstance(bound, exp.Null) else reader.read(bound) for bound in node.expressions[1:]]
    if len(bounds) != 2:
        msg = "clip takes three arguments: clip(x, lower, upper); NULL bounds nothing"
        raise DefinitionError(msg)
    return call(node, reader.read(node.expressions[0]), "clip", *bounds)


RULES: dict[type, Rule] = {
    exp.Neg: _negative,
    exp.Add: binary(operator.add),
    exp.Div: binary(operator.truediv),
    exp.Pow: binary(operator.pow),
    exp.Greatest: variadic(ibis.greatest),
    exp.Least: variadic(ibis.least),
    exp.Log: _logarithm,
    exp.Abs: method("abs"),
    exp.Sign: method("sign"),
    exp.Floor: method("floor"),
    exp.Ceil: method("ceil"),
    exp.Round: method("round"),
    exp.Sqrt: method("sqrt"),
    exp.Exp: method("exp"),
    exp.Ln: method("ln"),
    exp.Sin: method("sin"),
    exp.Cos: method("cos"),
    exp.Tan: method("tan"),
    exp.Asin: method("asin"),
    exp.Acos: method("acos"),
    exp.Atan: method("atan"),
    exp.Atan2: method("atan2"),
    exp.Radians: method("radians"),
    exp.Degrees: method("degrees"),
}
#: Functions of ours: SQL has no word for what they mean.
FUNCTIONS: dict[str, Rule] = {
    "floor_div": variadic(operator.floordiv),
    "floor_mod": variadic(operator.mod),
    "clip": _clip,
}
