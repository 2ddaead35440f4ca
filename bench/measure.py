"""What a run cost: rows, seconds by the wall, and processor seconds read from the operating system."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from headrace.errors import StackError
from headrace.runtime.progress import Progress
from headrace.runtime.stack.plan import CASSANDRA, FLINK
from headrace.runtime.stack.process import ProcessIdentity
from headrace.runtime.stack.stack import Stack


@dataclass(frozen=True)
class Measured:
    """One run. `client_cpu_s` is what the side itself used, `server_cpu_s` what Cassandra used meanwhile."""

    rows: int
    wall_s: float
    client_cpu_s: float
    server_cpu_s: float = 0.0

    @property
    def rows_per_s(self) -> float:
        """Rows a second by the wall.

        >>> Measured(100, 2.0, 4.0).rows_per_s
        50.0
        """
        return self.rows / self.wall_s

    @property
    def rows_per_cpu_s(self) -> float:
        """Rows a processor second of the side itself."""
        return self.rows / self.client_cpu_s


@dataclass(frozen=True)
class Spread:
    """Least, middle and greatest of some figures."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value.

        >>> Spread.of([3.0, 1.0, 2.0])
        Spread(low=1.0, median=2.0, high=3.0)
        """
        ordered = sorted(values)
        return cls(ordered[0], statistics.median(ordered), ordered[-1])


def processes(stack: Stack, service: str) -> list[ProcessIdentity]:
    """The processes of a running service, by the stack's own record."""
    return [process.identity for process in stack.record().services[service].processes.values()]


def cpu_s(identities: Iterable[ProcessIdentity]) -> float:
    """Processor seconds, user and system, that the processes and their own have used since they started.

    Raises:
        StackError: one of them is gone, and what it used with it.
    """
    return sum(map(_used_by_all, identities))


def _used_by_all(identity: ProcessIdentity) -> float:
    """What a process and its own used, read anew when one of its own ends meanwhile: its parent's count has it then."""
    while identity.is_running():
        with suppress(psutil.NoSuchProcess):
            return _used_by(psutil.Process(identity.pid))
    raise _ended(identity)


def _require_running(identity: ProcessIdentity) -> None:
    if not identity.is_running():
        raise _ended(identity)


def _ended(identity: ProcessIdentity) -> StackError:
    return StackError(f"process {identity.pid} of the stack ended during a measured run; see `headrace stack logs`")


def _used_by(process: psutil.Process) -> float:
    """What a process used, and those that it started, as Python by a task manager: the living and those that ended."""
    times = process.cpu_times()
    with_ended = times.user + times.system + times.children_user + times.children_system
    return with_ended + sum(map(_used_by, process.children()))


class Watch:
    """What processes and all that they start use, also those that outlive their parents.

    A Python worker of Flink is the child of a shell that is ended before it, so that no living process has the worker's
    time at the end: it has to be looked at while the job runs. What a process uses after the last look is not seen.
    """

    def __init__(self, identities: Iterable[ProcessIdentity]) -> None:
        self._identities = tuple(identities)
        self._used: dict[psutil.Process, float] = {}

    def cpu_s(self) -> float:
        """Processor seconds, user and system, of all that was ever seen; a look costs some milliseconds.

        Raises:
            StackError: one of the processes themselves is gone.
        """
        for identity in self._identities:
            _require_running(identity)
            with suppress(psutil.NoSuchProcess):
                own = psutil.Process(identity.pid)
                self._used.update(dict.fromkeys({own, *own.children(recursive=True)} - self._used.keys(), 0.0))
        for process in self._used:
            with suppress(psutil.NoSuchProcess):
                if process.is_running():
                    times = process.cpu_times()
                    self._used[process] = times.user + times.system
        return sum(self._used.values())


@dataclass(frozen=True)
class Meter:
    """Reads what Flink and Cassandra of one stack have used so far."""

    flink: tuple[ProcessIdentity, ...]
    cassandra: tuple[ProcessIdentity, ...]

    @classmethod
    def of(cls, stack: Stack) -> Meter:
        """The meter of the processes that run now: job manager, task managers, Cassandra."""
        return cls(tuple(processes(stack, FLINK)), tuple(processes(stack, CASSANDRA)))

    def read(self) -> tuple[float, float]:
        """Processor seconds of Flink and of Cassandra."""
        return cpu_s(self.flink), cpu_s(self.cassandra)


Run = Callable[[], Measured]


def interleaved(sides: Mapping[str, Run], rounds: int, progress: Progress) -> dict[str, list[Measured]]:
    """Run every side once a round, the order turned around from round to round; the runs of each side, in order."""
    found: dict[str, list[Measured]] = {name: [] for name in sides}
    for number in range(1, rounds + 1):
        for name in _order(list(sides), number):
            measured = sides[name]()
            found[name].append(measured)
            progress.line(f"  round {number} of {rounds}, {name}: {_told(measured)}")
    return found


def _order(names: Sequence[str], number: int) -> Sequence[str]:
    """A B C, then C B A: no side always comes after the same other."""
    return names if number % 2 else list(reversed(names))


def _told(run: Measured) -> str:
    server = f", Cassandra {run.server_cpu_s:.1f}" if run.server_cpu_s else ""
    return f"{run.wall_s:.1f} s, {run.rows_per_s:,.0f} rows/s; CPU {run.client_cpu_s:.1f} s{server}"
