"""What happens to a job between two rows that it reads, as data."""

from __future__ import annotations

from enum import Enum


class Marker(Enum):
    """What happens to the job that reads a script, after the rows before it.

    PAUSE: the job has read them all, and they are in a completed checkpoint before the next row is there to be read.
    CRASH: the job has read them all, and those since the last PAUSE are in no checkpoint; then its task manager dies,
    and the job goes on from its last checkpoint, or from the beginning.
    """

    PAUSE = "PAUSE"
    CRASH = "CRASH"

    def __repr__(self) -> str:
        """As a test writes it."""
        return self.value
