"""What a caller asks for: entity rows, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headrace.compiler.plan import Column
from headrace.errors import RequestError, did_you_mean

#: What a key of each type of the language must be; `bool` is an `int` in Python and never meant as one.
PYTHON_TYPES: dict[str, type] = {"str": str, "int": int, "int32": int, "float": float, "bool": bool, "bytes": bytes}
INTEGER_BITS = {"int": 63, "int32": 31}


def check_rows(rows: Sequence[Mapping[str, Any]], keys: Iterable[Column]) -> None:
    """Raise RequestError, naming row and key, unless every row has exactly the keys, each with a value of its type.

    >>> check_rows([{"tail": "N123"}], [Column("tail", "str")])
    """
    by_name = {key.name: key for key in keys}
    for number, row in enumerate(rows):
        _check_names(number, row, by_name)
        for name, key in by_name.items():
            _check_value(number, key, row[name])


def from_text(text: str, type_: str) -> Any:
    """A key's value from text; the text itself when it is no value of the type.

    >>> from_text("7", "int"), from_text("x", "int"), from_text("7", "str")
    (7, 'x', '7')
    """
    if type_ == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return PYTHON_TYPES[type_](text) if type_ in {"int", "int32", "float"} else text
    except ValueError:
        return text


def _check_names(number: int, row: Mapping[str, Any], keys: Mapping[str, Column]) -> None:
    """A row has all keys and nothing else."""
    for name in keys:
        if name not in row:
            msg = f"entity row {number}: key {name!r} is missing; found {sorted(row)}, expected {sorted(keys)}"
            raise RequestError(msg)
    for name in row:
        if name not in keys:
            msg = f"entity row {number}: unknown key {name!r}; {did_you_mean(name, keys)}"
            raise RequestError(msg)


def _check_value(number: int, key: Column, value: Any) -> None:
    """A key's value is of its type, and an integer fits."""
    expected = PYTHON_TYPES[key.type]
    mistyped = not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)
    if mistyped or not _fits(value, INTEGER_BITS.get(key.type)):
        msg = f"entity row {number}: key {key.name!r} is {value!r} ({type(value).__name__}), expected {key.type}"
        raise RequestError(msg)


def _fits(value: Any, bits: int | None) -> bool:
    """Whether an integer is within its type; anything else is."""
    return bits is None or -(1 << bits) <= value < 1 << bits
