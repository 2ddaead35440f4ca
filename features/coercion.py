"""Types of scalars: what an ibis type is called here, what fits together, and how one becomes another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headrace.errors import ColumnTypeError, DefinitionError, UnsupportedError
from headrace.features.scalar import (
    BOOL,
    DATE,
    DATETIME,
    FINITE,
    FLOAT,
    INT,
    INTERVAL,
    NUMERIC,
    STR,
    STRUCT,
    Scalar,
    is_list,
    list_of,
)

NULL = "null"


def type_of(dtype: Any) -> str:
    """The language's type of an ibis type; UnsupportedError for one that columns cannot have."""
    tests: tuple[tuple[Callable[[], bool], str], ...] = (
        (dtype.is_boolean, BOOL),
        (dtype.is_integer, INT),
        (dtype.is_floating, FLOAT),
        (dtype.is_string, STR),
        (dtype.is_timestamp, DATETIME),
        (dtype.is_date, DATE),
        (dtype.is_interval, INTERVAL),
        (dtype.is_null, NULL),
        (dtype.is_struct, STRUCT),
    )
    if dtype.is_array():
        return list_of(type_of(dtype.value_type))
    for holds, name in tests:
        if holds():
            return name
    msg = f"type {dtype} is not supported in features"
    raise UnsupportedError(msg)


def expect(scalar: Scalar, types: frozenset[str], op: str) -> Scalar:
    """The scalar itself when its type is one of `types`; ColumnTypeError otherwise."""
    if scalar.type not in types:
        msg = f"{op} of {scalar.type} is not supported; expected {' or '.join(sorted(types))}{instead(scalar)}"
        raise ColumnTypeError(msg)
    return scalar


def instead(scalar: Scalar) -> str:
    """What to write in place of a struct or a list, which no operation takes as a whole; nothing for another type.

    >>> from headrace.features.scalar import column
    >>> instead(column("device", "struct")), instead(column("amt", "float"))
    ("; name a field of it: device['...']", '')
    """
    if scalar.type == STRUCT:
        return f"; name a field of it: {scalar.text()}['...']"
    return f"; take an element of it, {scalar.text()}[0], or its length()" if is_list(scalar.type) else ""


def cast(scalar: Scalar, type_: str) -> Scalar:
    """The scalar as another type: int to float, float to int by truncation, bool to int; ColumnTypeError otherwise."""
    if scalar.type == type_:
        return scalar
    if scalar.type == NULL:
        return Scalar("literal", type_)
    if (scalar.type, type_) not in {(INT, FLOAT), (FLOAT, INT), (BOOL, INT)}:
        msg = f"a cast from {scalar.type} to {type_} is not supported; only int to float and back, and bool to int, are"
        raise ColumnTypeError(msg)
    return Scalar("cast", type_, (scalar,))


def as_float(scalar: Scalar, op: str) -> Scalar:
    """A number as a float; ColumnTypeError for anything else."""
    return cast(expect(scalar, NUMERIC, op), FLOAT)


def unify(scalars: Sequence[Scalar], what: str) -> list[Scalar]:
    """The scalars with one common type: an int beside a float becomes a float, a bare NULL takes the others' type."""
    for scalar in scalars:
        if instead(scalar):
            msg = f"{what} of {scalar.type} is not supported{instead(scalar)}"
            raise ColumnTypeError(msg)
    found = {scalar.type for scalar in scalars} - {NULL}
    common = FLOAT if found == NUMERIC else next(iter(found), NULL)
    if len(found - NUMERIC) > 1 or (found & NUMERIC and found - NUMERIC) or common == NULL:
        msg = f"{what} needs operands of one type, found {', '.join(scalar.type for scalar in scalars)}"
        raise ColumnTypeError(msg)
    return [cast(scalar, common) for scalar in scalars]


def finite(scalar: Scalar) -> Scalar:
    """A float as NULL where it is NaN or infinite; what can be neither is left as it is."""
    if scalar.type != FLOAT or scalar.op in FINITE:
        return scalar
    return Scalar("finite", FLOAT, (scalar,))


def constant(scalar: Scalar, what: str) -> str | int | float | bool:
    """The value of a constant; UnsupportedError for anything computed, and for NULL."""
    if scalar.op != "literal" or scalar.value is None:
        msg = f"{what} must be a constant, found {scalar.text()}"
        raise UnsupportedError(msg)
    return scalar.value


def constant_int(scalar: Scalar, what: str) -> int:
    """The value of a constant that counts something: an int, not negative."""
    value = constant(scalar, what)
    if not isinstance(value, int) or value < 0:
        msg = f"{what} must be 0 or a greater int, found {value!r}"
        raise DefinitionError(msg)
    return value
