"""The gates that a version keeps from its definition: none is verified without them, whatever way it goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import TransitionError
from headrace.registry.kept_gates import gates_of, kept_gates
from headrace.registry.model_facts import Candidate, ModelVersion
from headrace.registry.model_states import Decision, State
from headrace.training.data.filters import Condition, RowFilter, before, from_
from headrace.training.learning.pipeline import TrainingPipeline
from headrace.training.learning.registering import register
from headrace.training.learning.spec import ModelSpec
from headrace.training.models.described import described
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.gates import (
    ArtifactWhole,
    AtMost,
    Gate,
    GateResult,
    NotWorse,
    SlicesNotWorse,
    Subject,
)
from headrace.training.models.governed import Examination
from headrace.training.models.model_gates import AnswersWithin, StoredAnswer
from headrace.training.models.store import ModelStore

from . import trips
from .desk import TRAIN, Desk

STRICT, LAX = AtMost("own", "late", 0.5), AtMost("own", "late", 9.0)
TOLD: Mapping[str, Any] = {"metrics": {"own/late": 0.25}, "evaluated": {"own": "by hand"}}
WHY = trips.WHY


class Holds:
    """A gate of a user's own, that is no dataclass."""

    name = "it holds"

    def __init__(self, bound: float, looked: object = None) -> None:
        self.bound, self._looked = bound, looked

    def judge(self, subject: Subject) -> GateResult:
        return GateResult(self.name, subject.facts.rows_seen >= self.bound)


class Notes(Holds):
    """One that notes what it saw last, for whoever looks at it afterwards."""

    last: int | None = None

    def judge(self, subject: Subject) -> GateResult:
        self.last = subject.facts.rows_seen
        return super().judge(subject)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return trips.store(tmp_path)


def kept(store: ModelStore, *gates: Gate, **changed: Any) -> ModelVersion:
    """A version that keeps these gates."""
    training = kept_gates("trips.py", [described(one) for one in gates])
    facts = trips.facts(store, {"model.json": b"{}"}, training=training, **{**TOLD, **changed})
    return store.register("late_trips", facts, WHY)


def standing(store: ModelStore, *gates: Gate) -> list[Gate]:
    return [ArtifactWhole(store.artifacts), *gates]


def test_a_version_is_not_verified_without_the_gates_that_it_keeps(store: ModelStore) -> None:
    version = kept(store, STRICT, StoredAnswer())
    with pytest.raises(TransitionError) as refused:
        store.verify(version.name, standing(store), WHY)
    for part in ("late_trips@1: cannot be", "gate 'own/late at most 0.5' is not asked", "--file trips.py"):
        assert part in str(refused.value)
    assert "gate 'stored answer' is not asked" in str(refused.value)
    assert store.status(version.name).state is State.TRAINED
    assert store.unasked(version.name, [STRICT]) == ("stored answer",)


def test_a_version_is_verified_by_the_gates_that_it_keeps_and_others(store: ModelStore) -> None:
    version = kept(store, STRICT)
    results = store.verify(version.name, [*standing(store), AtMost("own", "late", 0.3), replace(STRICT)], WHY)
    assert [one.passed for one in results] == [True, True, True]
    status = store.status(version.name)
    assert status.state is State.VERIFIED
    assert status.transitions[-1].decision.evidence["gates"][-1]["asked"] == described(STRICT)
    assert "gates_changed" not in status.transitions[-1].decision.evidence


def test_a_laxer_gate_is_no_stand_in_even_under_the_same_name(store: ModelStore) -> None:
    bound = kept(store, STRICT)
    with pytest.raises(TransitionError, match=r"was changed, expected .*\"bound\": 0.5.*, found .*\"bound\": 9.0"):
        store.verify(bound.name, standing(store, LAX), WHY)
    margin = kept(store, NotWorse("own", "late", 0.0), rows_seen=1)
    with pytest.raises(TransitionError, match=r"\"margin\": 0.0.*found .*\"margin\": 0.5"):
        store.verify(margin.name, standing(store, NotWorse("own", "late", 0.5)), WHY)
    own = kept(store, Holds(2), rows_seen=2)
    with pytest.raises(TransitionError, match=r"'it holds' was changed, expected .*\"bound\": 2"):
        store.verify(own.name, standing(store, Holds(1)), WHY)
    assert store.verify(own.name, standing(store, Holds(2, looked=object())), WHY)[-1].passed


