"""To which time the table of a dimension has all versions: what its commit says, and what its writers note."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from headrace.features.instant import asked_us, instant_us

#: The property in which whoever writes a table notes to when it has all versions: an instant in ISO 8601.
NOTED = "headrace.complete-to"


def complete_to(committed_at: datetime, properties: Mapping[str, str], delay_us: int) -> int:
    """The time (µs) to which a table has all versions.

    A version is written within the dimension's delay, so a commit has all that are older than it by that. A table that
    is quiet, or is loaded once a day, has them up to a later time, which its writers note in a property.

    Args:
        committed_at: when the newest version of the table was committed (processing time).
        properties: those of the table.
        delay_us: how late versions may be written.

    Raises:
        RequestError: what is noted is no instant with an offset.

    >>> from headrace.features.instant import instant_of
    >>> complete_to(instant_of(60_000_000), {}, 5_000_000)
    55000000
    >>> complete_to(instant_of(60_000_000), {NOTED: "1970-01-01T01:00:00Z"}, 5_000_000)
    3600000000
    """
    by_commit = instant_us(committed_at) - delay_us
    noted = properties.get(NOTED)
    return by_commit if noted is None else max(by_commit, asked_us(NOTED, noted))
