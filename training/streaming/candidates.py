"""From what the trainer told and Flink committed to candidates of the model store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta

from headrace.connectors.iceberg import IcebergCatalog
from headrace.features.instant import EPOCH
from headrace.registry import model_facts
from headrace.training.models.store import ModelStore
from headrace.training.streaming import positions
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.tables import CANDIDATES, told_of
from headrace.training.streaming.told import Candidate

#: The evaluation set of metrics that were taken on the way: each row was tested before it was learned from.
SET = "stream"


def register_committed(iceberg: IcebergCatalog, store: ModelStore, job: LearningJob) -> list[model_facts.Candidate]:
    """Keep in the store each candidate that the run has told of and Flink has committed, and return those.

    Files that were written and never told of, because the attempt that wrote them was rolled back, are no candidates.
    To do it again is nothing.

    Raises:
        NotFoundError: no trainer of this catalog has run yet, or the version that the job started from is not there.
        ArtifactError: the files of a candidate are missing or damaged.
    """
    features = {} if job.parent is None else store.registry.version(job.model, job.parent).facts.features
    found = [candidate_of(told, job, features) for told in told_of(iceberg, CANDIDATES, job.run)]
    for candidate in found:
        store.add_candidate(candidate)
    return found


def candidate_of(told: Candidate, job: LearningJob, features: Mapping[str, str]) -> model_facts.Candidate:
    """A candidate as the store has it; `features` are those of its parent, whose columns it reads on.

    It has no label cutoff: its parent's is older than the labels that the stream brought, and theirs is not known.
    """
    metrics = {name: value for name, value in json.loads(told.metrics).items() if value is not None}
    facts = model_facts.Facts(
        artifact=told.artifact,
        code=job.origin["code"],
        environment=job.origin["environment"],
        features=dict(features),
        snapshots=dict(job.snapshots),
        offsets={
            f"{job.source}-{name}": (span.first, span.last + 1)
            for name, span in positions.from_json(told.positions).items()
        },
        rows_seen=told.visited,
        metrics={f"{SET}/{name}": value for name, value in metrics.items()},
        evaluated={SET: f"run {told.run}: rows 1 to {told.visited}, each before it was learned from"},
        parent=job.parent,
    )
    return model_facts.Candidate(job.model, job.run, facts, EPOCH + timedelta(microseconds=told.told_us))
