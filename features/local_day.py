"""Local days: when each day of a calendar begins in a named zone. Days count from 1970-01-01, instants are µs.

A day begins at the first instant at which a clock in the zone shows its date or a later one, so days never overlap and
leave no gap: where midnight is skipped the day begins with the first moment after it, where it comes twice with the
first of both, and a date that a zone skipped is a day without a moment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import groupby
from math import gcd
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from headrace.errors import DefinitionError, did_you_mean
from headrace.features.duration import UNITS_US
from headrace.features.instant import EPOCH, instant_of, instant_us

DAY_US, HOUR_US = UNITS_US["d"], UNITS_US["h"]
#: 2100-01-01. Days are listed up to here: a zone's rules of today say nothing of a later one.
END_DAY = 47_482
#: Some days together are at most so much longer than as many times 24 h (Antarctica/Casey; any zone, 2000 to 2038).
LONGER_AT_MOST_US = 3 * HOUR_US


class Run(NamedTuple):
    """Days from `first` to before `stop`, each of which begins `late_us` after midnight in UTC."""

    first: int
    stop: int
    late_us: int


def checked_zone(name: Any, at: str) -> str:
    """The name of a zone of the IANA database; DefinitionError, at a place and with a suggestion, for another one."""
    if not isinstance(name, str) or name not in _zones():
        close = did_you_mean(name, _zones()) if isinstance(name, str) else ""
        hint = close if close.startswith("did") else "expected a name such as 'America/New_York'"
        msg = f"{at}: {name!r} is no time zone of the IANA database; {hint}"
        raise DefinitionError(msg)
    return name


def begin_us(day: int, zone: str) -> int:
    """When a day begins.

    >>> instant_of(begin_us(0, "Europe/Berlin")).isoformat()
    '1969-12-31T23:00:00+00:00'
    """
    midnight, clock = EPOCH.replace(tzinfo=None) + timedelta(days=day), ZoneInfo(zone)
    first = instant_us(midnight.replace(tzinfo=clock))
    if _shown(first, clock) == midnight:
        return first
    # Midnight was skipped: the clock went on between these two, the readings of midnight by its old and new offset.
    before = instant_us(midnight.replace(tzinfo=clock, fold=1))
    return before + bisect_left(range(before, first), True, key=lambda us: _shown(us, clock) >= midnight)


def day_of(at_us: int, zone: str) -> int:
    """The day that holds an instant.

    >>> day_of(begin_us(5, "Asia/Kathmandu"), "Asia/Kathmandu"), day_of(begin_us(5, "UTC") - 1, "UTC")
    (5, 4)
    """
    day = (_shown(at_us, ZoneInfo(zone)) - EPOCH.replace(tzinfo=None)).days
    # Where a clock goes back over midnight it shows yesterday's date again, but today has begun.
    return day + 1 if begin_us(day + 1, zone) <= at_us else day


def days_held(days: int, lag: int, zone: str, at_us: int) -> tuple[int, int]:
    """What a window of days holds at an instant: `from <= event_time < to`.

    Without a lag its last day is that of the instant, at which it ends; with one it ends so many days before, whole.

    >>> noon, day = DAY_US * 3 // 2, DAY_US
    >>> days_held(1, 0, "UTC", noon) == (day, noon), days_held(2, 1, "UTC", noon) == (-day, day)
    (True, True)
    """
    last = day_of(at_us, zone) - lag
    return begin_us(last - days + 1, zone), begin_us(last + 1, zone) if lag else at_us


@lru_cache
def runs(zone: str, from_us: int) -> tuple[Run, ...]:
    """When all days begin, from that of an instant until 2100: as few runs as there are changes of a zone's offset."""
    return tuple(_runs(zone, day_of(from_us, zone)))


def widest_tile_us(zone: str, from_us: int) -> int:
    """The widest tile at whose edge every day of a zone begins, from that of an instant on; its fractions fit too.

    >>> widest_tile_us("Europe/Berlin", 0) // HOUR_US, widest_tile_us("Asia/Kathmandu", 0)
    (1, 900000000)
    """
    widest = gcd(DAY_US, *(run.late_us for run in runs(zone, from_us)))
    # Tiles are whole hours, or whole fractions of one: 1 h 30 m is neither.
    return widest if widest % HOUR_US == 0 else gcd(widest, HOUR_US)


@lru_cache
def _zones() -> frozenset[str]:
    """The names of all zones; `localtime` is another one on each machine."""
    return frozenset(available_timezones() - {"localtime"})


def _shown(at_us: int, clock: ZoneInfo) -> datetime:
    """What a clock in the zone shows at an instant."""
    return instant_of(at_us).astimezone(clock).replace(tzinfo=None, fold=0)


def _runs(zone: str, first: int) -> Iterator[Run]:
    """The runs of days from the first."""
    for late_us, members in groupby(range(first, END_DAY), key=lambda day: begin_us(day, zone) - day * DAY_US):
        days = list(members)
        yield Run(days[0], days[-1] + 1, late_us)
