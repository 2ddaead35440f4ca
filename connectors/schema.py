"""Columns of stored tables by engine-free types, and the schemas that headrace keeps; pure, imports no engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from headrace.compiler.tables import DEAD_LETTERS as DEAD_LETTER_COLUMNS
from headrace.compiler.tables import OFFSET_TILES as OFFSET_TILE_COLUMNS
from headrace.features.scalar import is_list

#: The engine-free types; `timestamp` is an instant in µs, `struct` has fields of its own, `list` one, its element.
TYPES = ("string", "bigint", "int", "double", "boolean", "timestamp", "date", "binary", "struct", "list")
#: The engine-free type of each type of the feature language.
LANGUAGE_TYPES = {
    "str": "string",
    "int": "bigint",
    "int32": "int",
    "float": "double",
    "bool": "boolean",
    "datetime": "timestamp",
    "date": "date",
    "bytes": "binary",
    "struct": "struct",
}


class NamedType(Protocol):
    """Anything with a name, a type of the feature language and fields if it has any, such as a column of a plan."""

    @property
    def name(self) -> str:
        """The column's name."""

    @property
    def type(self) -> str:
        """The column's type in the feature language."""

    @property
    def fields(self) -> Sequence[Self]:
        """The fields of a struct, or the element of a list."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column, a field of a struct or the element of a list.

    All are optional: Flink's writers and ours then agree on every table.
    """

    name: str
    type: str
    fields: tuple[Field, ...] = ()

    def __str__(self) -> str:
        inner = f"<{', '.join(map(str, self.fields))}>" if self.fields else ""
        return f"{self.name} {self.type}{inner}"


def fields_of(columns: Iterable[NamedType]) -> tuple[Field, ...]:
    """Columns of a plan as stored columns.

    >>> from headrace.compiler.plan import Column
    >>> tags = Column("tags", "list[str]", fields=(Column("element", "str"),))
    >>> [str(field) for field in fields_of([Column("amt", "float"), tags])]
    ['amt double', 'tags list<element string>']
    """
    return tuple(Field(column.name, _stored(column.type), fields_of(column.fields)) for column in columns)


def _stored(type_: str) -> str:
    """The engine-free type of a type of the feature language."""
    return "list" if is_list(type_) else LANGUAGE_TYPES[type_]


#: What an archive keeps beside the source's columns: where the record lay in Kafka, and its bytes when unparsable.
POSITION = (
    Field("_src_topic", "string"),
    Field("_src_partition", "int"),
    Field("_src_offset", "bigint"),
    Field("_src_timestamp", "timestamp"),
    Field("_raw", "binary"),
    Field("_error", "string"),
)

LEDGER_NAMESPACE = "headrace"
OFFSET_TILES = fields_of(OFFSET_TILE_COLUMNS)
DEAD_LETTERS = fields_of(DEAD_LETTER_COLUMNS)


def archive_fields(columns: Iterable[NamedType]) -> tuple[Field, ...]:
    """The columns of an archive: the source's, then the six of the position."""
    return (*fields_of(columns), *POSITION)


def tile_fields(keys: Iterable[NamedType], cell: Iterable[NamedType]) -> tuple[Field, ...]:
    """The columns of a tile table in Iceberg: keys, level and tile_start (µs), n, and the cell."""
    counted = [Field(name, "bigint") for name in ("level", "tile_start", "n")]
    return (*fields_of(keys), *counted, Field("cell", "struct", fields_of(cell)))


def differences(found: Sequence[Field], expected: Sequence[Field]) -> list[str]:
    """What a table lacks of the expected columns, one sentence each; further columns and fields are compatible.

    >>> differences([Field("a", "int")], [Field("a", "bigint"), Field("b", "string")])
    ['column a: expected bigint, found int', 'column b: expected string, found none']
    """
    by_name = {field.name: field for field in found}
    return [
        f"column {field.name}: expected {_type_of(field)}, found {_type_of(by_name.get(field.name))}"
        for field in expected
        if not _holds(by_name.get(field.name), field)
    ]


def _holds(found: Field | None, expected: Field) -> bool:
    """Whether a field has the expected type; a struct may have further fields."""
    if found is None or found.type != expected.type:
        return False
    return not differences(found.fields, expected.fields)


def _type_of(field: Field | None) -> str:
    """The type of a field as text."""
    return "none" if field is None else str(field).partition(" ")[2]
