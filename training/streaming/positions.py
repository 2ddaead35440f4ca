"""Where rows came from: for each partition how many, their first and last offset, and the sum of their offsets.

Gaps and repetitions follow by arithmetic: rows that are each there once have `last - first + 1 == rows`, and the sum
that the source's own offsets have.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from headrace.errors import SchemaMismatchError


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one partition: how many, their least and greatest offset, and the sum of offsets."""

    rows: int
    first: int
    last: int
    total: int

    def __or__(self, other: Span) -> Span:
        """The rows of both."""
        first, last = min(self.first, other.first), max(self.last, other.last)
        return Span(self.rows + other.rows, first, last, self.total + other.total)

    @property
    def is_gapless(self) -> bool:
        """Whether the rows can be those of `first` to `last`, each once.

        >>> Span(3, 5, 7, 18).is_gapless, Span(3, 5, 8, 19).is_gapless, Span(3, 5, 7, 17).is_gapless
        (True, False, False)
        """
        return self.rows == self.last - self.first + 1 and 2 * self.total == self.rows * (self.first + self.last)


#: Positions repeat or grow evenly, so that the first level of zlib shrinks them nearly as far as the last.
FASTEST = 1
#: The span of each partition; the partition as text, so that JSON keeps it.
Positions = Mapping[str, Span]


@dataclass(frozen=True, slots=True)
class PositionColumns:
    """Two columns of integers that say where a row came from: which partition, and at which offset in it."""

    partition: str = "_src_partition"
    offset: str = "_src_offset"

    def of(self, rows: pa.RecordBatch) -> Positions:
        """The positions of some rows.

        Raises:
            SchemaMismatchError: a row has none.

        >>> rows = pa.RecordBatch.from_pydict({"_src_partition": [0, 1, 0], "_src_offset": [7, 3, 8]})
        >>> to_json(PositionColumns().of(rows))
        '{"0": [2, 7, 8, 15], "1": [1, 3, 3, 3]}'
        """
        partitions, offsets = rows.column(self.partition), rows.column(self.offset)
        if partitions.null_count or offsets.null_count:
            msg = f"a row has no position: {self.partition!r} or {self.offset!r} is NULL in {rows.num_rows} rows"
            raise SchemaMismatchError(msg)
        # NumPy's own passes: an aggregation of Arrow takes ten times as long for the rows of a micro-batch.
        order = np.argsort(partitions.to_numpy(), kind="stable")
        names, starts, counts = np.unique(partitions.to_numpy()[order], return_index=True, return_counts=True)
        grouped = offsets.to_numpy()[order].astype(np.int64)
        passes = (one.reduceat(grouped, starts).tolist() for one in (np.minimum, np.maximum, np.add))
        spans = map(Span, counts.tolist(), *passes)
        return dict(zip(map(str, names.tolist()), spans, strict=True))

    def ordered_text(self, rows: pa.RecordBatch) -> str:
        """The position of each row, in order, as a short text: two numbers a row, as differences, compressed.

        >>> rows = pa.RecordBatch.from_pydict({"_src_partition": [0, 1, 0], "_src_offset": [7, 3, 8]})
        >>> positions_of(PositionColumns().ordered_text(rows)).tolist()
        [[0, 7], [1, 3], [0, 8]]
        """
        columns = [rows.column(name).to_numpy(zero_copy_only=False) for name in (self.partition, self.offset)]
        steps = np.diff(np.stack(columns).astype("<i8"), axis=1, prepend=0)
        return base64.b64encode(zlib.compress(steps.tobytes(), FASTEST)).decode()


def positions_of(text: str) -> npt.NDArray[np.int64]:
    """The positions [rows, 2] that `ordered_text` wrote: partition and offset of each row."""
    steps = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i8").reshape(2, -1)
    found: npt.NDArray[np.int64] = np.cumsum(steps, axis=1).T
    return found


def merged(one: Positions, other: Positions) -> Positions:
    """The positions of the rows of both.

    >>> to_json(merged({"0": Span(1, 4, 4, 4)}, {"0": Span(1, 5, 5, 5), "1": Span(1, 0, 0, 0)}))
    '{"0": [2, 4, 5, 9], "1": [1, 0, 0, 0]}'
    """
    return {**one, **{name: one[name] | span if name in one else span for name, span in other.items()}}


def to_json(positions: Positions) -> str:
    """As JSON, by partition."""
    spans = {name: [span.rows, span.first, span.last, span.total] for name, span in positions.items()}
    return json.dumps(spans, sort_keys=True)


def from_json(text: str) -> Positions:
    """What `to_json` wrote.

    >>> from_json('{"0": [2, 7, 8, 15]}')
    {'0': Span(rows=2, first=7, last=8, total=15)}
    """
    return {name: Span(*span) for name, span in json.loads(text).items()}
