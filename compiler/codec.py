"""Plans as JSON: frozen dataclasses to plain values and back, by their type hints and without pickles."""

from __future__ import annotations

import dataclasses
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def encode(value: Any) -> Any:
    """The JSON value of a dataclass, tuple, dict or plain value.

    >>> encode((1, "a", None))
    [1, 'a', None]
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


def decode(kind: type[T], data: dict[str, Any]) -> T:
    """The dataclass `kind` from what `encode` made of it; TypeError for an unknown name: nothing is lost."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints.get(name, Any), item) for name, item in data.items()})


def _value(hint: Any, data: Any) -> Any:
    """`data` as a value of the type `hint`."""
    if data is None:
        return None
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return decode(hint, data)
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in data)
    if get_origin(hint) is UnionType:
        return _value(_only_structure(hint), data)
    return data


def _only_structure(hint: Any) -> Any:
    """The one structured member of a union such as `Scalar | None`; Any for a union of plain values."""
    members = [member for member in get_args(hint) if member is not NoneType]
    return members[0] if len(members) == 1 else Any
