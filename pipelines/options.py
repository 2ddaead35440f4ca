"""Options that are one of a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.errors import RequestError, did_you_mean


def one_of(option: str, value: Any, known: Sequence[str]) -> Any:
    """The value of an option; RequestError, with a suggestion, unless it is one of those known.

    >>> one_of("known_by", "event", ("event", "arrival"))
    'event'
    """
    if value not in known:
        msg = f"{option}={value!r}: expected one of {', '.join(known)}; {did_you_mean(str(value), known)}"
        raise RequestError(msg)
    return value
