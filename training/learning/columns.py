"""Rows as JSON and back: the types of their columns by name, and values that JSON has no word for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from headrace.errors import ModelError, RequestError, did_you_mean

_PARAMETRIC = re.compile(r"timestamp\[(?P<unit>s|ms|us|ns)(?:, tz=(?P<zone>[\w/+:-]+))?\]|decimal128\((\d+), (-?\d+)\)")
_PLAIN = {
    str(one): one
    for one in (
        pa.bool_(),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.date32()),
    )
}


def type_named(text: str) -> pa.DataType:
    """The Arrow type that prints as `text`; ModelError for one that no column of a model has.

    >>> type_named("timestamp[us, tz=UTC]"), type_named("double")
    (TimestampType(timestamp[us, tz=UTC]), DataType(double))
    """
    found = _PARAMETRIC.fullmatch(text)
    if found and found["unit"]:
        return pa.timestamp(found["unit"], found["zone"])
    if found:
        return pa.decimal128(int(found[3]), int(found[4]))
    if text not in _PLAIN:
        msg = f"column type {text!r}: not one that a model reads; {did_you_mean(text, _PLAIN)}"
        raise ModelError(msg)
    return _PLAIN[text]


def schema_of(types: Mapping[str, str]) -> pa.Schema:
    """Columns by name and type's name, as Arrow has them."""
    return pa.schema([(name, type_named(type_)) for name, type_ in types.items()])


def types_of(schema: pa.Schema) -> dict[str, str]:
    """The inverse of `schema_of`; ModelError for a type that has no name here."""
    found = {field.name: str(field.type) for field in schema}
    for type_ in found.values():
        type_named(type_)
    return found


def row_as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for JSON: instants and dates in ISO 8601, decimals as text, numbers that are not finite missing.

    >>> row_as_json({"day": date(2026, 3, 1), "amt": 1.5})
    {'day': '2026-03-01', 'amt': 1.5}
    """
    return {name: _written(value) for name, value in row.items()}


def rows_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of JSON, or of Python's own values, as Arrow.

    None is missing; a key that is not there is an error, since a model would take it for missing without a word.
    RequestError names row, column and value.
    """
    columns = [_column([_value(row, number, field) for number, row in enumerate(rows)], field) for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _value(row: Mapping[str, Any], number: int, field: pa.Field) -> Any:
    """The value of a field in a row."""
    if field.name not in row:
        msg = f"row {number}: no column {field.name!r}; write None where it is missing; {did_you_mean(field.name, row)}"
        raise RequestError(msg)
    try:
        return _read(row[field.name], field.type)
    except (ValueError, ArithmeticError) as error:
        msg = f"row {number}: column {field.name!r}: expected {field.type}, found {row[field.name]!r}"
        raise RequestError(msg) from error


def _column(values: list[Any], field: pa.Field) -> pa.Array:
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        msg = f"column {field.name!r}: expected {field.type}: {error}"
        raise RequestError(msg) from error


def _written(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no such numbers, and encoders take them for missing
    return str(value) if isinstance(value, Decimal) else value


def _read(value: Any, type_: pa.DataType) -> Any:
    if not isinstance(value, str):
        return value
    if pa.types.is_timestamp(type_):
        return datetime.fromisoformat(value)
    if pa.types.is_date(type_):
        return date.fromisoformat(value)
    return Decimal(value) if pa.types.is_decimal(type_) else value
