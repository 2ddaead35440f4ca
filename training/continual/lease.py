"""`Lease`: says, for as long as work lasts, that it does; and knows when somebody else took it over."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self

from headrace.errors import ConnectorError, RegistryConflictError
from headrace.registry.schedules import ScheduleRegistry, ScheduleState

#: How long after a worker's last word its work may be taken over: longer than a machine is busy or a database away for
#: a moment, short enough that a killed worker costs no hour.
LEASE = timedelta(seconds=60)
#: A worker says three times a lease that it goes on, so that one word may be lost.
WORDS_A_LEASE = 3


class Lease:
    """Work on a model's schedule that nobody else does meanwhile. Use it in a `with`.

    Args:
        held: the state that `ScheduleRegistry.begin` gave.
    """

    def __init__(self, schedules: ScheduleRegistry, held: ScheduleState, length: timedelta = LEASE) -> None:
        self._schedules, self._held, self._length = schedules, held, length
        self._lock, self._over = Lock(), Event()
        self._lost: RegistryConflictError | None = None
        self._thread = Thread(target=self._go_on, name="lease", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def check(self) -> None:
        """Raise RegistryConflictError when somebody else took the work over."""
        if self._lost is not None:
            raise self._lost

    def renew(self) -> None:
        """Say that the work goes on; raises as `check` does."""
        with self._lock:
            self.check()
            try:
                self._held = self._schedules.renew(self._held, self._length)
            except RegistryConflictError as error:
                self._lost = error
                raise

    def finish(self) -> None:
        """The work is done; raises as `check` does."""
        with self._lock:
            self.check()
            self._schedules.finish(self._held)

    def fail(self, error: str, *, keep: bool = False) -> ScheduleState:
        """The work failed, and its goal is kept or not; raises as `check` does."""
        with self._lock:
            self.check()
            return self._schedules.fail(self._held, error, keep=keep)

    def leave(self) -> None:
        """Somebody else is to go on; raises as `check` does."""
        with self._lock:
            self.check()
            self._schedules.leave(self._held)

    def give_back(self, seen: ScheduleState) -> None:
        """Whoever had the work in a state that was seen still does it; raises as `check` does."""
        with self._lock:
            self.check()
            self._schedules.give_back(self._held, seen)

    def _go_on(self) -> None:
        while not self._over.wait(self._length.total_seconds() / WORDS_A_LEASE):
            try:
                self.renew()
            except RegistryConflictError:
                return
            except ConnectorError:
                # A word that could not be said: the next one may be; else the lease ends, and `finish` says so.
                continue


def this_worker() -> str:
    """This process, as others are told of it.

    >>> this_worker().endswith(f" process {os.getpid()}")
    True
    """
    return f"{socket.gethostname()} process {os.getpid()}"
