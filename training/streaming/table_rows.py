"""Labelled rows of an Iceberg table: which snapshots a run reads, and how Flink reads them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar

from headrace.compiler.flink_tables import create_table, quoted
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import rewrites_after
from headrace.connectors.schema import Field
from headrace.errors import JobError, NotFoundError
from headrace.runtime.platform import Platform
from headrace.training.streaming.job import RowsRead
from headrace.training.streaming.row_types import types_of

#: The table that the job's query reads.
ROWS = "labelled_rows"
#: How often the table is looked at for rows that were committed since; a look reads one small file.
MONITOR_INTERVAL = "1 s"


class TableRows:
    """The rows of a table, and those that are appended to it.

    Args:
        platform: where the table is.
        model: for messages.
        name: `namespace.table`.
        after: the snapshot after which rows are read; None: all are.
        follow: whether rows that are appended later are read.

    Attributes:
        added: columns beside the table's own.
        placed: columns without which no row says where it came from.
    """

    added: ClassVar[tuple[Field, ...]] = ()
    placed: ClassVar[tuple[str, ...]] = ()

    def __init__(self, platform: Platform, model: str, name: str, after: int | None, *, follow: bool) -> None:
        self.platform = platform
        self.model = model
        self.name = name
        self.after = after
        self.follow = follow

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """The columns. NotFoundError where there is no such table."""
        return self.table().fields

    def declare(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
        """The statements that create the tables of the query, and the query: the rows."""
        namespace, _, name = self.name.rpartition(".")
        options = self.platform.iceberg.flink_options(namespace, name) | self.reading()
        typed = [f"`{column.name}` {types_of(column.type)[0]}" for column in columns]
        query = f"SELECT {quoted(column.name for column in columns)} FROM {ROWS}"  # noqa: S608
        return (create_table(ROWS, typed, options),), query

    def read(self) -> RowsRead:
        """What is read. JobError when rows were overwritten since the snapshot to begin after."""
        self.check_appended()
        return RowsRead(
            source=self.name,
            snapshots={} if self.follow else {self.name: self.newest},
            skipped=0 if self.after is None else self.table().row_count(self.after),
            begins=self.table().current_snapshot_id() if self.after is None else self.after,
        )

    def reading(self) -> dict[str, str]:
        """The options of Iceberg's connector that say which snapshots are read."""
        following = {"streaming": "true", "monitor-interval": MONITOR_INTERVAL}
        if self.after is None:
            whole = {**following, "starting-strategy": "TABLE_SCAN_THEN_INCREMENTAL"}
            return whole if self.follow else {"snapshot-id": str(self.newest)}
        first = str(self.first_after(self.after))
        if not self.follow:
            return {"start-snapshot-id": str(self.after), "end-snapshot-id": str(self.newest)}
        # Iceberg reads from this snapshot on, with what it appended itself.
        return {**following, "starting-strategy": "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id": first}

    @cached_property
    def newest(self) -> int:
        """The snapshot that a bounded run ends with: the newest when it is first asked for, whatever comes meanwhile.

        Raises:
            JobError: the table was never written.
        """
        newest = self.table().current_snapshot_id()
        if newest is None:
            msg = f"model {self.model}: {self.name} has no rows yet; nothing to learn from"
            raise JobError(msg)
        return newest

    def first_after(self, snapshot_id: int) -> int:
        """The snapshot whose parent is another.

        Raises:
            NotFoundError: the table has no such snapshot, or it is no ancestor of the newest one.
            JobError: it is the newest one.
        """
        table = self.table()
        table.committed_at(snapshot_id)
        line = [one.snapshot_id for one in table.ancestry()]
        if snapshot_id not in line:
            msg = f"model {self.model}: snapshot {snapshot_id} of {table.name} is no ancestor of its newest one, "
            raise NotFoundError(msg + f"{table.current_snapshot_id()}; was the table rolled back?")
        if snapshot_id == line[0]:
            msg = f"model {self.model}: {table.name} has no snapshot after {snapshot_id} yet; start when it has one"
            raise JobError(msg)
        return line[line.index(snapshot_id) - 1]

    def check_appended(self) -> None:
        """Raise JobError when a commit after `after` did not only append: Iceberg's reader passes it over, unsaid."""
        found = [] if self.after is None else rewrites_after(self.table(), self.after)
        if found:
            snapshot_id, operation = found[0]
            msg = f"model {self.model}: snapshot {snapshot_id} of {self.name}, after {self.after}, has operation "
            msg += f"{operation!r}; expected 'append': its rows would not be learned; "
            raise JobError(msg + f"start after {found[-1][0]}, or without --after")

    def table(self) -> IcebergTable:
        """The table as it is now."""
        return self.platform.iceberg.named(self.name)


def rows_in(table: IcebergTable, snapshot_id: int | None, where: str) -> int:
    """How many rows a snapshot has (None: the newest), or how many that meet a condition, for which they are read."""
    if not where:
        return table.row_count(snapshot_id)
    return int(table.arrow(snapshot_id, (table.fields[0].name,), where).num_rows)
