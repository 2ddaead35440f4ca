"""Columns as Iceberg types them, and back."""

from __future__ import annotations

from collections.abc import Sequence

from pyiceberg.schema import Schema, assign_fresh_schema_ids
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
)

from headrace.connectors.schema import Field

PRIMITIVES: dict[str, IcebergType] = {
    "string": StringType(),
    "bigint": LongType(),
    "int": IntegerType(),
    "double": DoubleType(),
    "boolean": BooleanType(),
    "timestamp": TimestamptzType(),
    "date": DateType(),
    "binary": BinaryType(),
}
NAMES = {type_: name for name, type_ in PRIMITIVES.items()} | {TimestampType(): "timestamp without zone"}


def schema_of(fields: Sequence[Field]) -> Schema:
    """The Iceberg schema of engine-free columns, with fresh field ids."""
    return assign_fresh_schema_ids(Schema(*_nested(fields)))


def fields_of_schema(schema: Schema) -> tuple[Field, ...]:
    """The engine-free columns of an Iceberg schema."""
    return tuple(map(_field_of, schema.fields))


def _nested(fields: Sequence[Field]) -> list[NestedField]:
    """Iceberg's fields; the ids are placeholders that `assign_fresh_schema_ids` replaces, distinct as it demands."""
    ids = iter(range(1, 1 << 30))

    def type_of(one: Field) -> IcebergType:
        if one.type == "list":
            return ListType(next(ids), type_of(one.fields[0]), element_required=False)
        return StructType(*map(convert, one.fields)) if one.type == "struct" else PRIMITIVES[one.type]

    def convert(one: Field) -> NestedField:
        return NestedField(field_id=next(ids), name=one.name, field_type=type_of(one), required=False)

    return [convert(one) for one in fields]


def _field_of(found: NestedField) -> Field:
    """An Iceberg field as an engine-free one."""
    if isinstance(found.field_type, StructType):
        return Field(found.name, "struct", tuple(map(_field_of, found.field_type.fields)))
    if isinstance(found.field_type, ListType):
        return Field(found.name, "list", (_field_of(found.field_type.element_field),))
    return Field(found.name, NAMES.get(found.field_type, str(found.field_type)))
