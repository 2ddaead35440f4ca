"""Fields of structs, and elements of lists, which SQL counts from 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError
from headrace.features.coercion import type_of
from headrace.features.fields import field_of
from headrace.features.sql.rules.common import Rule, call, constant, method, name_of, number
from headrace.features.sql.syntax import DIALECT

if TYPE_CHECKING:
    from headrace.features.sql.expressions import Reader


def _field(reader: Reader, node: exp.Dot) -> Any:
    """`(x).name`, where `x` is no column."""
    if not isinstance(node.expression, exp.Identifier):
        msg = f"{node.sql(dialect=DIALECT)} is not supported; a point stands before the name of a field"
        raise UnsupportedError(msg)
    return field_of(reader.read(node.this), name_of(node.expression))


def _part(reader: Reader, node: exp.Bracket) -> Any:
    """`x['name']`, or an element of a list."""
    found = node.expressions[0] if len(node.expressions) == 1 else node
    if isinstance(found, exp.Literal) and found.is_string:
        return field_of(reader.read(node.this), found.this)
    value = reader.read(node.this)
    if not value.type().is_array():
        msg = f"[] of {type_of(value.type())} is not supported; of a str write substring(s, 1, 2)"
        raise ColumnTypeError(msg)
    return value[_place(found)]


def _place(node: exp.Expr) -> int:
    """The place of an element as Python counts it; the parser has taken 1 from what was written."""
    negative = isinstance(node, exp.Neg)
    found = node.this if negative else node
    before = number(found) if isinstance(found, exp.Literal) else None
    if not isinstance(before, int):
        msg = "the place of an element must be a constant"
        raise UnsupportedError(msg)
    written = 1 - before if negative else 1 + before
    if not written:
        msg = "SQL counts the elements of a list from 1, and from -1 at its end"
        raise DefinitionError(msg)
    return written - 1 if written > 0 else written


def _join(reader: Reader, node: exp.ArrayToString) -> Any:
    """The elements as one string."""
    return call(node, reader.read(node.this), "join", constant(node.expression, "what stands between"))


RULES: dict[type, Rule] = {
    exp.Dot: _field,
    exp.Bracket: _part,
    exp.ArraySize: method("length"),
    exp.ArrayContains: method("contains"),
    exp.ArrayToString: _join,
    exp.ArrayMin: method("mins"),
    exp.ArrayMax: method("maxs"),
}
