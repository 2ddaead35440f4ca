"""Served values as rows: the status of a value, and the columns that an answer has beside keys and features."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """What stands behind a value.

    - `present`: something was folded in; the value may still be NULL or 0.
    - `empty_window`: the entity is known, and nothing of it lies in the window: counts are 0, all else is NULL.
    - `expired`: not known any more: tiles of the window may have been deleted by retention, or the newest value of a
      `last` is older than its window.
    - `unknown_entity`: no event of this entity was ever seen.
    """

    PRESENT = "present"
    EMPTY_WINDOW = "empty_window"
    EXPIRED = "expired"
    UNKNOWN_ENTITY = "unknown_entity"


#: The instant that was asked for, and when the answer was made; equal where the values at now were asked for.
ASKED_AT, SERVED_AT = "asked_at", "served_at"
#: What a feature's column is followed by: the status of each value, and the version that served it.
STATUS, VERSION = "__status", "__version"
#: And where times were asked for: its newest event, and how long before the asked time that was.
EVENT_TIME, FRESHNESS = "__event_time", "__freshness"
BESIDE = (STATUS, VERSION, EVENT_TIME, FRESHNESS)


def version_text(version: str, generation: int) -> str:
    """A version and its generation in one word.

    >>> version_text("7c94c2a1", 2)
    '7c94c2a1_g2'
    """
    return f"{version}_g{generation}"


def parsed_version(text: str) -> tuple[str, int]:
    """Version and generation from `version_text`; generation 1 where there is none.

    >>> parsed_version("7c94c2a1_g2"), parsed_version("7c94c2a1")
    (('7c94c2a1', 2), ('7c94c2a1', 1))
    """
    version, _, generation = text.partition("_g")
    return version, int(generation or 1)
