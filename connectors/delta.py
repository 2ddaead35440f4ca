"""Delta tables as history: the files of one version, taken into a shadow Iceberg table. The only file with deltalake.

Flink reads no Delta, so history has one path: Iceberg. The files are those of the version's log, never those of the
folder, where removed files stay until they are vacuumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field, differences
from headrace.errors import ConnectorError, NotFoundError, SchemaMismatchError, UnsupportedError

#: Reader features that change only the log, not what a data file holds; any other is refused by its name.
HARMLESS_FEATURES = {"v2Checkpoint", "vacuumProtocolCheck"}
COLUMN_MAPPING = "delta.columnMapping.mode"
#: Engine-free types of Delta's; the rest cannot be a column of a source.
TYPES = {
    "string": "string",
    "long": "bigint",
    "integer": "int",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "binary": "binary",
}
ARROW = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
}
#: Rows copied in one commit: some 100 MB of typical events, so that a copy fits into memory and makes few files.
COPY_ROWS = 1_000_000
#: Says that a shadow is whole; the last thing that is written.
COMPLETE = "headrace.delta.complete"


@dataclass(frozen=True, slots=True)
class DeltaVersion:
    """One version of a Delta table: its columns, its files, and those files' values of the partition columns.

    `unsupported` are columns of types that no source has; they are left out.
    """

    uri: str
    version: int
    fields: tuple[Field, ...]
    unsupported: tuple[str, ...]
    files: tuple[str, ...]
    partition_columns: tuple[str, ...] = ()
    partition_values: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)


def read_version(
    uri: str, version: int | None = None, storage_options: Mapping[str, str] | None = None
) -> DeltaVersion:
    """What the log says of a version (default: the newest).

    Raises NotFoundError for a missing table or version, UnsupportedError for deletion vectors, column mapping and
    unknown reader features, by name.
    """
    table = _open(uri, version, storage_options)
    _refuse_features(uri, table)
    columns = [(column.name, str(getattr(column.type, "type", column.type))) for column in table.schema().fields]
    metadata = table.metadata()
    return DeltaVersion(
        uri=uri,
        version=table.version(),
        fields=tuple(Field(name, TYPES[type_]) for name, type_ in columns if type_ in TYPES),
        unsupported=tuple(f"{name} {type_}" for name, type_ in columns if type_ not in TYPES),
        files=tuple(_as_uri(path) for path in table.file_uris()),
        partition_columns=tuple(metadata.partition_columns),
        partition_values=_partition_values(table, metadata.partition_columns),
    )


def shadow(
    catalog: IcebergCatalog,
    namespace: str,
    table: str,
    delta: DeltaVersion,
    expected: Sequence[Field] | None = None,
) -> IcebergTable:
    """The version as an append-only Iceberg table `<table>_v<version>`; made once, found again later.

    Its files are shared, not copied, where they can be: partition columns are not in Delta's files, and timestamps
    other than µs (Spark's INT96) are misread, so such tables are copied. A shared file must not be vacuumed while the
    shadow is in use. Raises SchemaMismatchError when `expected` columns are missing.
    """
    found = differences(delta.fields, expected or ())
    if found:
        left_out = f" (left out: {', '.join(delta.unsupported)})" if delta.unsupported else ""
        msg = f"Delta table {delta.uri} version {delta.version}: {'; '.join(found)}{left_out}"
        raise SchemaMismatchError(msg)
    name = f"{table}_v{delta.version}"
    if catalog.has_table(namespace, name):
        existing = catalog.load(namespace, name)
        if existing.table.properties.get(COMPLETE) == delta.uri:
            return existing
        catalog.drop_table(namespace, name)
    made = catalog.create_table(namespace, name, delta.fields)
    if delta.files:
        _fill(made, delta)
    made.commit(lambda target: _mark(target, delta.uri))
    return made


def must_copy(delta: DeltaVersion) -> str | None:
    """Why the version's files cannot be shared with Iceberg; None when they can."""
    if delta.partition_columns:
        return f"partition columns {', '.join(delta.partition_columns)} are not in the files"
    if delta.unsupported:
        return f"columns of other types are in the files: {', '.join(delta.unsupported)}"
    for path in delta.files:
        for column in _schema_of(path):
            if pa.types.is_timestamp(column.type) and column.type != ARROW["timestamp"]:
                return f"{path}: column {column.name} is {column.type}, expected {ARROW['timestamp']}"
    return None


def _fill(table: IcebergTable, delta: DeltaVersion) -> None:
    """Share the files, or copy their rows."""
    if must_copy(delta) is None:
        table.add_files(delta.files)
        return
    waiting: list[pa.Table] = []
    for rows in _rows(delta):
        waiting.append(rows)
        if sum(part.num_rows for part in waiting) >= COPY_ROWS:
            table.append(pa.concat_tables(waiting))
            waiting = []
    if waiting:
        table.append(pa.concat_tables(waiting))


def _mark(table: Any, uri: str) -> None:
    """Note in the shadow's properties that it is whole."""
    with table.transaction() as transaction:
        transaction.set_properties({COMPLETE: uri})


def _rows(delta: DeltaVersion) -> Iterator[pa.Table]:
    """The rows of all files with the table's columns, partition columns included, timestamps in µs."""
    schema = pa.schema([(column.name, ARROW[column.type]) for column in delta.fields])
    for path, values in zip(delta.files, delta.partition_values, strict=True):
        source, inner = fs.FileSystem.from_uri(path)
        file = pq.ParquetFile(inner, filesystem=source)
        stored = [name for name in schema.names if name in file.schema_arrow.names]
        for batch in file.iter_batches(columns=stored):
            yield _completed(batch, schema, values)


def _completed(batch: pa.RecordBatch, schema: pa.Schema, values: Mapping[str, Any]) -> pa.Table:
    """A batch with all columns of the schema: stored, or the file's partition value, or NULL."""
    columns = []
    for column in schema:
        if column.name in batch.schema.names:
            columns.append(_cast(batch.column(column.name), column.type))
        else:
            columns.append(pa.repeat(pa.scalar(values.get(column.name), column.type), batch.num_rows))
    return pa.table(columns, schema=schema)


def _cast(column: pa.Array, type_: pa.DataType) -> pa.Array:
    """A column as the type; an INT96 timestamp has no zone in the file and means UTC by Delta's protocol."""
    if pa.types.is_timestamp(type_) and column.type.tz is None:
        return column.cast(pa.timestamp("us"), safe=False).cast(type_)
    return column.cast(type_, safe=not pa.types.is_timestamp(type_))


def _open(uri: str, version: int | None, storage_options: Mapping[str, str] | None) -> DeltaTable:
    """The table at a version; NotFoundError when either is missing."""
    options = dict(storage_options) if storage_options else None
    try:
        newest = DeltaTable(uri, storage_options=options)
    except (DeltaError, OSError) as error:
        missing = "TableNotFound" in type(error).__name__ or "not a Delta table" in str(error)
        msg = f"no Delta table at {uri}" if missing else f"Delta table at {uri}: {error}"
        raise (NotFoundError if missing else ConnectorError)(msg) from error
    if version is None or version == newest.version():
        return newest
    try:
        return DeltaTable(uri, version=version, storage_options=options)
    except DeltaError as error:
        msg = f"Delta table {uri}: no version {version}; the newest is {newest.version()}"
        raise NotFoundError(msg) from error


def _refuse_features(uri: str, table: DeltaTable) -> None:
    """Raise UnsupportedError for what changes the meaning of the data files."""
    refused = set(table.protocol().reader_features or ()) - HARMLESS_FEATURES
    if table.metadata().configuration.get(COLUMN_MAPPING, "none") != "none":
        refused.add("columnMapping")
    if refused:
        names = ", ".join(sorted(refused))
        msg = f"Delta table {uri}: uses {names}, which is not supported; write it without, or use Iceberg"
        raise UnsupportedError(msg)


def _partition_values(table: DeltaTable, columns: Sequence[str]) -> tuple[Mapping[str, Any], ...]:
    """The partition values of each file, in the order of `file_uris`; empty mappings for an unpartitioned table."""
    paths = table.file_uris()
    if not columns:
        return tuple({} for _ in paths)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    by_path = {str(row["path"]): {name: row[f"partition.{name}"] for name in columns} for row in actions}
    return tuple(next(values for end, values in by_path.items() if path.endswith(end)) for path in paths)


def _schema_of(path: str) -> pa.Schema:
    """The schema of one Parquet file, from its footer."""
    source, inner = fs.FileSystem.from_uri(path)
    return pq.read_schema(inner, filesystem=source)


def _as_uri(path: str) -> str:
    """A path with its scheme, as Iceberg's Java wants it."""
    return path if "://" in path else f"file://{path}"
