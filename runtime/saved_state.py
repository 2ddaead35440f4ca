"""A savepoint or checkpoint on a file system of this machine: which job made it, and at which checkpoint."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from headrace.errors import JobError

#: The file of a savepoint or checkpoint that Flink writes last.
METADATA = "_metadata"
#: What Flink's metadata files begin with: a magic number, the version of their format, the checkpoint's id.
HEADER = struct.Struct(">Iiq")
MAGIC = 0x4960672D
#: Flink names a savepoint's folder by the first digits of its job, and puts checkpoints into a folder of the job.
SAVEPOINT = re.compile(r"savepoint-([0-9a-f]{6})-")
CHECKPOINT = re.compile(r"([0-9a-f]{32})/chk-\d+")
NS_PER_US = 1000


@dataclass(frozen=True, slots=True)
class SavedState:
    """A savepoint or checkpoint.

    Attributes:
        checkpoint: its number, which its metadata has. A job that starts from it counts on.
        job: the first digits of the job that made it; None when the path does not tell.
        made_us: when its metadata was written, by the file system (processing time, µs since the epoch). A copy may
            have a time of its own.
    """

    checkpoint: int
    job: str | None
    made_us: int

    @classmethod
    def read(cls, folder: Path) -> Self:
        """That of a folder. JobError: it is no savepoint or checkpoint."""
        checkpoint = checkpoint_id(folder)
        return cls(checkpoint, job_of(folder), (folder / METADATA).stat().st_mtime_ns // NS_PER_US)


def checkpoint_id(folder: Path) -> int:
    """The number of the checkpoint that a savepoint or checkpoint is, as its metadata says.

    Raises:
        JobError: the folder is no savepoint or checkpoint.
    """
    try:
        magic, _, found = HEADER.unpack((folder / METADATA).read_bytes()[: HEADER.size])
    except (OSError, struct.error) as error:
        msg = f"{folder} is no savepoint or checkpoint: {error}; expected a folder with {METADATA}"
        raise JobError(msg) from error
    if magic != MAGIC:
        msg = f"{folder / METADATA}: expected Flink's metadata, which begins with {MAGIC:#x}, found {magic:#x}"
        raise JobError(msg)
    return int(found)


def job_of(folder: Path) -> str | None:
    """The first digits of the job that wrote a savepoint or checkpoint; None when the path does not tell.

    >>> job_of(Path("/savepoints/savepoint-0a1b2c-77aa00112233"))
    '0a1b2c'
    """
    found = SAVEPOINT.search(folder.name) or CHECKPOINT.search(str(folder))
    return found.group(1) if found else None
