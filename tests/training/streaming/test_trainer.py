"""The trainer without Flink: each row once through any failures, refused rows kept, candidates when they are due."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.artifacts import Artifacts
from headrace.errors import ConnectorError, SettingsError, TrainingError
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.labels import Label
from headrace.training.learning.learner import Step
from headrace.training.learning.spec import Guard, ModelSpec, Recipe
from headrace.training.learning.start import learner_from_files
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.streaming.positions import PositionColumns, Span, from_json
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.told import Verdict
from headrace.training.streaming.trainer import Policy, StreamTrainer, unready_of

from .logistic import make

PLACES = PositionColumns("shard", "place")
NEVER = Policy(candidate_rows=None)


class Clock:
    """A clock that stands still until it is moved; µs."""

    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


def rows(first: int, last: int, broken: int | None = None) -> pa.RecordBatch:
    """Rows `first` to `last`, the last not included; the one at place `broken` without a number."""
    places = np.arange(first, last)
    x = np.where(places == broken, np.nan, np.sin(places))
    columns = {"shard": places % 2, "place": places, "x": x, "label": (np.sin(places) > 0.1).astype(np.int64)}
    return pa.RecordBatch.from_pydict(columns)


def trainer(folder: Path, policy: Policy = NEVER, clock: Clock | None = None) -> StreamTrainer:
    keep = Artifacts(folder / "artifacts").put
    return StreamTrainer("run-1", make(None, ["x"]), policy, keep, PLACES, clock or Clock())


@given(
    cuts=st.lists(st.integers(1, 59), unique=True).map(sorted),
    failures=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=4),
)
def test_state_after_any_failures_is_that_without_any(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int], failures: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    batches = [rows(first, last) for first, last in pairwise([0, *cuts, 60])]
    plain = trainer(folder)
    for batch in batches:
        plain.visit(batch)

    failing = trainer(folder)
    checkpoint, at = failing.state(), 0
    for visited, since in failures:
        upto = min(at + visited, len(batches))
        for batch in batches[at:upto]:
            failing.visit(batch)
        if since % 2:
            checkpoint, at = failing.state(), upto
        failing = trainer(folder)
        failing.resume(checkpoint)
    for batch in batches[at:]:
        failing.visit(batch)
    assert failing.state() == plain.state()
    assert (failing.progress.visited, failing.learner.counters.rows_learned) == (60, 60)
    spans = failing.progress.at
    assert all(span.rows == 30 for span in spans.values())
    assert {name: (span.first, span.last, span.total) for name, span in spans.items()} == {
        "0": (0, 58, sum(range(0, 60, 2))),
        "1": (1, 59, sum(range(1, 60, 2))),
    }


def test_rows_at_which_the_model_fails_are_dead_letters_and_learning_goes_on_where_that_is_chosen(
    tmp_path: Path,
) -> None:
    found = trainer(tmp_path, Policy(candidate_rows=None, halts=False))
    found.visit(rows(0, 4))
    before = found.learner.artifact()
    told = found.visit(rows(4, 7, broken=5))
    assert found.learner.artifact() == before
    assert (told.step.verdict, told.step.reason, told.step.rows) == (Verdict.DIVERGED, "the loss is nan", 3)
    assert [(one.step, one.row, one.reason) for one in told.dead] == [
        (2, place, "the loss is nan") for place in range(3)
    ]
    assert [json.loads(one.content)["place"] for one in told.dead] == [4, 5, 6]
    assert [json.loads(one.content)["x"] for one in told.dead][1] == "nan"
    after = found.visit(rows(7, 9))
    assert (after.step.verdict, after.step.arrived, after.step.visited) == (Verdict.LEARNED, 9, 6)
    assert (found.progress.dead, found.progress.arrived) == (3, 9)


def test_rows_that_the_learner_leaves_out_are_dead_letters_and_not_visited(tmp_path: Path) -> None:
    columns = {"shard": [0, 1, 0, 1, 0], "place": [7, 8, 9, 10, 11], "x": [0.1, 0.2, 0.3, 0.4, 0.5]}
    batch = pa.RecordBatch.from_pydict({**columns, "label": pa.array([None, 0, 1, None, 1], pa.int64())})
    full = pa.RecordBatch.from_pydict({**columns, "label": [0, 1, 0, 1, 1]})
    encoding = Encoding({"x": Raw()}, Label("label", bad="leave_out"))
    torch = TorchLearner(Recipe(ModelSpec("logistic")), encoding.fit([full]), full.slice(0, 1).select(["x"]), "cpu")
    found = StreamTrainer("run-1", torch, NEVER, Artifacts(tmp_path).put, PLACES, Clock())
    told = found.visit(batch)
    why = "label 'label': 2 of 5 rows are left out, 2 NULL"
    assert (told.step.verdict, told.step.reason, told.step.rows) == (Verdict.LEARNED, why, 5)
    assert (told.step.arrived, told.step.visited, told.step.model_rows) == (5, 3, 3)
    assert (found.progress.dead, found.progress.waiting) == (2, 3)
    assert [(one.step, one.row, json.loads(one.content)["place"], one.reason) for one in told.dead] == [
        (1, 0, 7, why),
        (1, 3, 10, why),
    ]
    assert from_json(told.step.positions)["1"].rows == 2
    assert found.progress.at == {"0": Span(2, 9, 11, 20), "1": Span(1, 8, 8, 8)}


def test_a_learner_that_does_not_say_where_its_left_out_rows_were_is_refused() -> None:
    with pytest.raises(TrainingError, match=r"a learned step of 3 rows has 3 in `refused` and 1 places"):
        Step(3, 0.5, {}, learned=True, refused=rows(0, 3), left_out=(1,))


def test_a_trainer_halts_when_its_model_fails_keeps_its_weights_and_says_of_each_row_why(tmp_path: Path) -> None:
    found = trainer(tmp_path, Policy())
    found.visit(rows(0, 4))
    before = found.learner.artifact()
    found.visit(rows(4, 6, broken=4))
    again = trainer(tmp_path, Policy())
    again.resume(found.state())
    told = again.visit(rows(6, 8))
    assert again.learner.artifact() == before
    assert (told.step.verdict, told.step.arrived, told.step.visited) == (Verdict.HALTED, 8, 4)
    assert [one.reason for one in told.dead] == ["learning has halted since micro-batch 2: the loss is nan"] * 2


def test_a_candidate_is_kept_when_enough_rows_were_learned_since_the_last(tmp_path: Path) -> None:
    found = trainer(tmp_path, Policy(candidate_rows=5))
    told = [found.visit(rows(first, first + 3)) for first in range(0, 15, 3)]
    assert [one.candidate is not None for one in told] == [False, True, False, True, False]
    candidates = [one.candidate for one in told if one.candidate is not None]
    assert [(one.candidate, one.visited, one.step, one.model_rows) for one in candidates] == [
        (1, 6, 2, 6),
        (2, 12, 4, 12),
    ]
    kept = Artifacts(tmp_path / "artifacts")
    assert [json.loads(kept.get(one.artifact)["model.json"])["rows"] for one in candidates] == [6, 12]
    last = found.end()
    assert last is not None
    assert (last.candidate, last.visited) == (3, 15)
    assert found.end() is None


def test_a_candidate_by_time_is_due_so_long_after_the_first_row_that_no_other_has(tmp_path: Path) -> None:
    clock = Clock()
    found = trainer(tmp_path, Policy(candidate_rows=None, candidate_seconds=2), clock)
    assert found.due_us is None
    found.visit(rows(0, 2))
    clock.now += 1_500_000
    assert found.visit(rows(2, 4)).candidate is None
    assert found.due_us == 3_000_000
    assert found.on_time(2_999_999) is None
    candidate = found.on_time(3_000_000)
    assert candidate is not None
    assert (candidate.visited, found.due_us, found.on_time(9_000_000)) == (4, None, None)
    clock.now = 9_000_000
    found.visit(rows(4, 5))
    clock.now = 11_000_000
    assert found.visit(rows(5, 6)).candidate is not None


def test_a_refused_micro_batch_makes_no_candidate_due(tmp_path: Path) -> None:
    found = trainer(tmp_path, Policy(candidate_rows=2, candidate_seconds=1))
    assert found.visit(rows(0, 3, broken=0)).candidate is None
    assert (found.due_us, found.end()) == (None, None)


def test_a_candidate_that_cannot_be_kept_is_an_error_and_told_of_nowhere(tmp_path: Path) -> None:
    (tmp_path / "artifacts").write_text("a file where the folder should be")
    found = trainer(tmp_path, Policy(candidate_rows=1))
    with pytest.raises(ConnectorError, match="artifacts"):
        found.visit(rows(0, 2))
    assert found.progress.candidates == 0


@pytest.mark.parametrize("state", [b"", b"\0" * 8, b"\xff" * 40, b"\0\0\0\0\0\0\0\2{}"[:9]])
def test_bytes_that_are_no_state_are_refused_and_change_nothing(tmp_path: Path, state: bytes) -> None:
    found = trainer(tmp_path)
    found.visit(rows(0, 2))
    before = found.state()
    with pytest.raises(TrainingError, match=f"run run-1: {len(state)} bytes are no state of a trainer"):
        found.resume(state)
    assert found.state() == before


def learning(folder: Path, task: str, rules: Rules | None = None, **guard: float) -> StreamTrainer:
    """A trainer of a linear model of x without a choice of its own about halting."""
    loss = {"binary": {"bce": 1.0}, "regression": {"mse": 1.0}}[task]
    recipe = Recipe(ModelSpec("logistic", task=task), losses=loss, guard=Guard(**guard))
    fitted = Encoding({"x": Raw()}, Label("label")).fit([rows(0, 8)])
    torch = TorchLearner(recipe, fitted, rows(0, 1).select(["x"]), "cpu")
    return StreamTrainer("run-1", torch, NEVER, Artifacts(folder).put, PLACES, Clock(), rules)


def labelled(first: int, *labels: float | None) -> pa.RecordBatch:
    """Sound rows but for their labels."""
    values = rows(first, first + len(labels))
    return values.set_column(3, "label", pa.array(labels, pa.float64()))


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ((0, 1e30), "labels from 0.0 to "),
        ((0, float("nan")), "label 'label': 1 of 2 rows are not finite, the first at position 1 "),
        ((0, None), "label 'label': 1 of 2 rows are NULL, the first at position 1 "),
    ],
)
def test_rows_refused_for_themselves_are_dead_letters_and_learning_goes_on(
    tmp_path: Path, labels: tuple[float | None, ...], why: str
) -> None:
    found = learning(tmp_path, "binary")
    found.visit(labelled(0, 0, 1))
    before = found.learner.artifact()["weights.safetensors"]
    told = found.visit(labelled(2, *labels))
    assert (told.step.verdict, told.step.loss, len(told.dead)) == (Verdict.BAD, None, 2)
    assert str(told.step.reason).startswith(why)
    assert found.learner.artifact()["weights.safetensors"] == before
    after = found.visit(labelled(4, 0, 1))
    assert (after.step.verdict, after.step.arrived, after.step.visited) == (Verdict.LEARNED, 6, 4)


def test_a_refused_row_is_told_by_its_place_in_the_source(tmp_path: Path) -> None:
    rules = Rules(("x", "label"), "why")
    found = learning(tmp_path, "binary", rules)
    batch = labelled(600, 0, 1, None).append_column("why", pa.array(["too late", None, None]))
    told = found.visit(batch)
    # Of the two that the learner was given it is the second.
    assert str(told.step.reason).startswith("label 'label': 1 of 2 rows are NULL, the first at position 1 with None")
    assert str(told.step.reason).endswith("; position 1 of this micro-batch is shard 0, place 602 of the source")
    assert [one.reason for one in told.dead] == ["too late", told.step.reason, told.step.reason]


@pytest.mark.parametrize(
    ("labels", "guard", "why"),
    [
        ((0, 1e30), {}, "the loss is inf"),
        ((0, 1e4), {"explosion": 100.0, "after": 1}, "the loss explodes: 4.99999e+07 is more than 100 times the mean"),
        ((0, 1e4), {"most_gradient": 50.0}, "the gradient explodes: its norm "),
    ],
)
def test_a_loss_or_a_gradient_over_sound_rows_that_is_not_finite_or_explodes_halts_learning(
    tmp_path: Path, labels: tuple[float, ...], guard: dict[str, float], why: str
) -> None:
    found = learning(tmp_path, "regression", **guard)
    found.visit(labelled(0, 0, 1))
    before = found.learner.artifact()["weights.safetensors"]
    told = found.visit(labelled(2, *labels))
    assert (told.step.verdict, len(told.dead)) == (Verdict.DIVERGED, 2)
    assert str(told.step.reason).startswith(why)
    after = found.visit(labelled(4, 0, 1))
    assert (after.step.verdict, after.step.arrived, after.step.visited) == (Verdict.HALTED, 6, 2)
    assert str(after.step.reason).startswith(f"learning has halted since micro-batch 2: {why}")
    assert found.learner.artifact()["weights.safetensors"] == before


def test_a_micro_batch_with_a_row_without_a_position_is_dead_letters(tmp_path: Path) -> None:
    columns = {"shard": [0, 0], "place": pa.array([3, None], pa.int64()), "x": [0.1, 0.2], "label": [1, 0]}
    nameless = pa.RecordBatch.from_pydict(columns)
    found = trainer(tmp_path, Policy())
    before = found.learner.artifact()
    told = found.visit(nameless)
    assert (told.step.verdict, told.step.positions, told.step.loss) == (Verdict.BAD, "{}", None)
    assert [one.row for one in told.dead] == [0, 1]
    assert "'place' is NULL in 2 rows" in str(told.step.reason)
    assert found.learner.artifact() == before
    again = found.visit(nameless)
    assert (again.step.verdict, again.step.arrived, again.step.visited) == (Verdict.BAD, 4, 0)
    assert str(again.step.reason).startswith("a row has no position")


@pytest.mark.parametrize("wrong", [{"candidate_rows": 0}, {"candidate_seconds": -1.0}])
def test_a_policy_that_means_nothing_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="expected more than 0"):
        Policy(**wrong)  # type: ignore[arg-type]


def of_class(first: int, label: int) -> pa.RecordBatch:
    """Ten rows of one class."""
    found = rows(first, first + 10)
    return found.set_column(3, "label", pa.array(np.full(10, label)))


def torch_trainer(folder: Path, policy: Policy, clock: Clock, model: TorchLearner | None = None) -> StreamTrainer:
    """A trainer of a torch model that knows nothing, or goes on from one."""
    fitted = Encoding({"x": Raw()}, Label("label")).fit([rows(0, 10)])
    recipe = Recipe(ModelSpec("logistic"))
    learner = TorchLearner(recipe, fitted, rows(0, 1).select(["x"]), "cpu")
    if model is not None:
        learner = learner_from_files(model.artifact(), "cpu")
    return StreamTrainer("run-1", learner, policy, Artifacts(folder / "artifacts").put, PLACES, clock)


def test_what_began_from_nothing_is_no_candidate_before_it_has_seen_both_classes(tmp_path: Path) -> None:
    clock, policy = Clock(), Policy(candidate_rows=20, candidate_seconds=1)
    found = torch_trainer(tmp_path, policy, clock)
    told = [found.visit(of_class(first, 0)) for first in (0, 10, 20)]
    clock.now += 5_000_000
    assert [one.candidate for one in told] == [None, None, None]
    assert (found.due_us, found.on_time(clock.now), found.end()) == (None, None, None)
    why = "label 'label': all 30 so far are 0; expected others, too, as it began from nothing"
    assert told[-1].step.reason == unready_of([one.step for one in told]) == f"no candidate yet: {why}"
    # A worker that takes the state over knows it, too.
    again = torch_trainer(tmp_path, policy, clock)
    again.resume(found.state())
    assert again.end() is None
    both = again.visit(of_class(30, 1))
    assert both.candidate is not None
    assert (both.candidate.visited, both.step.reason) == (40, None)


def test_what_was_refused_last_does_not_hide_why_there_is_no_candidate(tmp_path: Path) -> None:
    found = torch_trainer(tmp_path, NEVER, Clock())
    bad = of_class(10, 0).set_column(3, "label", pa.array(np.full(10, np.nan)))
    told = [found.visit(one).step for one in (of_class(0, 0), bad)]
    assert [one.verdict for one in told] == [Verdict.LEARNED, Verdict.BAD]
    assert unready_of(told) == unready_of(told[:1])
    assert "all 10 so far are 0" in (unready_of(told) or "")
    told += [found.visit(one).step for one in (of_class(20, 1), bad)]
    assert unready_of(told) is None
    assert unready_of(told[1:2]) is None


def test_rates_below_one_half_are_as_good_labels_as_any(tmp_path: Path) -> None:
    clock = Clock()
    found = torch_trainer(tmp_path, Policy(candidate_rows=20, candidate_seconds=1), clock)
    rates = [of_class(first, 0).set_column(3, "label", pa.array(np.linspace(0.0, 0.4, 10))) for first in (0, 10, 20)]
    told = [found.visit(one) for one in rates[:2]]
    assert [one.step.reason for one in told] == [None, None]
    assert [one.candidate is None for one in told] == [True, False]
    found.visit(rates[2])
    assert found.due_us == clock.now + 1_000_000
    assert found.end() is not None


def test_what_goes_on_from_a_model_may_see_one_class_for_a_while(tmp_path: Path) -> None:
    clock = Clock()
    model = torch_trainer(tmp_path, NEVER, clock).learner
    assert isinstance(model, TorchLearner)
    found = torch_trainer(tmp_path, Policy(candidate_rows=10), clock, model)
    told = found.visit(of_class(0, 1))
    assert (told.candidate is None, told.step.reason, unready_of([told.step])) == (False, None, None)


def test_rows_that_are_left_out_and_a_missing_class_are_both_told(tmp_path: Path) -> None:
    fitted = Encoding({"x": Raw()}, Label("label", bad="leave_out")).fit([rows(0, 10)])
    learner = TorchLearner(Recipe(ModelSpec("logistic")), fitted, rows(0, 1).select(["x"]), "cpu")
    found = StreamTrainer("run-1", learner, NEVER, Artifacts(tmp_path).put, PLACES, Clock())
    labels = pa.array([None, *[1] * 9], pa.int64())
    told = found.visit(of_class(0, 1).set_column(3, "label", labels))
    assert told.step.reason is not None
    assert told.step.reason.startswith("label 'label': 1 of 10 rows are left out, 1 NULL; no candidate yet: ")
    assert "label 'label': all 9 so far are 1;" in (unready_of([told.step]) or "")
    assert [one.reason for one in told.dead] == ["label 'label': 1 of 10 rows are left out, 1 NULL"]
