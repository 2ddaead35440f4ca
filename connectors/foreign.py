"""Tables that other systems write: one version of one, and its *shadow*, an Iceberg copy whose rows have positions.

A ledger needs a position for each row, an as-of value an order among rows of one instant, and a run a version that
stays. A foreign table has none of them: its rows lie nowhere, and its owner may vacuum or expire the files of a version
while a job reads them. So the declared columns of a version are copied once, rows numbered from 0 in the order of its
files, and from there on history is an archive like any other, with one partition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.plan import fingerprint_of
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import POSITION, Field, differences
from headrace.errors import SchemaMismatchError

SHADOWS_NAMESPACE = "shadows"
#: A shadow is one partition: a foreign table has none that mean anything to a reader.
PARTITION = 0
ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "binary": pa.binary(),
}
#: Rows written at once: some 100 MB of typical events, so that a copy fits into memory and makes few files.
COPY_ROWS = 1_000_000
#: Types whose values another engine-free type holds all.
WIDENED = {"int": "bigint", "float": "double"}


def arrow_type(field: Field) -> pa.DataType:
    """The Arrow type of a field.

    >>> str(arrow_type(Field("tags", "list", (Field("element", "string"),))))
    'list<element: string>'
    """
    if field.type == "struct":
        return pa.struct([pa.field(one.name, arrow_type(one)) for one in field.fields])
    if field.type == "list":
        return pa.list_(pa.field(field.fields[0].name, arrow_type(field.fields[0])))
    return ARROW[field.type]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which version of which foreign table: `kind` is `delta` or `iceberg`, `version` Delta's or a snapshot id.

    >>> str(Origin("delta", "file:///lake/orders/", 3))
    'Delta table file:///lake/orders/ version 3'
    """

    kind: str
    name: str
    version: int

    def __str__(self) -> str:
        return f"{self.kind.title()} table {self.name} version {self.version}"

    @property
    def topic(self) -> str:
        """What stands in `_src_topic` of the shadow's rows: their positions count within this version only."""
        return f"{self.name}@{self.version}"


class ForeignVersion(Protocol):
    """One version of a foreign table, as its own log or metadata has it."""

    @property
    def origin(self) -> Origin:
        """Which version of which table."""

    @property
    def identity(self) -> str:
        """What changes when the table is dropped and made anew at the same place."""

    @property
    def committed_at(self) -> datetime:
        """When the version was there, at the latest (processing time): none of its rows arrived after it."""

    @property
    def properties(self) -> Mapping[str, str]:
        """What writers noted about the table."""

    @property
    def fields(self) -> tuple[Field, ...]:
        """All columns; one of a type that no source has is there by the table's own name of that type."""

    def rows(self, columns: Sequence[Field]) -> Iterator[pa.Table]:
        """The rows, some columns, in an order that is always the same."""


@dataclass(frozen=True, slots=True)
class IcebergVersion:
    """A snapshot of an Iceberg table that another system writes."""

    table: IcebergTable
    snapshot_id: int

    @property
    def origin(self) -> Origin:
        """Table and snapshot."""
        return Origin("iceberg", self.table.name, self.snapshot_id)

    @property
    def identity(self) -> str:
        """The table's UUID."""
        return self.table.uuid

    @property
    def committed_at(self) -> datetime:
        """The snapshot's time."""
        return self.table.committed_at(self.snapshot_id)

    @property
    def properties(self) -> Mapping[str, str]:
        """The table's properties."""
        return self.table.properties

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns at the snapshot."""
        found = self.table.fields_at(self.snapshot_id)
        return tuple(map(_widened, found))

    def rows(self, columns: Sequence[Field]) -> Iterator[pa.Table]:
        """The rows, oldest commit first. UnsupportedError when rows were deleted from the files."""
        for batch in self.table.batches(self.snapshot_id, [column.name for column in columns]):
            yield typed(pa.Table.from_batches([batch]), columns)


def _widened(found: Field) -> Field:
    """A field as one of sources, which have one type of integers and one of floats."""
    return Field(found.name, WIDENED.get(found.type, found.type), tuple(map(_widened, found.fields)))


def check_columns(version: ForeignVersion, columns: Sequence[Field]) -> None:
    """Raise SchemaMismatchError, listing every difference, unless the version has these columns."""
    found = differences(version.fields, columns)
    if found:
        msg = f"{version.origin}: {'; '.join(found)}"
        raise SchemaMismatchError(msg)


def shadow(catalog: IcebergCatalog, version: ForeignVersion, columns: Sequence[Field], event_time: str) -> IcebergTable:
    """The version as an archive: these columns, and the position of each row. Made once, found again later.

    All rows are committed at once, so that a shadow is whole or empty. `_src_timestamp` is the row's event time, but no
    later than the version's commit: a foreign table does not say when a row arrived, so none is late by it. Where
    `event_time` is none of the columns, it is the commit.

    Raises:
        SchemaMismatchError: the version lacks some of the columns.
        NotFoundError: a file of the version is gone.
    """
    check_columns(version, columns)
    made = catalog.create_table(
        SHADOWS_NAMESPACE,
        shadow_name(version, columns, event_time),
        (*columns, *POSITION),
        {"headrace.shadow-of": str(version.origin)},
    )
    if made.current_snapshot_id() is None:
        made.fill(_in_parts(positioned(version, columns, event_time)))
    return made


def shadow_name(version: ForeignVersion, columns: Sequence[Field], event_time: str) -> str:
    """The shadow's table: another for each version, identity and choice of columns."""
    origin = version.origin
    last = re.sub(r"[^a-z0-9]+", "_", origin.name.rstrip("/").lower().rsplit("/", 1)[-1]).strip("_")
    mark = fingerprint_of([origin.kind, origin.name, version.identity, [str(one) for one in columns], event_time])
    return f"{last}_{mark}_v{origin.version}"


