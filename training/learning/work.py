"""`Work`: what a run of a training pipeline is to learn, of which rows, by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.spec import Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import Plan


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be learned by whom: of `training`; with `files` and `after` on from a model and a snapshot.

    `features` are the versions of the views that made the rows; `recipe` is that of the step `learner`, whose optimizer
    `fine_tuning` may take the place of; `newest_us` is when the newest label of the rows was known (µs).
    """

    features: Mapping[str, str]
    snapshot: Snapshot
    training: PinnedRows
    learner: TorchLearner
    recipe: Recipe
    plan: Plan
    newest_us: int | None
    files: Mapping[str, bytes] | None = None
    after: int | None = None
    plots: bool = False

    @property
    def rows(self) -> int:
        """How many rows an epoch visits; 0 where that is not known before they are read."""
        if self.files is None:
            return self.learner.fitted.rows
        chosen = self.training.filters or self.training.superseded is not None
        return 0 if chosen else self.training.snapshot.rows
