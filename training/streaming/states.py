"""Savepoints and checkpoints of a run: which have all that it has committed, so that nothing is learned twice."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from headrace.connectors.iceberg import FlinkCommit, IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.runtime.checkpointing import local_path
from headrace.runtime.older_state import committed_since
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import METADATA, SavedState, job_of
from headrace.training.streaming.job import STATE_FORMAT, LearningJob
from headrace.training.streaming.tables import KINDS, RUN_PROPERTY, told_of

NEW_RUN = "start a new run from its newest candidate (`headrace learn start --from`)"
US_PER_S = 1_000_000
NS_PER_US = 1_000


def check_format(job: LearningJob) -> None:
    """Raise JobError when the states of a run are written in another way than this headrace reads."""
    if job.state_format != STATE_FORMAT:
        msg = f"run {job.run}: its states have format {job.state_format}, this headrace reads {STATE_FORMAT}; {NEW_RUN}"
        raise JobError(msg)


def refuse_older(platform: Platform, run: str, state: str) -> None:
    """Raise JobError when a run has committed something since a state was made, or the state is none."""
    since = told_since(platform, run, saved(state))
    if since is not None:
        raise JobError(older(run, state, since))


def older(run: str, state: str, since: str) -> str:
    """Why a run does not go on from a state: `since` is what it has told since."""
    msg = f"run {run}: {state} does not have all that the run has told, as {since}: "
    return msg + f"it would learn those rows and tell of them twice; resume without --from, or {NEW_RUN}"


def told_since(platform: Platform, run: str, state: SavedState) -> str | None:
    """What a run has committed since a state was made, in words; None: the state has all of it.

    By the numbers of checkpoints (`committed_since`), which the commits have. Of a table where those are gone, as where
    snapshots were expired, by when it was told.
    """
    found = _commits(platform, run)
    for table, commits in found:
        late = committed_since(state, commits, table.committed_at)
        if late is not None:
            return (
                f"snapshot {late.snapshot_id} of {table.name}, by job {late.job_id} at checkpoint {late.checkpoint_id}"
            )
    # Tables expire each by itself: what is left in one says nothing of another.
    told_us = newest_told_us(platform, run, [name for name, (_, left) in zip(KINDS, found, strict=True) if not left])
    if told_us > state.made_us:
        made, told = (datetime.fromtimestamp(one / US_PER_S, UTC).isoformat() for one in (state.made_us, told_us))
        return f"what it told at {told}, when the state was made at {made}"
    return None


def committing_jobs(platform: Platform, run: str) -> list[str]:
    """Flink's ids of the jobs of a run that have committed something, newest first: also one that no record names."""
    dated = [
        (table.committed_at(one.snapshot_id), one.job_id) for table, some in _commits(platform, run) for one in some
    ]
    return list(dict.fromkeys(job for _, job in sorted(dated, reverse=True)))


def saved(state: str) -> SavedState:
    """The state at a place on a file system of this machine. JobError: there is none, or it is elsewhere."""
    place = local_path(checked_place(state, "the state"))
    return SavedState.read(place.parent if place.name == METADATA else place)


def stopped_with(savepoint: str) -> SavedState:
    """The savepoint with which a job was stopped: wherever it is, it has all that its job has committed."""
    if _is_local(savepoint):
        return saved(savepoint)
    return SavedState(sys.maxsize, job_of(Path(savepoint)), time.time_ns() // NS_PER_US)


def checked_place(place: str, what: str) -> str:
    """A place on a file system of this machine. JobError for another: what is there cannot be looked at."""
    if not _is_local(place):
        msg = f"{what} {place!r} is on {urlsplit(place).scheme}; expected a folder of this machine (file:///...), in "
        raise JobError(msg + "which states can be found: resume where it is one")
    return place


def newest_told_us(platform: Platform, run: str, tables: Iterable[str] = KINDS) -> int:
    """When a run last told something that is committed to one of the tables (processing time, µs); 0: never."""
    told = [one.told_us for name in tables for one in told_of(platform.iceberg, name, run)]
    return max(told, default=0)


def _is_local(place: str) -> bool:
    return urlsplit(place).scheme in ("", "file")


def _commits(platform: Platform, run: str) -> list[tuple[IcebergTable, list[FlinkCommit]]]:
    """For each table of what trainers tell the commits in which a run told something, oldest first."""
    tables = [platform.iceberg.load(LEDGER_NAMESPACE, name) for name in KINDS]
    return [(table, table.flink_appends({RUN_PROPERTY: run})) for table in tables]
