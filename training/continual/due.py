"""What is due, and why: a function of what was declared and what is known, and of nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from headrace.errors import ModelError
from headrace.features.duration import parse_duration, readable_duration
from headrace.training.continual.declared import ATTEMPTS, BACKOFF, LONGEST_PAUSE_US, Evaluating, Retraining
from headrace.training.continual.known import Failures, Known, KnownVersion

MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000


class Task(StrEnum):
    """What a scheduler can do."""

    EVALUATE = "evaluate"
    RETRAIN = "retrain"


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to be done, whole, so that whoever finds it half-done can finish it.

    Attributes:
        snapshot: of the table, up to which rows are learned, for a retraining.
        version: to learn on from (None: none), or to judge.
        champion: which version served when this was decided.
        reason: why.
    """

    task: Task
    reason: str
    version: int | None = None
    snapshot: int | None = None
    champion: int | None = None

    def to_json(self) -> str:
        """As text that `of_json` reads."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def of_json(cls, text: str) -> Goal:
        """The goal in a text; ModelError when it is none."""
        try:
            found = json.loads(text)
            return cls(**{**found, "task": Task(found["task"])})
        except (ValueError, TypeError, KeyError) as error:
            msg = f"goal of a schedule: {type(error).__name__}: {error}; found {text!r}"
            raise ModelError(msg) from error


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a task is due, and why; `goal` says what is to be done where it is."""

    task: Task
    why: str
    goal: Goal | None = None

    @property
    def due(self) -> bool:
        """Whether it is."""
        return self.goal is not None


def decide(retraining: Retraining | None, evaluating: Evaluating | None, known: Known) -> tuple[Verdict, Verdict]:
    """Whether an evaluation is due, and whether a retraining is, in the order in which they are done.

    A judgement comes first: what it admits or refuses decides from where learning goes on.
    """
    held = None if known.failures is None else pause(retraining, known.failures, known.now)
    return _evaluation(evaluating, known, held), _retraining(retraining, known, held)


def pause(retraining: Retraining | None, failures: Failures, now: datetime) -> str | None:
    """Why nothing is tried again yet; None where it is time to.

    >>> from datetime import UTC
    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> pause(Retraining(rows=1, attempts=2), Failures(2, day, "disk full"), day + timedelta(days=9))
    'given up after 2 failures in a row, the last: disk full'
    """
    attempts, backoff = (ATTEMPTS, BACKOFF) if retraining is None else (retraining.attempts, retraining.backoff)
    if failures.count >= attempts:
        return f"given up after {failures.count} failures in a row, the last: {failures.error}"
    waited = timedelta(microseconds=min(parse_duration(backoff) * 2 ** (failures.count - 1), LONGEST_PAUSE_US))
    if now >= failures.at + waited:
        return None
    told = f"failure {failures.count} of {attempts} in a row: {failures.error}"
    return f"{told}; tried again from {_instant(failures.at + waited)}"


def _evaluation(evaluating: Evaluating | None, known: Known, held: str | None) -> Verdict:
    version = known.versions.unjudged
    if evaluating is None:
        return Verdict(Task.EVALUATE, "no evaluating schedule is declared")
    if version is None:
        return Verdict(Task.EVALUATE, "no version waits to be judged")
    name = f"{known.model}@{version.number}"
    if held:
        return Verdict(Task.EVALUATE, held)
    why, waits = _asks(_evaluating_reasons(evaluating, version, known))
    if why is None:
        return Verdict(Task.EVALUATE, f"{name} waits: {waits}")
    reason = f"{name} is judged: {why}"
    return Verdict(Task.EVALUATE, reason, Goal(Task.EVALUATE, reason, version.number, champion=known.versions.champion))


