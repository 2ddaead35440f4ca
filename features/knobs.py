"""The two knobs of a view: for what its job is optimized, and how fresh an online read is to be.

They say how a job runs, never what a value means: no fingerprint has them, and turning one makes no new table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.errors import DefinitionError, did_you_mean
from headrace.features.duration import UNITS_US, format_duration, parse_duration

OPTIMIZE = ("cost", "latency", "correctness")
#: Below a second what no knob turns (the way through Kafka, Flink and Cassandra) takes most of it; beyond a day is no
#: stream any more.
LEAST_FRESHNESS_US, LONGEST_FRESHNESS_US = UNITS_US["s"], UNITS_US["d"]


@dataclass(frozen=True, slots=True)
class Knobs:
    """What somebody asked of a view's job; None: nothing, so the next weaker place is asked.

    `optimize` is one of `OPTIMIZE`. `freshness_us`: the longest that an accepted event may take until an online read
    sees it, as a target for 99 of 100 events.
    """

    optimize: str | None = None
    freshness_us: int | None = None


#: Nothing asked.
UNSET = Knobs()


def knobs_of(optimize: Any, freshness: Any, at: str, freshness_at: str | None = None) -> Knobs:
    """The checked knobs, either of which may be None; `at` says where they were written (`freshness_at`: the second).

    DefinitionError for a word that is none of `OPTIMIZE`, and for a freshness that no job can have.

    >>> knobs_of("cost", "1m", "features.py:3")
    Knobs(optimize='cost', freshness_us=60000000)
    >>> knobs_of("costs", None, "features.py:3")
    Traceback (most recent call last):
    headrace.errors.DefinitionError: features.py:3: optimize = 'costs'; did you mean 'cost'?
    """
    if optimize is not None and optimize not in OPTIMIZE:
        msg = f"{at}: optimize = {optimize!r}; {did_you_mean(str(optimize), OPTIMIZE)}"
        raise DefinitionError(msg)
    return Knobs(optimize, None if freshness is None else _freshness_us(freshness, freshness_at or at))


def _freshness_us(text: Any, at: str) -> int:
    """The µs of a freshness."""
    try:
        found = parse_duration(text)
    except DefinitionError as error:
        msg = f"{at}: freshness: {error}"
        raise DefinitionError(msg) from error
    if not LEAST_FRESHNESS_US <= found <= LONGEST_FRESHNESS_US:
        least, longest = format_duration(LEAST_FRESHNESS_US), format_duration(LONGEST_FRESHNESS_US)
        reason = "the way through Kafka, Flink and Cassandra takes most of a second"
        hint = f"{reason}; write {least!r}" if found < LEAST_FRESHNESS_US else f"write {longest!r}"
        msg = f"{at}: freshness = {text!r} is not between {least} and {longest}: {hint}"
        raise DefinitionError(msg)
    return found
