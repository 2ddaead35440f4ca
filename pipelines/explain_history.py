"""What reading a source's history takes, by the metadata of its newest snapshot: nothing is read or made by looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from headrace.compiler.explain import Step
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.compiler.verdict import archive_columns
from headrace.connectors.delta import DeltaVersion
from headrace.connectors.foreign import (
    SHADOWS_NAMESPACE,
    ForeignVersion,
    IcebergVersion,
    check_columns,
    is_archive,
    shadow_name,
)
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_cost import scan_cost
from headrace.connectors.iceberg_counts import sound_columns
from headrace.connectors.iceberg_options import sqlite_path
from headrace.connectors.scan_cost import ScanCost
from headrace.connectors.schema import archive_fields, fields_of
from headrace.errors import ConnectorError, NotFoundError, SchemaMismatchError, UnsupportedError
from headrace.pipelines.foreign import delta_version
from headrace.runtime.platform import Platform

HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Seen:
    """A source's history as a run would find it now.

    Attributes:
        table: the archive, or the copy of a foreign table's newest snapshot; as long as there is no copy the foreign
            table itself. None for a source without history, where a local catalog is not there yet, and for what
            could not be looked at.
        unknown: why it could not be looked at.
    """

    table: IcebergTable | DeltaVersion | None = None
    unknown: str = ""

    @property
    def is_written(self) -> bool:
        """Whether there are rows to speak of."""
        table = self.table
        return table is not None and (isinstance(table, DeltaVersion) or table.current_snapshot_id() is not None)


def histories_seen(plan: ViewPlan, platform: Platform) -> dict[str, Seen]:
    """By source what a run would read now."""
    return {part.name: _seen(part, platform) for part in plan.source.parts}


def known_sound(plan: ViewPlan, seen: Mapping[str, Seen]) -> dict[str, frozenset[str]]:
    """By source the columns of which no value in the newest snapshot of its history breaks a rule."""
    return {part.name: _sound(part, seen[part.name]) for part in plan.source.parts}


def history_steps(
    plan: ViewPlan, source: SourcePlan, read: Sequence[str], own: Sequence[str], seen: Seen
) -> Iterator[Step]:
    """Files and bytes: of all columns, of those that the view's job reads, of those that a feature itself needs.

    Those of a union's source stand under its name.
    """
    part = f"{HISTORY} of {source.name}" if plan.source.members else HISTORY
    every = [column.name for column in archive_columns(source)]
    for step, what in _told(source, seen, (every, read, own)):
        yield Step(part, step, what)


def not_readable(source: SourcePlan, table: IcebergTable | DeltaVersion) -> str:
    """Why a run could not read a table as it is; empty when it can."""
    version, name = _foreign(source, table), _name(table)
    if _mismatch(source, table, version) is not None:
        return f"{name} lacks columns"
    return "" if version is None else f"of {name} a copy is read, with positions"


def _seen(source: SourcePlan, platform: Platform) -> Seen:
    """What a run would read of one source's history."""
    try:
        table = _named(source, platform)
        version = None if table is None else _foreign(source, table)
        return Seen(table if version is None else _copy(source, version, platform) or table)
    except (ConnectorError, UnsupportedError) as error:
        return Seen(unknown=str(error))


def _named(source: SourcePlan, platform: Platform) -> IcebergTable | DeltaVersion | None:
    """The table that a source names; None for none, and where a local catalog is not there yet."""
    history = source.history
    if history is None:
        return None
    if history.kind == "delta":
        return delta_version(source, history)
    return platform.iceberg.named(history.name) if _has_catalog(platform) else None


def _has_catalog(platform: Platform) -> bool:
    """Whether the catalog is there: a local one would be made by looking."""
    file = sqlite_path(platform.iceberg.properties)
    return file is None or file.exists()


def _foreign(source: SourcePlan, table: IcebergTable | DeltaVersion) -> ForeignVersion | None:
    """The newest snapshot of a table of another system; None for an archive, and for a table without rows."""
    if isinstance(table, DeltaVersion):
        return table
    snapshot = table.current_snapshot_id()
    if source.live is not None or snapshot is None or is_archive(table):
        return None
    return IcebergVersion(table, snapshot)


