"""ibis expressions as SQL: what `expressions.py` reads back as the same operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

import ibis.expr.operations as ops
from sqlglot import exp

from headrace.errors import UnsupportedError
from headrace.features.operations.calls import FunctionCall
from headrace.features.operations.lookups import Lookup
from headrace.features.operations.numbers import FUNCTIONS
from headrace.features.sql.syntax import DIALECT

Node = exp.Expr
Rule = Callable[[Any], Node]


def to_sql(expression: Any) -> Node:
    """The SQL of an ibis expression.

    >>> import ibis
    >>> table = ibis.table({"amt": "float64", "status": "string"}, name="t")
    >>> to_sql((table.amt / 2 > 1.5) & (table.status == "failed")).sql("duckdb")
    "((amt / 2) > 1.5) AND (status = 'failed')"
    """
    return _written(expression.op())


def _written(node: Any) -> Node:
    """The SQL of an ibis node, by the table."""
    if type(node) not in RULES:
        msg = f"operation {type(node).__name__!r} has no SQL; write the feature in Python"
        raise UnsupportedError(msg)
    return RULES[type(node)](node)


def _operand(node: Any) -> Node:
    """The SQL of an operand, in brackets where it is composed."""
    found = _written(node)
    composed = isinstance(found, COMPOSED) and (isinstance(found, exp.Connector) or not isinstance(found, WHOLE))
    return exp.Paren(this=found) if composed else found


#: What needs brackets within something else, unless it is whole; to sqlglot AND and OR are functions too.
COMPOSED = (exp.Binary, exp.Not, exp.Between, exp.In, exp.Is, exp.Neg)
WHOLE = (exp.Func, exp.Dot)


def _first(node: Any) -> Node:
    """The SQL of a left operand. A constant stands in brackets: without, Python would have it on the right."""
    found = _operand(node)
    return exp.Paren(this=found) if isinstance(node, ops.Literal) and not isinstance(found, exp.Paren) else found


def _call(name: str, *arguments: Node) -> Node:
    """A call of a function."""
    found: Node = exp.func(name, *arguments, dialect=DIALECT)
    return found


def call(name: str) -> Rule:
    """A function of all arguments that a node has."""
    return lambda node: _call(name, *(_written(part) for part in _parts(node.args)))


def _parts(arguments: Sequence[Any]) -> list[Any]:
    """The nodes among a node's arguments; those that are not given are None."""
    flat = [part for argument in arguments for part in (argument if isinstance(argument, tuple) else (argument,))]
    return [part for part in flat if isinstance(part, ops.Value)]


def ours(name: str) -> Rule:
    """A function that only headrace has."""
    return lambda node: exp.Anonymous(this=name, expressions=[_written(part) for part in _parts(node.args)])


def binary(kind: type[exp.Binary]) -> Rule:
    """An operator between two operands."""
    return lambda node: kind(this=_first(node.args[0]), expression=_operand(node.args[1]))


def chain(kind: type[exp.Binary], side: Rule = _first) -> Rule:
    """An operator whose chains need no brackets on the left."""

    def rule(node: Any) -> Node:
        left = _written(node.args[0])
        first = left if isinstance(left, kind) else side(node.args[0])
        return kind(this=first, expression=_operand(node.args[1]))

    return rule


def extract(part: str, less: int = 0) -> Rule:
    """A field of a time; SQL counts some from 1 that are counted from 0 here."""

    def rule(node: Any) -> Node:
        found = exp.Extract(this=exp.var(part), expression=_written(node.args[0]))
        return exp.Sub(this=found, expression=_number(less)) if less else found

    return rule


def _number(value: int | float) -> Node:
    """A number."""
    text = exp.Literal.number(repr(abs(value)))
    return exp.Neg(this=text) if str(value).startswith("-") else text


def _string(text: str) -> Node:
    """A string."""
    return exp.Literal.string(text)


def _literal(node: Any) -> Node:
    """A constant."""
    value = node.value
    if value is None:
        return exp.null()
    if isinstance(value, datetime):
        return _as_type(_string(value.astimezone(UTC).isoformat(sep=" ")), "TIMESTAMPTZ")
    if isinstance(value, date):
        return _as_type(_string(value.isoformat()), "DATE")
    if node.dtype.is_interval():
        return exp.Interval(this=_string(str(value)), unit=exp.var(node.dtype.unit.name))
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    return (
        _string(value) if isinstance(value, str) else _number(float(value) if node.dtype.is_floating() else int(value))
    )


