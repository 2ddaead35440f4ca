"""Windows as users name them, and as everything else uses them: whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headrace.errors import DefinitionError
from headrace.features.duration import parse_duration
from headrace.features.local_day import DAY_US, checked_zone

#: A year. The finest tiles are kept for as long as the window, for days begin and end between the hours of UTC.
DAYS_AT_MOST = 366


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """A window: how wide it is, and how long before the asked time it ends, both as durations.

    `.over(WindowSpec("1h", lag="1d"))` is the hour that ended a day ago; `.over("1h")` is `.over(WindowSpec("1h"))`. In
    a transformation's body it has no width: it stands for all windows of `.over(...)`, so that one trace serves them.
    """

    width: str | None = None
    lag: str = "0s"


@dataclass(frozen=True, slots=True)
class CalendarDays:
    """A window of calendar days in a time zone of the IANA database: today so far, and the days before it.

    `.over(CalendarDays(1, zone="America/New_York"))` is the local day of the asked time, from its midnight on;
    `CalendarDays(7, ...)` has the six days before it too. With a `lag`, in days, it is whole days only:
    `CalendarDays(1, zone=..., lag=1)` is yesterday. A day has 23 or 25 hours where the zone's clock changes.
    """

    days: int
    zone: str = field(kw_only=True)
    lag: int = field(default=0, kw_only=True)


@dataclass(frozen=True, slots=True)
class Window:
    """A checked window: at time t it holds `t - lag - width <= event_time < t - lag`, in µs. `label` names features.

    With a `zone` it is one of calendar days there: width and lag are their numbers, times 24 h.
    """

    label: str
    width_us: int
    lag_us: int = 0
    zone: str | None = None

    @classmethod
    def of(cls, given: Any, at: str) -> Window:
        """The window that a user gave: text, WindowSpec or CalendarDays; DefinitionError, at a place, for another."""
        if isinstance(given, CalendarDays):
            return _of_days(given, at)
        spec = given if isinstance(given, WindowSpec) else WindowSpec(given)
        width, lag = positive_us(spec.width, at), _duration_us(spec.lag, f"{at}: lag")
        return cls(f"{spec.width}_lag_{spec.lag}" if lag else str(spec.width), width, lag)


def positive_us(text: Any, at: str) -> int:
    """A duration above zero in µs; DefinitionError, at a place, for anything else."""
    found = _duration_us(text, at)
    if found == 0:
        msg = f"{at}: {text!r} is zero; expected a duration above zero"
        raise DefinitionError(msg)
    return found


def _of_days(given: CalendarDays, at: str) -> Window:
    """A window of calendar days, each checked."""
    days, lag = _count(given.days, 1, f"{at}: days"), _count(given.lag, 0, f"{at}: lag")
    label = f"{days}cd_lag_{lag}cd" if lag else f"{days}cd"
    return Window(label, days * DAY_US, lag * DAY_US, checked_zone(given.zone, at))


def _count(given: Any, least: int, at: str) -> int:
    """A number of days; DefinitionError for one that is no whole number, too small or too large."""
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= DAYS_AT_MOST:
        msg = f"{at}={given!r}: expected {least} to {DAYS_AT_MOST} calendar days, as a whole number"
        raise DefinitionError(msg)
    return given


def _duration_us(text: Any, at: str) -> int:
    """A duration in µs."""
    try:
        return parse_duration(text)
    except DefinitionError as error:
        msg = f"{at}: {error}"
        raise DefinitionError(msg) from error
