"""The local stack as the rest of the code sees it: start, wait, look, stop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from headrace.errors import StackError
from headrace.runtime.settings import Settings
from headrace.runtime.stack.health import CHECKS, iceberg_folder
from headrace.runtime.stack.lock import alone
from headrace.runtime.stack.plan import ICEBERG, SERVICES, Desired, StackPlan
from headrace.runtime.stack.preflight import plan_of, require_services, require_startable
from headrace.runtime.stack.process import MARKER, ProcessIdentity, left_behind, stop, tail
from headrace.runtime.stack.record import (
    FAILED,
    RUNNING,
    ServiceRecord,
    StackRecord,
    read_record,
    write_record,
    write_whole,
)
from headrace.runtime.stack.supervisor import DESIRED_FILE, RECORD_FILE

#: How long a service may take to answer: a loaded machine of two cores needs a quarter of it for the slowest.
READY_TIMEOUT_S = 240.0
#: How often a service is asked whether it is ready: not felt by a user, and no load.
POLL_S = 0.1
#: A service that died this often while we waited for its first answer will not come.
CRASHES = 3
#: The supervisor ends everything within its own grace; beyond it, it is ended too.
SUPERVISOR_GRACE_S = 25.0
#: A Python process that imports little and writes one file; the rest is for a busy machine.
SUPERVISOR_START_S = 30.0
LOG_LINES_IN_ERROR = 8


@dataclass(frozen=True)
class Event:
    """A step of a service: ``starting``, ``running already``, ``ready`` or ``stopped``, `elapsed_s` on."""

    service: str
    state: str
    elapsed_s: float
    detail: str = ""


OnEvent = Callable[[Event], None]


def _ignore(_event: Event) -> None:
    """The listener of those who do not listen."""


class Stack:
    """Kafka, Cassandra, a Flink session cluster and an Iceberg catalog on this machine, in the folder of the settings.

    Args:
        settings: home, JARs, ports, memory. The stack's own addresses are read by `connected_settings`.
        tied: whether a stack that this object starts ends when this process ends, however that comes about.
    """

    def __init__(self, settings: Settings, *, tied: bool = False) -> None:
        self._settings = settings
        self._owner = ProcessIdentity.of(os.getpid()) if tied else None
        self.folder = settings.stack_record.parent

    def up(
        self,
        services: Iterable[str] = SERVICES,
        on_event: OnEvent = _ignore,
        timeout_s: float = READY_TIMEOUT_S,
    ) -> Settings:
        """Start services and wait until each works; those that run already are only checked.

        Returns:
            The settings with the addresses of the services.

        Raises:
            PreflightError: the machine lacks something; nothing was started.
            StackError: another command is changing this stack, or a service does not come.
        """
        names, began = require_services(services), time.monotonic()
        with alone(self._lock_file):
            self._start(names, on_event, began)
            with ThreadPoolExecutor(len(names)) as pool:
                waits = [pool.submit(self._await_ready, name, on_event, began, timeout_s) for name in names]
                for wait in waits:
                    wait.result()
        return self.connected_settings()

    def start(self, services: Iterable[str] = SERVICES, on_event: OnEvent = _ignore) -> None:
        """Have services started and return at once; `wait_for` tells when one works.

        Raises:
            PreflightError: the machine lacks something; nothing was started.
            StackError: another command is changing this stack.
        """
        with alone(self._lock_file):
            self._start(require_services(services), on_event, time.monotonic())

    def wait_for(self, service: str, on_event: OnEvent = _ignore, timeout_s: float = READY_TIMEOUT_S) -> Settings:
        """Wait until a started service works; returns the settings with the addresses known by then.

        Raises:
            StackError: it was not started, keeps dying, or does not answer in time; the end of its log is quoted.
        """
        self._await_ready(service, on_event, time.monotonic(), timeout_s)
        return self.connected_settings()

    def down(self, *, erase: bool = False, on_event: OnEvent = _ignore) -> bool:
        """Stop everything, by recorded process; returns whether anything ran.

        Args:
            erase: remove data, logs, checkpoints and the local catalog too.
            on_event: told when all is stopped.

        Raises:
            StackError: another command is changing this stack, or a process cannot be ended.
        """
        began = time.monotonic()
        with alone(self._lock_file):
            ran = self._stop()
            if erase:
                shutil.rmtree(self.folder, ignore_errors=True)
        on_event(Event("stack", "stopped", time.monotonic() - began, "erased" if erase else ""))
        return ran

    def record(self) -> StackRecord:
        """What the supervisor has written down last.

        Raises:
            StackError: the record is of another version.
        """
        return read_record(self.folder / RECORD_FILE)

    def check(self, service: str) -> str:
        """Use a service once; returns what it did, in words.

        Raises:
            StackError: it is not running. Errors of its client pass through.
        """
        found = self._running(service)
        return CHECKS[service](found.settings, self._plan())

    def connected_settings(self) -> Settings:
        """The settings with the addresses that are recorded now."""
        return self._settings.connected()

    def log_files(self, service: str | None = None) -> list[Path]:
        """The logs of one service, or of all with the supervisor's.

        Raises:
            PreflightError: there is no such service.
        """
        names = require_services([service]) if service else SERVICES
        services = self.record().services
        found = [Path(p.log) for name in names if name in services for p in services[name].processes.values()]
        return found if service else [*found, self._supervisor_log]

    @property
    def _lock_file(self) -> Path:
        # Beside the folder, so that erasing the folder does not let a second command in.
        return self.folder.with_suffix(".lock")

    @property
    def _supervisor_log(self) -> Path:
        return self.folder / "logs" / "supervisor.log"

    def _plan(self) -> StackPlan:
        """The plan by which the services run; that of the settings when none do."""
        path = self.folder / DESIRED_FILE
        return Desired.from_text(path.read_text(encoding="utf-8")).plan if path.is_file() else plan_of(self._settings)

    def _start(self, names: Sequence[str], on_event: OnEvent, began: float) -> None:
        plan, record = plan_of(self._settings), self.record()
        if not _supervises(record):
            self._mend(record)
            record = self.record()
        missing = [name for name in names if name not in record.services or record.services[name].state == FAILED]
        require_startable(plan, missing)
        iceberg_folder(plan)
        desired = Desired(uuid.uuid4().hex, tuple(dict.fromkeys([*record.services, *names])), plan, self._owner)
        write_whole(self.folder / DESIRED_FILE, desired.to_text())
        if not _supervises(record):
            self._start_supervisor()
        for name in (name for name in names if name != ICEBERG):
            state = "starting" if name in missing else "running already"
            on_event(Event(name, state, time.monotonic() - began))

    def _mend(self, record: StackRecord) -> None:
        """End what a killed supervisor left behind: its processes answer nobody's restarts."""
        stop([*record.identities(), *left_behind(str(self.folder))])
        if record.services or record.supervisor:
            write_record(self.folder / RECORD_FILE, replace(record, supervisor=None, services={}))

    def _start_supervisor(self) -> None:
        self._supervisor_log.parent.mkdir(parents=True, exist_ok=True)
        with self._supervisor_log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-P", "-m", "headrace.runtime.stack.supervisor", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, MARKER: str(self.folder)},
                start_new_session=True,
            )
        # Collected when it ends, should this process outlive it.
        threading.Thread(target=child.wait, daemon=True).start()
        self._await_supervisor(child)

    def _await_supervisor(self, child: subprocess.Popen[bytes]) -> None:
        """Until it is on record: from then on a second command finds it instead of starting another."""
        deadline = time.monotonic() + SUPERVISOR_START_S
        while not _supervises(self.record()):
            if child.poll() is not None or time.monotonic() > deadline:
                lines = "\n  ".join(tail(self._supervisor_log, LOG_LINES_IN_ERROR))
                msg = f"the stack's supervisor did not start\n{self._supervisor_log}:\n  {lines}"
                raise StackError(msg)
            time.sleep(POLL_S / 2)

    def _await_ready(self, name: str, on_event: OnEvent, began: float, timeout_s: float) -> None:
        waiter = _Waiter(self, name, time.monotonic() + timeout_s)
        detail = waiter.wait()
        on_event(Event(name, "ready", time.monotonic() - began, detail))

    def _running(self, service: str) -> ServiceRecord:
        if service == ICEBERG:
            return ServiceRecord(RUNNING)
        found = self.record().services.get(service)
        if found is None or not found.is_running():
            msg = f"{service} is not running in {self.folder}; run `headrace stack up`"
            raise StackError(msg)
        return found

    def _stop(self) -> bool:
        record = self.record()
        supervisor = [record.supervisor] if record.supervisor and record.supervisor.is_running() else []
        stop(supervisor, SUPERVISOR_GRACE_S)
        rest = {*record.identities(), *self.record().identities(), *left_behind(str(self.folder))}
        running = [identity for identity in rest if identity.is_running()]
        stop(running)
        _require_gone(running)
        (self.folder / DESIRED_FILE).unlink(missing_ok=True)
        if self.folder.is_dir():
            write_record(self.folder / RECORD_FILE, StackRecord(ports=record.ports))
        return bool(supervisor or running)


