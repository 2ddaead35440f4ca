"""`PinnedRows`: the rows of a snapshot that belong to a split, read row group by row group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from headrace.errors import DatasetError
from headrace.features.label_join import FACT_NUMBER
from headrace.training.data.encoding import Encoding, EncodingFit, Fitted
from headrace.training.data.filters import Bools, RowFilter, check_columns
from headrace.training.data.row_groups import Integers, ParquetFile, RowGroup
from headrace.training.data.snapshot import Snapshot

#: What is said of rows that are no superseded facts.
LAST_OF_ID = "the last fact of their id"


@dataclass(frozen=True, slots=True, eq=False)
class Superseded:
    """Facts of a label join that later ones of the same id have superseded.

    Attributes:
        positions: theirs in the snapshot, ascending.
        ids: how many ids have several facts.
    """

    positions: Integers
    ids: int


@dataclass(frozen=True)
class PinnedRows:
    """Rows of a snapshot for which all filters hold, without those that are `superseded`, where these are told.

    Raises:
        UnknownColumnError: a filter names a column that the table does not have.
        ColumnTypeError: a filter cannot judge its column's type.
    """

    snapshot: Snapshot
    filters: tuple[RowFilter, ...] = ()
    superseded: Superseded | None = None

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
        source = f"{self.snapshot}, last facts" if self.superseded is not None else str(self.snapshot)
        return " where ".join([source, *([" and ".join(map(str, self.filters))] if self.filters else [])])


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
        told = [*map(str, rows.filters), *([LAST_OF_ID] if rows.superseded is not None else [])]
        self.left_out: Counter[str] = Counter(dict.fromkeys(told, 0))
        self.groups = [group for file in self._files for group in self._possible(file)]

    def read(self, group: RowGroup) -> Block:
        """The rows of a row group that are kept."""
        self.groups_read += 1
        found = self._files[group.file].read(group, self._read_columns)
        positions = group.positions
        kept = self._last(self._kept(found), positions)
        found = found.select(self._columns)
        if kept.all():
            return Block(found, positions)
        return Block(found.filter(pa.array(kept)), positions[kept])

    @cached_property
    def _files(self) -> list[ParquetFile]:
        return [ParquetFile(self._rows.snapshot, number) for number in range(len(self._rows.snapshot.files))]

    @cached_property
    def _read_columns(self) -> list[str]:
        """What is asked for, and what filters look at besides; a table of no columns would have no rows."""
        looked_at = [name for one in self._rows.filters for name in one.columns]
        counted = [] if self._rows.superseded is None else [FACT_NUMBER]
        return list(dict.fromkeys([*self._columns, *looked_at, *counted]))

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

    def _last(self, kept: Bools, positions: Integers) -> Bools:
        """Which rows are kept that no later fact has superseded."""
        if self._rows.superseded is None:
            return kept
        also: Bools = kept & ~np.isin(positions, self._rows.superseded.positions, assume_unique=True)
        self.left_out[LAST_OF_ID] += int(kept.sum() - also.sum())
        return also


def _rows(groups: Sequence[RowGroup]) -> int:
    return sum(group.rows for group in groups)
