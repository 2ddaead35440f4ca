"""What must hold before anything is started: found in milliseconds, said in one sentence."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from headrace.errors import PreflightError
from headrace.runtime.settings import Settings
from headrace.runtime.stack.flink import TaskManagerMemory
from headrace.runtime.stack.java import find_java, jars_in
from headrace.runtime.stack.plan import CASSANDRA, FLINK, ICEBERG, KAFKA, SERVICES, Memory, StackPlan
from headrace.runtime.stack.ports import require_free

MIB_IN_GIB = 1024
PORTS_OF = {
    KAFKA: ("kafka", "kafka_controller"),
    CASSANDRA: ("cassandra", "cassandra_storage"),
    FLINK: ("flink_rest", "flink_rpc"),
    ICEBERG: (),
}


def plan_of(settings: Settings) -> StackPlan:
    """The stack that the settings ask for.

    Raises:
        PreflightError: Java or PyFlink is missing.
    """
    stack = settings.stack
    return StackPlan(
        folder=settings.stack_record.parent,
        jars=settings.jars,
        pyflink=find_pyflink(),
        java=find_java(),
        python=Path(sys.executable),
        ports=stack.ports.model_dump(),
        memory=Memory(**stack.memory.model_dump()),
        task_managers=stack.task_managers,
        slots=stack.slots,
        least_free_disk=stack.least_free_disk,
        short_lived=stack.short_lived,
        flink=settings.flink.configuration,
    )


def find_pyflink() -> Path:
    """The folder of the installed PyFlink package; it is not imported.

    Raises:
        PreflightError: it is not installed.
    """
    found = importlib.util.find_spec("pyflink")
    if found is None or found.origin is None:
        msg = "apache-flink is not installed beside this Python; run `make setup`, or `pip install 'headrace[flink]'`"
        raise PreflightError(msg)
    return Path(found.origin).parent


def require_services(names: Iterable[str]) -> tuple[str, ...]:
    """The services in their own order.

    Raises:
        PreflightError: a name is none of a service.
    """
    wanted = set(names)
    if unknown := sorted(wanted - set(SERVICES)):
        msg = f"no service {unknown[0]!r} in the stack; known: {', '.join(SERVICES)}"
        raise PreflightError(msg)
    return tuple(name for name in SERVICES if name in wanted)


def require_startable(plan: StackPlan, services: Iterable[str]) -> None:
    """Check everything that these services need and that can be known before they start.

    Raises:
        PreflightError: JARs are missing, memory does not divide, a configured port is taken, or the disk is full.
    """
    wanted = tuple(services)
    require_disk(plan.folder, plan.least_free_disk)
    for name in wanted:
        if name != ICEBERG:
            jars_in(plan.jars / name)
        require_ports(plan.ports, name)
    if FLINK in wanted:
        TaskManagerMemory.of(plan.memory.task_manager_process, plan.memory.task_manager_managed)


def require_ports(configured: Mapping[str, int], service: str) -> None:
    """Check the configured ports of one service.

    Raises:
        PreflightError: one is taken.
    """
    for name in PORTS_OF[service]:
        if configured.get(name):
            require_free(name, configured[name])


def require_disk(folder: Path, least_mib: int) -> None:
    """Check that the folder's disk has room.

    Raises:
        PreflightError: it has less than `least_mib`.
    """
    free = free_disk(folder)
    if free < least_mib:
        msg = (
            f"{folder}: {free / MIB_IN_GIB:.1f} GiB free on this disk, expected at least {least_mib / MIB_IN_GIB:g}; "
            "free some (`headrace stack down --erase` removes the local stack's data), set `home` to another disk, "
            "or `stack.least_free_disk` to fewer MiB"
        )
        raise PreflightError(msg)


def free_disk(folder: Path) -> int:
    """Free MiB on the disk that a folder is, or would be, on."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    return shutil.disk_usage(there).free // 1024**2
