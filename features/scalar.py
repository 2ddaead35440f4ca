"""Scalar expressions as values: what a user wrote over columns, without ibis and without an engine.

A tree of `Scalar` is what plans keep, fingerprints hash and the two emitters translate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from headrace.features.dimension_table import DimensionTable
from headrace.features.function import UserFunction

#: Type names of the language: those a user writes, `bytes` for a sketch, and `interval` inside expressions, in µs.
INT, FLOAT, STR, BOOL, DATETIME, BYTES, INTERVAL = "int", "float", "str", "bool", "datetime", "bytes", "interval"
#: A day of the calendar, without time of day and zone.
DATE = "date"
#: What the calendar knows; expressions hold them as integers, instants as µs since 1970 and dates as days.
TIMES = frozenset({DATETIME, DATE})
#: The type of a column with fields; a list is `list_of` the type of its elements.
STRUCT = "struct"
NUMERIC = frozenset({INT, FLOAT})
#: Types of keys. No floats: 0.1 + 0.2 and 0.3 would be two entities. No instants: an entity is not a moment.
KEY_TYPES = frozenset({STR, INT, BOOL})


#: What the one field of a list is called, and an element in a path.
ELEMENT = "element"


def list_of(type_: str) -> str:
    """The type of a list of values.

    >>> list_of("int"), element_type("list[int]"), element_type("int")
    ('list[int]', 'int', 'int')
    """
    return f"list[{type_}]"


def element_type(type_: str) -> str:
    """The type of the values in a list; of anything else the type itself."""
    return type_.removeprefix("list[").removesuffix("]")


def is_list(type_: str) -> bool:
    """Whether a type is that of a list.

    >>> is_list("list[str]"), is_list("str")
    (True, False)
    """
    return element_type(type_) != type_


def held_type(type_: str) -> str:
    """The type by which expressions hold values of a type: µs and days are integers.

    >>> held_type("datetime"), held_type("date"), held_type("str")
    ('int', 'int', 'str')
    """
    return INT if type_ in TIMES else type_


#: What holds floats that are finite: rows that have others are no good, and so are a function's values.
FINITE = frozenset({"column", "lookup", "field", "element", "literal", "finite", "call", "list_max", "list_min"})


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One operation over other scalars: a column and a literal are operations without arguments.

    `value` is the name of the column (op `column`, and `lookup`, in the `dimension`) or of the struct's field (op
    `field`), or the literal (op `literal`); `function` is what a `call` calls.

    >>> failed = Scalar("equals", "bool", (column("status", "str"), literal("failed")))
    >>> failed.text()
    'equals(status, "failed")'
    >>> literal(0.0) == literal(-0.0)  # A function may tell them apart, and their texts differ.
    False
    """

    op: str
    type: str
    args: tuple[Scalar, ...] = ()
    value: str | int | float | bool | None = None
    function: UserFunction | None = None
    dimension: DimensionTable | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scalar) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.op, self.type, self.args, repr(self.value), self.function, self.dimension

    def text(self) -> str:
        """The canonical text, equal in every process; fingerprints are made of it."""
        if self.op == "column":
            return str(self.value)
        if self.op == "field":
            return f"{self.args[0].text()}.{self.value}"
        if self.op == "literal":
            return json.dumps(self.value) if self.value is not None else f"null:{self.type}"
        arguments = ", ".join(arg.text() for arg in self.args)
        return f"{self._name}:{self.type}({arguments})" if self.op == "cast" else f"{self._name}({arguments})"

    @property
    def _name(self) -> str:
        """What stands before the arguments."""
        if self.dimension is not None:
            return f"{self.dimension.reference}.{self.value}"
        return self.op if self.function is None else self.function.reference

    def columns(self) -> Iterator[str]:
        """The names of the columns it reads, each as often as it reads it."""
        if self.op == "column":
            yield str(self.value)
        for arg in self.args:
            yield from arg.columns()

    def paths(self) -> Iterator[tuple[str, ...]]:
        """What it reads, each as often as it does: a column's name, and of structs and lists those down to the part.

        >>> os = Scalar("field", "str", (column("device", "struct"),), "os")
        >>> list(Scalar("concat", "str", (os, column("note", "str"))).paths())
        [('device', 'os'), ('note',)]
        """
        if path := self._path:
            yield path
            return
        for arg in self.args:
            yield from arg.paths()

    @property
    def _path(self) -> tuple[str, ...]:
        """The names down to what it is; none for what is computed."""
        if self.op == "column":
            return (str(self.value),)
        above = self.args[0]._path if self.op in {"field", "element"} else ()
        return (*above, ELEMENT if self.op == "element" else str(self.value)) if above else ()

    def calls(self) -> Iterator[Scalar]:
        """The calls of users' functions in it, each after those among its arguments."""
        for arg in self.args:
            yield from arg.calls()
        if self.function is not None:
            yield self

    def lookups(self) -> Iterator[Scalar]:
        """The columns of dimensions that it reads."""
        for arg in self.args:
            yield from arg.lookups()
        if self.dimension is not None:
            yield self


def column(name: str, type_: str) -> Scalar:
    """The column `name` of the source."""
    return Scalar("column", type_, value=name)


def literal(value: str | int | float | bool) -> Scalar:
    """A constant.

    >>> literal(3).type
    'int'
    """
    return Scalar("literal", type(value).__name__, value=value)


def conjunction(left: Scalar | None, right: Scalar) -> Scalar:
    """Both conditions; None stands for no condition yet."""
    return right if left is None else Scalar("and", BOOL, (left, right))
