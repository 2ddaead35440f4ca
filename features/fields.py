"""Fields of structs that a user names, and names that no struct has."""

from __future__ import annotations

from typing import Any

from ibis.expr.types import StructValue

from headrace.errors import UnknownColumnError, did_you_mean


def field_of(struct: Any, name: str) -> Any:
    """The field of a struct's expression; UnknownColumnError with a suggestion.

    >>> import ibis
    >>> table = ibis.table({"device": "struct<os: string>"}, name="t")
    >>> field_of(table.device, "os").get_name()
    'os'
    """
    if not isinstance(struct, StructValue) or name not in struct.names:
        raise _unknown(struct, name)
    return struct[name]


def unknown_field(error: Exception) -> UnknownColumnError | None:
    """What an error of ibis means that was raised where a struct was asked for a field; None for any other error."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    asked = place.tb_frame.f_locals if place is not None else {}
    struct = asked.get("self")
    is_field = isinstance(error, AttributeError | KeyError) and isinstance(struct, StructValue)
    return _unknown(struct, str(asked.get("name"))) if is_field else None


def _unknown(struct: Any, name: str) -> UnknownColumnError:
    """That a value has no such field."""
    what = struct.get_name()
    if not isinstance(struct, StructValue):
        return UnknownColumnError(f"{what!r} is {struct.type()}, which has no field {name!r}")
    return UnknownColumnError(f"{name!r} is no field of {what}; {did_you_mean(name, struct.names)}")
