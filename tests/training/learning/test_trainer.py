from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.errors import ModelError, TrainingError
from headrace.training.data.dataset import PinnedDataset
from headrace.training.data.order import Order
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.early_stopping import EarlyStopping
from headrace.training.learning.events import EVENTS, Event, Subscriber
from headrace.training.learning.learner import Counters
from headrace.training.learning.predictor import load
from headrace.training.learning.run_folder import read_artifact
from headrace.training.learning.scalars import SCHEMA
from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import learner_from_folder
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import Plan, Trained, Trainer

from . import stream

RECIPE = Recipe(ModelSpec("mlp", {"hidden": [4], "embedding": 2, "dropout": 0.1}), OptimizerSpec("adam", 0.05), seed=1)


class Stopped(Exception):  # noqa: N818 (it is no error)
    """A run is ended from within, as a kill would."""


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    return Snapshot.of(stream.table(tmp_path_factory.mktemp("lake")))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Rows to evaluate on."""
    return Snapshot.of(stream.table(tmp_path_factory.mktemp("other"), (400,)))


def trainer(
    snapshot: Snapshot, other: Snapshot | None, plan: Plan, folder: Path | None = None, recipe: Recipe = RECIPE
) -> Trainer:
    rows = PinnedRows(snapshot)
    fitted = rows.fit(stream.ENCODING)
    learner = TorchLearner(recipe, fitted, stream.example(), "cpu")
    training = PinnedDataset(rows, fitted, batch_size=128, order=Order(seed=3, buffer_rows=1_000))
    valid = None if other is None else PinnedDataset(PinnedRows(other), fitted, order=Order(shuffle=False))
    return Trainer(learner, training, plan, valid, folder, {"rows": str(rows)}, fitted.rows)


def stopping_at(batches: int) -> Subscriber:
    """Ends the run when so many micro-batches were learnt from."""

    def stop(event: Event) -> None:
        if event.counters.batches == batches:
            raise Stopped

    return stop


def test_events_come_in_the_order_of_a_run(snapshot: Snapshot, other: Snapshot, tmp_path: Path) -> None:
    heard: list[Event] = []
    one = trainer(snapshot, other, Plan(2, checkpoint_batches=20), tmp_path)
    for kind in EVENTS:
        one.subscribe(kind, heard.append)
    trained = one.run()
    kinds = [event.kind for event in heard]
    batches = -(-3_000 // 128)
    assert Counter(kinds) == {"start": 1, "micro_batch": 2 * batches, "evaluate": 2, "checkpoint": 4, "end": 1}
    epoch = ["micro_batch"] * 20 + ["checkpoint"] + ["micro_batch"] * 4 + ["evaluate", "checkpoint"]
    assert kinds[:28] == ["start", *epoch]
    assert kinds[-1] == "end"
    assert heard[-1].values == trained.metrics == [one.values for one in heard if one.kind == "evaluate"][-1]
    assert {event.rows for event in heard} == {3_000}
    assert trained.counters == Counters(6_000, 6_000, 48, 48)


def test_a_model_learns_what_there_is_to_learn(snapshot: Snapshot, other: Snapshot) -> None:
    trained = trainer(snapshot, other, Plan(3)).run()
    found = trained.metrics["log_loss"]
    assert found is not None
    assert found < 0.50  # the constant answer has 0.66, the truth 0.46


@pytest.mark.parametrize("batches", [1, 20, 24, 31, 40])
def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    snapshot: Snapshot, other: Snapshot, tmp_path: Path, batches: int, straight: Trained
) -> None:
    plan = Plan(3, EarlyStopping("log_loss"), checkpoint_batches=7)
    stopped = trainer(snapshot, other, plan, tmp_path)
    stopped.subscribe("micro_batch", stopping_at(batches))
    with pytest.raises(Stopped):
        stopped.run()
    resumable = (tmp_path / "checkpoint.safetensors").exists()
    assert resumable == (batches > 7)
    assert trainer(snapshot, other, plan, tmp_path).run(resume=resumable) == straight
    scalars = pq.read_table(tmp_path / "scalars.parquet")
    steps = [row["step"] for row in scalars.to_pylist() if row["name"] == "train/loss"]
    assert steps == list(range(1, 73))


@pytest.fixture(scope="module")
def straight(snapshot: Snapshot, other: Snapshot) -> Trained:
    """The same run without a stop."""
    return trainer(snapshot, other, Plan(3, EarlyStopping("log_loss"), checkpoint_batches=7)).run()


def test_a_run_that_has_ended_resumes_to_its_end(snapshot: Snapshot, tmp_path: Path) -> None:
    ended = trainer(snapshot, None, Plan(1), tmp_path).run()
    assert trainer(snapshot, None, Plan(1), tmp_path).run(resume=True) == ended


def test_early_stopping_keeps_the_best_epoch(snapshot: Snapshot, other: Snapshot) -> None:
    """A rate so high that each epoch but an early one makes it worse."""
    recipe = Recipe(ModelSpec("mlp", {"hidden": [64, 64]}), OptimizerSpec("adam", 0.05), seed=1)
    values: list[float] = []
    one = trainer(snapshot, other, Plan(30, EarlyStopping("log_loss", patience=2)), recipe=recipe)
    one.subscribe("evaluate", lambda event: values.append(event.values["log_loss"] or 0.0))
    trained = one.run()
    assert trained.epochs == len(values) < 30
    assert trained.epoch == values.index(min(values)) == trained.epochs - 3
    assert trained.kept.rows_visited == 3_000 * (trained.epoch + 1)
    assert trained.counters.rows_visited == 3_000 * trained.epochs
    assert trained.metrics["log_loss"] == min(values)
    predictor = load(trained.files)
    encoded = one.learner.fitted.encode(next(PinnedRows(other).batches()))
    assert encoded.label is not None
    answers, label = predictor.score_tensors(encoded), encoded.label.numpy()
    assert -np.mean(np.log(np.where(label == 1, answers, 1 - answers))) == pytest.approx(min(values), abs=1e-6)


def test_a_damaged_or_foreign_checkpoint_is_refused(snapshot: Snapshot, other: Snapshot, tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(TrainingError, match="cannot resume"):
        trainer(snapshot, None, Plan(1), tmp_path).run(resume=True)
    trainer(snapshot, None, Plan(1), tmp_path).run()
    whole = file.read_bytes()
    with pytest.raises(TrainingError, match=r"of a run with rows 'raw\.trips@"):
        trainer(other, None, Plan(1), tmp_path).run(resume=True)
    with pytest.raises(TrainingError, match="of a run with recipe"):
        trainer(snapshot, None, Plan(1), tmp_path, Recipe(ModelSpec("logistic"))).run(resume=True)
    file.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(TrainingError, match="its content is not what was written"):
        trainer(snapshot, None, Plan(1), tmp_path).run(resume=True)
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="expected safetensors"):
        trainer(snapshot, None, Plan(1), tmp_path).run(resume=True)


@pytest.mark.parametrize("rule", [None, EarlyStopping("auc"), EarlyStopping(patience=9), EarlyStopping(least_gain=0.1)])
def test_a_checkpoint_that_another_rule_watched_is_refused(
    snapshot: Snapshot, tmp_path: Path, rule: EarlyStopping | None
) -> None:
    trainer(snapshot, snapshot, Plan(1, EarlyStopping()), tmp_path).run()
    trainer(snapshot, snapshot, Plan(1, EarlyStopping("log_loss")), tmp_path).run(resume=True)
    with pytest.raises(TrainingError, match=r"of a run with stopping .*'metric': 'log_loss'"):
        trainer(snapshot, snapshot, Plan(2, rule), tmp_path).run(resume=True)


def test_a_folder_that_cannot_be_written_is_an_error(snapshot: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where the folder would be")
    with pytest.raises(TrainingError, match="cannot be written"):
        trainer(snapshot, None, Plan(1), tmp_path / "run").run()


def test_a_run_without_a_folder_cannot_resume(snapshot: Snapshot) -> None:
    with pytest.raises(TrainingError, match="without a folder"):
        trainer(snapshot, None, Plan(1)).run(resume=True)


def test_stopping_without_an_evaluation_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(TrainingError, match="no evaluation split"):
        trainer(snapshot, None, Plan(1, EarlyStopping()))


def test_stopping_by_a_metric_of_another_task_is_refused(snapshot: Snapshot) -> None:
    with pytest.raises(ModelError, match=r"metric 'rmse' is none of task 'binary'.*; take one of log_loss, auc"):
        trainer(snapshot, snapshot, Plan(1, EarlyStopping("rmse")))


@pytest.mark.parametrize(
    ("metric", "count", "why"), [("log_loss", 0, "the split has no rows"), ("auc", 1, "its labels are all alike")]
)
def test_stopping_by_a_metric_that_the_rows_do_not_define_is_an_error(
    snapshot: Snapshot, tmp_path: Path, metric: str, count: int, why: str
) -> None:
    few = Snapshot.of(stream.table(tmp_path, (count,)))
    with pytest.raises(TrainingError, match=f"'{metric}' is not defined over the evaluation split: {why}"):
        trainer(snapshot, few, Plan(9, EarlyStopping(metric))).run()


def test_two_runs_at_once_never_share_a_folder(snapshot: Snapshot, tmp_path: Path) -> None:
    first, second = (trainer(snapshot, None, Plan(1), tmp_path) for _ in range(2))
    refused = rf"{tmp_path}: another run, process {os.getpid()}, writes there; .* \(--out\)"

    def begin_another(_: Event) -> None:
        with pytest.raises(TrainingError, match=refused):
            second.run()

    first.subscribe("start", begin_another)
    trained = first.run()
    assert read_artifact(tmp_path / "artifact") == trained.files
    # The lock of a run that is over, or whose process died, keeps nobody out.
    (tmp_path / "run.lock").write_text("4711")
    assert second.run() == trained


def test_files_of_two_runs_are_never_taken_for_a_model(snapshot: Snapshot, tmp_path: Path) -> None:
    trainer(snapshot, None, Plan(1), tmp_path).run()
    weights = tmp_path / "artifact" / f".weights.safetensors.{os.getpid()}"
    # Where the next run would write its weights is a folder: it ends between two files, as one that is killed does.
    weights.mkdir()
    with pytest.raises(TrainingError, match="cannot be written"):
        trainer(snapshot, None, Plan(2), tmp_path).run()
    weights.rmdir()
    with pytest.raises(ModelError, match=r"model\.json"):
        learner_from_folder(str(tmp_path / "artifact"), "cpu")


def test_an_epoch_that_teaches_nothing_is_an_error(snapshot: Snapshot, tmp_path: Path) -> None:
    exploding = replace(RECIPE, guard=Guard(most_gradient=1e-9))
    with pytest.raises(
        TrainingError, match="epoch 0 taught nothing: every micro-batch was refused, the last because the gr"
    ):
        trainer(snapshot, None, Plan(1), tmp_path, exploding).run()


def test_a_run_ends_where_most_rows_are_refused_unless_it_may_go_on(snapshot: Snapshot) -> None:
    """A guard that takes every loss above the mean for an explosion, of a network that hardly learns."""
    guard, hardly = Guard(explosion=1.0, after=1), OptimizerSpec("sgd", 1e-6)
    strict = replace(RECIPE, guard=guard, optimizer=hardly, seed=5)
    why = r"[\d,]+ of 3,000 rows visited were refused, [\d,]+ of them because the loss explodes: .*; at most 50% may be"
    with pytest.raises(TrainingError, match=why):
        trainer(snapshot, None, Plan(1), recipe=strict).run()
    trained = trainer(snapshot, None, Plan(1, most_refused=1.0), recipe=strict).run()
    share = trained.refused / trained.counters.rows_visited
    assert 0.5 < share < 1
    assert trainer(snapshot, None, Plan(1, most_refused=share + 1e-9), recipe=strict).run() == trained
    with pytest.raises(TrainingError, match="rows visited were refused"):
        trainer(snapshot, None, Plan(1, most_refused=share - 1e-9), recipe=strict).run()


def test_rows_that_were_refused_are_named(tmp_path: Path) -> None:
    """One number that no network can bear, at position 700, beside a label that it does not foretell."""
    made = stream.table(tmp_path / "lake", ())
    unbearable = stream.changed(stream.changed(stream.rows(1_500), "speed", 3e38, row=700), "late", 0.0, row=700)
    made.append(pa.Table.from_batches([unbearable]))
    logistic = Recipe(ModelSpec("logistic"))
    trained = trainer(Snapshot.of(made), None, Plan(2), tmp_path / "run", logistic).run()
    refused = pq.read_table(tmp_path / "run/refused.parquet")
    assert trained.refused == refused.num_rows == 2 * 128
    assert refused["position"].to_pylist().count(700) == 2
    assert all(reason.startswith(("the gradient", "the loss")) for reason in refused["reason"].to_pylist())
    assert trained.counters == Counters(3_000, 3_000 - 256, 24, 22)


def test_a_row_without_an_answer_is_named_by_its_position(snapshot: Snapshot, tmp_path: Path) -> None:
    """Pairs of such a number are infinite, and so is what is taken away from them."""
    made = stream.table(tmp_path, ())
    made.append(pa.Table.from_batches([stream.changed(stream.rows(300), "speed", 3e38, row=200)]))
    with pytest.raises(TrainingError, match="the answer to the row at position 200 is nan"):
        trainer(snapshot, Snapshot.of(made), Plan(1), recipe=Recipe(ModelSpec("factorization_machine"))).run()


def test_the_run_folder_has_scalars_and_plots(snapshot: Snapshot, other: Snapshot, tmp_path: Path) -> None:
    trained = [trainer(snapshot, other, Plan(1), tmp_path / "one").run()]
    trained.append(trainer(snapshot, other, Plan(1), tmp_path / "two").run())
    scalars = pq.read_table(tmp_path / "one/scalars.parquet")
    assert scalars.schema.equals(SCHEMA)
    assert {"train/loss", "train/auc", "eval/log_loss"} <= set(scalars["name"].to_pylist())
    assert (tmp_path / "one/plots/run.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "one/plots/run.svg").read_bytes()
    for file in ("plots/run.svg", "plots/run.png", "scalars.parquet", "artifact/model.json"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_no_epochs_give_the_model_as_it_begins(snapshot: Snapshot) -> None:
    trained = trainer(snapshot, None, Plan(0)).run()
    assert (trained.epoch, trained.epochs, trained.counters) == (-1, 0, Counters())
    assert load(trained.files).score(stream.rows(3)).shape == (3,)
