"""Whether tests are repeated on another engine, and on which; loads none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from headrace.compiler.plan import ViewPlan
    from headrace.testing.rows import Inputs


class EnginesDifferError(AssertionError):
    """Two engines make different values of the same rows; the message tells which, and shows the rows."""


class Repetition(Protocol):
    """Another engine that every test of a feature is repeated on."""

    def announce(self, plan: ViewPlan, inputs: Inputs) -> None:
        """Say that a test of a view over these is to come, so that several may share a job."""

    def check(self, connection: Any, plan: ViewPlan, inputs: Inputs, at: datetime) -> None:
        """Compare a view over rows with DuckDB, where they are the relation `archive`, at an instant.

        Raises EnginesDifferError, and JobError when the job fails.
        """

    def summary(self) -> str:
        """What was done, for the end of a test run."""


_REPEATING: list[Repetition] = []


def repetitions() -> Iterator[Repetition]:
    """The engines that tests are repeated on: none, or one."""
    return iter(tuple(_REPEATING))


def repeat_on(repetition: Repetition) -> Callable[[], None]:
    """Repeat all tests of features on an engine from now on; returns what ends it."""
    _REPEATING.append(repetition)
    return lambda: _REPEATING.remove(repetition)
