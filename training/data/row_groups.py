"""Row groups of a pinned table's Parquet files: what they are, and their columns as the table has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from headrace.connectors.iceberg_snapshot import DataFile
from headrace.errors import ConnectorError, NotFoundError, UnsupportedError
from headrace.training.data.snapshot import Snapshot

Integers = npt.NDArray[np.int64]
#: Where Arrow puts a column's Iceberg id.
FIELD_ID = b"PARQUET:field_id"


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The row group `number` of the file `file`: `rows` rows, the first at position `start` of the snapshot."""

    file: int
    number: int
    start: int
    rows: int

    @property
    def positions(self) -> Integers:
        """The position of each row."""
        return np.arange(self.start, self.start + self.rows, dtype=np.int64)


class ParquetFile:
    """One data file of a snapshot, read through the table's schema: by field ids, not by names.

    A column that the file lacks is NULL, one that was renamed or widened since is found and cast.

    Raises:
        NotFoundError: the file is gone.
        ConnectorError: it is damaged, or has another number of rows than the table's metadata says.
    """

    def __init__(self, snapshot: Snapshot, number: int) -> None:
        self._snapshot, self._number = snapshot, number
        self._fragment = self._opened()
        if self._metadata.num_rows != self._file.rows:
            msg = f"{self._name}: has {self._metadata.num_rows:,} rows, the table's metadata says {self._file.rows:,}"
            raise ConnectorError(msg)

    def groups(self, filters: Sequence[Any] = ()) -> list[RowGroup]:
        """The row groups that, by their statistics, may have rows for which all of some Arrow expressions hold."""
        fragment = self._fragment
        for expression in filters:
            fragment = fragment.subset(filter=expression, schema=self._fragment.physical_schema)
        kept = {group.id for group in fragment.row_groups}
        return [group for group in self._all_groups if group.number in kept]

    def can_judge(self, columns: Sequence[str]) -> bool:
        """Whether statistics of these columns are in the file under the table's names and types."""
        physical = self._fragment.physical_schema
        return all(
            self.names.get(name) == name
            and _narrow(physical.field(name).type) == _narrow(self._snapshot.schema.field(name).type)
            for name in columns
        )

    def read(self, group: RowGroup, columns: Sequence[str]) -> pa.Table:
        """Some columns of a row group, with the table's names and types."""
        chosen = self._checked(columns)
        here = [self.names[name] for name in columns if name in self.names]
        try:
            with self._source() as source:
                file = pq.ParquetFile(source, metadata=self._metadata, pre_buffer=True)
                found = file.read_row_group(group.number, columns=here)
        except (OSError, pa.ArrowException) as error:
            msg = f"{self._name}: row group {group.number} cannot be read: {error}"
            raise ConnectorError(msg) from error
        arrays = [
            found[self.names[field.name]].cast(field.type)
            if field.name in self.names
            else pa.nulls(group.rows, field.type)
            for field in chosen
        ]
        return pa.table(arrays, schema=pa.schema(chosen))

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The file's name of each of the table's columns that it has; by name where the file has no field ids."""
        physical = self._fragment.physical_schema
        by_id = {_id(field): field.name for field in physical if _id(field) is not None}
        if not by_id:
            return {field.name: field.name for field in self._snapshot.schema if field.name in physical.names}
        return {field.name: by_id[_id(field)] for field in self._snapshot.schema if _id(field) in by_id}

    @cached_property
    def _all_groups(self) -> list[RowGroup]:
        sizes = [self._metadata.row_group(number).num_rows for number in range(self._metadata.num_row_groups)]
        starts = self._file.start + np.cumsum([0, *sizes])
        return [RowGroup(self._number, number, int(starts[number]), size) for number, size in enumerate(sizes)]

    @property
    def _file(self) -> DataFile:
        return self._snapshot.files[self._number]

    @property
    def _metadata(self) -> Any:
        """The file's footer."""
        return self._fragment.metadata

    @property
    def _name(self) -> str:
        return f"Iceberg table {self._snapshot}: data file {self._file.path}"

    def _checked(self, columns: Sequence[str]) -> list[pa.Field]:
        """The table's columns; UnsupportedError for one whose values only the names of partitions tell."""
        chosen = [self._snapshot.schema.field(name) for name in columns]
        for field in chosen:
            if field.name not in self.names and int(_id(field) or 0) in self._snapshot.partitioned_by:
                msg = f"{self._name}: lacks column {field.name!r}, whose values only the partition tells; rewrite it"
                raise UnsupportedError(msg)
        return chosen

    def _opened(self) -> Any:
        """The file as a fragment, its footer read."""
        with self._source() as source:
            try:
                fragment = ds.ParquetFileFormat().make_fragment(source)
                fragment.ensure_complete_metadata()
            except (OSError, pa.ArrowException) as error:
                msg = f"{self._name}: is no Parquet file that can be read: {error}"
                raise ConnectorError(msg) from error
        return fragment

    def _source(self) -> Any:
        """The file, opened."""
        try:
            return self._snapshot.io.new_input(self._file.path).open()
        except FileNotFoundError as error:
            msg = f"{self._name}: is gone, though the snapshot is there"
            raise NotFoundError(msg) from error


def _id(field: pa.Field) -> bytes | None:
    """A column's Iceberg id, as text."""
    found: bytes | None = (field.metadata or {}).get(FIELD_ID)
    return found


def _narrow(type_: pa.DataType) -> pa.DataType:
    """A type without the width of its offsets, which is Arrow's matter alone."""
    return pa.string() if pa.types.is_large_string(type_) else type_
