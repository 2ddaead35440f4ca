from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from headrace.errors import ColumnTypeError, ModelError, TrainingError, UnknownColumnError
from headrace.training.learning.artifact import MODEL, WEIGHTS
from headrace.training.learning.guarding import gradient_norm
from headrace.training.learning.learner import Counters
from headrace.training.learning.networks import Inputs, Logistic
from headrace.training.learning.reproducible import seeded
from headrace.training.learning.spec import OPTIMIZERS, Guard, ModelSpec, OptimizerSpec, Recipe, ScheduleSpec
from headrace.training.learning.torch_learner import TorchLearner

from . import stream

LOGISTIC = ModelSpec("logistic")
#: Dropout draws random numbers, so that their state shows too.
DROPPING = ModelSpec("mlp", {"hidden": [6], "embedding": 2, "dropout": 0.3})
FITTED = stream.fitted()


def learner(recipe: Recipe) -> TorchLearner:
    return TorchLearner(recipe, FITTED, stream.example(), "cpu")


def weights(one: TorchLearner) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in one.network.state_dict().items()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(first[name], second[name]) for name in first)


def schedule(optimizer: str) -> ScheduleSpec:
    return ScheduleSpec() if optimizer == "ftrl" else ScheduleSpec("inverse_sqrt", {"scale": 3}, warmup=2)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", [LOGISTIC, DROPPING], ids=["logistic", "dropout"])
def test_a_learner_goes_on_elsewhere_bit_for_bit(optimizer: str, model: ModelSpec) -> None:
    recipe = Recipe(model, OptimizerSpec(optimizer, 0.05, schedule=schedule(optimizer), clip_norm=1.0), seed=3)
    first, second = list(stream.micro_batches(stream.rows(640)))[:5], list(stream.micro_batches(stream.rows(320, 1)))
    straight, begun, resumed = learner(recipe), learner(recipe), learner(recipe)
    for batch in [*first, *second]:
        straight.learn(batch)
    for batch in first:
        begun.learn(batch)
    resumed.resume(begun.state())
    for batch in second:
        resumed.learn(batch)
    assert resumed.state() == straight.state()
    assert resumed.artifact() == straight.artifact()
    assert resumed.counters == Counters(640, 640, 10, 10)


@pytest.mark.parametrize("model", [LOGISTIC, DROPPING], ids=["logistic", "dropout"])
def test_who_takes_weights_over_learns_as_who_was_made_with_them(model: ModelSpec) -> None:
    parent, tuning, rows = learner(Recipe(model, seed=1)), OptimizerSpec("adagrad", 0.3), stream.rows(64, 2)
    parent.learn(stream.rows(64))
    before = weights(parent)
    taking, recipe = learner(Recipe(model, OptimizerSpec("adam", 0.01), seed=5)), Recipe(model, tuning, seed=5)
    taking.go_on_from(parent.network, tuning)
    made = TorchLearner(recipe, FITTED, stream.example(), "cpu", deepcopy(parent.network))
    for one in (taking, made):
        one.learn(rows)
        one.learn(rows)
    assert (taking.state(), taking.artifact(), taking.recipe) == (made.state(), made.artifact(), recipe)
    assert same(weights(parent), before)


def test_who_takes_weights_over_knows_of_other_labels_than_come() -> None:
    alike, taking = of_labels(np.ones(8)), learner(Recipe(LOGISTIC))
    taking.go_on_from(learner(Recipe(LOGISTIC)).network)
    for one in (taking, fresh := learner(Recipe(LOGISTIC))):
        one.learn(alike)
    assert taking.unready() is None
    assert fresh.unready() is not None


def test_random_numbers_of_others_are_neither_used_nor_disturbed() -> None:
    recipe, batch = Recipe(DROPPING), stream.rows(64)
    torch.manual_seed(1)
    first = learner(recipe)
    first.learn(batch)
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(1), drawn)
    second = learner(recipe)
    torch.rand(10)
    second.learn(batch)
    assert second.state() == first.state()


