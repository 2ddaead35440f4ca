"""One command at a time changes a stack."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import StackError


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock on a file for the block; the kernel lets go of it when the holder dies.

    Raises:
        StackError: another process holds it; its id is named.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            msg = f"another command (process {file.read().strip() or 'unknown'}) is changing this stack; wait for it"
            raise StackError(msg) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
