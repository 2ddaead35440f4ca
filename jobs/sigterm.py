"""How a command ends when it is told to."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

#: The exit status of a process that SIGTERM ended, as shells have it.
TERMINATED = 128 + signal.SIGTERM


@contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """While the `with` lasts SIGTERM is an exit like any other, so that a job is cancelled and its folder removed.

    Where an exit is swallowed (in a finalizer, or by a library's `except:` around an import) the `with` ends in it.
    """
    told: list[int] = []

    def end(number: int, _frame: object) -> NoReturn:
        told.append(number)
        sys.exit(TERMINATED)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if told:
        sys.exit(TERMINATED)
