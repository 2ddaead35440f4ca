"""A lock that one process holds at a time, and whose holder can be named."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.errors import HeadraceError


@contextmanager
def exclusive(path: Path, refused: Callable[[str], HeadraceError]) -> Iterator[None]:
    """Hold a lock on a file for the block; the kernel lets go of it when the holder dies.

    Args:
        refused: makes the error of who holds it, given as `process 4711`, that is raised while another has it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise refused("process " + holder) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