def _as_type(value: Node, name: str, kind: type[exp.Cast] = exp.Cast) -> Node:
    """A cast."""
    return kind(this=value, to=exp.DataType.build(name, dialect=DIALECT))


def _from_parts(node: Any) -> Node:
    """A date of constants."""
    return _as_type(_string(date(*(part.value for part in node.args)).isoformat()), "DATE")


def _days_between(node: Any) -> Node:
    """The interval between two dates; their difference is a number in SQL."""
    days = _call("date_diff", _string("day"), _written(node.right), _written(node.left))
    return exp.Mul(this=days, expression=exp.Interval(this=_string("1"), unit=exp.var("DAY")))


def _negate(node: Any) -> Node:
    """`-x`; of a constant `-(5)`, which is not the constant -5."""
    found = _operand(node.arg)
    return exp.Neg(this=exp.Paren(this=found) if isinstance(found, exp.Literal) else found)


def _in(node: Any) -> Node:
    """`x IN (...)`."""
    return exp.In(this=_operand(node.value), expressions=[_written(option) for option in node.options])


def _between(node: Any) -> Node:
    """`x BETWEEN low AND high`."""
    low, high = _operand(node.lower_bound), _operand(node.upper_bound)
    return exp.Between(this=_operand(node.arg), low=low, high=high)


def _case(branches: Sequence[tuple[Any, Any]], default: Any, base: Node | None = None) -> Node:
    """`CASE WHEN ... THEN ... ELSE ... END`, without an ELSE that is NULL."""
    ifs = [exp.If(this=_written(condition), true=_written(value)) for condition, value in branches]
    is_null = isinstance(default, ops.Literal) and default.value is None
    return exp.Case(this=base, ifs=ifs, default=None if is_null else _written(default))


#: Types of casts.
TYPES = (
    ("is_integer", "BIGINT"),
    ("is_floating", "DOUBLE"),
    ("is_string", "VARCHAR"),
    ("is_boolean", "BOOLEAN"),
    ("is_date", "DATE"),
    ("is_timestamp", "TIMESTAMPTZ"),
)


def _cast(node: Any) -> Node:
    """A cast; those between instants and seconds have functions."""
    if node.to.is_timestamp() and node.arg.dtype.is_integer():
        return _call("to_timestamp", _written(node.arg))
    if node.to.is_integer() and node.arg.dtype.is_timestamp():
        return exp.Extract(this=exp.var("EPOCH"), expression=_written(node.arg))
    name = next(name for test, name in TYPES if getattr(node.to, test)())
    return _as_type(_written(node.arg), name, exp.TryCast if isinstance(node, ops.TryCast) else exp.Cast)


def _substring(arg: Any, start: int, length: int | None) -> Node:
    """Characters from a place that is counted from 0 here and from 1 in SQL."""
    return _call("substring", _written(arg), *map(_number, [start + 1, *([] if length is None else [length])]))


def _constant(node: Any) -> Any:
    """The value of a constant that may be left out."""
    return None if node is None else node.value


def _slice(node: Any) -> Node:
    """`s[start:end]`."""
    start, end = _constant(node.start) or 0, _constant(node.end)
    return _substring(node.arg, start, None if end is None else max(0, end - start))


def _capitalize(node: Any) -> Node:
    """The first letter in upper case, the others in lower case."""
    first, rest = _substring(node.arg, 0, 1), _substring(node.arg, 1, None)
    return exp.DPipe(this=_call("upper", first), expression=_call("lower", rest))


def _concat(node: Any) -> Node:
    """Strings one after the other; how they are bracketed makes no difference."""
    parts = [_written(part) for part in node.arg]
    bracketed = [part if isinstance(part, exp.DPipe) else _operand(node.arg[n]) for n, part in enumerate(parts)]
    return reduce(lambda left, right: exp.DPipe(this=left, expression=right), bracketed)


def _find(node: Any) -> Node:
    """Where a string first occurs, counted from 0."""
    position = _call("strpos", _written(node.arg), _written(node.substr))
    return exp.Sub(this=position, expression=_number(1))


def _replaced(node: Any) -> Node:
    """Every match replaced."""
    return _call("regexp_replace", *map(_written, node.args), _string("g"))


def _round(node: Any) -> Node:
    """A number rounded, to an int where nothing is said of decimals."""
    digits = _constant(node.digits)
    return _call("round", _written(node.arg), *([_number(digits)] if digits else []))


