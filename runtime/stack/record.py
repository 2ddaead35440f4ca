"""`stack.json`: what the supervisor has started, on which ports, and how often it had to start it again."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from headrace.errors import StackError
from headrace.runtime.stack.process import ProcessIdentity

#: Raised when the record's form changes; a record of another form is refused with what to do.
FORMAT = 1

STARTING, RUNNING, FAILED = "starting", "running", "failed"


@dataclass(frozen=True)
class ProcessRecord:
    """One process: who it is, where it logs, how often it was started again, and how its predecessor ended."""

    identity: ProcessIdentity
    log: str
    restarts: int = 0
    last_exit: int | None = None


@dataclass(frozen=True)
class ServiceRecord:
    """One service: its state, its processes by name, the settings that reach it, and why it could not start."""

    state: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    processes: Mapping[str, ProcessRecord] = field(default_factory=dict)
    error: str | None = None

    def is_running(self) -> bool:
        """Whether every process of it runs now."""
        return self.state == RUNNING and all(process.identity.is_running() for process in self.processes.values())


@dataclass(frozen=True)
class StackRecord:
    """The whole stack. Ports outlive `down`, services do not."""

    supervisor: ProcessIdentity | None = None
    ports: Mapping[str, int] = field(default_factory=dict)
    services: Mapping[str, ServiceRecord] = field(default_factory=dict)

    def identities(self) -> list[ProcessIdentity]:
        """Every process but the supervisor."""
        return [found.identity for service in self.services.values() for found in service.processes.values()]

    def with_service(self, name: str, service: ServiceRecord) -> StackRecord:
        """The record with one service put in place."""
        return replace(self, services={**self.services, name: service})


def read_record(path: Path) -> StackRecord:
    """The record in a file; an empty one when there is none.

    Raises:
        StackError: the file is no record of this version.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return _record(values)
    except FileNotFoundError:
        return StackRecord()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path}: no record of a local stack of this version ({error!r}); stop its processes and delete the file"
        raise StackError(msg) from error


def write_record(path: Path, record: StackRecord) -> None:
    """Put the record in place at once: a reader sees the old or the new one, never a part."""
    write_whole(path, json.dumps({"format": FORMAT, **asdict(record)}, indent=1))


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it exists wholly or not at all, a crash included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _record(values: Mapping[str, Any]) -> StackRecord:
    if values["format"] != FORMAT:
        raise ValueError(values["format"])
    supervisor = values["supervisor"]
    return StackRecord(
        supervisor=None if supervisor is None else ProcessIdentity(**supervisor),
        ports=values["ports"],
        services={name: _service(service) for name, service in values["services"].items()},
    )


def _service(values: Mapping[str, Any]) -> ServiceRecord:
    processes = {name: _process(found) for name, found in values["processes"].items()}
    return ServiceRecord(values["state"], values["settings"], processes, values["error"])


def _process(values: Mapping[str, Any]) -> ProcessRecord:
    return ProcessRecord(ProcessIdentity(**values["identity"]), values["log"], values["restarts"], values["last_exit"])
