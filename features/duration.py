"""Durations as users write them (`"5s"`, `"7d"`) and as everything else uses them: whole microseconds."""

from __future__ import annotations

import re

from headrace.errors import DefinitionError

UNITS_US = {"us": 1, "ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION = re.compile(r"([0-9]{1,9})(us|ms|s|m|h|d)")


def parse_duration(text: str) -> int:
    """The microseconds of a duration: a whole number and one of us, ms, s, m, h, d. DefinitionError otherwise.

    >>> parse_duration("5s"), parse_duration("7d")
    (5000000, 604800000000)
    """
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        msg = f"{text!r} is no duration; expected a whole number with a unit (us, ms, s, m, h, d), such as '5m' or '7d'"
        raise DefinitionError(msg)
    return int(match[1]) * UNITS_US[match[2]]


def format_duration(duration_us: int) -> str:
    """The shortest text of a duration in one unit; `parse_duration` reads it back.

    >>> format_duration(3_600_000_000), format_duration(90_000_000), format_duration(0)
    ('1h', '90s', '0us')
    """
    fitting = [unit for unit, width in UNITS_US.items() if duration_us % width == 0 and duration_us >= width]
    unit = fitting[-1] if fitting else "us"
    return f"{duration_us // UNITS_US[unit]}{unit}"


def readable_duration(duration_us: int) -> str:
    """A duration for people, in as many units as it takes, the widest first.

    >>> readable_duration(5_821 * 60_000_000), readable_duration(90_000_000), readable_duration(0)
    ('4d 1h 1m', '1m 30s', '0us')
    """
    found = []
    for unit, width in reversed(UNITS_US.items()):
        count, duration_us = divmod(duration_us, width)
        found += [f"{count}{unit}"] if count else []
    return " ".join(found) or "0us"
