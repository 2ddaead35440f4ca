"""Candidates of a streaming run, judged as they arrive: by the evaluating schedule, with evidence, by gates."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.connectors.artifacts import Artifacts
from headrace.errors import ConnectorError, TransitionError
from headrace.registry.kept_gates import kept_gates
from headrace.registry.model_facts import Candidate, Facts, Inventory
from headrace.registry.model_states import Alias, Decision, State
from headrace.registry.models import ModelRegistry
from headrace.training.continual.declared import Evaluating
from headrace.training.continual.judging import CandidateJudge, due_candidate
from headrace.training.models.described import described
from headrace.training.models.gates import AtMost, Gate, NotWorse
from headrace.training.models.governed import Examination
from headrace.training.models.store import ModelStore

from .desk import START, Clock
from .refusing import refusing

CODE, PACKAGES = Inventory({"headrace/errors.py": "ab12"}), Inventory({"torch": "2.15.0"})
RUN = "late-trips-20260101-000000-1a2b"


class River:
    """A run that leaves candidates, and who judges them."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.told, self.rows, self.kept = Clock(), list[str](), 0, list[Gate]()
        self.database = folder / "registry.db"
        registry = ModelRegistry(f"sqlite:///{self.database}", "trips", self.clock)
        self.store = ModelStore(registry, Artifacts(folder / "artifacts"))
        for one in (CODE, PACKAGES):
            registry.keep_inventory(one)

    def leave(self, rows: int, loss: float = 0.4, run: str = RUN, **defined: float) -> Candidate:
        """A candidate after so many further rows, with what other metrics they define."""
        self.rows += rows
        artifact = self.store.artifacts.put({"model.json": json.dumps({"rows": self.rows, "loss": loss}).encode()})
        metrics = {f"stream/{name}": value for name, value in {"log_loss": loss, **defined}.items()}
        evaluated = {"stream": f"rows 1 to {self.rows}"}
        facts = Facts(artifact=artifact, code=CODE.hash, environment=PACKAGES.hash, rows_seen=self.rows)
        facts = replace(facts, training=kept_gates("trips.py", [described(one) for one in self.kept]))
        made = Candidate("late_trips", run, replace(facts, metrics=metrics, evaluated=evaluated), self.clock.now)
        self.store.add_candidate(made)
        return made

    def judge(self, evaluating: Evaluating, *gates: Gate) -> CandidateJudge:
        examination = Examination([], gates or [AtMost("stream", "log_loss", 0.5)])

        def asked(facts: Facts) -> Sequence[Gate]:
            examination.check_subject(facts)
            return examination.gates

        return CandidateJudge(
            self.store, "late_trips", RUN, evaluating, asked, "judge", tell=self.told.append, clock=self.clock
        )

    @property
    def champion(self) -> int | None:
        return self.store.history("late_trips").holder(Alias.CHAMPION)


@pytest.fixture
def river(tmp_path: Path) -> River:
    return River(tmp_path)


def test_a_candidate_is_judged_by_the_gates_that_it_keeps_alone(river: River) -> None:
    strict, lax = AtMost("stream", "log_loss", 0.5), AtMost("stream", "log_loss", 5.0)
    river.kept = [strict]
    river.leave(500, 0.6)
    with pytest.raises(TransitionError, match=r"'stream/log_loss at most 0\.5' was changed, expected .* found"):
        river.judge(Evaluating(promote=True), lax).step()
    (known,) = river.store.candidates("late_trips")
    assert (known.judgements, known.version) == ((), None)
    (admission,) = river.judge(Evaluating(promote=True), strict).step()
    assert admission.version is None


def test_each_candidate_is_judged_in_its_order_and_once(river: River) -> None:
    judge = river.judge(Evaluating())
    for loss in (0.4, 0.6, 0.3):
        river.leave(500, loss)
    assert [one.version is not None for one in judge.step()] == [True, False, True]
    assert judge.step() == []
    kept = river.store.candidates("late_trips")
    assert [one.judgements[0].passed for one in kept] == [True, False, True]
    assert kept[1].judgements[0].decision.evidence["gates"][0]["value"] == 0.6
    assert [one.version for one in kept] == [1, None, 2]
    assert river.store.status("late_trips@1").state is State.VERIFIED


