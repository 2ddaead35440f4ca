"""Delta tables as history: one version, by its own log. The only file with deltalake.

The files are those of the version's log, never those of the folder, where removed files stay until they are vacuumed.
Flink reads no Delta: `foreign.shadow` copies the version into Iceberg.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.schema import ArrayType, StructType
from pyarrow import fs

from headrace.connectors.foreign import Origin, arrow_type, typed
from headrace.connectors.scan_cost import ScanCost
from headrace.connectors.schema import Field
from headrace.errors import ConnectorError, NotFoundError, UnsupportedError
from headrace.features.instant import EPOCH

#: Reader features that change only the log, not what a data file holds; any other is refused by its name.
HARMLESS_FEATURES = {"v2Checkpoint", "vacuumProtocolCheck"}
COLUMN_MAPPING = "delta.columnMapping.mode"
#: Engine-free types that hold all values of Delta's; the rest cannot be a column of a source.
TYPES = {
    "string": "string",
    "byte": "bigint",
    "short": "bigint",
    "integer": "bigint",
    "long": "bigint",
    "float": "double",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamp",
    "date": "date",
    "binary": "binary",
}


@dataclass(frozen=True, slots=True)
class DeltaFile:
    """A data file of a version: its address, and the values of the partition columns, which are not in the file."""

    uri: str
    partition: Mapping[str, Any] = field(repr=False)
    #: Its size, and how many rows it has, None where its writer did not count them.
    size_bytes: int
    row_count: int | None


@dataclass(frozen=True, slots=True)
class DeltaVersion:
    """One version of a Delta table: its columns and its files, in the order of their addresses."""

    origin: Origin
    identity: str
    committed_at: datetime
    fields: tuple[Field, ...]
    files: tuple[DeltaFile, ...]

    @property
    def properties(self) -> Mapping[str, str]:
        """None: deltalake writes no properties but Delta's own."""
        return {}

    @property
    def cost(self) -> ScanCost:
        """What reading it takes, by its log, which does not tell the sizes of columns."""
        counts = [file.row_count for file in self.files]
        return ScanCost(
            self.origin.version,
            len(self.files),
            None if None in counts else sum(count or 0 for count in counts),
            sum(file.size_bytes for file in self.files),
            None,
        )

    def rows(self, columns: Sequence[Field]) -> Iterator[pa.Table]:
        """The rows, some columns: a column that is not in a file is its partition's value there, or NULL.

        NotFoundError when a file is gone: Delta's vacuum removes files of older versions.
        """
        for file in self.files:
            try:
                yield from _rows(file, columns)
            except FileNotFoundError as error:
                msg = f"{self.origin}: file {file.uri} is gone; was the table vacuumed? Take a newer version"
                raise NotFoundError(msg) from error
            except (OSError, pa.ArrowException) as error:
                msg = f"{self.origin}: file {file.uri}: {error}"
                raise ConnectorError(msg) from error


def read_version(uri: str, version: int | None = None) -> DeltaVersion:
    """What the log says of a version (default: the newest).

    Raises NotFoundError for a missing table or version, UnsupportedError for deletion vectors, column mapping and
    unknown reader features, by name.
    """
    table = _open(uri, version)
    _refuse_features(uri, table)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    metadata = table.metadata()
    return DeltaVersion(
        origin=Origin("delta", table.table_uri, table.version()),
        identity=str(metadata.id),
        committed_at=EPOCH + timedelta(milliseconds=max((int(one["modification_time"]) for one in actions), default=0)),
        fields=tuple(_field(column.name, column.type) for column in table.schema().fields),
        files=_files(table.table_uri, actions, metadata.partition_columns),
    )


def _field(name: str, type_: Any) -> Field:
    """A column, or a part of one; one of a type that no source has is there by Delta's own name of that type."""
    if isinstance(type_, StructType):
        return Field(name, "struct", tuple(_field(one.name, one.type) for one in type_.fields))
    if isinstance(type_, ArrayType):
        return Field(name, "list", (_field("element", type_.element_type),))
    text = str(getattr(type_, "type", type_))
    return Field(name, TYPES.get(text, text))


def _files(root: str, actions: Sequence[Mapping[str, Any]], partitioned_by: Sequence[str]) -> tuple[DeltaFile, ...]:
    """The files of a version. Their paths in the log are parts of addresses, already percent-encoded as such."""
    found = [
        DeltaFile(
            uri=one["path"] if urlsplit(one["path"]).scheme else f"{root.rstrip('/')}/{one['path']}",
            partition={name: one[f"partition.{name}"] for name in partitioned_by},
            size_bytes=one["size_bytes"],
            row_count=one.get("num_records"),
        )
        for one in actions
    ]
    return tuple(sorted(found, key=lambda file: file.uri))


def _rows(file: DeltaFile, columns: Sequence[Field]) -> Iterator[pa.Table]:
    """The rows of a file. Instants of the old type INT96 are read as µs, because as ns they end in 2262."""
    source, inner = fs.FileSystem.from_uri(file.uri)
    stored = pq.ParquetFile(inner, filesystem=source, coerce_int96_timestamp_unit="us")
    names = [column.name for column in columns if column.name in stored.schema_arrow.names]
    for batch in stored.iter_batches(columns=names):
        yield _completed(batch, columns, file.partition)


def _completed(batch: pa.RecordBatch, columns: Sequence[Field], partition: Mapping[str, Any]) -> pa.Table:
    """A batch with all columns: stored, or the file's partition value, or NULL."""
    found = {
        column.name: batch.column(column.name)
        if column.name in batch.schema.names
        else pa.repeat(pa.scalar(partition.get(column.name), arrow_type(column)), batch.num_rows)
        for column in columns
    }
    return typed(pa.table(found), columns)


def _open(uri: str, version: int | None) -> DeltaTable:
    """The table at a version; NotFoundError when either is missing."""
    try:
        newest = DeltaTable(uri)
    except (DeltaError, OSError) as error:
        missing = "TableNotFound" in type(error).__name__
        msg = f"{'no Delta table' if missing else 'Delta table'} at {uri}: {str(error).splitlines()[0]}"
        raise (NotFoundError if missing else ConnectorError)(msg) from error
    if version is None or version == newest.version():
        return newest
    try:
        return DeltaTable(uri, version=version)
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
