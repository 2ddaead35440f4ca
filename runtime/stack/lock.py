"""One command at a time changes a stack."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from headrace.errors import StackError
from headrace.runtime.exclusive import exclusive


def alone(path: Path) -> AbstractContextManager[None]:
    """Hold a stack's lock for the block; StackError when another process holds it."""
    return exclusive(path, _refused)


def _refused(holder: str) -> StackError:
    msg = f"another command ({holder}) is changing this stack; wait for it"
    return StackError(msg)
