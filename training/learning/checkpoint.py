"""A checkpoint of a run: one file from which training goes on as if it had never stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from headrace.errors import ModelError, TrainingError
from headrace.training.learning.durable import write_whole
from headrace.training.learning.early_stopping import Watched
from headrace.training.learning.packed import as_bytes, as_tensor, canonical, pack, unpack

#: The number is raised with every change that an older headrace could not read.
FORMAT = "checkpoint 1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run is.

    Attributes:
        identity: what the run is of: rows, recipe, splits; another run's checkpoint is refused by it.
        epoch: the epoch that goes on, or begins.
        source: where the rows of that epoch are, as the dataset says it; None: at its beginning.
        learner: the learner's state; `best` that of the best epoch, empty before the first evaluation.
        scalars, refused: the tables of the run so far, as Arrow IPC streams.
        watched: what early stopping has seen.
        evaluations: the metrics of each evaluation.
    """

    identity: Mapping[str, Any]
    epoch: int
    source: Mapping[str, Any] | None
    learner: bytes
    best: bytes
    scalars: bytes
    refused: bytes
    watched: Watched
    evaluations: list[dict[str, float | None]]

    def write(self, file: Path) -> None:
        """Write it to a file, whole or not at all; TrainingError when that fails."""
        held = _held(self)
        facts = {
            "format": FORMAT,
            "identity": self.identity,
            "epoch": self.epoch,
            "source": self.source,
            "watched": asdict(self.watched),
            "evaluations": self.evaluations,
        }
        write_whole(file, pack(held, {"facts": facts, "sha256": _digest(held, facts)}))

    @classmethod
    def read(cls, file: Path, identity: Mapping[str, Any]) -> Checkpoint:
        """The checkpoint in a file.

        Raises TrainingError when there is none, it is damaged, or it is of another run.
        """
        try:
            held, written = unpack(file.read_bytes(), str(file))
            facts = written["facts"]
            if facts["format"] != FORMAT:
                msg = f"{file}: expected format {FORMAT!r}, found {facts['format']!r}"
                raise ModelError(msg)
            if written["sha256"] != _digest(held, facts):
                msg = f"{file}: its content is not what was written"
                raise ModelError(msg)
        except (OSError, ModelError, KeyError, TypeError) as error:
            msg = f"cannot resume: {error}; begin again without --resume"
            raise TrainingError(msg) from error
        _check_identity(file, facts["identity"], identity)
        parts = {name: as_bytes(tensor) for name, tensor in held.items()}
        return cls(
            facts["identity"],
            facts["epoch"],
            facts["source"],
            parts["learner"],
            parts["best"],
            parts["scalars"],
            parts["refused"],
            Watched(**facts["watched"]),
            facts["evaluations"],
        )


def _held(checkpoint: Checkpoint) -> dict[str, Tensor]:
    names = ("learner", "best", "scalars", "refused")
    return {name: as_tensor(getattr(checkpoint, name)) for name in names}


def _digest(held: Mapping[str, Tensor], facts: Any) -> str:
    """One hash of all there is, since safetensors has none."""
    found = hashlib.sha256(canonical(facts))
    for name in sorted(held):
        found.update(hashlib.sha256(as_bytes(held[name])).digest())
    return found.hexdigest()


def _check_identity(file: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    for name in sorted({*found, *expected}):
        if found.get(name) != expected.get(name):
            msg = f"cannot resume: {file} is of a run with {name} {found.get(name)!r}, and this one has "
            msg += f"{expected.get(name)!r}; begin again without --resume, or put it back"
            raise TrainingError(msg)
