"""Windows as users name them, and as everything else uses them: whole microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.errors import DefinitionError
from headrace.features.duration import parse_duration


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """A window: how wide it is, and how long before the asked time it ends, both as durations.

    `.over(WindowSpec("1h", lag="1d"))` is the hour that ended a day ago; `.over("1h")` is `.over(WindowSpec("1h"))`. In
    a transformation's body it has no width: it stands for all windows of `.over(...)`, so that one trace serves them.
    """

    width: str | None = None
    lag: str = "0s"


@dataclass(frozen=True, slots=True)
class Window:
    """A checked window: at time t it holds `t - lag - width <= event_time < t - lag`, in µs. `label` names features."""

    label: str
    width_us: int
    lag_us: int = 0

    @classmethod
    def of(cls, given: Any, at: str) -> Window:
        """The window that a user gave, as text or WindowSpec; DefinitionError, at a place, for anything else."""
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


def _duration_us(text: Any, at: str) -> int:
    """A duration in µs."""
    try:
        return parse_duration(text)
    except DefinitionError as error:
        msg = f"{at}: {error}"
        raise DefinitionError(msg) from error