def _retraining(retraining: Retraining | None, known: Known, held: str | None) -> Verdict:
    if retraining is None:
        return Verdict(Task.RETRAIN, "no learning schedule is declared")
    if known.snapshot is None:
        return Verdict(Task.RETRAIN, f"{known.table} was never written")
    if held:
        return Verdict(Task.RETRAIN, held)
    newest = known.versions.newest
    if newest is not None and (nothing := _nothing_came(retraining, newest, known)):
        return Verdict(Task.RETRAIN, nothing)
    why, waits = _asks(_retraining_reasons(retraining, newest, known))
    if why is None:
        return Verdict(Task.RETRAIN, waits)
    base = known.versions.base(retraining.start) if retraining.learns_on else None
    beginning = f"learns on from {known.model}@{base.number}" if base else "begins from scratch"
    reason = f"{why}; {beginning}"
    goal = Goal(Task.RETRAIN, reason, base.number if base else None, known.snapshot, known.versions.champion)
    return Verdict(Task.RETRAIN, reason, goal)


def _nothing_came(retraining: Retraining, newest: KnownVersion, known: Known) -> str | None:
    """Why there is nothing to learn that the newest version has not learned; None where there may be."""
    since = f"came to {known.table} since {known.model}@{newest.number}"
    if newest.snapshot == known.snapshot:
        return f"nothing {since}"
    # What begins from scratch learns all rows: some may have been overwritten, and be as many as before.
    return f"no row that trains {since}" if retraining.learns_on and not known.learnable else None


@dataclass(frozen=True, slots=True)
class _Reason:
    """A condition: whether it holds, in words."""

    holds: bool
    words: str


def _asks(reasons: Iterator[_Reason]) -> tuple[str | None, str]:
    """Why something is due (None: it is not), and what is said while it is not."""
    found = list(reasons)
    holding = [one.words for one in found if one.holds]
    return (" and ".join(holding) or None), " and ".join(one.words for one in found)


def _evaluating_reasons(evaluating: Evaluating, version: KnownVersion, known: Known) -> Iterator[_Reason]:
    judged = known.versions.judged
    if evaluating.always:
        yield _Reason(True, "each version is, as it comes")
    elif judged is None or judged.judged_at is None:
        yield _Reason(True, "none was yet")
    else:
        if evaluating.every is not None:
            yield _passed(evaluating.every, judged.judged_at, known.now, "the last judgement")
        if evaluating.rows is not None:
            yield _rows(evaluating.rows, _between(judged, version, known), f"{known.model}@{judged.number}")


def _retraining_reasons(retraining: Retraining, newest: KnownVersion | None, known: Known) -> Iterator[_Reason]:
    if newest is None:
        yield _Reason(True, f"no version has learned from {known.table} yet")
        return
    name = f"{known.model}@{newest.number}"
    if retraining.every is not None:
        yield _passed(retraining.every, newest.trained_at, known.now, name)
    if retraining.rows is not None:
        seen = known.rows_of(newest)
        yield _rows(retraining.rows, None if seen is None else known.rows - seen, name)
    if retraining.drift is not None:
        yield _drifted(known, newest)


def _passed(every: str, since: datetime, now: datetime, what: str) -> _Reason:
    passed_us = (now - since) // MICROSECOND
    if passed_us < 0:
        return _Reason(False, f"{what} is of {_instant(since)}, which this clock has still to come to")
    words = f"{readable_duration(passed_us // SECOND_US * SECOND_US)} passed since {what}, {every} are asked for"
    return _Reason(passed_us >= parse_duration(every), words)


def _rows(asked: int, found: int | None, since: str) -> _Reason:
    if found is None:
        return _Reason(True, f"how many rows came since {since} is not known, as its snapshot is gone")
    if found < 0:
        return _Reason(False, f"the table has {-found:,} rows fewer than for {since}: some were taken away")
    return _Reason(found >= asked, f"{found:,} rows came since {since}, {asked:,} are asked for")


def _between(judged: KnownVersion, version: KnownVersion, known: Known) -> int | None:
    before, after = known.rows_of(judged), known.rows_of(version)
    return None if before is None or after is None else after - before


def _drifted(known: Known, newest: KnownVersion) -> _Reason:
    if known.unwatched:
        return _Reason(False, known.unwatched)
    risen, seen = known.risen, known.rows_of(newest)
    # A rise in rows that the newest version has learned from is answered by that version.
    if risen is None or (seen is not None and risen.at <= seen):
        return _Reason(False, "the champion's losses have not risen")
    words = f"the champion's losses rose from {risen.before:.4f} to {risen.after:.4f}, found at row {risen.at:,}"
    return _Reason(True, words)


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
