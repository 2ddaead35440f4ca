"""How a demo is told: each step prints what it found and is an assertion."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from headrace.errors import HeadraceError
from headrace.runtime.progress import Progress

T = TypeVar("T")

#: A step of a demo that takes longer than this is stuck: the whole of one is meant to take three minutes.
STEP_TIMEOUT_S = 120.0
POLL_S = 0.5


class DemoError(HeadraceError, AssertionError):
    """Something that a demo asserts does not hold."""


@dataclass
class Telling:
    """What tells a demo.

    Args:
        progress: where steps are told.
    """

    progress: Progress

    def equal(self, what: str, found: object, expected: object) -> None:
        """An assertion of equality."""
        self.require(
            f"{what}: {found!r}" + ("" if found == expected else f", expected {expected!r}"), found == expected
        )

    def require(self, statement: str, holds: bool) -> None:
        """An assertion, printed either way."""
        self.progress.line(f"{'ok' if holds else 'FALSE'}  {statement}")
        if not holds:
            raise DemoError(statement)

    def until(self, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition."""
        deadline = time.monotonic() + STEP_TIMEOUT_S
        while not condition():
            if time.monotonic() > deadline:
                msg = f"waited {STEP_TIMEOUT_S:.0f} s for {what}; see `headrace stack logs flink`"
                raise DemoError(msg)
            time.sleep(POLL_S)

    def timed(self, title: str, action: Callable[[], T]) -> T:
        """Run a step and tell how long it took."""
        with self.progress.step(title):
            return action()
