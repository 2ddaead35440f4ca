"""Kill a part of the running stack on purpose, to see it come back."""

from __future__ import annotations

import psutil

from headrace.errors import StackError
from headrace.runtime.stack.plan import FLINK
from headrace.runtime.stack.stack import Stack

#: What the command of a process has in which PyFlink runs Python functions.
WORKER = "pyflink.fn_execution.beam.beam_boot"


def kill_task_manager(stack: Stack, name: str) -> int:
    """Kill a task manager with SIGKILL and return its process id; the supervisor starts another.

    Raises:
        StackError: Flink of this stack is not running, or has no such task manager.
    """
    process = _task_manager(stack, name)
    process.kill()
    return process.pid


def kill_python_workers(stack: Stack, name: str) -> list[int]:
    """Kill the Python processes of a task manager with SIGKILL and return their ids; Flink starts others.

    Raises:
        StackError: Flink of this stack is not running, has no such task manager, or that has no Python process.
    """
    workers = [one for one in _task_manager(stack, name).children(recursive=True) if WORKER in " ".join(one.cmdline())]
    if not workers:
        msg = f"{name} in {stack.folder} has no Python process; does a job with Python functions run there?"
        raise StackError(msg)
    for worker in workers:
        worker.kill()
    return [worker.pid for worker in workers]


def _task_manager(stack: Stack, name: str) -> psutil.Process:
    service = stack.record().services.get(FLINK)
    process = service.processes.get(name) if service else None
    if process is None or not process.identity.is_running():
        msg = f"no running {name} in {stack.folder}; run `headrace stack up`"
        raise StackError(msg)
    return psutil.Process(process.identity.pid)
