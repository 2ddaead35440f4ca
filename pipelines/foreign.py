"""History that another system writes, without a live leg: which version of it a run reads, and into which tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from headrace.compiler.plan import Location, SourcePlan
from headrace.connectors.delta import DeltaVersion, read_version
from headrace.connectors.foreign import ForeignVersion, IcebergVersion, Origin, is_archive, shadow
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import archive_fields, fields_of
from headrace.errors import CutoverError, UnsupportedError
from headrace.registry.store import Run
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform


def foreign_version(platform: Platform, source: SourcePlan, version: int | None = None) -> ForeignVersion | None:
    """The version of a foreign history; None for an archive of ours, and for a source without history.

    Args:
        platform: where Iceberg tables are.
        source: the source, as planned.
        version: Delta's version, or a snapshot of Iceberg; by default the newest.

    Raises:
        NotFoundError: there is no such table or version.
        UnsupportedError: a Delta table beside a live topic or with features that change what its files mean; a version
            asked for of anything but a foreign table.
        CutoverError: the table is empty.
    """
    history = source.history
    if history is not None and history.kind == "delta":
        return delta_version(source, history, version)
    found = _foreign_iceberg(platform, source, version) if history is not None and source.live is None else None
    if found is None and version is not None:
        msg = f"source {source.name}: version {version} cannot be chosen: its history is no foreign table"
        raise UnsupportedError(msg)
    return found


def delta_version(source: SourcePlan, history: Location, version: int | None = None) -> DeltaVersion:
    """A version of a history in Delta, by default the newest.

    Raises:
        NotFoundError: there is no such table or version.
        UnsupportedError: it is beside a live topic, or has features that change what its files mean.
    """
    _refuse_topic(source, history)
    return read_version(history.name, version)


def history_table(platform: Platform, source: SourcePlan, foreign: ForeignVersion | None) -> IcebergTable:
    """Where the rows of a source's history lie with their positions: our archive, or a copy of the foreign version.

    Raises:
        NotFoundError: there is no such table.
        SchemaMismatchError: the archive lacks columns of the source.
    """
    if foreign is not None:
        return shadow(platform.iceberg, foreign, fields_of(source.columns), source.event_time)
    table = platform.iceberg.load(*table_name_of(source))
    table.check_columns(archive_fields(source.columns))
    return table


def refuse_other_version(platform: Platform, tables: Iterable[str], origin: Origin) -> None:
    """Refuse to mix two versions in one generation: the values of one could outlive rows that the other lacks.

    Raises:
        CutoverError: a run over another version was submitted that writes to some of these tables.
    """
    wanted = set(tables)
    for run in platform.registry.runs(platform.settings.project):
        if run.job_id is None or any(part.get("origin") == asdict(origin) for part in _parts(run)):
            continue
        made = platform.registry.materialization(run.project, run.view, run.version, run.generation).tables
        if not wanted.isdisjoint(made.values()):
            raise CutoverError(_mixed(run, origin))


def _parts(run: Run) -> Sequence[Mapping[str, Any]]:
    """The boundary of each source that a run reads."""
    return run.cutover.get("members") or [run.cutover]


def _held(part: Mapping[str, Any]) -> str:
    """What a run reads history from."""
    older = part.get("origin")
    return str(Origin(**older)) if older else f"table {part['table']}"


def _mixed(run: Run, origin: Origin) -> str:
    held = ", ".join(map(_held, _parts(run)))
    return (
        f"generation {run.generation} of view {run.view} holds {held} (run {run.run}), found {origin}: rows that one "
        f"version lacks would outlive it; take `--generation {run.generation + 1}`, or the same version again "
        "(`--history-version`)"
    )


def _refuse_topic(source: SourcePlan, history: Location) -> None:
    if source.live is not None:
        msg = (
            f"source {source.name}: history in Delta ({history.name}) has no offsets to meet the topic "
            f"{source.live.name!r} at, and a seam by event time and id is not there yet; leave `live` out, "
            "or archive the topic to Iceberg (`headrace archive`)"
        )
        raise UnsupportedError(msg)


def _foreign_iceberg(platform: Platform, source: SourcePlan, version: int | None) -> IcebergVersion | None:
    """The snapshot of a table of another system; None for an archive."""
    table = platform.iceberg.load(*table_name_of(source))
    if is_archive(table):
        return None
    snapshot = table.current_snapshot_id() if version is None else version
    if snapshot is None:
        msg = f"source {source.name}: Iceberg table {table.name} is empty and there is no live leg: nothing to read"
        raise CutoverError(msg)
    return IcebergVersion(table, snapshot)
