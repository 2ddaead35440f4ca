"""What a scan of an Iceberg table reads: files, rows, and bytes by column, from its metadata alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.scan_cost import ScanCost


def scan_cost(table: IcebergTable, columns: Sequence[str], snapshot_id: int | None = None) -> ScanCost | None:
    """What reading some columns of a snapshot (default: the newest) takes; None for a table that was never written.

    Column sizes are those on disk, compressed; a struct is the sum of its fields. NotFoundError when the snapshot is
    gone.
    """
    chosen = table.current_snapshot_id() if snapshot_id is None else snapshot_id
    if chosen is None:
        return None
    files = [task.file for task in table._scan(chosen, None, None).plan_files()]
    ids = _ids(table, columns)
    sizes: Counter[int] = Counter()
    for file in files:
        sizes.update(file.column_sizes or {})
    told = all(file.column_sizes for file in files)
    return ScanCost(
        chosen,
        len(files),
        sum(file.record_count for file in files),
        sum(file.file_size_in_bytes for file in files),
        sum(size for id_, size in sizes.items() if id_ in ids) if told else None,
    )


def _ids(table: IcebergTable, columns: Sequence[str]) -> set[int]:
    """The ids of columns and of the fields within them."""
    return {id_ for id_, name in _names(table).items() if name.partition(".")[0] in columns}


def _names(table: IcebergTable) -> dict[int, str]:
    """The full name of each field by its id."""
    schema = table.table.schema()
    return {id_: name for id_ in schema.field_ids if (name := schema.find_column_name(id_)) is not None}