def test_rows_are_tested_before_they_are_learnt_from() -> None:
    one, batch = learner(Recipe(LOGISTIC, OptimizerSpec("sgd", 1.0))), stream.rows(256)
    step = one.learn(batch)
    assert step.loss == pytest.approx(np.log(2), abs=1e-6)
    assert step.metrics["log_loss"] == pytest.approx(np.log(2), abs=1e-6)
    again = one.learn(batch)
    assert again.loss is not None
    assert again.loss < step.loss
    assert again.metrics["log_loss"] == pytest.approx((np.log(2) + again.loss) / 2, abs=1e-6)


def test_columns_tell_whether_a_learner_learns_from_such_rows() -> None:
    one, batch = learner(Recipe(LOGISTIC)), stream.rows(4)
    before = one.state()
    one.check(batch.schema)
    for missing in ("speed", "late"):
        left = [name for name in batch.schema.names if name != missing]
        with pytest.raises(UnknownColumnError, match=missing):
            one.check(batch.select(left).schema)
    with pytest.raises(ColumnTypeError, match="speed"):
        one.check(batch.set_column(batch.schema.get_field_index("speed"), "speed", pa.array(["fast"] * 4)).schema)
    assert one.state() == before


def test_the_loss_shown_is_that_of_the_model_as_it_answers() -> None:
    """With dropout, what is learnt from differs from what is tested."""
    one, batch = learner(Recipe(DROPPING, seed=5)), stream.rows(64)
    encoded = FITTED.encode(batch)
    assert encoded.label is not None
    expected = nn.functional.binary_cross_entropy(one.answers(encoded), encoded.label)
    step = one.learn(batch)
    assert step.loss == pytest.approx(float(expected), abs=1e-6)


