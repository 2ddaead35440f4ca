"""What reading a source's history takes, by the metadata of its newest snapshot: nothing is read or made by looking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from headrace.compiler.explain import Step
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.compiler.verdict import archive_columns
from headrace.connectors.foreign import SHADOWS_NAMESPACE, IcebergVersion, check_columns, is_archive, shadow_name
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_cost import ScanCost, scan_cost
from headrace.connectors.iceberg_counts import sound_columns
from headrace.connectors.iceberg_options import sqlite_path
from headrace.connectors.schema import archive_fields, fields_of
from headrace.errors import ConnectorError, NotFoundError, SchemaMismatchError, UnsupportedError
from headrace.runtime.platform import Platform

HISTORY = "history"


def known_sound(plan: ViewPlan, platform: Platform) -> dict[str, frozenset[str]]:
    """By source the columns of which no value in the newest snapshot of its history breaks a rule."""
    return {part.name: _sound(part, platform) for part in plan.source.parts}


def history_seen(source: SourcePlan, platform: Platform) -> IcebergTable | None:
    """The table that a run would read now: the archive, or the copy of a foreign table's newest snapshot.

    A foreign table itself as long as there is no copy; None for a history that is not in Iceberg, and where a local
    catalog is not there yet. NotFoundError when there is no such table.
    """
    table = _named(source, platform)
    version = None if table is None else _foreign(source, table)
    if version is None:
        return table
    try:
        name = shadow_name(version, fields_of(source.columns), source.event_time)
        return platform.iceberg.load(SHADOWS_NAMESPACE, name)
    except NotFoundError:
        return table


def history_steps(source: SourcePlan, read: Sequence[str], own: Sequence[str], platform: Platform) -> Iterator[Step]:
    """Files and bytes: of all columns, of those that the view's job reads, of those that a feature itself needs."""
    if source.history is None or source.history.kind != "iceberg":
        yield Step(HISTORY, "files", "no Iceberg table" if source.history else "none: the view has no history")
        return
    try:
        table = history_seen(source, platform)
        every = [column.name for column in archive_columns(source)]
        costs = [] if table is None else [_cost(table, columns) for columns in (every, read, own)]
    except (ConnectorError, UnsupportedError) as error:
        yield Step(HISTORY, "files", f"not known: {error}")
        return
    if table is None or None in costs:
        yield Step(HISTORY, "files", f"none yet: {source.history.name} was never written")
        return
    yield from _refused(source, table)
    yield from _costs(table, [cost for cost in costs if cost is not None])


def not_readable(source: SourcePlan, table: IcebergTable) -> str:
    """Why a run could not read a table as it is; empty when it can."""
    if _mismatch(source, table) is not None:
        return f"{table.name} lacks columns"
    return "" if _foreign(source, table) is None else f"of {table.name} a copy is read, with positions"


def _refused(source: SourcePlan, table: IcebergTable) -> Iterator[Step]:
    """What a run says of the columns of a table, and that it copies one of another system first."""
    if (mismatch := _mismatch(source, table)) is not None:
        yield Step(HISTORY, "columns", f"{mismatch}; a backfill is refused")
    if _foreign(source, table) is not None:
        yield Step(HISTORY, "copy", "none yet of this snapshot: a run makes one, with positions, and reads that")


def _costs(table: IcebergTable, costs: Sequence[tuple[ScanCost, int]]) -> Iterator[Step]:
    """The costs in words."""
    (whole, every), (taken, read), (part, own) = costs
    yield Step(HISTORY, "snapshot", f"{whole.snapshot_id} of {table.name}")
    yield Step(HISTORY, "files", f"{whole.files:,} with {whole.rows:,} rows, {whole.file_bytes:,} bytes")
    yield Step(HISTORY, "whole", f"{_bytes(whole)} of {every} columns")
    yield Step(HISTORY, "read", f"{_bytes(taken)} of {read} columns, once for all features of the view")
    yield Step(HISTORY, "needed", f"{_bytes(part)} of {own} columns by this feature alone")


def _cost(table: IcebergTable, columns: Sequence[str]) -> tuple[ScanCost, int] | None:
    """The cost of a scan of those of the columns that a table has, and how many they are; None for an unwritten one."""
    names = {field.name for field in table.fields}
    there = [name for name in columns if name in names]
    cost = scan_cost(table, there)
    return None if cost is None else (cost, len(there))


def _bytes(cost: ScanCost) -> str:
    """The bytes of columns."""
    return "an unknown number of bytes" if cost.column_bytes is None else f"{cost.column_bytes:,} bytes"


def _sound(source: SourcePlan, platform: Platform) -> frozenset[str]:
    """The sound columns of one source's history; none of one that is not there."""
    try:
        table = history_seen(source, platform)
    except (ConnectorError, NotFoundError):
        return frozenset()
    snapshot = None if table is None else table.current_snapshot_id()
    return sound_columns(table, source.columns, snapshot) if table is not None and snapshot is not None else frozenset()


def _mismatch(source: SourcePlan, table: IcebergTable) -> SchemaMismatchError | None:
    """What a run would say of a table's columns; None where it has all that it needs."""
    version = _foreign(source, table)
    try:
        if version is None:
            table.check_columns(archive_fields(source.columns))
        else:
            check_columns(version, fields_of(source.columns))
    except SchemaMismatchError as error:
        return error
    return None


def _foreign(source: SourcePlan, table: IcebergTable) -> IcebergVersion | None:
    """The newest snapshot of a table of another system; None for an archive, and for a table without rows."""
    snapshot = table.current_snapshot_id()
    if source.live is not None or snapshot is None or is_archive(table):
        return None
    return IcebergVersion(table, snapshot)


def _named(source: SourcePlan, platform: Platform) -> IcebergTable | None:
    """The table that a source names; None for another history, and where a local catalog is not there yet."""
    if source.history is None or source.history.kind != "iceberg":
        return None
    file = sqlite_path(platform.iceberg.properties)
    return None if file is not None and not file.exists() else platform.iceberg.named(source.history.name)
