"""Aggregates of SQL: any function of the language by its own name, and SQL's names for some of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlglot import exp

from headrace.errors import DefinitionError, UnsupportedError, did_you_mean
from headrace.features.aggregate import FUNCTIONS, Aggregate
from headrace.features.sql.expressions import Reader
from headrace.features.sql.rules.common import called, number
from headrace.features.sql.script import RefusalError, judged
from headrace.features.sql.syntax import DIALECT
from headrace.features.stream import Grouped

#: What SQL calls some functions; the first name of each is the one that is printed. Only those that exist are offered.
NAMES: dict[str, tuple[str, ...]] = {
    "mean": ("avg",),
    "std": ("stddev_samp", "stddev"),
    "var": ("var_samp", "variance"),
    "first": ("first_value",),
    "last": ("last_value",),
    "count_distinct": ("approx_count_distinct", "approx_distinct"),
    "quantile": ("approx_quantile",),
}
#: By SQL's name, the function.
ALIASES = {alias: name for name, aliases in NAMES.items() for alias in aliases if name in FUNCTIONS}
_EXACT = "tiles keep what values round to, so an exact quantile cannot be had; write approx_quantile(x, {share})"
REFUSED = {
    "median": _EXACT.format(share="0.5"),
    **dict.fromkeys(("percentile_cont", "percentile_disc", "within group"), _EXACT.format(share="0.99")),
    "string_agg": "write last_n(x, 10) for the newest values, or top_k(x, 10) for the most frequent ones",
    "stddev_pop": "a feature's deviation is that of a sample; write stddev_samp",
    "var_pop": "a feature's variance is that of a sample; write var_samp",
    "ignore nulls": "the newest row decides, also when its value is NULL; write FILTER (WHERE x IS NOT NULL)",
    "respect nulls": "that is how it is; leave RESPECT NULLS out",
}


def aggregate(reader: Reader, node: exp.Expr, grouped: Grouped) -> Aggregate:
    """The aggregate that a call describes over grouped rows."""
    function = function_of(node)
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        function, operands = "count_distinct", node.this.expressions
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        operands = []
    else:
        operands = _operands(node)
    return judged(node, lambda: _end(grouped, function, reader, operands))


def function_of(node: exp.Expr) -> str:
    """The language's function of a call; RefusalError by name, with a suggestion."""
    name = called(node)
    found = ALIASES.get(name, name)
    if found not in FUNCTIONS:
        hint = REFUSED.get(name) or did_you_mean(name, [*FUNCTIONS, *ALIASES])
        raise RefusalError(node, UnsupportedError(f"aggregate {name!r} is not supported; {hint}"))
    return found


def call_of(function: str, argument: exp.Expr | None, constants: Sequence[Any] = ()) -> exp.Expr:
    """The call that describes a function, as it is printed; `constants` follow its argument.

    >>> call_of("count_distinct", exp.column("x")).sql("duckdb"), call_of("count", None).sql("duckdb")
    ('COUNT(DISTINCT x)', 'COUNT(*)')
    >>> call_of("last_n", exp.column("x"), [3]).sql("duckdb")
    'LAST_N(x, 3)'
    >>> call_of("quantiles", exp.column("x"), [[0.5, 0.99]]).sql("duckdb")
    'QUANTILES(x, [0.5, 0.99])'
    """
    if argument is None:
        return exp.Count(this=exp.Star())
    if function == "count_distinct":
        return exp.Count(this=exp.Distinct(expressions=[argument]))
    name = NAMES.get(function, (function,))[0]
    return exp.func(name, argument, *map(exp.convert, constants), dialect="duckdb")


def _operands(node: exp.Expr) -> list[exp.Expr]:
    """What an aggregate is called with."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    if isinstance(node.this, exp.Distinct):
        raise RefusalError(node, UnsupportedError(f"{called(node)}(DISTINCT) is not supported; count(DISTINCT x) is"))
    parts = [part for name in node.arg_types for part in _listed(node.args.get(name))]
    return [part for part in parts if isinstance(part, exp.Expr)]


def _listed(value: object) -> Sequence[object]:
    """An argument of a node as a sequence."""
    return value if isinstance(value, list) else [value]


def _end(grouped: Grouped, function: str, reader: Reader, operands: Sequence[exp.Expr]) -> Aggregate:
    """The verb of the language; after the first operand its own arguments, which are constants."""
    chosen = grouped[reader.read(operands[0])] if operands else grouped
    found: Aggregate = getattr(chosen, function)(*(_constant(operand) for operand in operands[1:]))
    return found


def _constant(node: exp.Expr) -> Any:
    """A constant argument of an aggregate, or a list of them."""
    if isinstance(node, exp.Array):
        return [_constant(one) for one in node.expressions]
    if not isinstance(node, exp.Literal):
        msg = f"the second argument must be a constant, found {node.sql(dialect=DIALECT)}"
        raise RefusalError(node, DefinitionError(msg))
    return number(node)