class ByAutograd(Logistic):
    """The same network by another `forward`, to which the way to gradients that it inherits does not belong."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        found: Tensor = numbers @ self.weight + self.bias + self.category(categories).sum(dim=(1, 2))
        return found


def test_gradients_by_hand_lead_where_those_of_autograd_do() -> None:
    inputs = Inputs(len(FITTED.numbers), tuple(one.size for one in FITTED.categories))
    recipe = Recipe(LOGISTIC, OptimizerSpec("adam", 0.05, clip_norm=0.1), losses={"bce": 0.5})
    by_hand = learner(recipe)
    other = TorchLearner(recipe, FITTED, stream.example(), "cpu", ByAutograd(inputs))
    for batch in stream.micro_batches(stream.rows(640)):
        mine, theirs = by_hand.learn(batch), other.learn(batch)
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-5)
    found, expected = weights(by_hand), weights(other)
    assert all(torch.allclose(found[name], expected[name], atol=1e-5) for name in expected)
    assert any(tensor.abs().max() > 0.1 for tensor in found.values())


@pytest.mark.parametrize("network", [None, ByAutograd], ids=["by hand", "by autograd"])
def test_a_step_is_as_long_as_clip_norm_says_at_most(network: type[Logistic] | None) -> None:
    inputs = Inputs(len(FITTED.numbers), tuple(one.size for one in FITTED.categories))

    def moved(clip_norm: float | None) -> float:
        recipe = Recipe(LOGISTIC, OptimizerSpec("sgd", 1.0, clip_norm=clip_norm))
        one = TorchLearner(recipe, FITTED, stream.example(), "cpu", None if network is None else network(inputs))
        before = weights(one)
        assert one.learn(stream.rows(256)).learned
        return gradient_norm(tensor - before[name] for name, tensor in weights(one).items())

    whole = moved(None)
    assert whole > 0.1
    for clip_norm in (whole / 10, whole / 2):
        assert moved(clip_norm) == pytest.approx(clip_norm, rel=1e-4)
    # A shorter one stays as it is.
    assert moved(2 * whole) == whole


class Doubled(Logistic):
    """Twice the outputs, so that the gradients which it inherits are wrong."""

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        found: Tensor = 2 * super().forward(numbers, categories)
        return found


def test_a_network_with_a_forward_of_its_own_does_not_take_gradients_that_it_inherits() -> None:
    inputs = Inputs(len(FITTED.numbers), tuple(one.size for one in FITTED.categories))
    recipe = Recipe(LOGISTIC, OptimizerSpec("sgd", 0.1))
    plain, doubled = learner(recipe), TorchLearner(recipe, FITTED, stream.example(), "cpu", Doubled(inputs))
    for one in (plain, doubled):
        one.learn(stream.rows(64))
    assert torch.allclose(weights(doubled)["weight"], 2 * weights(plain)["weight"])


def test_a_frozen_weight_stays_as_it_is() -> None:
    network = Logistic(Inputs(len(FITTED.numbers), tuple(one.size for one in FITTED.categories)))
    network.weight.requires_grad_(False)
    one = TorchLearner(Recipe(LOGISTIC), FITTED, stream.example(), "cpu", network)
    assert one.learn(stream.rows(64)).learned
    assert not network.weight.any()
    assert network.bias.item() != 0


def test_coefficients_come_near_the_truth() -> None:
    """Of 50,000 rows, so that the standard error of a slope is near 0.015."""
    decaying = ScheduleSpec("cosine", {"steps": 200})
    one = learner(Recipe(LOGISTIC, OptimizerSpec("adam", 0.05, schedule=decaying)))
    for _ in range(2):
        for batch in stream.micro_batches(stream.rows(50_000), 500):
            assert one.learn(batch).learned
    network = one.network
    assert isinstance(network, Logistic)
    assert network.weight.tolist() == pytest.approx(stream.SLOPES, abs=0.06)
    lines = FITTED.encode(stream.rows(3_000)).categories[:, 0]
    answers = {
        name: network.category.weight[int(lines[row]), 0].item()
        for row, name in enumerate(stream.rows(3_000)["line"].to_pylist())
    }
    for name, effect in stream.LINES.items():
        assert answers[name] - answers["a"] == pytest.approx(effect, abs=0.12)
    assert network.bias.item() + answers["a"] == pytest.approx(stream.BIAS, abs=0.1)


BAD = {
    "NaN label": ("late", float("nan"), "not finite"),
    "label over its bound": ("late", 7.0, "out of bounds"),
    "no label": ("late", None, "NULL"),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_label_is_refused_and_given_back_with_its_rows(bad: str) -> None:
    column, value, reason = BAD[bad]
    one, batch = learner(Recipe(LOGISTIC)), stream.changed(stream.rows(64), column, value, row=5)
    one.learn(stream.rows(64, 1))
    before = weights(one)
    step = one.learn(batch)
    assert not step.learned
    assert reason in step.reason
    assert step.refused is batch
    assert same(before, weights(one))
    assert one.counters == Counters(128, 64, 2, 1)
    assert one.learn(stream.rows(64, 2)).learned


def test_rows_that_the_encoding_leaves_out_are_visited_and_not_learnt_from() -> None:
    lenient = replace(stream.ENCODING, label=replace(stream.LABEL, bad="leave_out"))
    one = TorchLearner(Recipe(LOGISTIC), stream.fitted(lenient), stream.example(), "cpu")
    assert one.learn(stream.changed(stream.rows(64), "late", None)).learned
    assert one.counters == Counters(64, 63, 1, 1)


def test_labels_beyond_the_task_are_refused_where_the_encoding_has_no_bounds() -> None:
    plain = replace(stream.ENCODING, label=replace(stream.LABEL, low=None, high=None))
    one = TorchLearner(Recipe(LOGISTIC), stream.fitted(plain), stream.example(), "cpu")
    step = one.learn(stream.changed(stream.rows(64), "late", 7.0))
    assert step.reason == "labels from 0.0 to 7.0: expected 0 to 1 for task 'binary'"


def test_an_exploding_loss_is_refused_and_the_next_one_is_not() -> None:
    recipe = Recipe(ModelSpec("logistic", task="regression"), OptimizerSpec("sgd", 0.01), guard=Guard(100.0, after=5))
    plain = replace(stream.ENCODING, label=replace(stream.LABEL, low=None, high=None))
    one = TorchLearner(recipe, stream.fitted(plain), stream.example(), "cpu")
    for batch in stream.micro_batches(stream.rows(640)):
        assert one.learn(batch).learned
    before = weights(one)
    step = one.learn(stream.changed(stream.rows(64), "late", 1e3))
    assert "the loss explodes" in step.reason
    assert step.loss is not None
    assert step.loss > 100
    assert same(before, weights(one))
    assert one.learn(stream.rows(64, 3)).learned


@given(
    optimizer=st.sampled_from(list(OPTIMIZERS)),
    rate=st.sampled_from([1e-3, 1.0, 1e3]),
    values=st.lists(
        st.one_of(st.floats(-1, 1), st.sampled_from([3e38, -3e38, 1e30, 1e12, 1e-38, 0.0])), min_size=1, max_size=6
    ),
    model=st.sampled_from([LOGISTIC, ModelSpec("factorization_machine", {"factors": 2})]),
)
@settings(max_examples=60)
def test_whatever_comes_weights_stay_finite_and_a_refusal_changes_none(
    optimizer: str, rate: float, values: list[float], model: ModelSpec
) -> None:
    """A twin that never saw what was refused learns the same."""
    one, twin = (learner(Recipe(model, OptimizerSpec(optimizer, rate))) for _ in range(2))
    for seed, value in enumerate(values):
        before, batch = weights(one), stream.changed(stream.rows(16, seed), "speed", value)
        step = one.learn(batch)
        assert all(bool(tensor.isfinite().all()) for tensor in weights(one).values())
        if step.learned:
            twin.learn(batch)
        else:
            assert step.reason
            assert same(before, weights(one))
    last = stream.rows(16, 99)
    assert one.learn(last).learned == twin.learn(last).learned
    assert same(weights(one), weights(twin))


class Normalized(nn.Module):
    """A network with running means, which its forward pass changes."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(inputs.numbers)
        self.linear = nn.Linear(inputs.numbers, 1)

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        found: Tensor = self.linear(self.norm(numbers))
        return found.squeeze(1)


