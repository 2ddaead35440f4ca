"""What a trainer's declaration means for what it makes, told to whoever starts it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from headrace.training.models.made_again import NO_POSITIONS
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.pipeline import StreamingTrainingPipeline


def remarks_on(trainer: StreamingTrainingPipeline, job: LearningJob) -> Iterator[str]:
    """Of which columns the learner knows nothing as they do not cross, and that no version of it can be made again."""
    if trainer.left_out:
        yield f"left out: {trainer.left_out}"
    if json.loads(job.taught)["places"] is None:
        yield f"`headrace model rebuild` cannot make again what this run learns: {NO_POSITIONS}"