def test_production_changes_only_when_the_evaluating_schedule_says_so(river: River) -> None:
    judge = river.judge(Evaluating(rows=10_000, promote=True))
    served = []
    for _ in range(41):
        river.leave(500)
        judge.step()
        served.append(river.champion)
    assert served == [1] * 20 + [2] * 20 + [3]
    assert [one.facts.rows_seen for one in river.store.versions("late_trips")] == [500, 10_500, 20_500]


def test_by_time_the_newest_is_judged_and_those_in_between_never_are(river: River) -> None:
    judge = river.judge(Evaluating(every="1h"))
    river.leave(500)
    judge.step()
    for _ in range(3):
        river.leave(500)
        river.clock.pass_(minutes=20, microseconds=-1)
        assert judge.step() == []
    river.clock.pass_(microseconds=3)
    (admission,) = judge.step()
    assert admission.version is not None
    assert admission.version.facts.rows_seen == 2_000
    assert [len(one.judgements) for one in river.store.candidates("late_trips")] == [1, 0, 0, 1]


def test_what_is_refused_leaves_production_untouched(river: River) -> None:
    judge = river.judge(Evaluating(promote=True))
    river.leave(500)
    judge.step()
    river.leave(500, 0.9)
    judge.step()
    assert river.champion == 1
    assert any("is refused; the evidence is kept" in one for one in river.told)


def test_a_candidate_of_one_label_so_far_is_refused_and_those_behind_it_are_judged(river: River) -> None:
    judge = river.judge(Evaluating(), NotWorse("stream", "auc", greater_is_better=True))
    river.leave(500)
    river.leave(500, auc=0.75)
    assert [one.version is not None for one in judge.step()] == [False, True]
    (first, _) = river.store.candidates("late_trips")
    assert "no metric 'stream/auc'" in first.judgements[0].decision.evidence["gates"][0]["evidence"]["why"]


def test_candidates_of_another_run_are_left_to_it(river: River) -> None:
    river.leave(500, run="another")
    assert river.judge(Evaluating()).step() == []


def test_who_was_stopped_before_the_promotion_is_succeeded(river: River) -> None:
    river.leave(500)
    river.judge(Evaluating()).step()
    assert river.champion is None
    river.judge(Evaluating(promote=True)).step()
    assert river.champion == 1


#: Between the verdict on a candidate and the version that it becomes, and between that and its being verified.
INTERRUPTIONS = {
    "no version": ("model_versions", "true"),
    "not verified": ("model_transitions", "NEW.after = 'verified'"),
}


@pytest.mark.parametrize(("table", "when"), INTERRUPTIONS.values(), ids=INTERRUPTIONS.keys())
def test_a_candidate_that_passed_before_the_registry_failed_becomes_a_version(
    river: River, table: str, when: str
) -> None:
    river.leave(500)
    with refusing(river.database, table, when), pytest.raises(ConnectorError):
        river.judge(Evaluating(promote=True)).step()
    assert river.judge(Evaluating(promote=True)).step() == []
    (known,) = river.store.candidates("late_trips")
    assert (len(known.judgements), known.version, river.champion) == (1, 1, 1)
    first, *_, last = river.store.status("late_trips@1").transitions
    assert (first.decision.evidence, last.after) == ({}, State.PRODUCTION)
    river.leave(500, 0.9)
    river.judge(Evaluating(promote=True)).step()
    assert river.champion == 1


def test_a_candidate_that_passed_serves_late_only_beside_the_champion_of_then(river: River) -> None:
    river.leave(500)
    river.judge(Evaluating(promote=True)).step()
    river.leave(500)
    with refusing(river.database, *INTERRUPTIONS["no version"]), pytest.raises(ConnectorError):
        river.judge(Evaluating(promote=True)).step()
    by_hand, why = river.leave(500), Decision("ann", "by hand")
    river.store.admit(by_hand, [AtMost("stream", "log_loss", 0.5)], why)
    for state in (State.REGISTERED, State.DARK):
        river.store.move("late_trips@2", state, why)
    river.store.promote("late_trips@2", 1, why)
    river.judge(Evaluating(promote=True)).step()
    assert (river.store.status("late_trips@3").state, river.champion) == (State.VERIFIED, 2)


def test_what_was_admitted_by_hand_is_left_to_whoever_did(river: River) -> None:
    river.store.admit(river.leave(500), [AtMost("stream", "log_loss", 0.5)], Decision("ann", "by hand"))
    river.judge(Evaluating(promote=True)).step()
    assert river.champion is None


def test_without_candidates_nothing_is_due() -> None:
    assert due_candidate(Evaluating(), [], START + timedelta(days=1)) == (None, "no candidate waits")
