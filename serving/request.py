"""What a caller asks for: entity rows, checked before anything is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from math import isfinite
from typing import Any, NamedTuple

from headrace.compiler.plan import Column
from headrace.errors import RequestError, did_you_mean

#: What a key of each type of the language must be; `bool` is an `int` in Python and never meant as one.
PYTHON_TYPES: dict[str, type] = {"str": str, "int": int, "int32": int, "float": float, "bool": bool, "bytes": bytes}
FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "int": int,
    "int32": int,
    "float": float,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
}
INTEGER_BITS = {"int": 63, "int32": 31}


class RequestColumn(NamedTuple):
    """A column that a request must bring, and the feature (`view:feature`) that reads it."""

    column: Column
    feature: str

    @property
    def words(self) -> str:
        """What it is, in an error."""
        return f"request column {self.column.name!r} of feature {self.feature}"


def check_rows(
    rows: Sequence[Mapping[str, Any]], keys: Iterable[Column], request: Sequence[RequestColumn] = ()
) -> None:
    """Raise RequestError, naming row and column, unless every row has exactly these, each with a value of its type.

    >>> check_rows([{"tail": "N123"}], [Column("tail", "str")])
    """
    by_name = {key.name: key for key in keys}
    for number, row in enumerate(rows):
        _check_names(number, row, by_name, request)
        for name, key in by_name.items():
            _check_value(number, key, row[name])
        for one in request:
            _check_requested(number, one, row[one.column.name])


def from_text(text: str, type_: str) -> Any:
    """The value of a key or request column from text; the text itself when it is no value of the type.

    >>> from_text("7", "int"), from_text("x", "int"), from_text("7", "str")
    (7, 'x', '7')
    """
    if type_ == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    try:
        return FROM_TEXT[type_](text) if type_ in FROM_TEXT else text
    except ValueError:
        return text


def _check_names(
    number: int, row: Mapping[str, Any], keys: Mapping[str, Column], request: Sequence[RequestColumn]
) -> None:
    """A row has all keys and request columns, and nothing else."""
    for name in keys:
        if name not in row:
            msg = f"entity row {number}: key {name!r} is missing; found {sorted(row)}, expected {sorted(keys)}"
            raise RequestError(msg)
    for one in request:
        if one.column.name not in row:
            msg = f"entity row {number}: {one.words} is missing; found {sorted(row)}"
            raise RequestError(msg)
    known = {*keys, *(one.column.name for one in request)}
    for name in row:
        if name not in known:
            msg = (
                f"entity row {number}: unknown key {name!r}: no feature asked for has such a key or reads such a "
                f"request column; {did_you_mean(name, known)}"
            )
            raise RequestError(msg)


def _check_value(number: int, key: Column, value: Any) -> None:
    """A key's value is of its type, and an integer fits."""
    expected = PYTHON_TYPES[key.type]
    mistyped = not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool)
    if mistyped or not _fits(value, INTEGER_BITS.get(key.type)):
        msg = f"entity row {number}: key {key.name!r} is {value!r} ({type(value).__name__}), expected {key.type}"
        raise RequestError(msg)


def _check_requested(number: int, one: RequestColumn, value: Any) -> None:
    """The value of a request column is one that its request can have."""
    column = one.column
    fits = column.optional if value is None else REQUESTED[column.type](value)
    if not fits or (value is not None and column.choices and value not in column.choices):
        msg = f"entity row {number}: {one.words} is {value!r} ({type(value).__name__}), expected {column.words}"
        raise RequestError(msg)


def _is_utf8(text: str) -> bool:
    """Whether a text can be written in UTF-8: half of a pair of surrogates cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_number(value: Any) -> bool:
    """Whether a value is a float, or an int that is one exactly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return isfinite(value) and float(value) == value
    except OverflowError:
        return False


#: What a value of each type of a request must be.
REQUESTED: dict[str, Callable[[Any], bool]] = {
    "str": lambda value: isinstance(value, str) and _is_utf8(value),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool) and _fits(value, INTEGER_BITS["int"]),
    "float": _is_number,
    "datetime": lambda value: isinstance(value, datetime) and value.tzinfo is not None,
    "date": lambda value: isinstance(value, date) and not isinstance(value, datetime),
}


def _fits(value: Any, bits: int | None) -> bool:
    """Whether an integer is within its type; anything else is."""
    return bits is None or -(1 << bits) <= value < 1 << bits
