"""Gates that load models: evaluated beside the champion on the same rows, asked for a stored answer, and timed."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyiceberg.types import ListType, StringType

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import ColumnTypeError, DatasetError, DefinitionError, ModelError, UnknownColumnError
from headrace.registry.model_facts import Candidate
from headrace.registry.model_states import Alias, State
from headrace.training.data.filters import Condition, before, from_
from headrace.training.data.labels import Label
from headrace.training.learning.predictor import load
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.evaluator import Evaluator
from headrace.training.models.gates import AtMost, Gate, GateResult, NotWorse, SlicesNotWorse
from headrace.training.models.model_gates import AnswersWithin, StoredAnswer, on_rows
from headrace.training.models.store import ModelStore

from ..learning import failing  # noqa: TID252 (networks of a user's own)
from . import trips
from .trips import CLEAN, DECEMBER, FEBRUARY, WHY

RECENT = EvaluationSet("recent", "raw.trips", [from_("at", CLEAN)], ["line"])
FROZEN = EvaluationSet("frozen", "raw.trips", [before("at", DECEMBER)])
GATES: Sequence[Gate] = (
    NotWorse("recent", "log_loss"),
    SlicesNotWorse("recent", "log_loss", 0.05),
    NotWorse("frozen", "log_loss", 0.02),
    AtMost("recent", "calibration_error", 0.25),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> IcebergTable:
    """A quiet February and a quiet end of the year."""
    later = trips.rows(1_000, CLEAN, seed=3)
    return trips.table(tmp_path_factory.mktemp("lake"), trips.rows(1_000, FEBRUARY, seed=2), later)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return trips.store(tmp_path)


def gates_on(lake: IcebergTable, store: ModelStore, *sets: EvaluationSet, gates: Sequence[Gate] = GATES) -> list[Gate]:
    return list(on_rows(gates, Evaluator(sets or (RECENT, FROZEN), lake.catalog, store.artifacts), store))


def register(store: ModelStore, files: dict[str, bytes]) -> str:
    return store.register("late_trips", trips.facts(store, files), WHY).name


def failed(results: Sequence[GateResult]) -> list[str]:
    return [result.name for result in results if not result.passed]


def test_a_model_that_learned_from_an_hour_of_flipped_labels_is_rejected(lake: IcebergTable, store: ModelStore) -> None:
    gates = gates_on(lake, store)
    trips.champion(store, gates)
    hour = trips.rows(3_600, DECEMBER, seed=4, flipped=True)
    name = register(store, dict(trips.tuned(hour)))
    results = store.verify(name, gates, WHY)
    assert "recent/log_loss not worse than the champion's" in failed(results)
    assert store.status(name).state is State.REJECTED
    assert store.status("late_trips@champion").version.number == 1
    kept = store.status(name).transitions[-1].decision.evidence["gates"][0]
    assert kept["value"] > kept["bound"] + 0.5
    assert kept["evidence"]["champion"] == "late_trips@1"
    assert kept["evidence"]["labelled_rows"] == 1_000
    assert kept["evidence"]["rows"].startswith(f"raw.trips@{lake.current_snapshot_id()} where at >= 2013-12-15")
    # The same hour as it was is learned, and lets nothing pass that should not.
    again = register(store, dict(trips.tuned(trips.rows(3_600, DECEMBER, seed=4))))
    assert failed(store.verify(again, gates_on(lake, store), WHY)) == []


def test_a_model_of_december_alone_is_better_of_late_and_has_forgotten_february(
    tmp_path: Path, store: ModelStore
) -> None:
    recent = trips.rows(1_000, CLEAN, seed=3, turned=True)
    lake = trips.table(tmp_path / "lake", trips.rows(1_000, FEBRUARY, seed=2), recent)
    gates = gates_on(lake, store, gates=[NotWorse("recent", "log_loss"), NotWorse("frozen", "log_loss", 0.02)])
    trips.champion(store, gates)
    december = trips.rows(3_000, DECEMBER, seed=5, turned=True)
    made = trips.fresh(december)
    for start in range(0, 3_000, 100):
        made.learn(december.slice(start, 100))
    results = store.verify(register(store, dict(made.artifact())), gates, WHY)
    assert [result.passed for result in results] == [True, False]
    recently, frozen = results
    assert recently.value is not None
    assert recently.bound is not None
    assert recently.value < recently.bound - 0.3
    assert frozen.evidence["rows"].endswith("where at < 2013-12-01T00:00:00+00:00")
    assert store.history("late_trips").holder(Alias.CHAMPION) == 1


def test_a_champion_is_asked_here_and_now_whatever_its_facts_tell_of_the_same_rows(
    lake: IcebergTable, store: ModelStore
) -> None:
    evaluator = Evaluator((RECENT,), lake.catalog, store.artifacts)
    gates = list(on_rows([NotWorse("recent", "log_loss", 0.001)], evaluator, store))
    told = {"recent": str(evaluator.rows("recent"))}
    trips.champion(store, gates, metrics={"recent/log_loss": 0.0}, evaluated=told)
    (result,) = store.verify(register(store, dict(trips.learner().artifact())), gates, WHY)
    assert result.passed
    assert result.bound == pytest.approx((result.value or 0.0) + 0.001)


def test_what_is_found_on_rows_equals_a_plain_loop_and_is_recorded_of_both(tmp_path: Path, store: ModelStore) -> None:
    given = trips.rows(900, CLEAN, seed=6)
    line = [None if place % 50 == 0 else value for place, value in enumerate(given["line"].to_pylist())]
    late = [None if place % 7 == 0 else value for place, value in enumerate(given["late"].to_pylist())]
    columns = {name: given[name] for name in given.schema.names}
    lake = trips.table(tmp_path / "lake", pa.RecordBatch.from_pydict({**columns, "line": line, "late": late}))
    fast = EvaluationSet("fast", "raw.trips", [Condition("speed", ">", 0)], ["line"])
    gates = gates_on(lake, store, fast, gates=[NotWorse("fast", "log_loss", 9.0)])
    trips.champion(store, gates)
    files = dict(trips.tuned(trips.rows(640, DECEMBER)))
    name = register(store, files)
    (result,) = store.verify(name, gates, WHY)
    losses: dict[str, list[float]] = {}
    for row in pa.Table.from_batches([pa.RecordBatch.from_pydict({**columns, "line": line, "late": late})]).to_pylist():
        if row["late"] is not None and row["speed"] > 0:
            chance = float(load(files).score([row])[0])
            losses.setdefault(str(row["line"] or "NULL"), []).append(-np.log(chance if row["late"] else 1 - chance))
    every = [loss for some in losses.values() for loss in some]
    assert result.value == pytest.approx(np.mean(every), rel=1e-5)
    assert result.evidence["labelled_rows"] == len(every)
    (recorded,) = store.registry.evaluations(store.version(name))
    assert {name: recorded.metrics[f"log_loss/line={name}"] for name in losses} == pytest.approx(
        {name: np.mean(some) for name, some in losses.items()}, rel=1e-5
    )
    (theirs,) = store.registry.evaluations(store.version("late_trips@champion"))
    assert (theirs.set, theirs.rows) == ("fast", recorded.rows)
    assert result.bound == theirs.metrics["log_loss"] + 9.0
    # To be judged again, though other last digits are recorded, is no conflict.
    assert failed(store.check(name, gates_on(lake, store, fast, gates=[NotWorse("fast", "log_loss", 9.0)]))) == []


def test_rows_that_come_while_models_are_judged_are_seen_by_none_of_them(tmp_path: Path, store: ModelStore) -> None:
    lake = trips.table(tmp_path / "lake", trips.rows(400, CLEAN, seed=3))
    evaluator = Evaluator([RECENT], lake.catalog, store.artifacts)
    first = evaluator.evaluated("recent", store.artifacts.put(trips.learner().artifact()))
    lake.append(pa.Table.from_batches([trips.rows(100, CLEAN, seed=4)]))
    second = evaluator.evaluated("recent", store.artifacts.put(trips.tuned()))
    other = evaluator.evaluated("recent", store.artifacts.put(trips.tuned(trips.rows(64, DECEMBER))))
    assert {one.counted for one in (first, second, other)} == {400}
    assert first.evaluation.rows == other.evaluation.rows


def test_a_model_of_another_label_is_not_held_beside_the_champion(lake: IcebergTable, store: ModelStore) -> None:
    gates = gates_on(lake, store)
    trips.champion(store, gates)
    january = trips.rows(500, DECEMBER, seed=1)
    other = trips.fresh(january, Label("late", low=0, high=1))
    other.learn(january)
    results = store.check(register(store, dict(other.artifact())), gates)
    assert "learns another label than the champion" in results[0].evidence["why"]
    assert failed(results) == [gate.name for gate in gates]


def test_a_model_that_cannot_be_loaded_fails_with_the_reason_and_rows_without_labels_are_no_verdict(
    lake: IcebergTable, store: ModelStore
) -> None:
    gates = gates_on(lake, store)
    trips.champion(store, gates)
    name = register(store, {"model.json": b"{}"})
    assert "no file 'weights.safetensors'" in store.check(name, gates)[0].evidence["why"]
    nothing = EvaluationSet("recent", "raw.trips", [Condition("trip", "<", 0)])
    with pytest.raises(DatasetError, match="evaluation set 'recent': no row with a label, 0 of 2,000 rows"):
        store.verify(name, gates_on(lake, store, nothing, FROZEN), WHY)
    with pytest.raises(UnknownColumnError, match="no column 'lime'; did you mean 'line'"):
        store.verify(name, gates_on(lake, store, EvaluationSet("recent", "raw.trips", slices=["lime"])), WHY)
    with pytest.raises(ColumnTypeError, match="does not compare"):
        store.verify(
            name, gates_on(lake, store, EvaluationSet("recent", "raw.trips", [Condition("line", ">", 3)])), WHY
        )
    with pytest.raises(DatasetError, match="slices of 'trip': more than 1,000 values"):
        store.verify(name, gates_on(lake, store, EvaluationSet("recent", "raw.trips", slices=["trip"])), WHY)
    assert store.status(name).state is State.TRAINED


def test_a_model_with_a_broken_file_fails_whichever_it_is(lake: IcebergTable, store: ModelStore) -> None:
    gates = gates_on(lake, store)
    trips.champion(store, gates)
    whole = dict(trips.tuned())
    encoding, example = (json.loads(whole[name]) for name in ("encoding.json", "example.json"))
    broken = [(name, {}) for name in ("encoding.json", "example.json", "model.json")]
    # What is well formed and yet no model of headrace's.
    broken += [("encoding.json", {**encoding, "columns": [3]}), ("example.json", {**example, "columns": {}})]
    broken += [("example.json", {**example, "columns": 3}), ("example.json", {**example, "row": 3})]
    for name, content in broken:
        result = store.check(register(store, {**whole, name: json.dumps(content).encode()}), gates)[0]
        assert not result.passed
        assert result.evidence["rows"].startswith("raw.trips@")
        assert result.evidence["why"]


def test_an_answer_that_is_no_number_fails_and_is_told_with_its_row(lake: IcebergTable, store: ModelStore) -> None:
    files = dict(trips.tuned())
    model = json.loads(files["model.json"])
    model["recipe"]["model"]["module"] = f"{failing.__name__}:{failing.LostInCrowds.__name__}"
    name = register(store, {**files, "model.json": json.dumps(model).encode()})
    result = store.check(name, gates_on(lake, store, gates=[AtMost("recent", "log_loss", 99.0)]))[0]
    assert not result.passed
    assert re.search(
        r"raw.trips@.*: the answer to the row at position \d+ is nan; expected a finite number", result.evidence["why"]
    )


def test_a_metric_of_another_task_is_no_verdict(lake: IcebergTable, store: ModelStore) -> None:
    name = register(store, dict(trips.tuned()))
    with pytest.raises(DefinitionError, match="'rmse' is no metric of task 'binary'"):
        store.verify(name, gates_on(lake, store, gates=[NotWorse("recent", "rmse")]), WHY)
    assert store.status(name).state is State.TRAINED


def test_a_metric_that_the_rows_do_not_define_is_no_verdict(lake: IcebergTable, store: ModelStore) -> None:
    late = EvaluationSet("late", "raw.trips", [Condition("late", "==", 1)])
    name = register(store, dict(trips.tuned()))
    gate = NotWorse("late", "auc", greater_is_better=True)
    with pytest.raises(DatasetError, match=r"'auc' is not defined on raw.trips@.* where late == 1"):
        store.verify(name, gates_on(lake, store, late, gates=[gate]), WHY)
    assert store.status(name).state is State.TRAINED


def test_the_text_null_is_another_slice_than_no_value(tmp_path: Path, store: ModelStore) -> None:
    found = trips.rows(30, CLEAN)
    columns = {name: found[name] for name in found.schema.names}
    columns["line"] = pa.array([None, "NULL", "'NULL'"] * 10)
    lake = trips.table(tmp_path / "lake", pa.RecordBatch.from_pydict(columns))
    metrics = Evaluator([RECENT], lake.catalog, store.artifacts).evaluated("recent", store.artifacts.put(trips.tuned()))
    slices = {name for name in metrics.evaluation.metrics if name.startswith("brier/")}
    assert slices == {"brier/line=NULL", "brier/line='NULL'", "brier/line=\"'NULL'\""}
    counted = {name: value for name, value in metrics.evaluation.metrics.items() if name.startswith("rows/")}
    assert counted == dict.fromkeys(("rows/line=NULL", "rows/line='NULL'", "rows/line=\"'NULL'\""), 10.0)


def test_a_column_of_lists_has_no_slices(tmp_path: Path, store: ModelStore) -> None:
    lake = trips.table(tmp_path / "lake", trips.rows(30, CLEAN))
    with lake.table.update_schema() as change:
        change.add_column("tags", ListType(99, StringType(), element_required=False))
    lake.append(pa.Table.from_batches([trips.rows(30, CLEAN)]))
    evaluator = Evaluator([EvaluationSet("recent", "raw.trips", slices=["tags"])], lake.catalog, store.artifacts)
    with pytest.raises(ColumnTypeError, match=r"slices: column 'tags' of raw.trips@.* expected plain values"):
        evaluator.evaluated("recent", store.artifacts.put(trips.tuned()))


def test_a_candidate_that_fails_on_rows_is_no_version_and_what_was_found_is_kept(
    lake: IcebergTable, store: ModelStore
) -> None:
    gates = gates_on(lake, store)
    trips.champion(store, gates)
    files = dict(trips.tuned(trips.rows(3_600, DECEMBER, seed=4, flipped=True)))
    candidate = Candidate("late_trips", "run-1", trips.facts(store, files, rows_seen=3_600))
    store.add_candidate(candidate)
    admission = store.admit(candidate, gates, WHY)
    assert admission.version is None
    (status,) = store.candidates("late_trips")
    found = status.judgements[0].decision.evidence["gates"][0]
    assert (found["passed"], found["evidence"]["labelled_rows"]) == (False, 1_000)
    assert len(store.versions("late_trips")) == 1


def test_a_model_with_another_answer_fails_with_both(store: ModelStore) -> None:
    files = dict(trips.tuned())
    example = json.loads(files["example.json"])
    wrong = {**files, "example.json": json.dumps({**example, "answer": 0.123}).encode()}
    passed, result = (store.check(register(store, one), [StoredAnswer()])[0] for one in (files, wrong))
    assert (passed.passed, result.passed) == (True, False)
    assert result.evidence["row"] == example["row"]
    assert result.evidence["expected"] == 0.123
    assert result.evidence["found"] == pytest.approx(example["answer"], abs=1e-6)
    assert "no file" in store.check(register(store, {"model.json": b"{}"}), [StoredAnswer()])[0].evidence["why"]


def test_a_prediction_is_within_an_hour_and_not_within_no_time(store: ModelStore) -> None:
    name = register(store, dict(trips.tuned()))
    gates = [AnswersWithin(3_600_000.0, predictions=20), AnswersWithin(0.0, predictions=20)]
    within, late = store.check(name, gates)
    assert (within.passed, late.passed) == (True, False)
    assert late.value is not None
    assert late.value >= late.evidence["median_ms"] > 0
    assert late.name == "p99 of a prediction at most 0 ms"
    broken = register(store, {"model.json": b"{}"})
    assert not store.check(broken, gates[:1])[0].passed
    with pytest.raises(ModelError, match="expected milliseconds >= 0"):
        AnswersWithin(1.0, quantile=1.5)


def test_a_bad_label_of_a_set_is_told_with_the_count_of_all_rows_and_of_what_the_task_can_have(
    tmp_path: Path, store: ModelStore
) -> None:
    found = trips.rows(1_000, CLEAN, seed=3)
    late = found["late"].to_numpy(zero_copy_only=False).copy()
    late[[88, 950]] = 1e30
    found = found.set_column(found.schema.get_field_index("late"), found.schema.field("late"), pa.array(late))
    lake = trips.table(tmp_path / "lake", found)
    made = trips.fresh(trips.rows(400, DECEMBER, seed=5), Label("late"))
    evaluator = Evaluator([RECENT], lake.catalog, store.artifacts)
    told = r"label 'late': 2 of 1,000 rows are out of bounds \[0.0, 1.0\], the first at position 88 with 1e\+30"
    with pytest.raises(DatasetError, match=told):
        evaluator.evaluated("recent", store.artifacts.put(dict(made.artifact())))