def test_a_gate_that_notes_something_while_it_judges_is_still_the_one_that_was_kept(store: ModelStore) -> None:
    version = kept(store, Notes(2), rows_seen=3)
    store.verify(version.name, standing(store, noting := Notes(2)), WHY)
    status = store.status(version.name)
    assert (status.state, noting.last) == (State.VERIFIED, 3)
    assert status.transitions[-1].decision.evidence["gates"][-1]["asked"] == described(Notes(2))
    candidate = Candidate("late_trips", "run-1", replace(version.facts, rows_seen=4))
    store.add_candidate(candidate)
    admitted = store.admit(candidate, standing(store, Notes(2)), WHY).version
    assert admitted is not None
    assert store.status(admitted.name).state is State.VERIFIED


def test_a_failed_kept_gate_rejects(store: ModelStore) -> None:
    version = kept(store, AtMost("own", "late", 0.1))
    store.verify(version.name, standing(store, AtMost("own", "late", 0.1)), WHY)
    assert store.status(version.name).state is State.REJECTED


def test_made_up_evidence_is_no_way_past_the_kept_gates(store: ModelStore) -> None:
    version = kept(store, STRICT)
    told: Sequence[dict[str, Any]] = (
        {"gates": [{"name": STRICT.name, "passed": True}]},
        {"gates": [{"name": STRICT.name, "passed": True, "asked": described(LAX)}]},
        {"gates": [{"name": "all", "passed": True}], "gates_changed": {"why": "", "kept": [described(STRICT)]}},
        {"gates": [{"name": "all", "passed": True}], "gates_changed": {"why": "so", "kept": [described(LAX)]}},
        {"gates": [{"name": "all", "passed": True}], "gates_changed": "so"},
    )
    for evidence in told:
        with pytest.raises(TransitionError, match="cannot be verified without the gates that it was made with"):
            store.move(version.name, State.VERIFIED, Decision("ann", "trust me", evidence))
    assert store.status(version.name).state is State.TRAINED


def test_gates_that_changed_are_asked_by_a_decision_that_is_kept(store: ModelStore) -> None:
    version = kept(store, STRICT, StoredAnswer())
    store.verify(version.name, standing(store, LAX), WHY, gates_changed="the bound was of another season")
    move = store.status(version.name).transitions[-1]
    assert move.after is State.VERIFIED
    decided = move.decision.evidence["gates_changed"]
    assert decided["why"] == "the bound was of another season"
    assert decided["kept"] == [described(STRICT), described(StoredAnswer())]
    assert described(LAX) in decided["asked"]


def test_a_decision_needs_a_reason_and_something_to_decide(store: ModelStore) -> None:
    version = kept(store, STRICT)
    with pytest.raises(TransitionError, match="gates changed: ' ': say why"):
        store.verify(version.name, standing(store, LAX), WHY, gates_changed=" ")
    with pytest.raises(TransitionError, match="no gate that it keeps has changed; leave it out"):
        store.verify(version.name, standing(store, STRICT), WHY, gates_changed="who knows")
    assert store.status(version.name).state is State.TRAINED


