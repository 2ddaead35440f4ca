"""What is known at a look: the store's versions, the table's snapshots, the champion's losses."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import DatasetError, NotFoundError
from headrace.registry.model_facts import ModelVersion, numbered
from headrace.registry.model_states import Alias, Life, State
from headrace.registry.schedules import ScheduleState
from headrace.training.continual.known import Failures, Known, KnownVersion, RisenLosses, Versions, snapshots_of
from headrace.training.continual.losses import LossWatch
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.models.store import ModelStore

#: The file, in a training's folder, that keeps what was seen of the champion's losses.
WATCHED = "watched_losses.json"


def known_of(pipeline: TrainingPipeline, store: ModelStore, state: ScheduleState, now: datetime, folder: Path) -> Known:
    """All that is known of a model and its table at an instant.

    Args:
        folder: where what was seen of the champion's losses is kept.

    Raises:
        NotFoundError: the table does not exist.
        ArtifactError: the champion's files are missing or damaged, and its losses are to be watched.
    """
    model = pipeline.chosen.name
    table = pipeline.platform.iceberg.named(pipeline.chosen.source)
    snapshot = table.current_snapshot_id()
    versions = versions_of(store, model, table.name)
    risen, unwatched = _watched(pipeline, store, versions, snapshot, folder)
    return Known(
        model=model,
        table=table.name,
        now=now,
        snapshot=snapshot,
        rows=table.row_count(snapshot),
        versions=versions,
        rows_at={one: table.row_count(one) for one in snapshots_of(versions) if table.has_snapshot(one)},
        risen=risen,
        unwatched=unwatched,
        learnable=_is_learnable(pipeline, versions.newest, snapshot),
        failures=failures_in(state),
    )


def versions_of(store: ModelStore, model: str, table: str) -> Versions:
    """The versions of a model that learned from a table."""
    if model not in store.models():
        return Versions()
    life = store.history(model)
    known = [_known(one, life, table) for one in store.versions(model) if table in one.facts.snapshots]
    return Versions(tuple(known), life.holder(Alias.CHAMPION))


def failures_in(state: ScheduleState) -> Failures | None:
    """What went wrong since something last went right."""
    if not state.failures or state.failed_at is None:
        return None
    return Failures(state.failures, state.failed_at, state.error or "")


def _known(version: ModelVersion, life: Life, table: str) -> KnownVersion:
    moves = [one for one in life.transitions if one.version == version.number]
    judged = [one.at for one in moves if one.after in (State.VERIFIED, State.REJECTED)]
    return KnownVersion(
        version.number,
        _parent_in(version),
        life.state(version.number),
        version.facts.snapshots[table],
        moves[0].at,
        judged[-1] if judged else None,
    )


def _parent_in(version: ModelVersion) -> int | None:
    """The number of a version's parent, where that is of the same model: a schedule judges and refuses no other's."""
    if version.facts.parent is None:
        return None
    model, number = numbered(version.facts.parent)
    return number if model == version.model else None


def _watched(
    pipeline: TrainingPipeline, store: ModelStore, versions: Versions, snapshot: int | None, folder: Path
) -> tuple[RisenLosses | None, str]:
    """The newest rise of the champion's losses, and why they cannot be watched."""
    spec = None if pipeline.retraining is None else pipeline.retraining.drift
    if spec is None or snapshot is None:
        return None, ""
    if versions.champion is None:
        return None, "nothing serves whose losses could rise"
    champion = store.version(f"{pipeline.chosen.name}@{versions.champion}")
    if pipeline.chosen.source not in champion.facts.snapshots:
        return None, f"which rows came after {champion.name}, which serves, is not known: it names no snapshot"
    pinned = Snapshot.of(_table(pipeline), snapshot)
    try:
        files = store.files(champion.name)
        return LossWatch(pipeline, spec, folder / WATCHED).look(champion, files, pinned), ""
    except (DatasetError, NotFoundError) as error:
        return None, f"the losses of {champion.name} cannot be watched: {error}"


def _is_learnable(pipeline: TrainingPipeline, newest: KnownVersion | None, snapshot: int | None) -> bool:
    """Whether a row that trains was appended since the newest version; True also where that is not known, or not asked.

    Data is read only where the split has filters, up to the first row for which they hold.
    """
    learns_on = pipeline.retraining is not None and pipeline.retraining.learns_on
    if not learns_on or newest is None or newest.snapshot is None or snapshot in {None, newest.snapshot}:
        return True
    try:
        rows = pipeline.facts_of(pipeline.appended(Snapshot.of(_table(pipeline), snapshot), newest.snapshot))
        if not rows.filters:
            return rows.snapshot.rows > 0
        return next(rows.blocks(pipeline.chosen.encoding.columns[:1]), None) is not None
    except Exception:  # what is wrong with the rows the training tells, whose failures are kept and have a pause
        return True


def _table(pipeline: TrainingPipeline) -> IcebergTable:
    return pipeline.platform.iceberg.named(pipeline.chosen.source)
