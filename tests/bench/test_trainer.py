"""The trainer beside rivals, small: our sides and a bare loop learn the same, and what learnt otherwise is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headrace.bench.environments import requirements
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.trainer import answers
from headrace.bench.trainer.benchmark import (
    ARROW,
    LEARNERS,
    LOOP,
    QUESTIONS,
    SIDES,
    TENSORS,
    Question,
    TrainerBenchmark,
    TrainerSizes,
    require_alike,
)
from headrace.bench.trainer.figures import Learnt, Part
from headrace.bench.trainer.rows import BIAS, SLOPES, drawn_rows, vowpal_line
from headrace.errors import StackError, TrainingError
from headrace.runtime.progress import Progress

ROWS = 5_000


@pytest.fixture
def small(tmp_path: Path) -> TrainerBenchmark:
    """One small model, learnt by the side that needs least."""
    question = replace(QUESTIONS[0], sides=(LOOP,))
    return TrainerBenchmark(tmp_path, Progress(quiet=True), TrainerSizes(ROWS, 1, most_values=1_000), [question])


@pytest.mark.parametrize("question", [QUESTIONS[0], QUESTIONS[2]], ids=["logistic", "perceptron"])
def test_our_sides_learn_what_a_bare_loop_learns(small: TrainerBenchmark, question: Question) -> None:
    small.write()
    asked = {**small._asked(question, ROWS)}
    losses = [answers.SIDES[SIDES[name].function](asked)() for name in LEARNERS]
    assert losses == pytest.approx([losses[0]] * 3, abs=1e-6)
    assert 0.4 < losses[0] < 0.69


def test_the_report_has_every_side_and_the_cost_of_states(small: TrainerBenchmark) -> None:
    report = small.run()
    (part,) = report.parts
    ((learnt,),) = part.sides.values()
    assert min(learnt.wall_s, learnt.cpu_s) > 0
    assert [one.parameters for one in report.checkpoints] == [
        1_001 + 1,
        1_001 * 8 + 8 * 64 + 64 + 64 * 32 + 32 + 32 + 1,
    ]
    assert all(one.state_bytes > 12 * one.parameters for one in report.checkpoints)
    assert f"| {LOOP} | 5,000 |" in report.markdown()
    assert (report.benchmark, report.facts["device"]) == ("trainer", "cpu")
    assert not small.folder.exists()


def test_a_side_that_learns_something_else_is_refused() -> None:
    require_alike("rival", Learnt(10, 1.0, 1.0, 0.4615), 0.460)
    for wrong in (0.457, 0.463, float("nan")):
        with pytest.raises(OutputsDifferError, match=r"rival: log loss .* the bare torch loop has 0.46000"):
            require_alike("rival", Learnt(10, 1.0, 1.0, wrong), 0.460)


def test_a_device_that_is_not_here_is_refused_before_rows_are_written(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="device 'cuda:99': not here"):
        TrainerBenchmark(tmp_path, Progress(quiet=True), TrainerSizes(ROWS, 1), device="cuda:99")
    assert list(tmp_path.iterdir()) == []


def test_a_side_that_dies_says_why(small: TrainerBenchmark) -> None:
    small.folder.mkdir(parents=True)
    with pytest.raises(StackError, match=r"bare torch loop: FileNotFoundError: .*rows.npy"):
        small.answer(LOOP, QUESTIONS[0], ROWS)


def test_a_goal_is_of_rows_a_processor_second() -> None:
    ours, slow = [Learnt(100, 9.0, 1.0, 0.5)], [Learnt(10, 1.0, 0.4, 0.5)]
    part = Part(
        "t", {ARROW: ours, TENSORS: [Learnt(100, 1.0, 0.5, 0.5)], "rival": slow}, (ARROW, TENSORS), {"rival": 5}
    )
    assert part.table()[-1][-3:] == ("4.00 (4.00 to 4.00)", "8.00 (8.00 to 8.00)", f"5: {ARROW} below, {TENSORS} met")


def test_rows_follow_their_odds_and_are_the_same_as_text() -> None:
    rows = drawn_rows(20_000)
    numbers, label = rows[:, :-1], rows[:, -1]
    chance = 1 / (1 + np.exp(-(BIAS + numbers @ SLOPES)))
    assert label.mean() == pytest.approx(chance.mean(), abs=4 * 0.5 / np.sqrt(len(rows)))
    assert label[chance > 0.9].mean() > 0.9 > 0.1 > label[chance < 0.1].mean()
    for row in rows[:200].tolist():
        target, _, named = vowpal_line(row).partition(" | ")
        assert (int(target) > 0) == (row[-1] > 0)
        assert [float(one.partition(":")[2]) for one in named.split()] == row[:-1]


def test_each_rival_has_an_environment_of_its_own() -> None:
    assert requirements("river") == ["river==0.26.1", "pandas==3.1.1"]
    assert requirements("vowpal") == ["vowpalwabbit==9.11.9"]
    assert {side.environment for side in SIDES.values()} == {None, "river", "vowpal"}
