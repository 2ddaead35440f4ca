"""What a decision is made of: the versions of a model, its table, and what went wrong before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from headrace.registry.model_states import ENDED, State
from headrace.training.continual.declared import CHAMPION


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version as a schedule sees it.

    Attributes:
        parent: the number of the version of this model that it started from; None: it began anew, or from another's.
        snapshot: of the table, up to which it could learn; None: it learned from elsewhere.
        judged_at: when gates judged it; None: they have not.
    """

    number: int
    parent: int | None
    state: State
    snapshot: int | None
    trained_at: datetime
    judged_at: datetime | None = None


@dataclass(frozen=True)
class Versions:
    """The versions of a model that learned from the table, oldest first, and which one serves."""

    all: tuple[KnownVersion, ...] = ()
    champion: int | None = None

    @property
    def newest(self) -> KnownVersion | None:
        """The one with the greatest number."""
        return self.all[-1] if self.all else None

    @property
    def judged(self) -> KnownVersion | None:
        """The one that was judged last."""
        found = [(one.judged_at, one.number, one) for one in self.all if one.judged_at is not None]
        return max(found, key=lambda one: one[:2])[2] if found else None

    @property
    def unjudged(self) -> KnownVersion | None:
        """The newest that waits to be judged: none that was judged is newer, and it is not suspect."""
        newest = self.newest
        waits = newest is not None and newest.state is State.TRAINED and newest.number not in self.suspect
        return newest if waits else None

    @property
    def suspect(self) -> frozenset[int]:
        """Those that were refused, what nobody judged of all that they learned on from, and what learned on from these.

        A refusal says that something learned since the last sound version was bad, not in which of the steps.
        """
        by_number = {one.number: one for one in self.all}
        found = {one.number for one in self.all if one.state is State.REJECTED}
        for number in tuple(found):
            parent = by_number.get(by_number[number].parent or 0)
            while parent is not None and parent.state is State.TRAINED:
                found.add(parent.number)
                parent = by_number.get(parent.parent or 0)
        for one in self.all:
            if one.parent in found and one.state is State.TRAINED:
                found.add(one.number)
        return frozenset(found)

    def base(self, start: str) -> KnownVersion | None:
        """The version to learn on from: the champion where it is asked for and serves, else the newest sound one."""
        if start == CHAMPION and self.champion is not None:
            return next((one for one in self.all if one.number == self.champion), None)
        suspect = self.suspect
        sound = [one for one in self.all if one.number not in suspect and one.state not in ENDED]
        return sound[-1] if sound else None


@dataclass(frozen=True, slots=True)
class RisenLosses:
    """Where the champion's losses were found to have risen.

    Attributes:
        at: how many rows the table had up to there.
        before, after: means of the losses before and after the change.
    """

    at: int
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Failures:
    """What went wrong since something last went right."""

    count: int
    at: datetime
    error: str


@dataclass(frozen=True)
class Known:
    """All that a decision is made of.

    Attributes:
        now: the time of the decision.
        snapshot: the newest of the table; None: it was never written.
        rows: how many that has.
        rows_at: how many rows older snapshots have, those of the newest version and of the one judged last, as far as
            they are still there.
        risen: the newest rise of the champion's losses.
        unwatched: why these cannot be watched; empty where they can, or nobody asked.
        learnable: whether a row that trains was appended since the newest version; True also where that cannot be told,
            or nobody asked.
    """

    model: str
    table: str
    now: datetime
    snapshot: int | None
    rows: int
    versions: Versions
    rows_at: Mapping[int, int] = field(default_factory=dict)
    risen: RisenLosses | None = None
    unwatched: str = ""
    learnable: bool = True
    failures: Failures | None = None

    def rows_of(self, version: KnownVersion) -> int | None:
        """How many rows the table had for a version; None where its snapshot is gone."""
        if version.snapshot == self.snapshot:
            return self.rows
        return None if version.snapshot is None else self.rows_at.get(version.snapshot)


def snapshots_of(versions: Versions) -> Iterable[int]:
    """The snapshots whose rows a decision counts."""
    asked = (versions.newest, versions.judged)
    return [one.snapshot for one in asked if one is not None and one.snapshot is not None]
