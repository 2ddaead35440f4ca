"""Rows that a learner never sees: refused by their source, or with a label of a time at which nobody can know it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.connectors.artifacts import Artifacts
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.label_time import LabelTime
from headrace.training.data.labels import Label
from headrace.training.learning.learner import Step
from headrace.training.learning.spec import ModelSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.streaming.positions import PositionColumns, Span, from_json, positions_of
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.told import Verdict
from headrace.training.streaming.trainer import Policy, StreamTrainer

from .logistic import Logistic

NOW, AHEAD = 1_000, 10
INSTANT = pa.timestamp("us", "UTC")
RULES = Rules(("x", "label"), "_refused", LabelTime("known", "at", AHEAD))
PLACES = PositionColumns("shard", "place")
NEVER = Policy(candidate_rows=None)


def rows(first: int, known: Sequence[int | None], refused: Sequence[str | None] | None = None) -> pa.RecordBatch:
    """Rows at µs 500, of which some are refused, with labels known at some µs."""
    count = len(known)
    columns = {
        "shard": pa.array([0] * count),
        "place": pa.array(range(first, first + count)),
        "x": pa.array([place / 7 for place in range(first, first + count)]),
        "label": pa.array([place % 2 for place in range(first, first + count)]),
        "at": pa.array([500] * count, INSTANT),
        "known": pa.array(known, INSTANT),
        "_refused": pa.array(refused or [None] * count, pa.string()),
    }
    return pa.RecordBatch.from_pydict(columns)


class Observed(Logistic):
    """A learner that notes which columns it is given."""

    def __init__(self) -> None:
        super().__init__(None, ["x"])
        self.given: list[list[str]] = []

    def learn(self, rows: pa.RecordBatch) -> Step:
        self.given.append(rows.schema.names)
        return super().learn(rows)


def trainer(folder: Path, policy: Policy = NEVER, learner: Logistic | None = None) -> StreamTrainer:
    keep = Artifacts(folder / "artifacts").put
    return StreamTrainer("run-1", learner or Observed(), policy, keep, PLACES, lambda: NOW, RULES)


def test_a_label_is_known_between_its_event_and_now_or_its_row_is_a_dead_letter(tmp_path: Path) -> None:
    found = trainer(tmp_path)
    told = found.visit(rows(0, [500, 499, NOW + AHEAD, NOW + AHEAD + 1, None, 700]))
    assert [(letter.row, letter.reason) for letter in told.dead] == [
        (1, "label time known is before event time at"),
        (3, "label time known is yet to come"),
        (4, "label time known is missing"),
    ]
    assert [json.loads(letter.content)["place"] for letter in told.dead] == [1, 3, 4]
    assert (told.step.verdict, told.step.arrived, told.step.visited, told.step.model_rows) == ("learned", 6, 3, 3)
    assert told.step.reason == "label time known is before event time at"
    assert from_json(told.step.positions) == {"0": Span(6, 0, 5, 15)}
    # What it was given, and nothing else, is given again by a rebuild.
    assert positions_of(told.step.row_positions).tolist() == [[0, 0], [0, 2], [0, 5]]
    judged = trainer(tmp_path).visit(rows(6, [500, 500, 500], ["unparsable", None, None]))
    assert positions_of(judged.step.row_positions).tolist() == [[0, 7], [0, 8]]
    assert found.progress.at == {"0": Span(3, 0, 5, 7)}
    assert found.progress.label_cutoff_us == NOW + AHEAD


def test_a_row_that_its_source_refuses_says_so_first_and_the_learner_sees_its_own_columns_only(tmp_path: Path) -> None:
    learner = Observed()
    told = trainer(tmp_path, learner=learner).visit(rows(0, [400, 600], ["unparsable: no object", None]))
    assert [(letter.row, letter.reason) for letter in told.dead] == [(0, "unparsable: no object")]
    assert learner.given == [["x", "label"]]
    assert (told.step.visited, told.step.model_rows) == (1, 1)


def test_a_micro_batch_without_a_good_row_neither_halts_nor_makes_a_candidate_due(tmp_path: Path) -> None:
    found = trainer(tmp_path, Policy(candidate_rows=1))
    before = found.learner.state()
    told = found.visit(rows(0, [600, 600], ["too late", "unparsable: x"]))
    assert (told.step.verdict, told.step.reason, told.step.loss) == (Verdict.REFUSED, "too late", None)
    assert [letter.reason for letter in told.dead] == ["too late", "unparsable: x"]
    assert (found.learner.state(), told.candidate, found.end()) == (before, None, None)
    assert (found.progress.arrived, found.progress.visited, found.progress.dead) == (2, 0, 2)
    after = found.visit(rows(2, [600]))
    assert (after.step.verdict, after.candidate is not None) == (Verdict.LEARNED, True)


def test_after_a_halt_a_refused_row_still_says_its_own_reason(tmp_path: Path) -> None:
    found = trainer(tmp_path, Policy())
    broken = rows(0, [600]).set_column(2, "x", pa.array([float("nan")]))
    found.visit(broken)
    told = found.visit(rows(1, [600, 600], [None, "too late"]))
    assert told.step.verdict == Verdict.HALTED
    assert [letter.reason for letter in told.dead] == [
        "learning has halted since micro-batch 1: the loss is nan",
        "too late",
    ]


def test_rows_that_the_learner_leaves_out_are_found_beside_those_that_it_never_saw(tmp_path: Path) -> None:
    batch = rows(0, [600, 600, 900, 800], ["too late", None, None, None])
    nameless = batch.set_column(3, "label", pa.array([1, 0, None, 1], pa.int64()))
    encoding = Encoding({"x": Raw()}, Label("label", bad="leave_out"))
    fitted = encoding.fit([batch.select(["x", "label"])])
    torch = TorchLearner(Recipe(ModelSpec("logistic")), fitted, batch.slice(0, 1).select(["x"]), "cpu")
    policy = Policy(candidate_rows=1)
    found = StreamTrainer("run-1", torch, policy, Artifacts(tmp_path).put, PLACES, lambda: NOW, RULES)
    told = found.visit(nameless)
    assert [(letter.row, json.loads(letter.content)["place"]) for letter in told.dead] == [(0, 0), (2, 2)]
    assert told.dead[1].reason.startswith("label 'label': 1 of 3 rows are left out")
    assert (told.step.visited, told.step.model_rows) == (2, 2)
    assert found.progress.at == {"0": Span(2, 1, 3, 4)}
    assert told.candidate is not None
    assert told.candidate.label_cutoff_us == 800


@settings(max_examples=40)
@given(
    known=st.lists(st.integers(490, 1_020), min_size=1, max_size=24),
    cuts=st.sets(st.integers(1, 23)),
    lost=st.lists(st.integers(0, 24), max_size=3),
)
def test_the_cutoff_is_that_of_the_rows_visited_through_any_failures(
    tmp_path_factory: pytest.TempPathFactory, known: list[int], cuts: set[int], lost: list[int]
) -> None:
    ends = [0, *sorted(one for one in cuts if one < len(known)), len(known)]
    batches = [rows(first, known[first:last]) for first, last in pairwise(ends)]
    found = trainer(tmp_path_factory.getbasetemp())
    for number, batch in enumerate(batches):
        before = found.state()
        found.visit(batch)
        if number in lost:
            found = trainer(tmp_path_factory.getbasetemp())
            found.resume(before)
            found.visit(batch)
    good = [one for one in known if 500 <= one <= NOW + AHEAD]
    assert found.progress.label_cutoff_us == max(good, default=None)
    assert (found.progress.visited, found.progress.arrived) == (len(good), len(known))


def test_rules_are_read_back_as_they_were_written() -> None:
    for rules in (RULES, Rules(), Rules(label_time=LabelTime("known"))):
        assert Rules.of(json.loads(json.dumps(asdict(rules)))) == rules
