"""`TrainingDefinition`: what a training pipeline declares, checked, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headrace.errors import DefinitionError, ModelError, did_you_mean
from headrace.features.names import check_name, snake_case
from headrace.features.place import Place
from headrace.registry.model_facts import NAME
from headrace.training.continual.declared import Evaluating, Retraining
from headrace.training.data.encoding import Encoding
from headrace.training.data.fact_conditions import CHOICES, FactChoice
from headrace.training.data.filters import RowFilter
from headrace.training.learning.early_stopping import EarlyStopping
from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.trainer import Plan
from headrace.training.models.views import check_names

#: The splits that mean something: what is learnt from, and what each epoch is evaluated on; others are evaluated last.
TRAIN, VALID = "train", "valid"


@dataclass(frozen=True, slots=True)
class TrainingDefinition:
    """What is learnt of which rows.

    Attributes:
        source: `namespace.table`, `namespace.table@snapshot` or the id of a training set; empty: to be said at the run.
        splits: for each split the filters that all of its rows pass.
        batch_rows: rows of a micro-batch.
        event_time, label_time: the columns that say when a row happened, and when its label came; empty: not declared.
        fine_tuning: the optimizer by which a model that is trained goes on; None: the recipe's, begun anew.
        features: the feature views that made the rows of a table.
        facts: which facts of a label join are taken; None: each id has one.
    """

    name: str
    owner: str
    description: str
    source: str
    encoding: Encoding
    recipe: Recipe
    plan: Plan
    splits: Mapping[str, tuple[RowFilter, ...]]
    batch_rows: int
    where: Place
    event_time: str = ""
    label_time: str = ""
    fine_tuning: OptimizerSpec | None = None
    features: tuple[str, ...] = ()
    facts: FactChoice | None = None

    @property
    def at(self) -> str:
        """What errors of it begin with: where it is declared, and its name."""
        return f"{self.where}: training {self.name}"

    def changed(self, *, epochs: int | None = None, seed: int | None = None) -> TrainingDefinition:
        """The same with other epochs or another seed; ModelError for ones that cannot be meant."""
        plan = self.plan if epochs is None else replace(self.plan, epochs=epochs)
        recipe = self.recipe if seed is None else replace(self.recipe, seed=seed)
        return replace(self, plan=plan, recipe=recipe)


def definition_of(cls: type[Any], where: Place) -> TrainingDefinition:
    """The checked definition of a pipeline class; DefinitionError, at its place, for what cannot be meant."""
    at = f"{where}: training {cls.__name__}"
    owner = getattr(cls, "owner", None)
    if not isinstance(owner, str) or not owner.strip():
        msg = f'{at}: no owner; set `owner = "team@example.com"`, found {owner!r}'
        raise DefinitionError(msg)
    _check_kinds(cls, at)
    try:
        recipe = Recipe(cls.model, cls.optimizer, cls.losses, cls.huber_delta, cls.guard, cls.seed)
        plan = Plan(cls.epochs, cls.stopping, cls.checkpoint_batches, cls.most_refused)
        if cls.stopping is not None:
            cls.stopping.check_task(cls.model.task)
    except ModelError as error:
        msg = f"{at}: {error}"
        raise DefinitionError(msg) from error
    splits = _splits(cls, at)
    cls.check_promotion(at)
    cls.check_gates(at, splits.keys() - {TRAIN}, cls.model.task, cls.label_time)
    return TrainingDefinition(
        check_name(snake_case(cls.__name__), "training", where),
        owner,
        (cls.__dict__.get("__doc__") or "").strip(),
        cls.source,
        cls.encoding,
        recipe,
        plan,
        splits,
        cls.batch_rows,
        where,
        cls.event_time,
        cls.label_time,
        cls.fine_tuning,
        check_names(cls.features, at),
        cls.facts,
    )


def _check_kinds(cls: type[Any], at: str) -> None:
    """DefinitionError for an option of another kind than it must be."""
    kinds = {
        "source": str,
        "encoding": Encoding,
        "model": ModelSpec,
        "optimizer": OptimizerSpec,
        "guard": Guard,
        "stopping": EarlyStopping | None,
        "losses": Mapping,
        "splits": Mapping,
        "batch_rows": int,
        "epochs": int,
        "event_time": str,
        "label_time": str,
        "fine_tuning": OptimizerSpec | None,
        "retraining": Retraining | None,
        "evaluating": Evaluating | None,
    }
    for name, kind in kinds.items():
        found = getattr(cls, name, None)
        if not isinstance(found, kind):
            msg = f"{at}: {name}: expected {getattr(kind, '__name__', kind)}, found {found!r}"
            raise DefinitionError(msg)
    if cls.encoding.label is None:
        msg = f"{at}: encoding: names no label, so that there is nothing to learn; add Label('column')"
        raise DefinitionError(msg)
    if cls.facts not in (None, *CHOICES):
        msg = f"{at}: facts is {cls.facts!r}; {did_you_mean(str(cls.facts), CHOICES)}"
        raise DefinitionError(msg)
    if cls.label_time in cls.encoding.features:
        msg = (
            f"{at}: encoding: label_time {cls.label_time!r} is among the features, which nobody knows before the label "
        )
        msg += "is there; take it out of them"
        raise DefinitionError(msg)
    scheduled = cls.retraining is not None or cls.evaluating is not None
    if scheduled and ("." not in cls.source or "@" in cls.source):
        msg = f"{at}: schedules: source is {cls.source!r}; expected a table namespace.table to which rows come"
        raise DefinitionError(msg)
    if cls.batch_rows < 1:
        msg = f"{at}: batch_rows = {cls.batch_rows!r}: expected at least 1"
        raise DefinitionError(msg)


def _splits(cls: type[Any], at: str) -> dict[str, tuple[RowFilter, ...]]:
    """The splits, each with its filters; where none is declared all rows train."""
    declared: Mapping[str, RowFilter | Sequence[RowFilter]] = cls.splits or {TRAIN: ()}
    for name in declared:
        if not (isinstance(name, str) and NAME.fullmatch(name)):
            msg = f"{at}: splits: {name!r} is no name of a split; expected a letter, then at most 99 letters, digits, "
            msg += "'_', '.' or '-', since a version keeps its metrics by that name; rename it"
            raise DefinitionError(msg)
    if TRAIN not in declared:
        msg = f"{at}: splits: no split {TRAIN!r} to learn from; {did_you_mean(TRAIN, declared)}"
        raise DefinitionError(msg)
    if cls.stopping is not None and VALID not in declared:
        msg = f"{at}: stopping: watches split {VALID!r}, which is not declared; {did_you_mean(VALID, declared)}"
        raise DefinitionError(msg)
    return {name: _filters(f"{at}: splits: {name!r}", found) for name, found in declared.items()}


def _filters(at: str, found: object) -> tuple[RowFilter, ...]:
    """The filters of a split; DefinitionError for anything else."""
    listed = tuple(found) if isinstance(found, Sequence) and not isinstance(found, str) else (found,)
    for one in listed:
        if isinstance(one, type) or not isinstance(one, RowFilter):
            msg = (
                f"{at}: expected a filter, such as Condition('trip', '<', 3) or before('at', day), or a list of them, "
            )
            raise DefinitionError(msg + f"() for all rows; found {one!r}")
    return listed
