"""Processes that outlive the command which started them: what to start, which one it was, and how to end it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

#: Set in every process of a stack to the stack's folder: what is left after a crash is found by it.
MARKER = "HEADRACE_STACK"
#: The start of a process is counted from the boot time, which the clock's corrections move by up to a second.
START_TOLERANCE_S = 1.5
#: Kafka and Cassandra flush and close within two or three seconds; a loaded machine gets several times that.
GRACE_S = 15.0
#: A log larger than this is set aside at the next start, so that a stack that lives for weeks keeps two at most.
MAX_LOG_BYTES = 20 * 1024 * 1024


@dataclass(frozen=True)
class ProcessSpec:
    """How to start one process.

    Attributes:
        name: such as ``task-manager-1``; names its log too.
        arguments: the command line.
        log: the file that its output is appended to.
        scratch: its temporary folder, emptied before every start.
        environment: variables on top of those of the supervisor.
        port: a port that it must be able to listen on, if any.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    scratch: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None


@dataclass(frozen=True)
class ProcessIdentity:
    """One process for certain: its id and when it started (seconds since the epoch), because ids are used again."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a running process, None when there is none of that id."""
        try:
            return cls(pid, psutil.Process(pid).create_time())
        except psutil.Error:
            return None

    def is_running(self) -> bool:
        """Whether this very process still runs; a dead one that nobody has waited for does not."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < START_TOLERANCE_S
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def memory_bytes(self) -> int:
        """Resident memory; 0 when the process is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss) if self.is_running() else 0
        except psutil.Error:
            return 0


def spawn(spec: ProcessSpec, marker: str) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with empty scratch, so that ending its group ends its children too."""
    _emptied(spec.scratch)
    _prepared_log(spec.log)
    with spec.log.open("ab") as log:
        return subprocess.Popen(
            spec.arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=spec.scratch,
            env={**os.environ, **spec.environment, MARKER: marker},
            start_new_session=True,
        )


def has_exited(child: subprocess.Popen[bytes]) -> bool:
    """Whether a child has ended, without collecting it: until it is collected, nobody else gets its id."""
    if child.returncode is not None:
        return True
    found = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return found is not None


def kill_group(pid: int) -> None:
    """End whatever is left in the session of a process that we started: Python workers outlive a task manager."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def stop(identities: Iterable[ProcessIdentity], grace_s: float = GRACE_S) -> None:
    """Ask the processes to end, wait, and end by force those that have not; each only while it is still itself."""
    running = [identity for identity in identities if identity.is_running()]
    for identity in running:
        _signal(identity, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while any(identity.is_running() for identity in running) and time.monotonic() < deadline:
        time.sleep(0.05)
    for identity in running:
        _signal(identity, signal.SIGKILL)


def left_behind(marker: str) -> list[ProcessIdentity]:
    """Processes of this user that carry the marker of a stack: those of which no record is left."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARKER) == marker and process.pid != os.getpid():
                found.append(ProcessIdentity(process.pid, process.create_time()))
        except psutil.Error:
            continue
    return found


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a log; empty when there is none."""
    if not path.is_file():
        return []
    return path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]


def _signal(identity: ProcessIdentity, number: signal.Signals) -> None:
    if identity.is_running():
        try:
            os.kill(identity.pid, number)
        except ProcessLookupError:
            return


def _emptied(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)


def _prepared_log(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.is_file() and log.stat().st_size > MAX_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
