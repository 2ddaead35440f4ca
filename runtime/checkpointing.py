"""Where and how often Flink saves the state of a job."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# A failed checkpoint is retried; a job whose storage is gone must not run for ever on an old one.
TOLERABLE_FAILED_CHECKPOINTS = 5


@dataclass(frozen=True)
class Checkpointing:
    """Where and how often a job's state is saved. `interval` is a Flink duration such as `10 s`."""

    folder: str
    savepoints: str
    interval: str

    @property
    def configuration(self) -> dict[str, str]:
        """As Flink options: exactly once, kept when the job is cancelled, so that it can be resumed."""
        return {
            "execution.checkpointing.dir": self.folder,
            "execution.checkpointing.savepoint-dir": self.savepoints,
            "execution.checkpointing.interval": self.interval,
            "execution.checkpointing.mode": "EXACTLY_ONCE",
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.tolerable-failed-checkpoints": str(TOLERABLE_FAILED_CHECKPOINTS),
        }


def local_path(uri: str) -> Path:
    """The path of a URI that Flink gave, on a file system of this machine.

    >>> str(local_path("file:///checkpoints/0a1b")), str(local_path("file:/savepoints/1"))
    ('/checkpoints/0a1b', '/savepoints/1')
    """
    return Path(uri.removeprefix("file://").removeprefix("file:"))


def retained_checkpoints(folder: str, job_id: str) -> list[str]:
    """The completed checkpoints of a job, oldest first: those whose metadata is there.

    Their numbers tell the order, since a copy of the folder has times of its own.
    """
    found = (local_path(folder) / job_id).glob("chk-*/_metadata")
    ordered = sorted(found, key=lambda file: int(file.parent.name.removeprefix("chk-")))
    return [f"file://{file.parent}" for file in ordered]