def _logarithm(node: Any) -> Node:
    """The logarithm to a base."""
    value = _call("ln", _written(node.arg))
    return value if node.base is None else exp.Div(this=value, expression=_call("ln", _written(node.base)))


def _clip(node: Any) -> Node:
    """`clip(x, lower, upper)`, NULL for a bound that is not given."""
    bounds = [exp.null() if bound is None else _written(bound) for bound in (node.lower, node.upper)]
    return exp.Anonymous(this="clip", expressions=[_written(node.arg), *bounds])


def _element(node: Any) -> Node:
    """An element, counted from 0 and from -1 at the end; the printer adds 1 to what stands in the brackets."""
    place = _constant(node.index)
    return exp.Bracket(this=_operand(node.arg), expressions=[_number(place if place >= 0 else place - 1)])


def _field(node: Any) -> Node:
    """A field of a struct."""
    return exp.Dot(this=_operand(node.arg), expression=exp.to_identifier(node.field))


def _from_unix(node: Any) -> Node:
    """An instant from what has passed since 1970."""
    names = {"s": "to_timestamp", "ms": "epoch_ms", "us": "make_timestamp"}
    return _call(names[node.unit.short], _written(node.arg))


def _units(node: Any) -> Node:
    """So many units as an interval."""
    unit = exp.Interval(this=_string("1"), unit=exp.var(node.unit.name))
    return exp.Mul(this=_operand(node.arg), expression=unit)


def _difference(node: Any) -> Node:
    """How many units begin between two instants."""
    return _call("date_diff", _string(_constant(node.part)), _written(node.right), _written(node.left))


def _truncate(node: Any) -> Node:
    """The start of a unit."""
    return _call("date_trunc", _string(node.unit.name.lower()), _written(node.arg))


def _is_null(side: Any) -> Node:
    """Whether there is no value."""
    return exp.Is(this=_operand(side), expression=exp.null())


def _beside_null(node: Any) -> Any:
    """The other side of a comparison with NULL, which in Python is a test for NULL; None of any other."""
    left, right = node.args
    if isinstance(right, ops.Literal) and right.value is None:
        return left
    return right if isinstance(left, ops.Literal) and left.value is None else None


def _equals(node: Any) -> Node:
    """`a = b`, or `a IS NULL`."""
    other = _beside_null(node)
    return binary(exp.EQ)(node) if other is None else _is_null(other)


def _not_equals(node: Any) -> Node:
    """`a <> b`, or `NOT a IS NULL`."""
    other = _beside_null(node)
    return binary(exp.NEQ)(node) if other is None else exp.Not(this=_is_null(other))


def join_name(lookup: Lookup) -> str:
    """What the join of a dimension is called: by the columns that hold its key, for there may be another by others."""
    return "_by_".join([lookup.dimension.name.lower(), "_".join(key.name for key in lookup.keys)])


def _function_call(node: Any) -> Node:
    """UnsupportedError: SQL has no function of the user's."""
    msg = f"{node.function.name}() is a Python function, which SQL cannot call; the feature stays in Python"
    raise UnsupportedError(msg)


def _lookup(node: Any) -> Node:
    """A column of a dimension, by the name that its join has."""
    return exp.column(node.looked_up, table=join_name(node))


