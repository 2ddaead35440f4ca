"""`PinnedRows`: the rows of a snapshot that belong to a split, read row group by row group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from headrace.errors import DatasetError
from headrace.training.data.encoding import Encoding, EncodingFit, Fitted
from headrace.training.data.filters import Bools, RowFilter, check_columns
from headrace.training.data.row_groups import Integers, ParquetFile, RowGroup
from headrace.training.data.snapshot import Snapshot


@dataclass(frozen=True)
class PinnedRows:
    """Rows of a snapshot for which all filters hold.

    Raises:
        UnknownColumnError: a filter names a column that the table does not have.
        ColumnTypeError: a filter cannot judge its column's type.
    """

    snapshot: Snapshot
    filters: tuple[RowFilter, ...] = ()

    def __post_init__(self) -> None:
        for one in self.filters:
            check_columns(f"{self.snapshot}: {one}", one.columns, self.snapshot.schema)
            one.expression(self.snapshot.schema)

    def where(self, *filters: RowFilter) -> PinnedRows:
        """Of these rows those for which further filters hold as well."""
        return replace(self, filters=(*self.filters, *filters))

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows in the order of their positions, a batch for each row group that has any; default: all columns."""
        for block in self.blocks(self.snapshot.schema.names if columns is None else columns):
            yield from block.rows.combine_chunks().to_batches()

    def blocks(self, columns: Sequence[str]) -> Iterator[Block]:
        """Some columns of the rows, with their positions, in the order of these: one a row group that has any."""
        reader = RowReader(self, columns)
        for group in reader.groups:
            block = reader.read(group)
            if block.rows.num_rows:
                yield block

    def count(self) -> RowCount:
        """How many rows there are, and how many each filter left out. Reads the columns of the filters only."""
        reader = RowReader(self, ())
        kept = sum(len(reader.read(group).positions) for group in reader.groups)
        return RowCount(self.snapshot.rows, kept, dict(reader.left_out))

    def fit(self, encoding: Encoding) -> Fitted:
        """An encoding fitted on these rows, in one pass over its columns.

        Raises:
            DatasetError: there are no rows, and what left them out; or what `Encoding.fit` raises of labels.
            UnknownColumnError, ColumnTypeError: a column is not there, or of a type that its encoder does not take.
        """
        encoding.check(self.snapshot.schema)
        fit, any_ = EncodingFit(encoding), False
        for block in self.blocks(encoding.columns):
            fit.add(block.rows, block.positions)
            any_ = True
        if not any_:
            msg = f"{self.snapshot}: nothing to fit on, {self.count()}"
            raise DatasetError(msg)
        return fit.fitted()

    def __str__(self) -> str:
        return " where ".join([str(self.snapshot), *([" and ".join(map(str, self.filters))] if self.filters else [])])


@dataclass(frozen=True, slots=True)
class RowCount:
    """How many rows of a snapshot a split keeps. `left_out`: for each filter, those that all before it had kept.

    >>> str(RowCount(10, 3, {"amt > 3": 7}))
    '3 of 10 rows; left out: 7 that are not amt > 3'
    """

    rows: int
    kept: int
    left_out: Mapping[str, int]

    def __str__(self) -> str:
        reasons = ", ".join(f"{count:,} that are not {name}" for name, count in self.left_out.items())
        return f"{self.kept:,} of {self.rows:,} rows" + (f"; left out: {reasons}" if reasons else "")


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows, and the position of each in the snapshot."""

    rows: pa.Table
    positions: Integers


class RowReader:
    """Reads some columns of pinned rows, a row group at a time, in any order.

    Attributes:
        groups: the row groups that may hold rows, in the order of positions; those whose statistics tell that they
            hold none are never read.
        groups_read: how many were read so far.
        left_out: by filter, how many rows were left out so far, those of row groups that are not read included.
    """

    def __init__(self, rows: PinnedRows, columns: Sequence[str]) -> None:
        check_columns(str(rows.snapshot), columns, rows.snapshot.schema)
        self._rows, self._columns = rows, list(columns)
        self.groups_read = 0
        self.left_out: Counter[str] = Counter({str(one): 0 for one in rows.filters})
        self.groups = [group for file in self._files for group in self._possible(file)]

    def read(self, group: RowGroup) -> Block:
        """The rows of a row group that are kept."""
        self.groups_read += 1
        found = self._files[group.file].read(group, self._read_columns)
        kept = self._kept(found)
        found, positions = found.select(self._columns), group.positions
        if kept.all():
            return Block(found, positions)
        return Block(found.filter(pa.array(kept)), positions[kept])

    @cached_property
    def _files(self) -> list[ParquetFile]:
        return [ParquetFile(self._rows.snapshot, number) for number in range(len(self._rows.snapshot.files))]

    @cached_property
    def _read_columns(self) -> list[str]:
        """What is asked for, and what filters look at besides."""
        return list(dict.fromkeys([*self._columns, *(name for one in self._rows.filters for name in one.columns)]))

    def _possible(self, file: ParquetFile) -> list[RowGroup]:
        """The row groups of a file that statistics do not rule out."""
        kept, expressions = file.groups(), []
        for one in self._rows.filters:
            expression = one.expression(self._rows.snapshot.schema)
            if expression is not None and file.can_judge(one.columns):
                expressions.append(expression)
                remaining = file.groups(expressions)
                self.left_out[str(one)] += _rows(kept) - _rows(remaining)
                kept = remaining
        return kept

    def _kept(self, rows: pa.Table) -> Bools:
        """Which rows all filters keep."""
        kept = np.ones(rows.num_rows, np.bool_)
        for one in self._rows.filters:
            also = kept & one.keeps(rows)
            self.left_out[str(one)] += int(kept.sum() - also.sum())
            kept = also
        return kept


def _rows(groups: Sequence[RowGroup]) -> int:
    return sum(group.rows for group in groups)
