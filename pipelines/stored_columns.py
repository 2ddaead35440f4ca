"""What columns of a kept training set are stored as: equal values have one type, whoever brings them."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from headrace.connectors.schema import Field
from headrace.errors import RequestError
from headrace.features.scalar import ELEMENT

Test = Callable[[pa.DataType], bool]
#: What columns are stored as: a test of Arrow's type, the type stored, and its name in a stored table.
STORED: tuple[tuple[Test, pa.DataType, str], ...] = (
    (lambda found: pa.types.is_string(found) or pa.types.is_large_string(found), pa.string(), "string"),
    (pa.types.is_integer, pa.int64(), "bigint"),
    (pa.types.is_floating, pa.float64(), "double"),
    (pa.types.is_boolean, pa.bool_(), "boolean"),
    (lambda found: pa.types.is_timestamp(found) and found.tz is not None, pa.timestamp("us", "UTC"), "timestamp"),
    (pa.types.is_date32, pa.date32(), "date"),
    # Of missing values alone nothing tells the type.
    (pa.types.is_null, pa.string(), "string"),
)
#: Arrow's types of lists.
LISTS: tuple[Test, ...] = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)


def stored(rows: pa.Table) -> pa.Table:
    """The rows with the types in which they are stored.

    Raises:
        RequestError: a column has a type that is not stored.

    >>> str(stored(pa.table({"a": pa.array([[1]], pa.large_list(pa.int8()))})).schema.field("a").type)
    'list<element: int64>'
    """
    return pa.table({name: _stored(name, rows[name]) for name in rows.column_names})


def stored_fields(rows: pa.Table) -> list[Field]:
    """The columns of a stored table, of rows that `stored` gave.

    >>> [str(field) for field in stored_fields(stored(pa.table({"a": [1], "tops": [["x"]]})))]
    ['a bigint', 'tops list<element string>']
    """
    return [_field(column.name, column.type) for column in rows.schema]


def _field(name: str, type_: pa.DataType) -> Field:
    if pa.types.is_list(type_):
        return Field(name, "list", (_field(ELEMENT, type_.value_type),))
    return Field(name, next(called for _, stored_as, called in STORED if stored_as == type_))


def _stored(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    type_ = _stored_type(column.type)
    if type_ is None:
        msg = (
            f"column {name!r} is {column.type}, which is not stored; expected text, integers, floats, booleans, dates, "
            "instants with a zone, or lists of one of these: cast it, or leave it out of the spine"
        )
        raise RequestError(msg)
    try:
        return column.cast(type_)
    except pa.ArrowInvalid as error:
        msg = f"column {name!r} is {column.type} and cannot be stored as {type_}: {error}"
        raise RequestError(msg) from error


def _stored_type(found: pa.DataType) -> pa.DataType | None:
    """What a type is stored as; None for one that is not."""
    if any(test(found) for test in LISTS):
        element = _scalar_type(found.value_type)
        return None if element is None else pa.list_(pa.field(ELEMENT, element))
    return _scalar_type(found)


def _scalar_type(found: pa.DataType) -> pa.DataType | None:
    """What a type without parts is stored as; None for one that is not."""
    plain = found.value_type if pa.types.is_dictionary(found) else found
    return next((type_ for test, type_, _ in STORED if test(plain)), None)
