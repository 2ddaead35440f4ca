"""`Trainer`: the loop of full training, with events, evaluation, early stopping and checkpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from headrace.errors import TrainingError
from headrace.training.data.tensors import TensorBatch
from headrace.training.learning.checkpoint import Checkpoint
from headrace.training.learning.checks import check_number
from headrace.training.learning.early_stopping import EarlyStopping, Watched
from headrace.training.learning.events import Event, Subscriber, Subscribers
from headrace.training.learning.guarding import answer_fault
from headrace.training.learning.learner import Counters, Step
from headrace.training.learning.metrics import MetricSet
from headrace.training.learning.reproducible import reproducible
from headrace.training.learning.run_folder import RunFolder
from headrace.training.learning.scalars import REFUSED, SCHEMA, Rows, add_scalars
from headrace.training.learning.torch_learner import TorchLearner

#: Where more rows are refused than learnt, the refusals and not the rows decide what is learnt.
MOST_REFUSED = 0.5


class Batches(Protocol):
    """Micro-batches of a split in an order that each epoch has of its own, and that can be gone on with."""

    def __iter__(self) -> Iterator[TensorBatch]:
        """The micro-batches of the epoch that are left."""

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch."""

    def state_dict(self) -> dict[str, Any]:
        """Where it is: JSON."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to learn, and how often to keep what was learnt.

    Attributes:
        epochs: how often every row is visited, at most.
        stopping: None: never before the last epoch; then the last epoch is kept, else the best.
        checkpoint_batches: micro-batches between two checkpoints; one is written after each epoch in any case.
        most_refused: the share of the rows visited that may be refused, 1 for any; more end the run with its epoch.
    """

    epochs: int = 1
    stopping: EarlyStopping | None = None
    checkpoint_batches: int = 1_000
    most_refused: float = MOST_REFUSED

    def __post_init__(self) -> None:
        check_number(self.epochs, "plan: epochs", 0)
        check_number(self.checkpoint_batches, "plan: checkpoint_batches", 1)
        check_number(self.most_refused, "plan: most_refused", 0, 1)


@dataclass(frozen=True, slots=True)
class Trained:
    """The outcome of a run.

    Attributes:
        files: the artifact, of the last epoch, or of the best where early stopping watched.
        metrics: of the evaluation of that epoch; empty without an evaluation split.
        epoch: that epoch; -1 where none was made.
        epochs: how many were made.
        counters: of the learner at the end of the run; `kept` when it made the model that is kept.
        refused: rows that were not learnt from, summed over the epochs.
    """

    files: Mapping[str, bytes]
    metrics: Mapping[str, float | None]
    epoch: int
    epochs: int
    counters: Counters
    kept: Counters
    refused: int


@dataclass
class _Run:
    """What changes while a run goes on."""

    epoch: int = 0
    source: Mapping[str, Any] | None = None
    best: bytes = b""
    watched: Watched = field(default_factory=Watched)
    evaluations: list[dict[str, float | None]] = field(default_factory=list)
    scalars: Rows = field(default_factory=lambda: Rows(SCHEMA))
    refused: Rows = field(default_factory=lambda: Rows(REFUSED))


