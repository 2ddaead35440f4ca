"""Where and how often Flink saves the state of a job."""

from __future__ import annotations

from dataclasses import dataclass

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
