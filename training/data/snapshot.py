"""`Snapshot`: a table pinned at one of its snapshots, by all that is needed to read it again."""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.iceberg_snapshot import DataFile, arrow_schema, data_files, partition_sources
from headrace.connectors.label_ids import ids_noted
from headrace.errors import NotFoundError, RequestError
from headrace.registry.training_sets import TrainingSetRecord

#: Iceberg's snapshot ids have 64 bits, by its specification (Snapshots).
DIGITS = 19


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An Iceberg table at one snapshot: nothing that is written later changes what is read. Can be sent to processes.

    Attributes:
        table: the table, as `namespace.name`.
        schema: its columns at the snapshot, each with Iceberg's field id.
        files: its data files, oldest commit first; those of one commit by path.
        partitioned_by: field ids of columns that partition the table.
        io: what opens the files, with the catalog's credentials; never printed, nor compared: rows are the same by any.
        fact_ids: of a label join's facts the columns of the id; none where the table does not note them.
    """

    table: str
    snapshot_id: int
    schema: pa.Schema = field(hash=False)  # Arrow cannot hash one whose columns have ids
    files: tuple[DataFile, ...]
    partitioned_by: frozenset[int]
    io: Any = field(repr=False, compare=False)
    fact_ids: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: IcebergTable, snapshot_id: int | None = None) -> Snapshot:
        """A table at a snapshot, by default the newest there is now.

        Raises:
            NotFoundError: the snapshot is gone, or the table was never written.
            UnsupportedError: rows were deleted by delete files.
            ConnectorError: what it notes of the ids of facts is no list of columns.
        """
        chosen = table.refresh().current_snapshot_id() if snapshot_id is None else snapshot_id
        if chosen is None:
            msg = f"Iceberg table {table.name}: was never written, so that there is no snapshot to read"
            raise NotFoundError(msg)
        files = tuple(data_files(table, chosen))
        ids = ids_noted(table.name, table.properties)
        schema, partitions = arrow_schema(table, chosen), partition_sources(table)
        return cls(table.name, chosen, schema, files, partitions, table.table.io, ids)

    @classmethod
    def named(cls, catalog: IcebergCatalog, text: str) -> Snapshot:
        """A snapshot by `namespace.table@id`, or the newest of `namespace.table`.

        Raises NotFoundError, with a suggestion, for a table that is not there, and what `of` raises.
        """
        name, at, number = text.partition("@")
        if at and not (number.isdecimal() and len(number) <= DIGITS):
            msg = f"{reprlib.repr(text)}: expected namespace.table@SNAPSHOT, a number of {DIGITS} digits at most; "
            raise RequestError(msg + f"found {reprlib.repr(number)}")
        return cls.of(catalog.named(name), int(number) if at else None)

    @classmethod
    def of_training_set(cls, catalog: IcebergCatalog, record: TrainingSetRecord) -> Snapshot:
        """The rows of a kept training set; raises what `named` raises."""
        return cls.of(catalog.named(record.table), record.snapshot_id)

    @property
    def rows(self) -> int:
        """How many rows all its files have."""
        return sum(file.rows for file in self.files)

    def only(self, paths: frozenset[str]) -> Snapshot:
        """Some of its files; each row keeps its position in the whole snapshot."""
        return replace(self, files=tuple(file for file in self.files if file.path in paths))

    def __str__(self) -> str:
        return f"{self.table}@{self.snapshot_id}"
