"""What rules of all families are made of: a rule gets the reader and a node of SQL, and gives an ibis expression."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
from sqlglot import exp

from headrace.errors import ColumnTypeError, UnsupportedError
from headrace.features.coercion import type_of
from headrace.features.integers import INT_RANGE, beyond_64_bits
from headrace.features.sql.syntax import DIALECT

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader

Rule = Callable[["Reader", Any], Any]
#: What users call what sqlglot calls otherwise.
CALLED = {
    "bitwisexor": "xor",
    "bitwise_xor_agg": "bit_xor",
    "bracket": "[]",
    "day_of_week": "dayofweek",
    "group_concat": "string_agg",
    "ignorenulls": "ignore nulls",
    "intdiv": "//",
    "is_nan": "isnan",
    "logical_and": "bool_and",
    "logical_or": "bool_or",
    "mod": "%",
    "respectnulls": "respect nulls",
    "timestamp_diff": "timestampdiff",
    "datediff": "date_diff",
    "day_of_year": "dayofyear",
    "dayofweek_iso": "isodow",
    "rand": "random",
    "regexp_like": "regexp_matches",
    "str_position": "strpos",
    "time_to_str": "strftime",
    "time_to_unix": "epoch",
    "timestamp_trunc": "date_trunc",
    "unix_to_time": "to_timestamp",
    "week_of_year": "weekofyear",
    "withingroup": "within group",
}


def called(node: exp.Expr) -> str:
    """What users call a node: the name of a function, the word of an operator.

    >>> called(exp.Upper()), called(exp.Anonymous(this="Clip")), called(exp.IntDiv())
    ('upper', 'clip', '//')
    """
    if isinstance(node, exp.Anonymous):
        return str(node.this).lower()
    name = str(node.sql_name() if isinstance(node, exp.Func) else node.key).lower()
    return CALLED.get(name, name)


def name_of(identifier: exp.Identifier) -> str:
    """The name that an identifier stands for."""
    return str(identifier.name if identifier.quoted else identifier.name.lower())


def method(name: str) -> Rule:
    """A method of ibis on the first operand, with the others as arguments."""

    def rule(reader: Reader, node: exp.Expr) -> Any:
        first, *others = reader.all(arguments(node))
        return call(node, first, name, *others)

    return rule


def variadic(function: Callable[..., Any]) -> Rule:
    """A function of ibis with all operands."""
    return lambda reader, node: function(*reader.all(arguments(node)))


def binary(operation: Callable[[Any, Any], Any]) -> Rule:
    """An operator of Python between two operands."""
    return lambda reader, node: operation(*sides(reader, node))


def sides(reader: Reader, node: exp.Expr) -> tuple[Any, Any]:
    """Both operands of an operator; a constant on the left is Python's own, as users write it."""
    left, right = operands(reader, node)
    value = left.op()
    if isinstance(node.this, exp.Paren) or isinstance(right.op(), ops.Literal) or not isinstance(value, ops.Literal):
        return left, right
    return (left if value.value is None or value.dtype.is_interval() else value.value), right


def operands(reader: Reader, node: exp.Expr) -> tuple[Any, Any]:
    """Both operands of an operator; a constant interval beside a date, or beside days, in days."""
    left, right = reader.read(node.this), reader.read(node.expression)
    return _in_days(left, right), _in_days(right, left)


def _in_days(value: Any, beside: Any) -> Any:
    """An interval of whole days, which is in seconds, in days where ibis wants days."""
    found, type_ = value.op(), beside.type()
    wanted = type_.is_date() or (type_.is_interval() and type_.unit.short == "D")
    if (
        not wanted
        or not isinstance(found, ops.Literal)
        or not found.dtype.is_interval()
        or found.dtype.unit.short != "s"
    ):
        return value
    days, rest = divmod(found.value, 86_400)
    return value if rest else ibis.interval(days=days)


def call(node: exp.Expr, value: Any, name: str, *others: Any) -> Any:
    """A method of an expression; ColumnTypeError where its type has none of that name."""
    if not hasattr(value, name):
        msg = f"{called(node)} of {type_of(value.type())} is not supported"
        raise ColumnTypeError(msg)
    return getattr(value, name)(*others)


def constant(node: exp.Expr, what: str) -> Any:
    """The value of a constant."""
    if not isinstance(node, exp.Literal):
        msg = f"{what} must be a constant, found {node.sql(dialect=DIALECT)}"
        raise UnsupportedError(msg)
    return number(node)


def number(node: exp.Expr) -> Any:
    """The number or string of a literal."""
    if node.is_string:
        return node.this
    return int(node.this) if node.this.isdigit() else float(node.this)


def literal(value: int | float | str) -> Any:
    """A constant as an expression; DefinitionError for an integer beyond 64 bits."""
    if isinstance(value, int) and value not in INT_RANGE:
        raise beyond_64_bits(str(value))
    return ibis.literal(value)


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """The operands of a node in their order; flags that a parser sets are none."""
    given = [node.args.get(name) for name in node.arg_types if not (isinstance(node, exp.Anonymous) and name == "this")]
    parts = [part for value in given for part in (value if isinstance(value, list) else [value])]
    return [part for part in parts if isinstance(part, exp.Expr)]
