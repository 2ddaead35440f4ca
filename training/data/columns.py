"""Columns of Arrow as encoders look at them: kinds of types, and numbers as NumPy arrays."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from headrace.errors import ColumnTypeError
from headrace.training.data.hashing import is_text

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

INTEGER, FLOAT, TEXT, BOOLEAN, INSTANT, DATE = "integer", "float", "text", "boolean", "instant", "date"
#: What has a magnitude; an encoder that takes one kind of these takes the other.
NUMBERS = frozenset({INTEGER, FLOAT})

#: Arrow's number of the type that most columns have, for which nothing further is asked.
DOUBLE = pa.float64().id


def kind_of(type_: pa.DataType) -> str:
    """The kind of a column, whatever its width; the type's own name when encoders take none such.

    >>> kind_of(pa.int32()), kind_of(pa.timestamp("us", "UTC")), kind_of(pa.timestamp("us"))
    ('integer', 'instant', 'timestamp[us]')
    """
    if pt.is_dictionary(type_):
        return kind_of(type_.value_type)
    if pt.is_timestamp(type_):
        return INSTANT if type_.tz else str(type_)
    found = {
        INTEGER: pt.is_integer(type_),
        FLOAT: pt.is_floating(type_) or pt.is_decimal(type_),
        TEXT: is_text(type_),
        BOOLEAN: pt.is_boolean(type_),
        DATE: pt.is_date32(type_),
    }
    return next((kind for kind, fits in found.items() if fits), str(type_))


def check_kind(what: str, type_: pa.DataType, takes: Collection[str], instead: str = "") -> None:
    """ColumnTypeError unless a column is of one of some kinds."""
    if kind_of(type_) not in takes:
        msg = f"{what} takes {' or '.join(sorted(takes))}; found {type_}{instead}"
        raise ColumnTypeError(msg)


def one_array(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """A column in one piece."""
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def doubles(column: pa.Array) -> Doubles:
    """Numbers, booleans or parts of times as float64 [rows]; NULL is NaN."""
    if column.type.id != DOUBLE and (pt.is_boolean(column.type) or pt.is_decimal(column.type)):
        column = column.cast(pa.float64())
    found: Doubles = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    return found


def missing(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Where a column is NULL."""
    found: npt.NDArray[np.bool_] = column.is_null().to_numpy(zero_copy_only=False)
    return found
