"""`measure`: replay history at several cadences, and tell what each was worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from headrace.errors import ModelError, RequestError, SettingsError
from headrace.features.duration import UNITS_US
from headrace.training.data.order import Order
from headrace.training.data.rows import PinnedRows
from headrace.training.data.tensors import TensorBatch
from headrace.training.freshness.cadences import DRIFT, Cadence
from headrace.training.freshness.history import History, Times, event_times, known_by, labelled, read_history
from headrace.training.freshness.in_memory import RowsInMemory
from headrace.training.freshness.points import Freshness, drawn_days, points_of
from headrace.training.freshness.replay import Learning, Replay, Replayed
from headrace.training.learning.definition import TrainingDefinition
from headrace.training.learning.metrics import METRICS_OF
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import BINARY, REGRESSION
from headrace.training.learning.start import Begun
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import Plan, Trainer

#: Where no start is given, a fifth of the rows comes before the replay.
KNOWN_SHARE = 0.2

#: The metric of a task where none is asked for: what a model of it is trained for by default.
METRIC_OF = {BINARY: "log_loss", REGRESSION: "rmse"}

#: Told of progress: what is going on, rows done, and about how many there are in all, but for those of drift.
Told = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a history.

    Attributes:
        cadences: static is one of them.
        metric: one of those of the model's task; empty: that of `METRIC_OF`.
        start_us: where the replay begins; None: behind the first fifth of the rows.
        times: the columns of times; an empty name: the one that the training declares.
    """

    cadences: Sequence[Cadence]
    metric: str = ""
    start_us: int | None = None
    times: Times = field(default_factory=Times)


def measure(pipeline: TrainingPipeline, question: Question, source: str = "", told: Told | None = None) -> Freshness:
    """Replay the rows of a source, by default the declared one, once for each cadence.

    Every cadence begins with one model, trained on the rows whose labels came before the start. Each row is tested by
    the model of its event time; it is learned from at an instant after its label's time, if at all. The encoding is
    fitted at the start, once, and there is no early stopping.

    Raises:
        SettingsError: no column of times is declared.
        ModelError: the metric is none of the model's task.
        RequestError: drift is to be watched of another task than a binary one.
        DatasetError: nothing was known at the start, nothing came after it, or a label came before its row.
        TrainingError: rows of fewer days than a bootstrap takes, a model that learned nothing or that was refused more
            rows than may be (`most_refused`), or one whose answer to a row is not finite.
    """
    chosen = pipeline.chosen
    metric = _metric(question.metric, chosen)
    _check_cadences(question.cadences, chosen)
    times = _times(question.times, chosen)
    snapshot = pipeline.snapshot(source or chosen.source)
    rows = labelled(pipeline.facts_of(PinnedRows(snapshot)), times, _label(chosen))
    start_us = _start(rows, times) if question.start_us is None else question.start_us
    known = known_by(rows, times, start_us)
    fitted, example = pipeline.fit(known), pipeline.example(known)
    history = read_history(rows, times, fitted, start_us)
    drawn = drawn_days(history, chosen.recipe.seed)
    learning = _learning(pipeline, history, lambda: pipeline.learner(fitted, example))
    points = points_of(history, metric, _replayed(history, learning, question.cadences, told), drawn)
    tested = len(history.event_us) - history.first
    return Freshness(chosen, snapshot, metric, start_us, rows.count(), fitted.rows, tested, drawn.blocks, points)


def _metric(asked: str, chosen: TrainingDefinition) -> str:
    """The metric, which fits the task."""
    task = chosen.recipe.model.task
    metric = asked or METRIC_OF[task]
    if metric not in METRICS_OF[task]:
        msg = f"metric {metric!r}: none of task {task!r}; take one of {', '.join(METRICS_OF[task])}"
        raise ModelError(msg)
    return metric


def _check_cadences(cadences: Sequence[Cadence], chosen: TrainingDefinition) -> None:
    for one in cadences:
        if one.every == DRIFT and chosen.recipe.model.task != BINARY:
            msg = f"cadence {one.name!r}: drift is watched by Brier's score, which a task {BINARY!r} has; found "
            raise RequestError(msg + f"{chosen.recipe.model.task!r}: take a cadence of time or of rows")


def _times(asked: Times, chosen: TrainingDefinition) -> Times:
    """The columns of times, those asked for before those declared."""
    found = Times(asked.event or chosen.event_time, asked.label or chosen.label_time)
    missing = [name for name, column in (("event_time", found.event), ("label_time", found.label)) if not column]
    if missing:
        options = " and ".join(f"--{name.replace('_', '-')} COLUMN" for name in missing)
        msg = f"{chosen.at} declares no {' and no '.join(missing)}: the columns that say "
        raise SettingsError(msg + f"when a row happened and when its label came; set them there, or give {options}")
    return found


def _label(chosen: TrainingDefinition) -> str:
    """The column of the label, which a definition is refused without."""
    label = chosen.encoding.label
    return "" if label is None else label.column


def _start(rows: PinnedRows, times: Times) -> int:
    """Midnight, in UTC, behind the first fifth of the rows."""
    found = event_times(rows, times)
    if not len(found):
        return 0
    return (int(found[int(len(found) * KNOWN_SHARE)]) // UNITS_US["d"] + 1) * UNITS_US["d"]


def _learning(pipeline: TrainingPipeline, history: History, new: Callable[[], TorchLearner]) -> Learning:
    """How to learn, with the model that every cadence begins with already trained."""
    chosen = pipeline.chosen
    plan = Plan(chosen.plan.epochs, most_refused=chosen.plan.most_refused)
    seed = chosen.recipe.seed
    rows: TensorBatch = history.learnable(history.known(None, history.start_us), history.start_us)
    learner = new()
    Trainer(learner, RowsInMemory(lambda _: rows, chosen.batch_rows, Order(seed)), plan).run()
    begun = Begun.of(learner.artifact())
    return Learning(new, lambda: begun.taken_up_by(new(), chosen.fine_tuning, chosen.at), plan, chosen.batch_rows, seed)


def _replayed(history: History, learning: Learning, cadences: Sequence[Cadence], told: Told | None) -> list[Replayed]:
    """Each cadence, one after the other."""
    shown = _Shown(told)
    replay = Replay(history, learning, shown.more)
    shown.total = sum(replay.work(one) for one in cadences)
    found = []
    for one in cadences:
        shown.name = one.name
        found.append(replay.run(one))
    return found


@dataclass
class _Shown:
    """Progress over all cadences."""

    told: Told | None
    total: int = 0
    done: int = 0
    name: str = ""

    def more(self, rows: int) -> None:
        """So many rows more."""
        self.done += rows
        if self.told is not None:
            self.told(self.name, self.done, self.total)