def test_a_candidate_is_not_admitted_without_the_gates_that_it_keeps(store: ModelStore) -> None:
    facts = trips.facts(
        store, {"model.json": b"{}"}, training=kept_gates("trips.py", [described(STRICT)]), rows_seen=7, **TOLD
    )
    candidate = Candidate("late_trips", "run-1", facts)
    store.add_candidate(candidate)
    with pytest.raises(TransitionError, match=r"gate 'own/late at most 0\.5' is not asked"):
        store.admit(candidate, standing(store), WHY)
    (known,) = store.candidates("late_trips")
    assert (known.judgements, known.version) == ((), None)
    admitted = store.admit(candidate, standing(store, LAX), WHY, gates_changed="another season")
    assert admitted.version is not None
    assert store.status(admitted.version.name).state is State.VERIFIED
    (known,) = store.candidates("late_trips")
    assert known.judgements[-1].decision.evidence["gates_changed"]["why"] == "another season"


def test_a_version_without_kept_gates_is_as_it_was(store: ModelStore) -> None:
    version = store.register("late_trips", trips.facts(store, {"model.json": b"{}"}), WHY)
    assert gates_of(version.facts) == ()
    store.verify(version.name, standing(store), WHY)
    assert store.status(version.name).state is State.VERIFIED


RECENT = EvaluationSet("recent", "raw.trips", [from_("at", trips.CLEAN)], slices=["line"])


@pytest.mark.parametrize(
    "other",
    [
        EvaluationSet("recent", "raw.trips@8", [from_("at", trips.CLEAN)], slices=["line"]),
        EvaluationSet("recent", "raw.trips", [from_("at", trips.DECEMBER)], slices=["line"]),
        EvaluationSet("recent", "raw.trips", [Condition("speed", ">", 0)], slices=["line"]),
        EvaluationSet("recent", "raw.trips", [], slices=["line"]),
        EvaluationSet("recent", "raw.trips", [from_("at", trips.CLEAN)], slices=["trip"]),
        EvaluationSet("recent", "raw.trips", [from_("at", trips.CLEAN)], slices=["line"], may_be_learned=True),
    ],
)
def test_other_rows_of_a_set_make_another_gate(other: EvaluationSet) -> None:
    gate = SlicesNotWorse("recent", "log_loss", 0.02)
    assert described(gate, [RECENT]) != described(gate, [other])
    assert described(gate, [RECENT]) == described(gate, [replace(RECENT, filters=tuple(RECENT.filters))])


def declared(folder: Path, gates: Sequence[Gate], sets: Sequence[EvaluationSet]) -> tuple[Desk, type[TrainingPipeline]]:
    options: dict[str, Any] = {"owner": "ann", "source": "raw.trips", "encoding": trips.ENCODING, "__doc__": "Late."}
    options |= {"model": ModelSpec("logistic"), "splits": {"train": TRAIN}, "gates": gates, "evaluations": sets}
    return Desk(folder), type("LateTrips", (TrainingPipeline,), options)


def test_what_is_trained_from_a_definition_keeps_its_gates_and_passes_by_them_alone(tmp_path: Path) -> None:
    held: list[RowFilter] = [before("at", trips.DECEMBER)]
    gates: list[Gate] = [AtMost("all", "log_loss", 99.0), StoredAnswer(), AnswersWithin(3_600_000)]
    desk, kind = declared(tmp_path, gates, [EvaluationSet("all", "raw.trips", held, may_be_learned=True)])
    version = register(desk.store, kind(desk.platform, device="cpu").train(plots=False), WHY)
    assert [one["name"] for one in gates_of(version.facts)] == [gate.name for gate in gates]
    assert version.facts.training["gates"]["declared_in"] == Path(__file__).name
    alone = Examination().bound(desk.store, desk.platform.settings, version.facts)
    with pytest.raises(TransitionError, match="gate 'all/log_loss at most 99' is not asked"):
        desk.store.verify(version.name, alone, WHY)
    whole = kind.examination().bound(desk.store, desk.platform.settings, version.facts)
    assert all(one.passed for one in desk.store.verify(version.name, whole, WHY))
    after = kind(desk.platform, device="cpu")
    desk.arrive(seed=3)
    tuned = after.learn_on(desk.store.files(version.name), version.facts.snapshots["raw.trips"])
    assert gates_of(register(desk.store, tuned, WHY, parent=version).facts) == gates_of(version.facts)
