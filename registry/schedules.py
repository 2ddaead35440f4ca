"""Who works on a model's schedule: one process at a time, by a lease that ends by itself when the process does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, Table, Text, update

from headrace.errors import RegistryConflictError
from headrace.registry.database import METADATA, Database, now, of, url_of
from headrace.registry.model_tables import instant, microseconds

SCHEDULES = Table(
    "model_schedules",
    METADATA,
    Column("project", String(100)),
    Column("model", String(100)),
    # Every change counts it up by one, from the one that its maker saw: compare and set.
    Column("revision", BigInteger, nullable=False),
    Column("holder", String(200)),
    Column("until_us", BigInteger),
    Column("goal", Text),
    Column("failures", Integer, nullable=False),
    Column("failed_at_us", BigInteger),
    Column("error", Text),
    PrimaryKeyConstraint("project", "model"),
)


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """Where the work on a model's schedule is.

    Attributes:
        holder: who works, until `until` at the latest unless they say that they still do.
        goal: what is being done, or was when its worker ended without finishing it.
        failures: how many in a row went wrong; the last at `failed_at`, by `error`.
    """

    model: str
    revision: int = 0
    holder: str | None = None
    until: datetime | None = None
    goal: str | None = None
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = None

    def is_held(self, at: datetime) -> bool:
        """Whether somebody works at an instant."""
        return self.holder is not None and self.until is not None and at < self.until


class ScheduleRegistry:
    """The schedules of a project's models. Every method raises ConnectorError, naming the URL, when the database fails.

    A change is made to the state that its maker saw, or not at all (RegistryConflictError): of two who begin at once
    one does, and who lost a lease can end nothing in the name of it.

    Args:
        clock: tells the time; the clocks of all who share a schedule agree within the length of a lease.
    """

    def __init__(self, url: str, project: str, clock: Callable[[], datetime] = now) -> None:
        self.project, self._clock = project, clock
        self._database = Database(url, (SCHEDULES,))

    @classmethod
    def at(cls, file: Path, project: str) -> Self:
        """The schedules in an SQLite file, made when it is not there."""
        return cls(url_of(file), project)

    def state(self, model: str) -> ScheduleState:
        """Where the work on a model is."""
        for row in self._database.rows(of(SCHEDULES, project=self.project, model=model)):
            return _state_of(row)
        return ScheduleState(model)

    def begin(self, seen: ScheduleState, holder: str, goal: str, lease: timedelta) -> ScheduleState:
        """Begin to work towards a goal, or take one over whose worker is gone, which counts as a failure.

        Raises RegistryConflictError when somebody else works on the model, or has begun since.
        """
        at = self._clock()
        if seen.is_held(at):
            msg = f"{_at_work(seen)}; wait, or look again then: whoever works says so until they end"
            raise RegistryConflictError(msg)
        after = replace(seen, holder=holder, until=at + lease, goal=goal)
        if seen.goal is not None and seen.holder is not None:
            after = _failed(after, at, f"{seen.holder} ended without finishing")
        return self._changed(seen, after)

    def renew(self, held: ScheduleState, lease: timedelta) -> ScheduleState:
        """Say that the work goes on. RegistryConflictError when the lease ended and somebody else has it."""
        return self._changed(held, replace(held, until=self._clock() + lease))

    def finish(self, held: ScheduleState) -> ScheduleState:
        """The goal is reached, and what went wrong before is forgotten."""
        return self._changed(held, ScheduleState(held.model, held.revision))

    def fail(self, held: ScheduleState, error: str, *, keep: bool = False) -> ScheduleState:
        """The goal was missed; it is given up for one that is decided anew, or kept to be tried again."""
        ended = replace(held, holder=None, until=None, goal=held.goal if keep else None)
        return self._changed(held, _failed(ended, self._clock(), error))

    def leave(self, held: ScheduleState) -> ScheduleState:
        """Stop before the goal, which whoever comes next goes on with."""
        return self._changed(held, replace(held, holder=None, until=None))

    def give_back(self, held: ScheduleState, seen: ScheduleState) -> ScheduleState:
        """Stop as `leave` does, since whoever lost the lease still works: what `begin` found failed, no more."""
        return self._changed(held, replace(seen, holder=None, until=None, goal=held.goal))

    def forgive(self, seen: ScheduleState) -> ScheduleState:
        """Forget what went wrong, so that it is tried again at once."""
        return self._changed(seen, replace(seen, failures=0, failed_at=None, error=None))

    def _changed(self, seen: ScheduleState, wanted: ScheduleState) -> ScheduleState:
        """The state that was wanted, now it is there. RegistryConflictError when another came first."""
        after = replace(wanted, revision=seen.revision + 1)
        named = {"project": self.project, "model": seen.model}
        if seen.revision == 0:
            made = self._database.inserted(SCHEDULES, {**named, **_row(after)})
        else:
            same = [SCHEDULES.c[name] == value for name, value in {**named, "revision": seen.revision}.items()]
            with self._database.begin() as connection:
                made = connection.execute(update(SCHEDULES).where(*same).values(**_row(after))).rowcount == 1
        if not made:
            msg = f"{_at_work(self.state(seen.model))}; this process does not, and changes nothing"
            raise RegistryConflictError(msg)
        return after


def _failed(state: ScheduleState, at: datetime, error: str) -> ScheduleState:
    return replace(state, failures=state.failures + 1, failed_at=at, error=error)


def _at_work(found: ScheduleState) -> str:
    """Who works on a model, for whoever may not."""
    who = found.holder or "nobody any more"
    until = "" if found.until is None else f", until {found.until.isoformat(timespec='seconds')} unless it goes on"
    return f"model {found.model!r}: {who} works on its schedule{until}"


def _row(state: ScheduleState) -> dict[str, Any]:
    """The columns of a state but those of its key."""
    until, failed_at = (None if at is None else microseconds(at) for at in (state.until, state.failed_at))
    found = {name: getattr(state, name) for name in ("revision", "holder", "goal", "failures", "error")}
    return {**found, "until_us": until, "failed_at_us": failed_at}


def _state_of(row: Any) -> ScheduleState:
    until, failed_at = (None if us is None else instant(us) for us in (row.until_us, row.failed_at_us))
    return ScheduleState(row.model, row.revision, row.holder, until, row.goal, row.failures, failed_at, row.error)
