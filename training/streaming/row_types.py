"""The types of columns that cross from Flink to a learner."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pyarrow as pa

from headrace.connectors.schema import Field
from headrace.errors import SchemaMismatchError, did_you_mean

#: The types of columns that can say where a row came from.
INTEGERS = ("bigint", "int")
#: By the engine-free type of a column, or Iceberg's own name of it: Flink's name, and Arrow's type.
TYPES: Mapping[str, tuple[str, pa.DataType]] = {
    "string": ("STRING", pa.string()),
    "bigint": ("BIGINT", pa.int64()),
    "int": ("INT", pa.int32()),
    "double": ("DOUBLE", pa.float64()),
    "float": ("FLOAT", pa.float32()),
    "boolean": ("BOOLEAN", pa.bool_()),
    "timestamp": ("TIMESTAMP_LTZ(6)", pa.timestamp("us", "UTC")),
    "date": ("DATE", pa.date32()),
    "binary": ("BYTES", pa.binary()),
}
#: Iceberg's name of numbers of so many digits, so many of them behind the point.
DECIMAL = re.compile(r"decimal\((\d+), (\d+)\)")


def crosses(type_: str) -> bool:
    """Whether columns of a type cross."""
    return type_ in TYPES or DECIMAL.fullmatch(type_) is not None


def types_of(type_: str) -> tuple[str, pa.DataType]:
    """Of a type that crosses Flink's name, and Arrow's type.

    >>> types_of("decimal(9, 2)")
    ('DECIMAL(9, 2)', Decimal128Type(decimal128(9, 2)))
    """
    found = DECIMAL.fullmatch(type_)
    if found is None:
        return TYPES[type_]
    digits, behind = map(int, found.groups())
    return f"DECIMAL({digits}, {behind})", pa.decimal128(digits, behind)


def arrow_schema(columns: Iterable[Field]) -> pa.Schema:
    """Columns that cross as the learner's Arrow has them."""
    return pa.schema([(column.name, types_of(column.type)[1]) for column in columns])


def column_of(name: str, columns: Iterable[Field], model: str, table: str) -> Field:
    """A column that a model's learner can be given. SchemaMismatchError where it is not there, or does not cross."""
    found = {field.name: field for field in columns}
    if name not in found:
        msg = f"model {model}: {table} has no column {name!r}; {did_you_mean(name, found)}"
        raise SchemaMismatchError(msg)
    if said := not_crossing([found[name]], table):
        msg = f"model {model}: {said}; expected one of {', '.join(TYPES)}, decimal"
        raise SchemaMismatchError(msg)
    return found[name]


def not_crossing(columns: Iterable[Field], table: str) -> str:
    """What is said of columns of a table that do not cross; empty where all do.

    >>> not_crossing([Field("at", "time"), Field("x", "double")], "raw.rides")
    "column 'at' of raw.rides is time, which does not cross to a learner"
    """
    left = [one for one in columns if not crosses(one.type)]
    said = [f"column {one.name!r} of {table} is {str(one).removeprefix(one.name + ' ')}" for one in left]
    return f"{', '.join(said)}, which does not cross to a learner" if said else ""
