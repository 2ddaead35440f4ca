"""The process that owns the stack: starts what is desired, starts again what dies, and records both.

It runs detached, as ``python -m headrace.runtime.stack.supervisor FOLDER``. Commands write what they desire into
``desired.json`` and read what there is from ``stack.json``: one writer for each file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.errors import HeadraceError
from headrace.runtime.stack.cassandra import cassandra_service
from headrace.runtime.stack.flink import flink_service
from headrace.runtime.stack.kafka import kafka_service
from headrace.runtime.stack.plan import CASSANDRA, FLINK, KAFKA, Desired, StackPlan
from headrace.runtime.stack.ports import PortChooser, is_free
from headrace.runtime.stack.process import ProcessIdentity, ProcessSpec, has_exited, kill_group, spawn, stop
from headrace.runtime.stack.record import (
    FAILED,
    RUNNING,
    STARTING,
    ProcessRecord,
    ServiceRecord,
    StackRecord,
    read_record,
    write_record,
)
from headrace.runtime.stack.service import Service

DESIRED_FILE, RECORD_FILE = "desired.json", "stack.json"
#: How often the children are looked at: a killed task manager is started again before its heartbeat is missed.
POLL_S = 0.1
#: A process that lived this long had started well, so its death is no sign of a loop.
HEALTHY_AFTER_S = 10.0
#: Pauses between starts of a process that keeps dying: doubled each time, in seconds.
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 30.0

MAKERS: dict[str, Callable[[StackPlan, PortChooser], Service]] = {
    KAFKA: kafka_service,
    CASSANDRA: cassandra_service,
    FLINK: flink_service,
}


@dataclass
class Child:
    """One process that the supervisor keeps alive, with what it needs for starting it again."""

    spec: ProcessSpec
    process: subprocess.Popen[bytes]
    started: float
    restarts: int = 0
    last_exit: int | None = None
    quick_deaths: int = 0
    due: float | None = None

    def record(self) -> ProcessRecord:
        """What is written down of it."""
        identity = ProcessIdentity.of(self.process.pid) or ProcessIdentity(self.process.pid, 0.0)
        return ProcessRecord(identity, str(self.spec.log), self.restarts, self.last_exit)


def pause_after(quick_deaths: int) -> float:
    """Seconds to wait before a process is started again, by how often in a row it died young.

    >>> [pause_after(n) for n in (0, 1, 2, 3, 20)]
    [0.0, 0.25, 0.5, 1.0, 30.0]
    """
    return 0.0 if quick_deaths == 0 else min(FIRST_PAUSE_S * 2.0 ** (quick_deaths - 1), LONGEST_PAUSE_S)


class Supervisor:
    """Keeps the processes of one stack's folder alive until it is told to stop.

    Args:
        folder: the stack's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._children: dict[str, dict[str, Child]] = {}
        self._request = ""
        previous = read_record(folder / RECORD_FILE)
        self._ports = PortChooser(previous.ports)
        self._record = StackRecord(supervisor=ProcessIdentity.of(os.getpid()), ports=previous.ports)

    def run(self) -> None:
        """Work until a signal says stop; then end all processes and record that there are none."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self._write()
        while not self._stopping.wait(POLL_S):
            desired = self._desired()
            if desired and desired.owner and not desired.owner.is_running():
                break
            if desired:
                self._start_what_is(desired)
            self._start_again_what_died()
        self._stopping.set()
        self._stop_all()

    def _write(self) -> None:
        write_record(self._folder / RECORD_FILE, self._record)

    def _start_what_is(self, desired: Desired) -> None:
        again, self._request = desired.request != self._request, desired.request
        for name in desired.services:
            if name in MAKERS and self._is_to_be_started(name, again):
                self._put(name, ServiceRecord(STARTING))
                # Each in its own thread: formatting Kafka must not hold up Cassandra, the slowest of all.
                threading.Thread(target=self._start, args=(name, desired.plan), daemon=True).start()

    def _desired(self) -> Desired | None:
        path = self._folder / DESIRED_FILE
        return Desired.from_text(path.read_text(encoding="utf-8")) if path.is_file() else None

    def _is_to_be_started(self, name: str, again: bool) -> bool:
        found = self._record.services.get(name)
        return found is None or (found.state == FAILED and again)

    def _start(self, name: str, plan: StackPlan) -> None:
        try:
            service = self._made(name, plan)
        except HeadraceError as error:
            self._put(name, ServiceRecord(FAILED, error=str(error)))
            return
        except Exception as error:  # the thread must not die silently
            traceback.print_exc()
            self._put(name, ServiceRecord(FAILED, error=f"{type(error).__name__}: {error}"))
            return
        with self._lock:
            if not self._stopping.is_set():
                self._children[name] = {spec.name: self._spawned(spec) for spec in service.processes}
                self._set_running(name, service.settings)

    def _made(self, name: str, plan: StackPlan) -> Service:
        service = MAKERS[name](plan, self._ports)
        with self._lock:
            self._record = replace(self._record, ports=self._ports.ports())
        return service

    def _spawned(self, spec: ProcessSpec) -> Child:
        return Child(spec, spawn(spec, str(self._folder)), time.monotonic())

    def _put(self, name: str, service: ServiceRecord) -> None:
        with self._lock:
            self._record = self._record.with_service(name, service)
            self._write()

    def _set_running(self, name: str, settings: object) -> None:
        """Record the processes of a service as they are now; the lock is held."""
        processes = {child.spec.name: child.record() for child in self._children[name].values()}
        assert isinstance(settings, dict)  # noqa: S101 (our own makers)
        self._record = self._record.with_service(name, ServiceRecord(RUNNING, settings, processes))
        self._write()

    def _start_again_what_died(self) -> None:
        with self._lock:
            for name, children in self._children.items():
                # Every child is looked at, also behind the first that was started again.
                if sum(self._revived(child) for child in children.values()):
                    self._set_running(name, self._record.services[name].settings)

    def _revived(self, child: Child) -> bool:
        """Look at one child; true when there is something new to record."""
        now = time.monotonic()
        if child.due is None and has_exited(child.process):
            kill_group(child.process.pid)
            child.last_exit = child.process.wait()
            child.quick_deaths = 0 if now - child.started > HEALTHY_AFTER_S else child.quick_deaths + 1
            child.due = now + pause_after(child.quick_deaths)
        if child.due is None or now < child.due or not _port_is_free(child.spec):
            return False
        child.process, child.started, child.due = spawn(child.spec, str(self._folder)), now, None
        child.restarts += 1
        return True

    def _stop_all(self) -> None:
        with self._lock:
            children = [child for group in self._children.values() for child in group.values()]
            stop([child.record().identity for child in children if child.due is None])
            for child in children:
                kill_group(child.process.pid)
                child.process.poll()
            self._record = StackRecord(ports=self._record.ports)
            self._write()


def _port_is_free(spec: ProcessSpec) -> bool:
    """A server that cannot have its port back yet would only die again."""
    return spec.port is None or is_free(spec.port)


def main() -> None:
    """Supervise the stack in the folder that the first argument names."""
    Supervisor(Path(sys.argv[1])).run()


if __name__ == "__main__":
    main()
