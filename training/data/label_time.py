"""When labels were known: what came before its event, or is yet to come, was not."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import ColumnTypeError
from headrace.training.data.filters import check_columns


@dataclass(frozen=True, slots=True)
class LabelTime:
    """The column that says when a row's label was known; what came before its event, or is yet to come, was not.

    Attributes:
        column: an instant.
        event: the column of when the row happened; None: no row says so.
        ahead_us: how far it may be ahead of processing time (µs): clocks of two machines differ.
    """

    column: str
    event: str | None = None
    ahead_us: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of times."""
        return (self.column,) if self.event is None else (self.column, self.event)

    def refused(self, rows: pa.RecordBatch | pa.Table, now_us: int) -> list[tuple[pa.Array, str]]:
        """Of each rule which rows break it, and what is said of them; `now_us` is processing time.

        >>> rows = pa.RecordBatch.from_pydict({"known": pa.array([5, 9, None], pa.timestamp("us", "UTC"))})
        >>> for mask, why in LabelTime("known").refused(rows, now_us=7):
        ...     print(mask.to_pylist(), why)
        [False, False, True] label time known is missing
        [False, True, False] label time known is yet to come
        """
        known = self.known_us(rows)
        rules = [(pc.is_null(known), f"label time {self.column} is missing")]
        rules += [(pc.greater(known, now_us + self.ahead_us), f"label time {self.column} is yet to come")]
        if self.event is not None:
            early = pc.less(known, _micros(rows, self.event))
            rules.append((early, f"label time {self.column} is before event time {self.event}"))
        return [(mask.fill_null(False), why) for mask, why in rules]

    def known_us(self, rows: pa.RecordBatch | pa.Table) -> pa.Array | pa.ChunkedArray:
        """When each label was known (µs since the epoch); NULL where the time is missing."""
        return _micros(rows, self.column)

    def newest_us(self, rows: pa.RecordBatch | pa.Table) -> int | None:
        """The greatest label time of some rows (µs since the epoch); None where none has one."""
        newest: int | None = pc.max(self.known_us(rows)).as_py()
        return newest

    def check(self, what: str, schema: pa.Schema) -> None:
        """UnknownColumnError or ColumnTypeError unless a schema has its columns, and they are instants or bigint µs."""
        check_columns(f"{what}: label_time and event_time", self.columns, schema)
        for name in self.columns:
            type_ = schema.field(name).type
            if type_ != pa.int64() and not (pa.types.is_timestamp(type_) and type_.tz):
                msg = f"{what}: column {name!r} is {type_}; expected instants with a zone, or bigint µs, for "
                raise ColumnTypeError(msg + "`label_time` and `event_time`")


def _micros(rows: pa.RecordBatch | pa.Table, column: str) -> pa.Array | pa.ChunkedArray:
    """Instants as µs since the epoch."""
    return rows.column(column).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
