"""`Cadence`: how often a model learns, and from which rows."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headrace.errors import DefinitionError, RequestError, did_you_mean
from headrace.features.duration import UNITS_US, parse_duration

Integers = NDArray[np.int64]

#: The cadence that everything is compared with.
STATIC = "static"
#: Cadences of the calendar, in UTC; each month begins with its first day, each week on Monday.
CALENDAR = ("monthly", "weekly", "daily", "hourly")
#: When losses have risen, as far as labels that have come can tell; it looks at every full hour.
DRIFT = "drift"
#: From which rows a model is made anew: all, those of a window, all with weights that halve with age.
FULL, WINDOW, DECAY = "full", "window", "decay"
#: 1970-01-05, the first Monday after 1970 began.
MONDAY_US = 4 * UNITS_US["d"]

_ROWS = re.compile(r"([1-9][0-9]{0,8})rows")


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a model learns, and how.

    Attributes:
        name: as it was asked for, such as `daily`, `500rows` or `monthly:window=60d`.
        every: `static`, one of `CALENDAR`, `drift`, or `rows`.
        rows: of `rows`, so many labels.
        anew: empty where the model goes on with the rows whose labels came since it last learned, each visited once;
            else `full`, `window` or `decay`, where a new model is trained on rows of all the past.
        span_us: the width of the window, or the time in which a weight halves.
    """

    name: str
    every: str
    rows: int = 0
    anew: str = ""
    span_us: int = 0

    @classmethod
    def parse(cls, text: str) -> Cadence:
        """A cadence by name; RequestError, with what there is, for another.

        >>> Cadence.parse("monthly:window=60d").span_us // UNITS_US["d"], Cadence.parse("500rows").rows
        (60, 500)
        """
        every, colon, how = text.strip().partition(":")
        found = _ROWS.fullmatch(every)
        known = (STATIC, *CALENDAR, DRIFT)
        if not found and every not in known:
            msg = f"cadence {text!r}: {every!r} is none; {did_you_mean(every, known)}, or such as 500rows"
            raise RequestError(msg)
        if colon and every == STATIC:
            msg = f"cadence {text!r}: a static model never learns; expected 'static'"
            raise RequestError(msg)
        anew, span_us = _anew(text, how) if colon else ("", 0)
        return cls(text.strip(), "rows" if found else every, int(found[1]) if found else 0, anew, span_us)

    def instants(self, label_us: Integers, start_us: int, end_us: int) -> Integers:
        """When it learns, or looks whether to, after the start and up to the end: from what is known by then.

        Args:
            label_us: ascending, the times of labels that come from the start on; of `rows` it learns as soon as so many
                have come, a microsecond after the last of them.
        """
        if self.every == STATIC:
            return np.empty(0, np.int64)
        if self.every == "rows":
            found = label_us[self.rows - 1 :: self.rows] + 1
        else:
            found = _calendar(self.every, start_us, end_us)
        due: Integers = np.unique(found[(found > start_us) & (found <= end_us)])
        return due


def parse_cadences(text: str) -> list[Cadence]:
    """Several, with commas between; static is among them always, and comes first.

    >>> [one.name for one in parse_cadences("daily,monthly:full")]
    ['static', 'daily', 'monthly:full']
    """
    names = dict.fromkeys([STATIC, *(one.strip() for one in text.split(",") if one.strip())])
    return [Cadence.parse(name) for name in names]


def _anew(text: str, how: str) -> tuple[str, int]:
    """From which rows it learns anew."""
    anew, equals, span = how.partition("=")
    if anew not in (FULL, WINDOW, DECAY) or bool(equals) != (anew != FULL):
        msg = f"cadence {text!r}: {how!r} is none of full, window=DURATION and decay=DURATION"
        raise RequestError(msg)
    try:
        span_us = parse_duration(span) if equals else 0
    except DefinitionError as error:
        msg = f"cadence {text!r}: {error}"
        raise RequestError(msg) from error
    if equals and not span_us:
        msg = f"cadence {text!r}: {anew} of no time has no rows; expected more than {span!r}"
        raise RequestError(msg)
    return anew, span_us


def _calendar(every: str, start_us: int, end_us: int) -> Integers:
    """All edges of a calendar from the start on, and one at most before it and behind the end."""
    if every == "monthly":
        first, last = (np.datetime64(one, "us").astype("datetime64[M]") for one in (start_us, end_us))
        return np.arange(first, last + 1).astype("datetime64[us]").astype(np.int64)
    width = {"weekly": 7 * UNITS_US["d"], "daily": UNITS_US["d"]}.get(every, UNITS_US["h"])
    shift = MONDAY_US if every == "weekly" else 0
    return np.arange((start_us - shift) // width, (end_us - shift) // width + 1, dtype=np.int64) * width + shift
