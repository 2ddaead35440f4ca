"""Python's garbage collector, made to wait while something is computed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_COUNTING, _SHORT = Lock(), Lock()
#: For each who has it wait, whether it is to run again once the last of them is done: as it did before the first.
_WAITING: list[bool] = []


@contextmanager
def collector_waiting() -> Iterator[None]:
    """No garbage is collected in this process meanwhile, by whichever thread; what is out of use is still let go.

    >>> with collector_waiting():
    ...     gc.isenabled()
    False
    >>> gc.isenabled()
    True
    """
    with _COUNTING:
        _WAITING.append(_WAITING[0] if _WAITING else gc.isenabled())
        gc.disable()
    try:
        yield
    finally:
        with _COUNTING:
            if _WAITING.pop() and not _WAITING:
                gc.enable()


@contextmanager
def collector_waiting_shortly() -> Iterator[None]:
    """The same for what is computed again and again, perhaps in many threads: only one at a time has it wait.

    Else it might never run, where each begins before the one before has ended.
    """
    if not _SHORT.acquire(blocking=False):
        yield
        return
    try:
        with collector_waiting():
            yield
    finally:
        _SHORT.release()