def _copy(source: SourcePlan, version: ForeignVersion, platform: Platform) -> IcebergTable | None:
    """The copy of a foreign table's snapshot that runs read; None where no run has made it yet."""
    if not _has_catalog(platform):
        return None
    try:
        name = shadow_name(version, fields_of(source.columns), source.event_time)
        return platform.iceberg.load(SHADOWS_NAMESPACE, name)
    except NotFoundError:
        return None


def _told(source: SourcePlan, seen: Seen, columns: Sequence[Sequence[str]]) -> Iterator[tuple[str, str]]:
    """What each step says: all that is known, or why nothing is."""
    table = seen.table
    if source.history is None:
        yield "files", "none: the view has no history"
        return
    try:
        costs = [] if table is None else [_cost(table, names) for names in columns]
    except (ConnectorError, UnsupportedError) as error:
        seen = Seen(unknown=str(error))
    if seen.unknown:
        yield "files", f"not known: {seen.unknown}"
    elif table is None or None in costs:
        yield "files", f"none yet: {source.history.name} was never written"
    else:
        yield from _refused(source, table)
        yield from _costs(table, [cost for cost in costs if cost is not None])


def _refused(source: SourcePlan, table: IcebergTable | DeltaVersion) -> Iterator[tuple[str, str]]:
    """What a run says of the columns of a table, and that it copies one of another system first."""
    version = _foreign(source, table)
    if (mismatch := _mismatch(source, table, version)) is not None:
        yield "columns", f"{mismatch}; a backfill is refused"
    if version is not None:
        yield "copy", "none yet of this snapshot: a run makes one, with positions, and reads that"


def _costs(table: IcebergTable | DeltaVersion, costs: Sequence[tuple[ScanCost, int]]) -> Iterator[tuple[str, str]]:
    """The costs in words."""
    (whole, every), (taken, read), (part, own) = costs
    rows = "an unknown number of" if whole.rows is None else f"{whole.rows:,}"
    yield "snapshot", f"{whole.snapshot_id} of {_name(table)}"
    yield "files", f"{whole.files:,} with {rows} rows, {whole.file_bytes:,} bytes"
    yield "whole", f"{_bytes(whole)} of {every} columns"
    yield "read", f"{_bytes(taken)} of {read} columns, once for all features of the view"
    yield "needed", f"{_bytes(part)} of {own} columns by this feature alone"


def _cost(table: IcebergTable | DeltaVersion, columns: Sequence[str]) -> tuple[ScanCost, int] | None:
    """The cost of a scan of those of the columns that a table has, and how many they are; None for an unwritten one."""
    names = {field.name for field in table.fields}
    there = [name for name in columns if name in names]
    cost = table.cost if isinstance(table, DeltaVersion) else scan_cost(table, there)
    return None if cost is None else (cost, len(there))


def _bytes(cost: ScanCost) -> str:
    """The bytes of columns; where their sizes are not told, those of the files."""
    if cost.column_bytes is None:
        return f"at most {cost.file_bytes:,} bytes"
    return f"{cost.column_bytes:,} bytes"


def _name(table: IcebergTable | DeltaVersion) -> str:
    """What a table is called."""
    return f"Delta table {table.origin.name}" if isinstance(table, DeltaVersion) else table.name


def _sound(source: SourcePlan, seen: Seen) -> frozenset[str]:
    """The sound columns of one source's history; none of one that is not there."""
    table = seen.table
    snapshot = table.current_snapshot_id() if isinstance(table, IcebergTable) else None
    if not isinstance(table, IcebergTable) or snapshot is None:
        return frozenset()
    return sound_columns(table, source.columns, snapshot)


def _mismatch(
    source: SourcePlan, table: IcebergTable | DeltaVersion, version: ForeignVersion | None
) -> SchemaMismatchError | None:
    """What a run would say of a table's columns; None where it has all that it needs."""
    try:
        if version is not None:
            check_columns(version, fields_of(source.columns))
        elif isinstance(table, IcebergTable):
            table.check_columns(archive_fields(source.columns))
    except SchemaMismatchError as error:
        return error
    return None
