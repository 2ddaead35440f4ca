"""Strings: SQL counts their characters from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis
from sqlglot import exp

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError
from headrace.features.sql.rules.common import Rule, call, called, constant, method, sides
from headrace.features.sql.syntax import DIALECT

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader


def _like(reader: Reader, node: exp.Like) -> Any:
    """`s LIKE 'a%'`, and `s NOT LIKE 'a%'`."""
    found = call(node, reader.read(node.this), "like", constant(node.expression, "a pattern"))
    return ~found if node.args.get("negate") else found


def _substring(reader: Reader, node: exp.Substring) -> Any:
    """Characters from a constant place, which SQL counts from 1."""
    start = constant(node.args["start"], "the start of a substring")
    if not isinstance(start, int) or start < 1:
        msg = f"substring counts characters from 1, found {start!r}"
        raise DefinitionError(msg)
    length = node.args.get("length")
    rest = [] if length is None else [reader.read(length)]
    return call(node, reader.read(node.this), "substr", start - 1, *rest)


def _position(reader: Reader, node: exp.StrPosition) -> Any:
    """Where a string first occurs, which SQL counts from 1: 0 where it does not."""
    return call(node, reader.read(node.this), "find", reader.read(node.args["substr"])) + 1


def _concatenated(reader: Reader, node: exp.DPipe) -> Any:
    """Two strings as one; of numbers it would be a sum here, and is a text in SQL."""
    left, right = sides(reader, node)
    for side in (left, right):
        if isinstance(side, ibis.Value) and not (side.type().is_string() or side.type().is_null()):
            msg = f"{node.sql(dialect=DIALECT)} is of {side.type()}; || is of strings: CAST(x AS VARCHAR)"
            raise ColumnTypeError(msg)
    return left + right


def _search(reader: Reader, node: exp.RegexpLike) -> Any:
    """`regexp_matches(s, 'a+')`: whether the pattern is somewhere."""
    _refuse_options(node, node.args.get("flag"))
    return call(node, reader.read(node.this), "re_search", constant(node.expression, "a pattern"))


def _extract(reader: Reader, node: exp.RegexpExtract) -> Any:
    """`regexp_extract(s, '(a)b', 1)`; group 0 is the whole match, and meant where none is named."""
    _refuse_options(node, node.args.get("parameters"))
    pattern, group = constant(node.expression, "a pattern"), constant(node.args["group"], "the group")
    return call(node, reader.read(node.this), "re_extract", pattern, group)


def _replaced(reader: Reader, node: exp.RegexpReplace) -> Any:
    """`regexp_replace(s, 'a', 'b', 'g')`; without `g` some engines replace the first match alone."""
    modifiers = node.args.get("modifiers")
    if modifiers is None or modifiers.name != "g":
        msg = "regexp_replace replaces every match in Flink, and one in DuckDB; write regexp_replace(s, 'a', 'b', 'g')"
        raise UnsupportedError(msg)
    parts = (constant(node.args[name], f"the {name}") for name in ("expression", "replacement"))
    return call(node, reader.read(node.this), "re_replace", *parts)


def _refuse_options(node: exp.Expr, options: exp.Expr | None) -> None:
    """A pattern has no options."""
    if options is not None:
        msg = f"{called(node)} with options is not supported; for both cases write lower(s)"
        raise UnsupportedError(msg)


RULES: dict[type, Rule] = {
    exp.RegexpLike: _search,
    exp.RegexpExtract: _extract,
    exp.RegexpReplace: _replaced,
    exp.DPipe: _concatenated,
    exp.Like: _like,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.Length: method("length"),
    exp.Upper: method("upper"),
    exp.Lower: method("lower"),
    exp.Left: method("left"),
    exp.Right: method("right"),
    exp.Replace: method("replace"),
    exp.Contains: method("contains"),
    exp.StartsWith: method("startswith"),
    exp.EndsWith: method("endswith"),
}
#: Functions that sqlglot knows by name only. Some are ours: SQL's trim removes spaces alone.
FUNCTIONS: dict[str, Rule] = {
    "prefix": method("startswith"),
    "suffix": method("endswith"),
    "strip": method("strip"),
    "lstrip": method("lstrip"),
    "rstrip": method("rstrip"),
    "capitalize": method("capitalize"),
}
