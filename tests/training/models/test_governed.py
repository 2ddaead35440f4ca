"""What a model must pass, declared: checked where it is declared, and asked by whoever judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import DefinitionError, RequestError
from headrace.features.source import IcebergTable
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.continual.declared import Evaluating
from headrace.training.data.filters import Condition, from_
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.spec import ModelSpec
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.gates import AtMost, Gate, NotWorse, SlicesNotWorse
from headrace.training.models.governed import Examination
from headrace.training.models.labels_plausible import LabelsPlausible
from headrace.training.models.model_gates import OnRows, StoredAnswer
from headrace.training.models.store import ModelStore
from headrace.training.streaming.pipeline import StreamingTrainingPipeline

from . import trips

RECENT = EvaluationSet("recent", "raw.trips", [Condition("speed", ">", 0)])
STREAMED: dict[str, Any] = {"name": "labels", "source": IcebergTable("raw.labelled"), "learner": "logistic:make"}
PINNED: dict[str, Any] = {
    "owner": "ann",
    "source": "raw.trips",
    "encoding": trips.ENCODING,
    "model": ModelSpec("logistic"),
}


def declared(sets: Sequence[Any], gates: Sequence[Any]) -> type[TrainingPipeline]:
    return type("LateTrips", (TrainingPipeline,), {**PINNED, "evaluations": sets, "gates": gates})


@pytest.mark.parametrize(
    ("gates", "why"),
    [
        ([NotWorse("recnt", "log_loss")], "no evaluation set 'recnt'; did you mean 'recent'"),
        ([NotWorse("recent", "logloss")], "gate over recent/logloss: no metric 'logloss'; did you mean 'log_loss'"),
        ([NotWorse("recent", "rmse")], "'rmse' is no metric of task 'binary'"),
        ([NotWorse("recent", "auc")], "more is better of 'auc'; set greater_is_better=True"),
        ([NotWorse("recent", "brier", greater_is_better=True)], "less is better of 'brier'; leave out"),
        ([AtMost("recent", "auc", 0.5)], "more is better of 'auc'; hold it beside the champion's by NotWorse"),
        ([SlicesNotWorse("recent", "log_loss", 0.0)], "set 'recent' has no slices; name columns"),
        (["recent/log_loss=0"], r"gates: expected gates: objects with a name and judge\(subject\)"),
        (NotWorse("recent", "log_loss"), "gates: expected a list of gates"),
    ],
)
def test_gates_that_cannot_be_meant_are_refused_where_they_are_declared(gates: Any, why: str) -> None:
    with pytest.raises(DefinitionError, match=why) as refused:
        declared([RECENT], gates)
    assert f"{Path(__file__).name}:" in str(refused.value)


def test_a_gate_by_another_label_time_than_the_declared_one_is_refused_where_it_is_declared(tmp_path: Path) -> None:
    gate = LabelsPlausible("recent", "seen_at")
    said = r"label_time: expected 'known_at', which tells the model when its labels were known, found 'seen_at'"
    options = {"evaluations": [RECENT], "gates": [gate]}
    with pytest.raises(DefinitionError, match=said) as refused:
        type("LateTrips", (TrainingPipeline,), {**PINNED, **options, "label_time": "known_at"})
    assert f"{Path(__file__).name}:" in str(refused.value)
    for told in ("", "seen_at"):
        type("LateTrips", (TrainingPipeline,), {**PINNED, **options, "label_time": told})
    platform = Platform(load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path))
    wrong = type("Labels", (StreamingTrainingPipeline,), {**STREAMED, **options, "label_time": "known_at"})
    with pytest.raises(DefinitionError, match=f"Labels: gate .* {said}"):
        wrong(platform)
    for column in (None, "seen_at"):
        type("Labels", (StreamingTrainingPipeline,), {**STREAMED, **options, "label_time": column})(platform)


def test_sets_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(DefinitionError, match="two sets are named 'recent'"):
        declared([RECENT, RECENT], [])
    with pytest.raises(DefinitionError, match=r"evaluations: expected EvaluationSets, found 'raw.trips'"):
        declared(["raw.trips"], [])
    with pytest.raises(DefinitionError, match=r"source 'trips': expected namespace.table"):
        EvaluationSet("recent", "trips")
    with pytest.raises(DefinitionError, match="slices: expected a list of them, found 'line'"):
        EvaluationSet("recent", "raw.trips", slices="line")
    with pytest.raises(DefinitionError, match="filters: expected a list"):
        EvaluationSet("recent", "raw.trips", Condition("speed", ">", 0))  # type: ignore[arg-type]
    with pytest.raises(DefinitionError, match="evaluation set '1st': expected a letter"):
        EvaluationSet("1st", "raw.trips")


def test_a_set_is_read_from_the_text_that_commands_take() -> None:
    text = "recent=raw.trips@8 where at >= 2013-12-15T00:00:00Z and line != ' by x' by line, trip"
    found = EvaluationSet.of(text)
    assert (found.name, found.source, tuple(found.slices)) == ("recent", "raw.trips@8", ("line", "trip"))
    assert found.filters == (from_("at", trips.CLEAN), Condition("line", "!=", " by x"))
    assert EvaluationSet.of("recent=raw.trips by line").slices == ("line",)
    memory = EvaluationSet.of("frozen=raw.trips@7 where line == 'even learned' by line even learned")
    assert (memory.may_be_learned, memory.slices, found.may_be_learned) == (True, ("line",), False)
    assert EvaluationSet.of("recent=raw.trips even learned").may_be_learned
    assert EvaluationSet.of("frozen=raw.trips@7") == EvaluationSet("frozen", "raw.trips@7", (), ())


@pytest.mark.parametrize(
    "text", ["", "recent", "recent=", "=raw.trips", "recent=raw.trips by", "recent=raw.trips by 1", "a=raw.t x > 3"]
)
def test_a_text_that_is_no_set_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match=r"expected NAME=TABLE\[@SNAPSHOT\]"):
        EvaluationSet.of(text)


def test_gates_over_declared_sets_evaluate_and_others_judge_what_was_recorded(tmp_path: Path) -> None:
    gates: list[Gate] = [NotWorse("recent", "log_loss"), NotWorse("valid", "log_loss"), StoredAnswer()]
    settings = load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path)
    bound = Examination([RECENT], gates).bound(ModelStore.at(settings), settings)
    assert [gate.name for gate in bound[:2]] == ["artifact whole", "features available"]
    assert [isinstance(gate, OnRows) for gate in bound[2:]] == [True, False, False]
    assert [gate.name for gate in bound[2:]] == [gate.name for gate in gates]


def test_gates_are_not_bound_to_what_lacks_their_metric(tmp_path: Path) -> None:
    settings = load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path)
    store = ModelStore.at(settings)
    told = {"stream/log_loss": 0.4, "stream/log_loss/line=a": 0.3}
    facts = trips.facts(store, {"model.json": b"{}"}, metrics=told, evaluated={"stream": "run 1"})
    for gate in (
        AtMost("stream", "log_loss", 1.0),
        SlicesNotWorse("stream", "log_loss", 0.1),
        NotWorse("recent", "mae"),
    ):
        assert Examination([RECENT], [gate]).bound(store, settings, facts)
    with pytest.raises(
        DefinitionError, match="no metric 'logloss' is recorded of set 'stream'; did you mean 'log_loss'"
    ):
        Examination([RECENT], [AtMost("stream", "logloss", 1.0)]).bound(store, settings, facts)


@pytest.mark.parametrize("told", [{}, {"stream/log_loss": 0.4}])
def test_a_metric_that_had_no_value_fails_its_gate_and_is_no_misspelt_name(
    tmp_path: Path, told: dict[str, float]
) -> None:
    settings = load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path)
    store = trips.store(tmp_path)
    facts = trips.facts(store, {"model.json": b"{}"}, metrics=told, evaluated={"stream": "run 1"})
    gate = NotWorse("stream", "auc", greater_is_better=True)
    name = store.register("late_trips", facts, trips.WHY).name
    result = store.check(name, Examination([], [gate]).bound(store, settings, facts))[-1]
    assert (result.passed, result.evidence["why"]) == (False, "no metric 'stream/auc' is recorded")
    for metric, found in (("acu", {}), ("rmse", {"stream/log_loss": 0.4}), ("auc", {"stream/late": 1.0})):
        with pytest.raises(DefinitionError, match=f"no metric '{metric}' is recorded of set 'stream'"):
            Examination([], [AtMost("stream", metric, 1.0)]).check_subject(replace(facts, metrics=found))


def test_a_streaming_trainer_has_gates_over_its_own_metrics_too(tmp_path: Path) -> None:
    options = STREAMED
    platform = Platform(load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path))
    good = {"evaluations": [RECENT], "gates": [AtMost("stream", "log_loss", 1.0), NotWorse("recent", "log_loss")]}
    kind = type("Labels", (StreamingTrainingPipeline,), {**options, **good})
    kind(platform)
    assert kind.examination().gates == good["gates"]
    wrong = type("Labels", (StreamingTrainingPipeline,), {**options, "gates": [NotWorse("steam", "log_loss")]})
    with pytest.raises(DefinitionError, match=r"Labels: gate .* no evaluation set 'steam'; did you mean 'stream'"):
        wrong(platform)


@pytest.mark.parametrize(("base", "options"), [(TrainingPipeline, PINNED), (StreamingTrainingPipeline, STREAMED)])
def test_what_no_gate_of_the_model_asks_is_not_promoted(base: type, options: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="LateTrips: evaluating: promote=True, and the model declares no gates"):
        type("LateTrips", (base,), {**options, "evaluating": Evaluating(promote=True)})
    for sound in ({"evaluating": Evaluating()}, {"evaluating": Evaluating(promote=True), "gates": [StoredAnswer()]}):
        type("LateTrips", (base,), {**options, **sound})


def test_the_gates_of_a_trainer_are_asked_for_where_it_has_a_name() -> None:
    template = type("Template", (StreamingTrainingPipeline,), {"evaluating": Evaluating(promote=True)})
    with pytest.raises(DefinitionError, match=rf"{Path(__file__).name}:\d+: trainer Labels: evaluating: promote=True"):
        type("Labels", (template,), STREAMED)
