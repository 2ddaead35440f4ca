"""The numbers of a run as a table: step, rows, name, value."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from headrace.training.learning.learner import Counters

SCHEMA = pa.schema([("step", pa.int64()), ("rows", pa.int64()), ("name", pa.string()), ("value", pa.float64())])
REFUSED = pa.schema([("batch", pa.int64()), ("position", pa.int64()), ("reason", pa.string())])


class Rows:
    """A table that grows, and goes to bytes and back.

    >>> rows = Rows(SCHEMA)
    >>> rows.add(step=1, rows=512, name="train/loss", value=0.5)
    >>> Rows.of_bytes(SCHEMA, rows.to_bytes()).table().to_pylist()
    [{'step': 1, 'rows': 512, 'name': 'train/loss', 'value': 0.5}]
    """

    def __init__(self, schema: pa.Schema, before: pa.Table | None = None) -> None:
        self._schema = schema
        self._before = schema.empty_table() if before is None else before
        self._added: list[dict[str, object]] = []

    @classmethod
    def of_bytes(cls, schema: pa.Schema, content: bytes) -> Rows:
        """The table that `to_bytes` gave."""
        return cls(schema, pa.ipc.open_stream(content).read_all())

    def add(self, **row: object) -> None:
        """Add a row."""
        self._added.append(row)

    def table(self) -> pa.Table:
        """All rows."""
        self._before = pa.concat_tables([self._before, pa.Table.from_pylist(self._added, self._schema)])
        self._added = []
        return self._before

    def to_bytes(self) -> bytes:
        """All rows as an Arrow IPC stream."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as writer:
            writer.write_table(self.table().combine_chunks())
        content: bytes = sink.getvalue().to_pybytes()
        return content


def add_scalars(rows: Rows, counters: Counters, prefix: str, values: Mapping[str, float | None]) -> None:
    """Add what is known of some values, named `prefix/name`."""
    for name, value in values.items():
        if value is not None:
            rows.add(step=counters.steps, rows=counters.rows_visited, name=f"{prefix}/{name}", value=value)