def test_running_means_are_put_back_after_a_refusal() -> None:
    inputs = Inputs(len(FITTED.numbers), tuple(one.size for one in FITTED.categories))
    recipe = Recipe(LOGISTIC, guard=Guard(after=1))
    # Whether the model is wrong about the row that is far out depends on the weights that it begins from.
    with seeded(0, torch.device("cpu")):
        network = Normalized(inputs)
    one = TorchLearner(recipe, FITTED, stream.example(), "cpu", network)
    one.learn(stream.rows(64))
    before = weights(one)
    assert not one.learn(stream.changed(stream.rows(64, 1), "speed", 3e38)).learned
    assert same(before, weights(one))
    assert one.learn(stream.rows(64, 2)).learned
    assert not same(before, weights(one))


class Cornered(nn.Module):
    """A network whose output is finite where its gradient is none: the root of a square, at 0."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, numbers: Tensor, categories: Tensor) -> Tensor:
        return self.weight.square().sqrt().expand(len(numbers))


def test_a_gradient_that_is_no_number_is_refused_though_the_loss_is_one() -> None:
    one = TorchLearner(Recipe(LOGISTIC), FITTED, stream.example(), "cpu", Cornered())
    step = one.learn(stream.rows(64))
    assert (step.learned, step.reason) == (False, "the gradient is not finite")
    assert step.loss == pytest.approx(np.log(2), abs=1e-6)
    assert weights(one)["weight"].item() == 0


def test_a_model_without_an_answer_to_its_example_makes_no_artifact() -> None:
    one = learner(Recipe(LOGISTIC))
    with torch.no_grad():
        for weight in one.network.parameters():
            weight.fill_(torch.nan)
    with pytest.raises(TrainingError, match="answer to its example is nan"):
        one.artifact()


def test_no_rows_teach_nothing() -> None:
    one = learner(Recipe(LOGISTIC))
    step = one.learn(stream.rows(64).slice(0, 0))
    assert (step.rows, step.loss, step.learned, step.reason) == (0, None, False, "there are no rows")


def test_a_column_that_is_not_there_is_an_error_and_not_a_refusal() -> None:
    with pytest.raises(UnknownColumnError, match="speed"):
        learner(Recipe(LOGISTIC)).learn(stream.rows(4).rename_columns(["trip", "sped", "load", "line", "late"]))


def test_a_state_of_something_else_is_refused_and_nothing_is_changed() -> None:
    one = learner(Recipe(LOGISTIC))
    one.learn(stream.rows(64))
    before = one.state()
    elsewhere = [
        (learner(Recipe(LOGISTIC, seed=9)).state(), "made with another recipe"),
        (
            TorchLearner(Recipe(LOGISTIC), stream.fitted(stream.HASHED), stream.example(), "cpu").state(),
            "another encoding",
        ),
        (b"\x80\x04}q\x00.", "expected safetensors"),
        (one.artifact()[WEIGHTS], "expected format learner state 2, found 1"),
        (before[:-3], "expected safetensors"),
    ]
    for state, message in elsewhere:
        with pytest.raises(ModelError, match=message):
            one.resume(state)
        assert one.state() == before


def of_labels(labels: np.ndarray[Any, Any]) -> pa.RecordBatch:
    """Rows with these labels."""
    found = stream.rows(len(labels))
    return found.set_column(4, "late", pa.array(labels, pa.float64()))


UNBOUNDED = stream.fitted(replace(stream.ENCODING, label=replace(stream.LABEL, low=None, high=None)))


@pytest.mark.parametrize(
    ("task", "alike", "other"), [("binary", 0.0, 1.0), ("binary", 0.25, 0.4), ("regression", -3.5, 7.0)]
)
def test_what_began_from_nothing_is_a_model_once_one_label_is_unlike_the_others(
    task: str, alike: float, other: float
) -> None:
    one, again = (
        TorchLearner(Recipe(ModelSpec("logistic", task=task)), UNBOUNDED, stream.example(), "cpu") for _ in range(2)
    )
    assert one.unready() is None
    for count in (3, 5):
        assert one.learn(of_labels(np.full(count, alike))).learned
        one.reset_metrics()
    why = f"label 'late': all 8 so far are {alike:g}; expected others, too, as it began from nothing"
    assert one.unready() == why
    again.resume(one.state())
    assert (again.unready(), again.state()) == (why, one.state())
    assert again.learn(of_labels(np.array([other, alike]))).learned
    assert again.unready() is None
    one.resume(again.state())
    assert one.unready() is None


def test_labels_of_rows_that_a_guard_refused_are_none_that_it_has_learned_from() -> None:
    one = TorchLearner(Recipe(LOGISTIC, guard=Guard(after=1)), FITTED, stream.example(), "cpu")
    assert one.learn(of_labels(np.zeros(8))).learned
    assert not one.learn(stream.changed(of_labels(np.ones(8)), "speed", 3e38)).learned
    assert "all 8 so far are 0" in (one.unready() or "")


def test_threads_and_strictness_are_left_as_they_were() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        learner(Recipe(LOGISTIC)).learn(stream.rows(8))
        assert torch.get_num_threads() == 2
        assert not torch.are_deterministic_algorithms_enabled()
    finally:
        torch.set_num_threads(threads)


def test_an_artifact_tells_the_counters() -> None:
    one = learner(Recipe(LOGISTIC))
    one.learn(stream.rows(64))
    assert b'"rows_visited":64' in one.artifact()[MODEL]