RULES: dict[type, Rule] = {
    FunctionCall: _function_call,
    Lookup: _lookup,
    ops.Field: lambda node: exp.column(node.name),
    ops.Literal: _literal,
    ops.Add: chain(exp.Add),
    ops.Subtract: chain(exp.Sub, _operand),
    ops.Multiply: chain(exp.Mul),
    ops.Divide: chain(exp.Div, _operand),
    ops.FloorDivide: ours("floor_div"),
    ops.Modulus: ours("floor_mod"),
    ops.Negate: _negate,
    ops.Equals: _equals,
    ops.NotEquals: _not_equals,
    ops.Less: binary(exp.LT),
    ops.LessEqual: binary(exp.LTE),
    ops.Greater: binary(exp.GT),
    ops.GreaterEqual: binary(exp.GTE),
    ops.IdenticalTo: binary(exp.NullSafeEQ),
    ops.And: chain(exp.And),
    ops.Or: chain(exp.Or),
    ops.Xor: binary(exp.NEQ),
    ops.Not: lambda node: exp.Not(this=_operand(node.arg)),
    ops.IsNull: lambda node: _is_null(node.arg),
    ops.NotNull: lambda node: exp.Not(this=_is_null(node.arg)),
    ops.InValues: _in,
    ops.Between: _between,
    ops.SearchedCase: lambda node: _case(list(zip(node.cases, node.results, strict=True)), node.default),
    ops.SimpleCase: lambda node: _case(
        list(zip(node.cases, node.results, strict=True)), node.default, _written(node.base)
    ),
    ops.IfElse: lambda node: _case([(node.bool_expr, node.true_expr)], node.false_null_expr),
    ops.Cast: _cast,
    ops.TryCast: _cast,
    ops.Substring: lambda node: _substring(node.arg, _constant(node.start), _constant(node.length)),
    ops.StringSlice: _slice,
    ops.StringConcat: _concat,
    ops.StringFind: _find,
    ops.StringSQLLike: binary(exp.Like),
    ops.Capitalize: _capitalize,
    ops.RegexSearch: call("regexp_matches"),
    ops.RegexExtract: call("regexp_extract"),
    ops.RegexReplace: _replaced,
    ops.Round: _round,
    ops.Log: _logarithm,
    ops.Clip: _clip,
    ops.StructField: _field,
    ops.ArrayIndex: _element,
    ops.ArrayLength: lambda node: exp.ArraySize(this=_written(node.arg)),
    ops.ArrayContains: lambda node: exp.ArrayContains(this=_written(node.arg), expression=_written(node.other)),
    ops.ArrayStringJoin: lambda node: exp.ArrayToString(this=_written(node.arg), expression=_written(node.sep)),
    ops.ArrayMin: lambda node: exp.ArrayMin(this=_written(node.arg)),
    ops.ArrayMax: lambda node: exp.ArrayMax(this=_written(node.arg)),
    ops.TimestampFromUNIX: _from_unix,
    ops.IntervalFromInteger: _units,
    ops.TimestampDelta: _difference,
    ops.TimestampTruncate: _truncate,
    ops.Date: lambda node: _as_type(_written(node.arg), "DATE"),
    ops.DateFromYMD: _from_parts,
    ops.DateDelta: _difference,
    ops.DateTruncate: _truncate,
    ops.DateDiff: _days_between,
    ops.DayOfWeekIndex: extract("ISODOW", less=1),
    ops.Strip: ours("strip"),
    ops.LStrip: ours("lstrip"),
    ops.RStrip: ours("rstrip"),
    ops.ExtractMillisecond: ours("millisecond_of_second"),
    ops.ExtractMicrosecond: ours("microsecond_of_second"),
    **{
        kind: binary(operator)
        for kind, operator in {
            ops.TimestampAdd: exp.Add,
            ops.TimestampSub: exp.Sub,
            ops.TimestampDiff: exp.Sub,
            ops.DateAdd: exp.Add,
            ops.DateSub: exp.Sub,
            ops.IntervalAdd: exp.Add,
            ops.IntervalSubtract: exp.Sub,
            ops.IntervalMultiply: exp.Mul,
        }.items()
    },
    **{
        kind: extract(part)
        for kind, part in {
            ops.ExtractYear: "YEAR",
            ops.ExtractQuarter: "QUARTER",
            ops.ExtractMonth: "MONTH",
            ops.ExtractDay: "DAY",
            ops.ExtractDayOfYear: "DOY",
            ops.ExtractWeekOfYear: "WEEK",
            ops.ExtractIsoYear: "ISOYEAR",
            ops.ExtractHour: "HOUR",
            ops.ExtractMinute: "MINUTE",
            ops.ExtractSecond: "SECOND",
            ops.ExtractEpochSeconds: "EPOCH",
        }.items()
    },
    **{
        kind: call(name)
        for kind, name in {
            ops.Coalesce: "coalesce",
            ops.NullIf: "nullif",
            ops.Greatest: "greatest",
            ops.Least: "least",
            ops.Abs: "abs",
            ops.Sign: "sign",
            ops.Floor: "floor",
            ops.Ceil: "ceil",
            **FUNCTIONS,
            ops.StringLength: "length",
            ops.Uppercase: "upper",
            ops.Lowercase: "lower",
            ops.StrRight: "right",
            ops.StringReplace: "replace",
            ops.StringContains: "contains",
            ops.StartsWith: "starts_with",
            ops.EndsWith: "ends_with",
        }.items()
    },
}
