"""The Arrow types of feature values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headrace.features.scalar import element_type

if TYPE_CHECKING:
    import pyarrow as pa


def arrow_type(type_: str) -> pa.DataType:
    """The Arrow type of a type of the language.

    >>> str(arrow_type("list[datetime]"))
    'list<item: timestamp[us, tz=UTC]>'
    """
    import pyarrow as pa

    if element_type(type_) != type_:
        return pa.list_(arrow_type(element_type(type_)))
    types: dict[str, pa.DataType] = {
        "int": pa.int64(),
        "float": pa.float64(),
        "str": pa.string(),
        "bool": pa.bool_(),
        "datetime": pa.timestamp("us", "UTC"),
        "date": pa.date32(),
        "bytes": pa.binary(),
    }
    return types[type_]
