"""What was trained, as a version in the model store."""

from __future__ import annotations

from headrace.registry.model_facts import Facts, ModelVersion
from headrace.registry.model_states import Decision
from headrace.training.learning.pipeline import TrainingOutcome
from headrace.training.models.store import ModelStore


def register(store: ModelStore, outcome: TrainingOutcome, decision: Decision) -> ModelVersion:
    """Keep what was learnt in a model store, as a version in state `trained`.

    Raises ConnectorError when its files or its facts cannot be written; no version is there then.
    """
    origin = store.keep_origin()
    facts = Facts(
        artifact=store.artifacts.put(outcome.trained.files),
        code=origin.code,
        environment=origin.environment,
        features=outcome.features,
        snapshots={outcome.snapshot.table: outcome.snapshot.snapshot_id},
        seed=outcome.definition.recipe.seed,
        rows_seen=outcome.trained.kept.rows_visited,
        metrics=outcome.metrics,
        evaluated=outcome.evaluated,
        training=outcome.training,
    )
    return store.register(outcome.definition.name, facts, decision)