def is_archive(table: IcebergTable) -> bool:
    """Whether a table has columns of an archive's positions, which no other system writes."""
    return bool({field.name for field in table.fields} & {field.name for field in POSITION})


def typed(rows: pa.Table, columns: Sequence[Field]) -> pa.Table:
    """The rows with exactly these columns and their Arrow types."""
    return pa.table({column.name: _cast(rows[column.name], column) for column in columns})


def positioned(version: ForeignVersion, columns: Sequence[Field], event_time: str) -> Iterator[pa.Table]:
    """The rows of a version, some columns, with the six columns of their position in it."""
    first, committed = 0, pa.scalar(version.committed_at, ARROW["timestamp"])
    for rows in version.rows(columns):
        end = first + rows.num_rows
        position = {
            "_src_topic": pa.repeat(version.origin.topic, rows.num_rows),
            "_src_partition": pa.repeat(pa.scalar(PARTITION, pa.int32()), rows.num_rows),
            "_src_offset": pa.array(np.arange(first, end, dtype=np.int64)),
            "_src_timestamp": _arrived(rows, event_time, committed),
            "_raw": pa.nulls(rows.num_rows, pa.binary()),
            "_error": pa.nulls(rows.num_rows, pa.string()),
        }
        yield pa.table({**dict(zip(rows.column_names, rows.columns, strict=True)), **position})
        first = end


def _cast(column: pa.ChunkedArray, field: Field) -> pa.ChunkedArray:
    """A column as the type of a field."""
    return pa.chunked_array([_cast_array(chunk, field) for chunk in column.chunks], arrow_type(field))


def _cast_array(array: pa.Array, field: Field) -> pa.Array:
    """An array as the type. Instants are cut to µs; one without zone in the file means UTC by Delta's protocol."""
    if field.type in CASTS:
        return CASTS[field.type](array, field)
    if field.type != "timestamp":
        return array.cast(arrow_type(field))
    return array.cast(pa.timestamp("us", array.type.tz), safe=False).cast(ARROW["timestamp"])


def _cast_struct(array: pa.Array, field: Field) -> pa.Array:
    """The fields of a struct by their names; one that the file lacks is NULL, as a column would be."""
    stored = {one.name for one in array.type}
    parts = [
        _cast_array(array.field(one.name), one) if one.name in stored else pa.nulls(len(array), arrow_type(one))
        for one in field.fields
    ]
    return pa.StructArray.from_arrays(parts, fields=list(arrow_type(field)), mask=array.is_null())


def _cast_list(array: pa.Array, field: Field) -> pa.Array:
    """The elements of each list as the type of the field's element."""
    ends = np.concatenate([[0], np.cumsum(array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))])
    # A place that is NULL is a list that is NULL.
    missing = np.append(array.is_null().to_numpy(zero_copy_only=False), False)
    offsets = pa.array(ends.astype(np.int32), mask=missing)
    elements = _cast_array(array.flatten(), field.fields[0])
    return pa.ListArray.from_arrays(offsets, elements, type=arrow_type(field))


#: How what has parts is cast.
CASTS = {"struct": _cast_struct, "list": _cast_list}


def _arrived(rows: pa.Table, event_time: str, committed: pa.Scalar) -> pa.ChunkedArray | pa.Array:
    """The earlier of event time and commit; the commit where there is no event time."""
    if event_time not in rows.column_names:
        return pa.repeat(committed, rows.num_rows)
    happened = rows[event_time]
    return pc.if_else(pc.less(happened, committed).fill_null(False), happened, committed)


def _in_parts(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows in tables of about `COPY_ROWS`."""
    waiting: list[pa.Table] = []
    count = 0
    for rows in tables:
        waiting.append(rows)
        count += rows.num_rows
        if count >= COPY_ROWS:
            yield pa.concat_tables(waiting)
            waiting, count = [], 0
    if count:
        yield pa.concat_tables(waiting)
