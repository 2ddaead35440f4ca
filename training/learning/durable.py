"""A file is there whole or as it was before, whenever the process or the machine ends."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from headrace.errors import TrainingError

#: Who may read and write a new file, unless the user's mask forbids it.
ANYONE = 0o666


def write_whole(file: Path, content: bytes, mode: int = ANYONE) -> None:
    """Write a file beside its place and move it there; TrainingError, and the old one is kept, when that fails."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.touch(mode)
        with beside.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(file)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        msg = f"{file}: cannot be written: {error}; what was there before is kept"
        raise TrainingError(msg) from error
