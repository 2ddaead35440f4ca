"""The champion's losses on the rows that came after it, watched for a rise; what was seen is kept between looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from headrace.errors import ModelError
from headrace.registry.model_facts import ModelVersion
from headrace.training.continual.known import RisenLosses
from headrace.training.data.snapshot import Snapshot
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.drift import DriftDetector, DriftSpec
from headrace.training.learning.durable import write_whole
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import BINARY
from headrace.training.learning.start import learner_from_files
from headrace.training.learning.torch_learner import TorchLearner


@dataclass(frozen=True)
class Watched:
    """What was seen of a champion's losses.

    Attributes:
        artifact: the champion's.
        snapshot: the table's, up to which rows were looked at.
        detector: with the losses of those rows.
        risen: the newest rise among them.
    """

    artifact: str
    snapshot: int
    detector: DriftDetector
    risen: RisenLosses | None = None

    def to_json(self) -> bytes:
        """As bytes that `of_json` reads."""
        risen = None if self.risen is None else asdict(self.risen)
        found = {"artifact": self.artifact, "snapshot": self.snapshot, "risen": risen}
        return json.dumps({**found, "detector": self.detector.state().decode()}, sort_keys=True).encode()

    @classmethod
    def of_json(cls, content: bytes) -> Watched:
        """What bytes say; ModelError when it is nothing."""
        try:
            found = json.loads(content)
            risen = None if found["risen"] is None else RisenLosses(**found["risen"])
            detector = DriftDetector.of(found["detector"].encode())
            return cls(found["artifact"], int(found["snapshot"]), detector, risen)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"watched losses: {type(error).__name__}: {error}; found {content[:40]!r}"
            raise ModelError(msg) from error


class LossWatch:
    """Watches the losses of a model's champion on the training split of what is appended.

    Args:
        file: keeps what was seen, so that a look reads the rows that came since the last one only; without it, or with
            one that does not fit, a look begins after the champion's own rows.
    """

    def __init__(self, pipeline: TrainingPipeline, spec: DriftSpec, file: Path) -> None:
        self.pipeline, self.spec, self._file = pipeline, spec, file

    def look(self, champion: ModelVersion, files: Mapping[str, bytes], snapshot: Snapshot) -> RisenLosses | None:
        """The newest rise of the champion's losses up to a snapshot.

        Raises:
            NotFoundError: the commits do not lead from the champion's snapshot to this one.
            DatasetError: rows were taken away or changed since.
            TrainingError: the champion has no finite answer to a row.
        """
        seen = self._seen(champion)
        if seen.snapshot != snapshot.snapshot_id:
            seen = self._continued(seen, learner_from_files(files, self.pipeline.device), snapshot)
            write_whole(self._file, seen.to_json())
        return seen.risen

    def _seen(self, champion: ModelVersion) -> Watched:
        """What was seen of this champion; nothing, from its own snapshot on, where that is not kept."""
        artifact = champion.facts.artifact
        try:
            kept = Watched.of_json(self._file.read_bytes())
        except (OSError, ModelError):
            kept = None
        if kept is not None and (kept.artifact, kept.detector.spec) == (artifact, self.spec):
            return kept
        table = self.pipeline.chosen.source
        return Watched(artifact, champion.facts.snapshots[table], DriftDetector(self.spec))

    def _continued(self, seen: Watched, learner: TorchLearner, snapshot: Snapshot) -> Watched:
        """What is seen with the rows up to a snapshot."""
        rows = self.pipeline.facts_of(self.pipeline.appended(snapshot, seen.snapshot))
        risen = seen.risen
        for batch in self.pipeline.dataset(rows, learner.fitted, shuffle=False):
            losses = losses_of(learner, batch)
            for position, loss in zip(batch.positions.tolist(), losses, strict=True):
                found = seen.detector.update(loss)
                if found is not None and found.rises:
                    risen = RisenLosses(position + 1, found.before, found.after)
        return replace(seen, snapshot=snapshot.snapshot_id, risen=risen)


def losses_of(learner: TorchLearner, batch: TensorBatch) -> list[float]:
    """The loss of each row: the square of the error of a chance (Brier's score), else the error itself."""
    if batch.label is None:
        return []
    errors = torch.abs(learner.answers(batch) - batch.label).double()
    binary = learner.recipe.model.task == BINARY
    found: list[float] = (errors.square() if binary else errors).tolist()
    return found
