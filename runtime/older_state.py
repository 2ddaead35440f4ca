"""What was committed since a state was made: a job that starts from that state would commit it again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from headrace.connectors.iceberg import FlinkCommit
from headrace.features.instant import instant_of
from headrace.runtime.saved_state import SavedState


def committed_since(
    state: SavedState, commits: Sequence[FlinkCommit], committed_at: Callable[[int], datetime]
) -> FlinkCommit | None:
    """The first commit to a table that a state does not have, of those that the jobs of its run made; None: it has all.

    Each job of a run starts from a state of one before it and counts its checkpoints on, so numbers tell: behind the
    newest commit that is the state's own all are since, and none before. Where it has none of its own, or its path
    does not name its job, a commit is since by a greater number, or by a later time.

    Args:
        state: the savepoint or checkpoint.
        commits: of the run's jobs alone, and those with rows, oldest first (`IcebergTable.flink_appends`).
        committed_at: when a snapshot was committed (`IcebergTable.committed_at`); asked where no number tells.

    >>> made = [FlinkCommit(7, None, "0a1b2c9f", 1), FlinkCommit(9, 7, "0a1b2c9f", 3), FlinkCommit(11, 9, "77aa01", 4)]
    >>> found = [committed_since(SavedState(at, "0a1b2c", 0), made, instant_of) for at in (1, 2, 3)]
    >>> [one and one.snapshot_id for one in found]
    [9, 9, 11]
    """
    own = [number for number, commit in enumerate(commits) if _has(state, commit)]
    if own:
        return next(iter(commits[own[-1] + 1 :]), None)
    made = instant_of(state.made_us)
    later = (one for one in commits if one.checkpoint_id > state.checkpoint or committed_at(one.snapshot_id) > made)
    return next(later, None)


def _has(state: SavedState, commit: FlinkCommit) -> bool:
    """Whether a commit is of the state's own job, and not of a later checkpoint."""
    return state.job is not None and commit.job_id.startswith(state.job) and commit.checkpoint_id <= state.checkpoint
