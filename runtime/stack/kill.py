"""Kill a part of the running stack on purpose, to see it come back."""

from __future__ import annotations

import os
import signal

from headrace.errors import StackError
from headrace.runtime.stack.plan import FLINK
from headrace.runtime.stack.stack import Stack


def kill_task_manager(stack: Stack, name: str) -> int:
    """Kill a task manager with SIGKILL and return its process id; the supervisor starts another.

    Raises:
        StackError: Flink of this stack is not running, or has no such task manager.
    """
    service = stack.record().services.get(FLINK)
    process = service.processes.get(name) if service else None
    if process is None or not process.identity.is_running():
        msg = f"no running {name} in {stack.folder}; run `headrace stack up`"
        raise StackError(msg)
    os.kill(process.identity.pid, signal.SIGKILL)
    return process.identity.pid
