"""Durations as Flink's options have them, which other units and spellings are right in than in a feature file.

Source: `org.apache.flink.util.TimeUtils.parseDuration`.
"""

from __future__ import annotations

import re
from datetime import timedelta

from pydantic import TypeAdapter, ValidationError

from headrace.errors import SettingsError

#: Flink's units, in ns; case does not matter.
UNITS_NS = {
    **dict.fromkeys(("d", "day", "days"), 86_400_000_000_000),
    **dict.fromkeys(("h", "hour", "hours"), 3_600_000_000_000),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60_000_000_000),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1_000_000_000),
    **dict.fromkeys(("", "ms", "milli", "millis", "millisecond", "milliseconds"), 1_000_000),
    **dict.fromkeys(("µs", "micro", "micros", "microsecond", "microseconds"), 1_000),
    **dict.fromkeys(("ns", "nano", "nanos", "nanosecond", "nanoseconds"), 1),
}
_NUMBER = re.compile(r"([0-9]+)\s*(\S*)")
_ISO = TypeAdapter(timedelta)


def flink_text(duration_us: int) -> str:
    """A duration as Flink reads it, in whole ms.

    >>> flink_text(2_000_000)
    '2000 ms'
    """
    return f"{duration_us // 1_000} ms"


def flink_us(text: str, option: str) -> int:
    """The µs of one of Flink's durations, ms without a unit, or in ISO 8601; SettingsError for one that it cannot read.

    >>> flink_us("2 s", "x"), flink_us("1 minute", "x"), flink_us("500", "x"), flink_us("PT0.5S", "x")
    (2000000, 60000000, 500000, 500000)
    """
    number = _NUMBER.fullmatch(text.strip())
    if number is not None and number[2].lower() in UNITS_NS:
        return int(number[1]) * UNITS_NS[number[2].lower()] // 1_000
    if text.strip()[:1].upper() == "P":
        try:
            return _ISO.validate_python(text.strip()) // timedelta(microseconds=1)
        except ValidationError:
            pass
    msg = f"{option}: {text!r} is no duration of Flink; expected a whole number with a unit (d, h, min, s, ms, µs, ns)"
    raise SettingsError(msg)