class Trainer:
    """Full training of a learner over the micro-batches of a training split.

    Args:
        evaluation: gives the split that every epoch is evaluated on, always in one order.
        folder: where the checkpoint, the scalars and the plots go; None: nowhere.
        identity: what the rows are, for a checkpoint of other rows to be refused; so is one that another recipe or
            rule of early stopping made.
        rows: how many rows an epoch visits, for whoever shows how far it is; 0: not known.
        plots: whether the folder has them.
    """

    def __init__(
        self,
        learner: TorchLearner,
        training: Batches,
        plan: Plan,
        evaluation: Batches | None = None,
        folder: Path | None = None,
        identity: Mapping[str, Any] | None = None,
        rows: int = 0,
        plots: bool = True,
    ) -> None:
        if plan.stopping and evaluation is None:
            msg = "early stopping: there is no evaluation split to watch; declare one, or take stopping=None"
            raise TrainingError(msg)
        if plan.stopping:
            plan.stopping.check_task(learner.recipe.model.task)
        self.learner, self.training, self.evaluation, self.plan = learner, training, evaluation, plan
        self._folder = None if folder is None else RunFolder(folder, plots)
        self._identity = {**(identity or {}), "recipe": learner.recipe.to_json(), "stopping": _rule(plan)}
        self._subscribers = Subscribers()
        self._rows = rows
        self._run = _Run()

    def subscribe(self, kind: str, subscriber: Subscriber) -> None:
        """Tell a callable of every `start`, `micro_batch`, `evaluate`, `checkpoint` or `end`."""
        self._subscribers.subscribe(kind, subscriber)

    def run(self, *, resume: bool = False) -> Trained:
        """Learn to the end; with `resume` from the folder's checkpoint, to the same artifact as without the stop.

        Raises TrainingError when an epoch teaches nothing, more rows are refused than may be (`Plan.most_refused`), a
        file cannot be written, or a checkpoint cannot be used; FolderTakenError when another run writes to the folder.
        """
        with nullcontext() if self._folder is None else self._folder.alone():
            return self._ran(resume=resume)

    @property
    def _title(self) -> str:
        """What was learnt, in words."""
        recipe = self.learner.recipe
        return f"{recipe.model.module.rpartition(':')[2]} by {recipe.optimizer.name}, seed {recipe.seed}"

    def _ran(self, *, resume: bool) -> Trained:
        """The run, in a folder that is its own."""
        self._run = self._resumed() if resume else _Run()
        self._tell("start")
        # Around the whole loop, so that threads are not started anew for each micro-batch.
        with reproducible():
            while self._run.epoch < self.plan.epochs and not self._is_over():
                self._epoch()
        trained = self._kept()
        if self._folder is not None:
            self._folder.write(trained.files, self._run.scalars.table(), self._run.refused.table(), self._title)
        self._tell("end", values=trained.metrics)
        return trained

    def _is_over(self) -> bool:
        return self.plan.stopping is not None and self._run.watched.is_over(self.plan.stopping)

    def _epoch(self) -> None:
        """One epoch, or what is left of it; then its evaluation and a checkpoint."""
        run, learner = self._run, self.learner
        self.training.set_epoch(run.epoch)
        if run.source is None:
            learner.reset_metrics()
        else:
            self.training.load_state_dict(run.source)
        learned, whole = learner.counters.steps, run.source is None
        for batch in self.training:
            self._micro_batch(batch)
        if learner.counters.steps == learned and whole:
            self._refuse_epoch()
        self._check_refused()
        self._evaluate()
        run.epoch, run.source = run.epoch + 1, None
        self._checkpoint()

    def _micro_batch(self, batch: TensorBatch) -> None:
        """Learn from a micro-batch and keep what became of it."""
        step = self.learner.learn_tensors(batch)
        counters = self.learner.counters
        add_scalars(self._run.scalars, counters, "train", {"loss": step.loss, **step.metrics})
        if not step.learned:
            for position in batch.positions.tolist():
                self._run.refused.add(batch=counters.batches, position=position, reason=step.reason)
        self._tell("micro_batch", step)
        if self._folder is not None and counters.batches % self.plan.checkpoint_batches == 0:
            self._run.source = self.training.state_dict()
            self._checkpoint()

    def _refuse_epoch(self) -> None:
        reasons = self._run.refused.table()["reason"].to_pylist()
        why = f"every micro-batch was refused, the last because {reasons[-1]}" if reasons else "it has no rows"
        msg = f"epoch {self._run.epoch} taught nothing: {why}"
        raise TrainingError(msg)

    def _check_refused(self) -> None:
        """TrainingError when more rows were refused so far than may be."""
        counters, reasons = self.learner.counters, Counter(self._run.refused.table()["reason"].to_pylist())
        refused = counters.rows_visited - counters.rows_learned
        if refused > self.plan.most_refused * counters.rows_visited:
            why = "".join(f", {count:,} of them because {reason}" for reason, count in reasons.most_common(1))
            msg = f"{refused:,} of {counters.rows_visited:,} rows visited were refused{why}; at most "
            msg += f"{self.plan.most_refused:.0%} may be: look at labels and numbers, or allow it by `most_refused`"
            raise TrainingError(msg)

    def _evaluate(self) -> None:
        """Ask the model of the evaluation split, and keep it where it is the best so far."""
        if self.evaluation is None:
            return
        run, values = self._run, evaluate(self.learner, self.evaluation)
        run.evaluations.append(values)
        add_scalars(run.scalars, self.learner.counters, "eval", values)
        if self.plan.stopping is not None:
            run.watched = run.watched.after(self.plan.stopping, run.epoch, self.plan.stopping.watched_value(values))
            if run.watched.best_epoch == run.epoch:
                run.best = self.learner.state()
        self._tell("evaluate", values=values)

    def _checkpoint(self) -> None:
        if self._folder is None:
            return
        run = self._run
        Checkpoint(
            self._identity,
            run.epoch,
            run.source,
            self.learner.state(),
            run.best,
            run.scalars.to_bytes(),
            run.refused.to_bytes(),
            run.watched,
            run.evaluations,
        ).write(self._folder.checkpoint)
        self._tell("checkpoint")

    def _resumed(self) -> _Run:
        """The run in the folder's checkpoint; the learner is put where it was."""
        if self._folder is None:
            msg = "cannot resume: a run without a folder keeps no checkpoint"
            raise TrainingError(msg)
        found = Checkpoint.read(self._folder.checkpoint, self._identity)
        self.learner.resume(found.learner)
        scalars, refused = Rows.of_bytes(SCHEMA, found.scalars), Rows.of_bytes(REFUSED, found.refused)
        return _Run(found.epoch, found.source, found.best, found.watched, found.evaluations, scalars, refused)

    def _kept(self) -> Trained:
        """The outcome, with the learner put to the best epoch where early stopping watched."""
        run, counters = self._run, self.learner.counters
        if run.best:
            self.learner.resume(run.best)
        epoch = run.watched.best_epoch if run.best else run.epoch - 1
        metrics = run.evaluations[epoch] if run.evaluations else {}
        refused, kept = run.refused.table().num_rows, self.learner.counters
        return Trained(self.learner.artifact(), metrics, epoch, run.epoch, counters, kept, refused)

    def _tell(self, kind: str, step: Step | None = None, values: Mapping[str, float | None] | None = None) -> None:
        run, counters = self._run, self.learner.counters
        self._subscribers.tell(Event(kind, run.epoch, counters, self._rows, step, values or {}, self.plan.epochs))


def _rule(plan: Plan) -> dict[str, Any] | None:
    """The rule of early stopping as JSON says it: what a checkpoint has watched was watched by it."""
    return None if plan.stopping is None else asdict(plan.stopping)


def evaluate(learner: TorchLearner, batches: Batches) -> dict[str, float | None]:
    """The metrics of a learner's model on a split. Nothing is learnt.

    Raises TrainingError for rows without labels, and for one that the model has no finite answer to, by its position.
    """
    metrics = MetricSet.of_task(learner.recipe.model.task)
    batches.set_epoch(0)
    for batch in batches:
        if batch.label is None:
            msg = "evaluation: its rows have no labels"
            raise TrainingError(msg)
        answers = learner.answers(batch).numpy().astype(np.float64)
        fault = answer_fault(answers, batch.positions.numpy())
        if fault:
            msg = f"evaluation: {fault}; look at its numbers, or leave such rows out by the split's filters"
            raise TrainingError(msg)
        metrics.update(answers, batch.label.numpy().astype(np.float64))
    return metrics.compute()
