"""Fields of structs and elements of lists. A struct or a list that is NULL has NULL for all of them."""

from __future__ import annotations

import ibis.expr.operations as ops

from headrace.errors import ColumnTypeError, DefinitionError
from headrace.features.coercion import cast, constant, expect, instead
from headrace.features.operations.rule import Rule
from headrace.features.scalar import (
    BOOL,
    FLOAT,
    INT,
    NUMERIC,
    STR,
    TIMES,
    Scalar,
    element_type,
    is_list,
    literal,
)

TEXT = frozenset({STR})
#: Types of elements that both engines find by equality.
FOUND = frozenset({STR, INT, FLOAT, BOOL})
#: Types of elements that both engines order alike; in a list Flink does not order strings by code points.
ORDERED = NUMERIC | TIMES
#: An engine counts elements in 32 bits.
FARTHEST = 2**31 - 2
#: Nodes whose rules get the type of the value too, behind the arguments.
TYPED = frozenset({ops.StructField})


def _field(struct: Scalar, name: str, type_: str) -> Scalar:
    """`x.name`, or `x["name"]`."""
    return Scalar("field", type_, (struct,), name)


def _elements(arg: Scalar, op: str, types: frozenset[str]) -> str:
    """The type of a list's elements; ColumnTypeError for what is no list of one of `types`."""
    if not is_list(arg.type) or element_type(arg.type) not in types:
        expected = " or ".join(f"list[{name}]" for name in sorted(types))
        msg = f"{op} of {arg.type} is not supported; expected {expected}{'' if is_list(arg.type) else instead(arg)}"
        raise ColumnTypeError(msg)
    return element_type(arg.type)


def _element(arg: Scalar, index: Scalar) -> Scalar:
    """`x[2]`, counted from 0, and `x[-1]` from the end; NULL where there is none."""
    place = constant(index, "[]: the place of an element")
    if not isinstance(place, int) or abs(place) > FARTHEST:
        msg = f"[]: the place of an element must be an int of at most 31 bits, found {place!r}"
        raise DefinitionError(msg)
    return Scalar("element", element_type(arg.type), (arg, literal(place)))


def _length(arg: Scalar) -> Scalar:
    """How many elements, those that are NULL among them."""
    return Scalar("list_length", INT, (arg,))


def _contains(arg: Scalar, sought: Scalar) -> Scalar:
    """Whether an element equals a value; NULL where that is NULL, and no element that is NULL equals it."""
    type_ = _elements(arg, "contains", FOUND)
    found = cast(sought, FLOAT) if (sought.type, type_) == (INT, FLOAT) else sought
    return Scalar("list_contains", BOOL, (arg, expect(found, frozenset({type_}), f"contains of {arg.type}")))


def _join(arg: Scalar, separator: Scalar) -> Scalar:
    """The elements that are not NULL as one string; empty where there is none."""
    _elements(arg, "join", TEXT)
    constant(expect(separator, TEXT, "join"), "join: what stands between")
    return Scalar("list_join", STR, (arg, separator))


def _extreme(op: str, name: str) -> Rule:
    """The least or greatest element that is not NULL."""
    return lambda arg: Scalar(op, _elements(arg, name, ORDERED), (arg,))


RULES: dict[type, Rule] = {
    ops.StructField: _field,
    ops.ArrayIndex: _element,
    ops.ArrayLength: _length,
    ops.ArrayContains: _contains,
    ops.ArrayStringJoin: _join,
    ops.ArrayMin: _extreme("list_min", "mins"),
    ops.ArrayMax: _extreme("list_max", "maxs"),
}
