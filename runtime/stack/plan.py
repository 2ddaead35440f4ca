"""What a stack is made of: the values that `up` hands to the supervisor, small enough to travel as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headrace.runtime.stack.ports import PortChooser
from headrace.runtime.stack.process import ProcessIdentity

KAFKA, CASSANDRA, FLINK, ICEBERG = "kafka", "cassandra", "flink", "iceberg"
#: In the order in which they are shown. Iceberg's catalog is a file: it has a check, but no process.
SERVICES = (KAFKA, CASSANDRA, FLINK, ICEBERG)


@dataclass(frozen=True)
class Memory:
    """MiB: heaps of the JVMs; of a task manager, the whole process and its managed part."""

    kafka_heap: int
    cassandra_heap: int
    job_manager_heap: int
    task_manager_process: int
    task_manager_managed: int


@dataclass(frozen=True)
class StackPlan:
    """Everything that the supervisor needs to start any service.

    Attributes:
        folder: data, configuration, logs and record of the stack; absolute.
        jars: folder with the JARs of `flink`, `kafka` and `cassandra`.
        pyflink: folder of the installed PyFlink package, which holds Flink itself.
        java: the Java executable.
        python: the interpreter that runs Python functions inside Flink.
        ports: configured ports by name; 0 chooses.
        least_free_disk: MiB that must be free on the folder's disk before a start.
        short_lived: whether the stack ends soon, so that its JVMs had better not compile for long.
        flink: Flink options that win over those of the stack.
    """

    folder: Path
    jars: Path
    pyflink: Path
    java: Path
    python: Path
    ports: Mapping[str, int]
    memory: Memory
    task_managers: int
    slots: int
    least_free_disk: int
    short_lived: bool = False
    flink: Mapping[str, str] = field(default_factory=dict)

    def log_of(self, process: str) -> Path:
        """The file that a process writes its output to."""
        return self.folder / "logs" / f"{process}.log"

    def scratch_of(self, process: str) -> Path:
        """A folder that is emptied before every start of the process."""
        return self.folder / "scratch" / process

    def port(self, name: str, ports: PortChooser) -> int:
        """The port of a name: the configured one, else what the chooser gives.

        Raises:
            PreflightError: the configured port is taken.
        """
        return ports.choose(name, self.ports.get(name, 0))

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StackPlan:
        """The plan out of what `to_json` made."""
        paths = {name: Path(values[name]) for name in ("folder", "jars", "pyflink", "java", "python")}
        return cls(**{**values, **paths, "memory": Memory(**values["memory"])})


@dataclass(frozen=True)
class Desired:
    """What `up` asks of the supervisor.

    Attributes:
        request: names the request; a new one has failed services tried again.
        services: to be started, unless they run.
        plan: how to start them.
        owner: a process (its id and start, in seconds since the epoch) at whose end the stack ends too, if any.
    """

    request: str
    services: tuple[str, ...]
    plan: StackPlan
    owner: ProcessIdentity | None = None

    def to_text(self) -> str:
        """The request as a file's text."""
        owner = None if self.owner is None else asdict(self.owner)
        values = {"request": self.request, "services": self.services, "plan": self.plan.to_json(), "owner": owner}
        return json.dumps(values, indent=1)

    @classmethod
    def from_text(cls, text: str) -> Desired:
        """The request out of what `to_text` made."""
        values = json.loads(text)
        owner = None if values["owner"] is None else ProcessIdentity(**values["owner"])
        return cls(values["request"], tuple(values["services"]), StackPlan.from_json(values["plan"]), owner)
