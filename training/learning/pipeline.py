"""`TrainingPipeline`: full training of a pinned snapshot, declared as a class and run in steps of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from headrace.connectors.artifacts import address_of
from headrace.errors import DatasetError, SettingsError
from headrace.features.instant import instant_of, instant_us
from headrace.features.module import class_in
from headrace.features.place import calling_place
from headrace.registry.model_facts import OWN_CODE
from headrace.runtime.platform import Platform
from headrace.training.continual.declared import Retraining
from headrace.training.data.changes import appended_between
from headrace.training.data.dataset import PinnedDataset
from headrace.training.data.encoding import Encoding, Fitted
from headrace.training.data.fact_conditions import FactChoice
from headrace.training.data.filters import RowFilter
from headrace.training.data.label_look import check_labels
from headrace.training.data.label_time import LabelTime
from headrace.training.data.last_facts import chosen_facts
from headrace.training.data.order import Order
from headrace.training.data.overlap import check_apart
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.definition import TRAIN, VALID, TrainingDefinition, definition_of
from headrace.training.learning.definition_json import check_kept, definition_plain
from headrace.training.learning.early_stopping import EarlyStopping
from headrace.training.learning.events import Subscriber
from headrace.training.learning.guarding import fitted_of_task, label_of_task
from headrace.training.learning.reproducible import device_of
from headrace.training.learning.rows_text import rows_text
from headrace.training.learning.run_folder import check_folder
from headrace.training.learning.sources import check_versions, snapshot_of, versions_of
from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import Begun
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import MOST_REFUSED, Trained, Trainer, evaluate
from headrace.training.learning.work import Work
from headrace.training.models.governed import Governed
from headrace.training.models.made_again import FULL, LEARNED_ON
from headrace.training.models.options import check_options
from headrace.training.models.own_code import definition_code, named_code, own_files
from headrace.training.models.steps import guard_steps


@dataclass(frozen=True, slots=True)
class TrainingOutcome:
    """What a run learnt, and of what.

    Attributes:
        metrics: of the model that is kept, by `split/metric`, for every split but that which trains.
        evaluated: for each such split the rows it was, in as many characters as a version keeps (`rows_text`).
        features: by feature view, the version whose features the rows have; empty where none is declared of a table.
        training: how it was learnt, as plain values: what `headrace model rebuild` needs.
        label_cutoff: when the newest label that it learnt from was known; None where no column says so.
    """

    definition: TrainingDefinition
    snapshot: Snapshot
    trained: Trained
    metrics: Mapping[str, float]
    evaluated: Mapping[str, str]
    features: Mapping[str, str]
    training: Mapping[str, Any]
    label_cutoff: datetime | None


#: Clocks of two machines differ by less than this where anything keeps them.
AHEAD_US = 1_000_000
#: What a subclass may override; what it then does is not among the values that a version keeps.
STEPS = ("snapshot", "rows", "fit", "example", "learner", "dataset", "appended")
#: What a subclass may override besides: facts of a version, which change nothing of what is learnt.
FACT_STEPS = ("feature_versions",)


class TrainingPipeline(Governed):
    """Base of all full trainings: set `owner`, `encoding` and `model`; the docstring describes it, the class names it.

    `source` is a table `namespace.table`, perhaps `@snapshot`, or the id of a training set. `splits` are filters by
    name: `train` is learnt from, `valid` evaluated after each epoch, others at the end. `gates` and `evaluations` are
    what its versions have to pass; `retraining` and `evaluating` say when `headrace schedule` makes and judges them;
    `event_time`, `label_time` say when a row happened and when its label was known; `facts` which of a label join's
    rows are taken (`CHOICES`); `fine_tuning` is by what a trained model goes on; `features` names the feature views
    that made the rows, whose versions become facts.
    The rest is what `Recipe` and `Plan` say.

    `class Base(TrainingPipeline, abstract=True)` defines none. Override the steps `snapshot`, `rows`, `fit`, `example`,
    `learner`, `dataset`, `appended` and `feature_versions` for more.
    """

    owner: ClassVar[str]
    encoding: ClassVar[Encoding]
    model: ClassVar[ModelSpec]
    source: ClassVar[str] = ""
    optimizer: ClassVar[OptimizerSpec] = OptimizerSpec()
    losses: ClassVar[Mapping[str, float]] = {}
    huber_delta: ClassVar[float] = 1.0
    guard: ClassVar[Guard] = Guard()
    splits: ClassVar[Mapping[str, RowFilter | Sequence[RowFilter]]] = {}
    batch_rows: ClassVar[int] = 512
    epochs: ClassVar[int] = 1
    seed: ClassVar[int] = 0
    stopping: ClassVar[EarlyStopping | None] = None
    checkpoint_batches: ClassVar[int] = 1_000
    most_refused: ClassVar[float] = MOST_REFUSED
    event_time: ClassVar[str] = ""
    label_time: ClassVar[str] = ""
    facts: ClassVar[FactChoice | None] = None
    features: ClassVar[Sequence[str]] = ()
    fine_tuning: ClassVar[OptimizerSpec | None] = None
    retraining: ClassVar[Retraining | None] = None
    definition: ClassVar[TrainingDefinition]

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        where = calling_place()
        at = f"{where}: training {cls.__name__}"
        check_options(cls, at, abstract=abstract)
        guard_steps(cls, TrainingPipeline, (*STEPS, *FACT_STEPS), f"training {cls.__name__}")
        if not abstract:
            cls.definition = definition_of(cls, where)
            check_kept(cls.definition, at)

    @classmethod
    def model_name(cls) -> str:
        """The name of the training and of its model; empty for an abstract one."""
        return cls.definition.name if "definition" in vars(cls) else ""

    @classmethod
    def own_code(cls) -> dict[str, str]:
        """The hashes of the user's own files that declare it and its network, by module."""
        return {**named_code(cls.definition.recipe.model.module), **definition_code(cls)}

    @classmethod
    def own_files(cls) -> dict[str, Path]:
        """The user's own files whose hashes `own_code` has, by module, but for that which declares it."""
        return own_files(cls, cls.definition.recipe.model.module)

    def __init__(
        self, platform: Platform, *, epochs: int | None = None, seed: int | None = None, device: str = "auto"
    ) -> None:
        # Before anything is learnt: files may change meanwhile.
        self.code = type(self).own_code()
        device_of(device)  # what is not here is refused before anything is read
        self.platform, self.device = platform, device
        self.chosen = type(self).definition.changed(epochs=epochs, seed=seed)

    def train(
        self,
        source: str = "",
        folder: Path | None = None,
        *,
        resume: bool = False,
        subscribers: Mapping[str, Sequence[Subscriber]] | None = None,
        plots: bool = True,
    ) -> TrainingOutcome:
        """Learn from a source, by default the declared one, to the end.

        Args:
            folder: for checkpoint, artifact, scalars and plots; None: nothing is written.
            resume: go on from the folder's checkpoint.
            subscribers: by event, who is told.
            plots: whether the run is drawn into the folder.

        Raises:
            NotFoundError: the table, snapshot, training set or feature view is not there.
            DatasetError: a split is empty, or that which trains shares rows with another, or labels of any split are
                refused, or were not known by then; or facts have superseded some rows, and `facts` is not set.
            UnknownColumnError, ColumnTypeError: a declared column is not there, or of another type.
            TrainingError: nothing could be learnt, or too little of the rows; or the folder cannot be written, or its
                run not be resumed.
        """
        check_folder(folder)
        named = source or self.chosen.source
        snapshot, features = self.snapshot(named), self._features(named)
        self.check_splits(snapshot)
        training = self.facts_of(self.rows(snapshot, TRAIN))
        # Fitting looks at labels itself, but not at their times.
        newest = self._newest_label(training) if self.chosen.label_time else None
        fitted = self.fit(training)
        learner = self.learner(fitted, self.example(training))
        work = Work(features, snapshot, training, learner, learner.recipe, self.chosen.plan, newest, plots=plots)
        return self._learned(work, folder, resume, subscribers)

    def learn_on(
        self,
        files: Mapping[str, bytes],
        after: int,
        source: str = "",
        folder: Path | None = None,
        *,
        resume: bool = False,
        subscribers: Mapping[str, Sequence[Subscriber]] | None = None,
    ) -> TrainingOutcome:
        """Learn on from a model's files, on the training split of what was appended after a snapshot, each row once.

        Rows come in the order in which they were appended. Weights and fitted encoding are the model's. Losses, guard,
        seed and optimizer, which begins anew, are those declared now, or those of what an own step `learner` makes, and
        `fine_tuning` goes before `optimizer`, whatever the model was learnt by. Nothing is drawn. Args and errors are
        those of `train`, and:

        Raises:
            ModelError: the files are of another model, or encode otherwise, than what is declared now, or than what an
                own step `learner` makes; or that has learned already.
            DatasetError: rows were taken away or changed since the snapshot.
        """
        check_folder(folder)
        named = source or self.chosen.source
        snapshot, features = self.snapshot(named), self._features(named)
        self.check_splits(snapshot)
        training = self.facts_of(self.appended(snapshot, after))
        learner, recipe = self._going_on(files)
        newest = self._newest_label(training)
        plan = replace(self.chosen.plan, epochs=1, stopping=None)
        work = Work(features, snapshot, training, learner, recipe, plan, newest, files, after)
        return self._learned(work, folder, resume, subscribers)

    def appended(self, snapshot: Snapshot, after: int) -> PinnedRows:
        """The training split of the rows that a snapshot has and an older one had not, whatever facts they are."""
        table = self.platform.iceberg.named(snapshot.table)
        return appended_between(table, after, snapshot).where(*self.chosen.splits[TRAIN])

    def snapshot(self, source: str) -> Snapshot:
        """The rows that a source names; SettingsError when none is named."""
        if not source:
            msg = f"{self.chosen.at} declares no source; name a table or a training set"
            raise SettingsError(msg)
        return snapshot_of(self.platform, source)

    def feature_versions(self, source: str) -> Mapping[str, str]:
        """The version of each feature view that made the rows of a source: of a table, of those that `features` names.

        Raises:
            NotFoundError: there is no such view, or training set.
            DatasetError: the training set has no feature of a declared view.
        """
        return versions_of(self.platform, source, self.chosen.features)

    def rows(self, snapshot: Snapshot, split: str) -> PinnedRows:
        """The rows of a split, whatever facts they are: of these `facts_of` has those that are to be taken."""
        return PinnedRows(snapshot, self.chosen.splits[split])

    def facts_of(self, rows: PinnedRows) -> PinnedRows:
        """Of a label join's facts those that are to be taken; raises what `chosen_facts` raises."""
        return chosen_facts(rows, self.chosen.facts, self.chosen.at)

    def check_splits(self, snapshot: Snapshot) -> None:
        """DatasetError for rows of a snapshot that train and are in another split, too, and for labels of the others.

        Their labels and the times of these are looked at as those that train are: a model would else be chosen, and
        stopped, by what nobody knew, or by nothing. All splits that are wrong are told. UnknownColumnError or
        ColumnTypeError for an event time that the rows do not have.
        """
        if self.chosen.event_time:
            LabelTime(self.chosen.event_time).check(str(snapshot), snapshot.schema)
        others = self._other_rows(snapshot)
        check_apart(self.facts_of(self.rows(snapshot, TRAIN)), others)
        wrong = []
        for name, rows in others.items():
            try:
                self._newest_label(rows, evaluated=True)
            except DatasetError as error:
                wrong.append(f"split {name!r}: {error}")
        if wrong:
            raise DatasetError("; ".join(wrong))

    def fit(self, training: PinnedRows) -> Fitted:
        """The encoding, fitted on the rows that train."""
        return training.fit(self.chosen.encoding)

    def example(self, training: PinnedRows) -> pa.RecordBatch:
        """One row, without its label, that the artifact keeps with its answer: the first of those that train."""
        return next(training.batches(list(self.chosen.encoding.features))).slice(0, 1)

    def learner(self, fitted: Fitted, example: pa.RecordBatch) -> TorchLearner:
        """What learns: of a new model, or, of the fitted encoding and example of one, what takes its weights up."""
        return TorchLearner(self.chosen.recipe, fitted, example, self.device)

    def dataset(self, rows: PinnedRows, fitted: Fitted, *, shuffle: bool) -> PinnedDataset:
        """The micro-batches of a split, in an order of the seed, or in that of the positions."""
        order = Order(seed=self.chosen.recipe.seed, shuffle=shuffle)
        return PinnedDataset(rows, fitted, batch_size=self.chosen.batch_rows, order=order)

    def _going_on(self, files: Mapping[str, bytes]) -> tuple[TorchLearner, Recipe]:
        """Who learns on from a model's files, and the recipe that the step `learner` made it of."""
        begun = Begun.of(files)
        begun.check_encoding(self.chosen.encoding, self.chosen.at)
        made = self.learner(begun.fitted, begun.example)
        recipe = made.recipe
        return begun.taken_up_by(made, self.chosen.fine_tuning, self.chosen.at), recipe

    @property
    def _others(self) -> list[str]:
        """The splits that do not train."""
        return [name for name in self.chosen.splits if name != TRAIN]

    def _other_rows(self, snapshot: Snapshot) -> dict[str, PinnedRows]:
        """The rows of the splits that do not train."""
        return {name: self.facts_of(self.rows(snapshot, name)) for name in self._others}

    def _training(self, work: Work) -> dict[str, Any]:
        """How it is learnt, as plain values, and the gates that are declared with it."""
        own = [step for step in STEPS if getattr(type(self), step) is not getattr(TrainingPipeline, step)]
        # The order of rows is of the chosen seed, whatever that of a user's own learner.
        recipe = replace(work.recipe, seed=self.chosen.recipe.seed)
        definition = definition_plain(replace(self.chosen, recipe=recipe))
        own_code = {OWN_CODE: self.code} if self.code else {}
        begun = {"kind": FULL} if work.after is None else {"kind": LEARNED_ON, "after": work.after}
        made = {**begun, "definition": definition, "device": work.learner.device.type, "overridden": own}
        return {**made, **own_code, **self.gates_to_keep()}

    def _features(self, source: str) -> dict[str, str]:
        """What `feature_versions` says, looked at: what a version cannot keep is refused before anything is learnt."""
        return check_versions(self.feature_versions(source), self.chosen.at)

    def _newest_label(self, rows: PinnedRows, *, evaluated: bool = False) -> int | None:
        """When the newest label was known (µs), where a column says so; raises what `check_labels` raises.

        Of rows that are `evaluated` there has to be one, and the task bounds them; those that train are refused by it.
        """
        chosen, label = self.chosen, self.chosen.encoding.label
        if label is None:
            return None
        label = label_of_task(label, chosen.recipe.model.task) if evaluated else label
        times = LabelTime(chosen.label_time, chosen.event_time or None, AHEAD_US) if chosen.label_time else None
        return check_labels(rows, label, times, instant_us(datetime.now(UTC)), any_=evaluated)

    def _learned(
        self,
        work: Work,
        folder: Path | None,
        resume: bool,
        subscribers: Mapping[str, Sequence[Subscriber]] | None,
    ) -> TrainingOutcome:
        """What becomes of a learner that is given its rows."""
        learner, snapshot = work.learner, work.snapshot
        fitted = learner.fitted
        others = self._other_rows(snapshot)
        judging = fitted_of_task(fitted, learner.recipe.model.task)
        valid = self.dataset(others[VALID], judging, shuffle=False) if VALID in others else None
        dataset = self.dataset(work.training, fitted, shuffle=work.files is None)
        trainer = Trainer(learner, dataset, work.plan, valid, folder, self._identity(work), work.rows, work.plots)
        for kind, listening in (subscribers or {}).items():
            for one in listening:
                trainer.subscribe(kind, one)
        evaluated = {name: rows_text(str(rows)) for name, rows in others.items()}
        trained = trainer.run(resume=resume)
        metrics = self._evaluated(learner, trained, others, judging)
        training = self._training(work)
        cutoff = None if work.newest_us is None else instant_of(work.newest_us)
        return TrainingOutcome(self.chosen, snapshot, trained, metrics, evaluated, work.features, training, cutoff)

    def _identity(self, work: Work) -> dict[str, Any]:
        """What a checkpoint must be of to be gone on with."""
        splits = {name: [str(one) for one in filters] for name, filters in self.chosen.splits.items()}
        found: dict[str, Any] = {
            "snapshot": str(work.snapshot),
            "splits": splits,
            "encoding": work.learner.fitted.digest,
            "batch_rows": self.chosen.batch_rows,
        }
        found |= {"features": dict(work.features)} if work.features else {}
        found |= {"facts": self.chosen.facts} if self.chosen.facts else {}
        return found if work.files is None else {**found, "begun": address_of(work.files)}

    def _evaluated(
        self, learner: TorchLearner, trained: Trained, others: Mapping[str, PinnedRows], fitted: Fitted
    ) -> dict[str, float]:
        """The metrics of the kept model on each split that does not train; those that are not defined are left out."""
        found: dict[str, float | None] = {}
        for name, rows in others.items():
            known = trained.metrics if name == VALID else {}
            values = known or evaluate(learner, self.dataset(rows, fitted, shuffle=False))
            found |= {f"{name}/{metric}": value for metric, value in values.items()}
        return {name: value for name, value in found.items() if value is not None}


def load_training(file: Path, name: str = "") -> type[TrainingPipeline]:
    """The training pipeline of a Python file; with several, the one of a name.

    Raises DefinitionError, with file and line, for whatever is wrong in the file, and for a file without one.
    """
    return class_in(file, TrainingPipeline, lambda kind: kind.model_name(), "training", name)
