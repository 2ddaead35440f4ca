"""Columns as users annotate them: plain values, lists of them, and structs, which are classes with annotations too."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import FrameType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.names import check_name
from headrace.features.place import Place
from headrace.features.scalar import BOOL, DATE, DATETIME, ELEMENT, FLOAT, INT, STR, STRUCT, is_list, list_of

TYPE_NAMES: dict[Any, str] = {str: STR, int: INT, float: FLOAT, bool: BOOL, datetime: DATETIME, date: DATE}


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A declared column: its type's name, whether NULL is allowed, and the only allowed values, if enumerated.

    `fields` are those of a struct, or the element of a list; they are columns themselves.
    """

    name: str
    type: str
    optional: bool = False
    choices: tuple[str, ...] = ()
    fields: tuple[SourceColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class _Declared:
    """What is around an annotation: its place, the source, the path of its column, and the classes that hold it."""

    where: Place
    at: str
    path: str
    classes: tuple[type, ...] = ()

    @property
    def column(self) -> str:
        """How errors begin."""
        return f"{self.at}: column {self.path!r}"


def annotations_of(cls: type, frame: FrameType, at: str) -> dict[str, Any]:
    """The annotations of a class that was written in a frame, evaluated; DefinitionError for an unknown name."""
    try:
        return inspect.get_annotations(cls, globals=frame.f_globals, locals=dict(frame.f_locals), eval_str=True)
    except NameError as error:
        msg = f"{at}: the type of a column is unknown: {error}"
        raise DefinitionError(msg) from error


def column_of(name: str, hint: Any, where: Place, at: str) -> SourceColumn:
    """One annotated column; DefinitionError or UnsupportedError for what no column can be.

    `T | None` makes it optional, `Literal[...]` of strings enumerates it, `list[T]` is a list, and a class with
    annotations of its own, such as a dataclass, is a struct.
    """
    return _column(name, hint, _Declared(where, at, name))


def plain_column_of(name: str, hint: Any, where: Place, at: str) -> SourceColumn:
    """A column that is no list and no struct; errors as of `column_of`."""
    found = column_of(name, hint, where, at)
    if found.fields:
        msg = f"{at}: column {name!r} is {found.type}; expected {', '.join(TYPE_NAMES.values())}; take its parts apart"
        raise UnsupportedError(msg)
    return found


def _column(name: str, hint: Any, around: _Declared) -> SourceColumn:
    """A column, or a part of one."""
    check_name(name, "column", around.where)
    optional = get_origin(hint) in (Union, types.UnionType)
    members = [member for member in get_args(hint) if member is not type(None)] if optional else [hint]
    if len(members) != 1:
        raise DefinitionError(_unknown(hint, around))
    inner = members[0]
    if get_origin(inner) is Literal and all(isinstance(choice, str) for choice in get_args(inner)):
        return SourceColumn(name, STR, optional, tuple(sorted(get_args(inner))))
    if inner in TYPE_NAMES:
        return SourceColumn(name, TYPE_NAMES[inner], optional)
    if get_origin(inner) is list:
        element = _element(get_args(inner)[0], around)
        return SourceColumn(name, list_of(element.type), optional, fields=(element,))
    if not isinstance(inner, type) or not _annotations(inner, around):
        raise DefinitionError(_unknown(hint, around))
    return SourceColumn(name, STRUCT, optional, fields=_fields(inner, around))


def _unknown(hint: Any, around: _Declared) -> str:
    """That no column has such a type."""
    known = ", ".join(TYPE_NAMES.values())
    return (
        f"{around.column} has type {hint!r}; expected {known}, Literal of strings, a list of these, a class with such "
        "annotations, or one of them `| None`"
    )


def _element(hint: Any, around: _Declared) -> SourceColumn:
    """What a list holds; UnsupportedError for what an engine cannot look into."""
    element = _column(ELEMENT, hint, _Declared(around.where, around.at, f"{around.path}[]", around.classes))
    if found := _list_or_literal(element):
        msg = f"{around.column} is a list of {found}; a list is of {', '.join(TYPE_NAMES.values())}, structs of these, "
        msg += "or one of them `| None`"
        raise UnsupportedError(msg)
    return element


def _list_or_literal(element: SourceColumn) -> str | None:
    """What of an element an engine cannot look into; None where there is no such part."""
    if is_list(element.type) or element.choices:
        return "Literal" if element.choices else element.type
    found = next(((field.name, inner) for field in element.fields if (inner := _list_or_literal(field))), None)
    return None if found is None else f"structs in which {found[0]!r} is {found[1]}"


def _fields(cls: type, around: _Declared) -> tuple[SourceColumn, ...]:
    """The fields of a struct."""
    if cls in around.classes:
        msg = f"{around.column} is {cls.__name__} within {cls.__name__}; a struct has an end"
        raise UnsupportedError(msg)
    _check_defaults(cls, around)
    classes = (*around.classes, cls)
    return tuple(
        _column(name, hint, _Declared(around.where, around.at, f"{around.path}.{name}", classes))
        for name, hint in _annotations(cls, around).items()
    )


def _annotations(cls: type, around: _Declared) -> Mapping[str, Any]:
    """The annotations of a class and of those that it extends, evaluated where each was written."""
    try:
        return get_type_hints(cls, include_extras=True)
    except NameError as error:
        msg = f"{around.column}: the type of a field of {cls.__name__} is unknown: {error}"
        raise DefinitionError(msg) from error


def _check_defaults(cls: type, around: _Declared) -> None:
    """DefinitionError for a value beside a field: nothing but NULL stands for what a record lacks."""
    for name, default in _defaults(cls, _annotations(cls, around)).items():
        if default is not None:
            msg = f"{around.column}: {cls.__name__}.{name} = {default!r}; what a record lacks has no default; write "
            msg += f"`{name}: ... | None`"
            raise DefinitionError(msg)
    if not getattr(cls, "__total__", True):
        msg = f"{around.column}: {cls.__name__} has total=False; write `| None` behind the type of what may be missing"
        raise DefinitionError(msg)


def _defaults(cls: type, names: Iterable[str]) -> Mapping[str, Any]:
    """The values that a class gives its fields; one that is made anew for each instance as its maker."""
    if dataclasses.is_dataclass(cls):
        given = (
            (field.name, value) for field in dataclasses.fields(cls) for value in (field.default, field.default_factory)
        )
        return {name: value for name, value in given if value is not dataclasses.MISSING}
    found = {name: getattr(cls, name) for name in names if hasattr(cls, name)}
    # With slots, and in a named tuple, the attribute is the way to an instance's field.
    return {name: value for name, value in found.items() if not inspect.isdatadescriptor(value)} | getattr(
        cls, "_field_defaults", {}
    )
