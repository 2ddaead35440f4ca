"""What was trained, as a version in the model store."""

from __future__ import annotations

from headrace.errors import TrainingError
from headrace.registry.model_facts import Facts, ModelVersion
from headrace.registry.model_states import Decision
from headrace.training.learning.pipeline import TrainingOutcome
from headrace.training.models.store import ModelStore


def register(
    store: ModelStore,
    outcome: TrainingOutcome,
    decision: Decision,
    *,
    parent: ModelVersion | None = None,
    trainer: str | None = None,
) -> ModelVersion:
    """Keep what was learnt in a model store, as a version in state `trained`.

    Args:
        parent: the version that was learnt on from; what it reads the new one reads, too.
        trainer: what learnt it, by a name that stays; with one the same again is the version that is there already.

    Raises, and no version is there then:
        TrainingError: it learnt from no row.
        ConnectorError: its files or its facts cannot be written.
    """
    if not outcome.trained.kept.rows_learned:
        msg = f"{outcome.definition.name}: no row was learnt in {outcome.trained.epochs} epochs, so that there is "
        raise TrainingError(msg + "nothing to register; let it learn for 1 epoch or more, or leave it by --no-register")
    origin = store.keep_origin()
    facts = Facts(
        artifact=store.artifacts.put(outcome.trained.files),
        code=origin.code,
        environment=origin.environment,
        features={**({} if parent is None else parent.facts.features), **outcome.features},
        snapshots={outcome.snapshot.table: outcome.snapshot.snapshot_id},
        label_cutoff=outcome.label_cutoff,
        seed=outcome.definition.recipe.seed,
        rows_seen=outcome.trained.kept.rows_visited,
        metrics=outcome.metrics,
        evaluated=outcome.evaluated,
        training=outcome.training,
        parent=None if parent is None else parent.name,
    )
    return store.register(outcome.definition.name, facts, decision, trainer)
