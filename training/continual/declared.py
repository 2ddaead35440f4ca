"""`Retraining` and `Evaluating`: when a model learns, and, apart from it, when it is judged and may serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.errors import DefinitionError, did_you_mean
from headrace.features.duration import UNITS_US, format_duration, parse_duration
from headrace.training.learning.drift import DriftSpec

#: Where a retraining begins: with new weights, with those of the champion, or with those of the newest sound version.
SCRATCH, CHAMPION, NEWEST = "scratch", "champion", "newest"
STARTS = (SCRATCH, CHAMPION, NEWEST)
#: Half an hour in all: long enough for a system to come back, short enough for somebody to look on the same day.
ATTEMPTS, BACKOFF = 5, "1m"
#: What is broken for a day has somebody who mends it; they are not to wait for longer than that.
LONGEST_PAUSE_US = UNITS_US["d"]
#: More than a hundred failures in a row teach nobody anything.
MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """The learning schedule: a model is trained when any of the conditions holds, and rows came since.

    Attributes:
        every: so long after the newest version, as a duration such as `1d`.
        rows: so many rows after those that the newest version could learn from.
        drift: when the champion's losses on the rows that came after it have risen; the square of its error for a
            binary task, else the error itself.
        start: `scratch` trains on the whole split; `champion` and `newest` learn on from a version's weights, on the
            rows that were appended since, each once, by the training's `fine_tuning`. `newest` is the last one that is
            not suspect: neither refused, nor on the way to a refused one.
        attempts: failures in a row after which nothing is tried until somebody asks for it.
        backoff: the pause after the first failure, twice as long after each further one, up to a day.

    Raises DefinitionError for what cannot be meant.

    >>> Retraining(rows=10_000, start="newest").learns_on
    True
    """

    every: str | None = None
    rows: int | None = None
    drift: DriftSpec | None = None
    start: str = SCRATCH
    attempts: int = ATTEMPTS
    backoff: str = BACKOFF

    def __post_init__(self) -> None:
        _check_schedule("retraining", self.every, self.rows)
        _check_kind("retraining: drift", self.drift, DriftSpec)
        if self.every is None and self.rows is None and self.drift is None:
            msg = "retraining: has no condition, so that it would never be due; give every, rows or drift"
            raise DefinitionError(msg)
        if self.start not in STARTS:
            msg = f"retraining: start = {self.start!r}; {did_you_mean(str(self.start), STARTS)}"
            raise DefinitionError(msg)
        _check_count("retraining: attempts", self.attempts, MOST_ATTEMPTS)
        _check_duration("retraining: backoff", self.backoff, LONGEST_PAUSE_US)

    @property
    def learns_on(self) -> bool:
        """Whether weights of a version are the beginning."""
        return self.start != SCRATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluating:
    """The evaluating schedule: the newest version is judged by its gates when any of the conditions holds.

    Without a condition each version is judged as soon as it is there.

    Attributes:
        every: so long after the last judgement, as a duration such as `1d`.
        rows: so many rows after those of the version that was judged last.
        promote: whether a version that passes goes on to production at once; else somebody promotes it. The model
            then has to declare a gate.

    Raises DefinitionError for what cannot be meant.
    """

    every: str | None = None
    rows: int | None = None
    promote: bool = False

    def __post_init__(self) -> None:
        _check_schedule("evaluating", self.every, self.rows)
        _check_flag("evaluating: promote", self.promote)

    @property
    def always(self) -> bool:
        """Whether each version is judged as soon as it is there."""
        return self.every is None and self.rows is None


def _check_schedule(what: str, every: object, rows: object) -> None:
    if every is not None:
        _check_duration(f"{what}: every", every)
    if rows is not None:
        _check_count(f"{what}: rows", rows)


def _check_duration(what: str, found: Any, most_us: int | None = None) -> None:
    try:
        duration_us = parse_duration(found)
    except DefinitionError as error:
        msg = f"{what}: {error}"
        raise DefinitionError(msg) from error
    if not duration_us:
        msg = f"{what} = {found!r}: expected more than nothing"
        raise DefinitionError(msg)
    if most_us is not None and duration_us > most_us:
        msg = f"{what} = {found!r}: expected at most {format_duration(most_us)}"
        raise DefinitionError(msg)


def _check_count(what: str, found: Any, most: int | None = None) -> None:
    if type(found) is not int or found < 1 or (most is not None and found > most):
        bound = "1 or more" if most is None else f"1 to {most}"
        msg = f"{what} = {found!r}: expected a whole number, {bound}"
        raise DefinitionError(msg)


def _check_flag(what: str, found: object) -> None:
    if not isinstance(found, bool):
        msg = f"{what} = {found!r}: expected True or False"
        raise DefinitionError(msg)


def _check_kind(what: str, found: object, kind: type) -> None:
    if found is not None and not isinstance(found, kind):
        msg = f"{what} = {found!r}: expected a {kind.__name__}"
        raise DefinitionError(msg)