class _Waiter:
    """Waits for the first answer of one service, and gives up as soon as it is clear that none will come."""

    def __init__(self, stack: Stack, name: str, deadline: float) -> None:
        self._stack, self._name, self._deadline = stack, name, deadline
        self._restarts: int | None = None
        self._last: Exception | None = None

    def wait(self) -> str:
        """What the service did for us, in words."""
        while time.monotonic() < self._deadline:
            if self._name != ICEBERG:
                self._require_hope()
            try:
                return self._stack.check(self._name)
            except Exception as error:  # a server that is starting refuses in many ways
                self._last = error
            time.sleep(POLL_S)
        msg = f"{self._name}: no answer in time; last: {self._last!r}{self._log_end()}"
        raise StackError(msg) from self._last

    def _require_hope(self) -> None:
        record = self._stack.record()
        service = record.services.get(self._name)
        if service is not None and service.state == FAILED:
            msg = f"{self._name} cannot be started: {service.error}"
            raise StackError(msg)
        restarts = sum(process.restarts for process in service.processes.values()) if service else 0
        self._restarts = restarts if self._restarts is None else self._restarts
        if restarts - self._restarts >= CRASHES:
            hint = "run `headrace stack down` before the next try"
            msg = f"{self._name} died {restarts - self._restarts} times while starting; {hint}{self._log_end()}"
            raise StackError(msg)

    def _log_end(self) -> str:
        parts = []
        for log in self._stack.log_files(self._name):
            lines = "\n  ".join(tail(log, LOG_LINES_IN_ERROR))
            parts.append(f"\n{log}:\n  {lines}")
        return "".join(parts)


def _supervises(record: StackRecord) -> bool:
    return record.supervisor is not None and record.supervisor.is_running()


def _require_gone(identities: Iterable[ProcessIdentity]) -> None:
    deadline = time.monotonic() + 5.0
    while left := [identity.pid for identity in identities if identity.is_running()]:
        if time.monotonic() > deadline:
            msg = f"processes {left} cannot be ended; look at them with `ps`, and at who owns them"
            raise StackError(msg)
        time.sleep(0.05)
