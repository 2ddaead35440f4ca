"""What a scheduler does with real tables, models and stores: row visits, gates, failures, two at once, a kill."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from threading import Event as Signal
from threading import Thread

import pyarrow.compute as pc
import pytest

from headrace.registry.model_states import Alias, Decision, State
from headrace.registry.store import ViewVersion
from headrace.training.continual.declared import Evaluating, Retraining
from headrace.training.continual.scheduler import Outcome
from headrace.training.data import Encoding, Label, Raw
from headrace.training.data.filters import Condition
from headrace.training.learning.drift import DriftSpec
from headrace.training.learning.events import Event
from headrace.training.learning.spec import Guard, ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.start import Begun
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.gates import GateResult, NotWorse, Subject
from headrace.training.models.model_gates import AnswersWithin
from headrace.training.models.rebuild import rebuild
from headrace.training.models.store import ModelStore

from ..data.lake_changes import compact  # noqa: TID252 (what pyiceberg does not commit is theirs)
from .desk import Desk, flipped, stream
from .refusing import refusing

LEARNING_ON = Retraining(rows=500, start="newest")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def champion(desk: Desk) -> int | None:
    return desk.store.history("late_trips").holder(Alias.CHAMPION)


def test_each_row_is_visited_once_from_version_to_version(desk: Desk) -> None:
    scheduler = desk.scheduler(LEARNING_ON)
    arrived = [1_000, 500, 731]
    for count in arrived:
        desk.arrive(count)
        assert scheduler.step() is Outcome.DONE
    assert desk.visited() == arrived
    lineage = desk.store.lineage("late_trips@3")
    assert [one.number for one in lineage.ancestors] == [1, 2]
    assert sum(desk.visited()) == desk.table.row_count()
    assert all(rebuild(desk.platform, desk.store, f"late_trips@{number}").is_same for number in (1, 2, 3))


def test_a_version_says_why_it_was_made(desk: Desk) -> None:
    desk.arrive(200)
    desk.scheduler(LEARNING_ON).step()
    (made,) = desk.store.status("late_trips@1").transitions
    assert made.decision.who == "cron"
    assert made.decision.reason == "no version has learned from raw.trips yet; begins from scratch"
    assert made.decision.evidence == {"schedule": {"task": "retrain", "rows_visited": 200}}


def test_nothing_is_done_twice(desk: Desk) -> None:
    desk.arrive(200)
    scheduler = desk.scheduler(LEARNING_ON, Evaluating())
    assert scheduler.step() is Outcome.DONE
    desk.arrive(499)
    assert scheduler.step() is Outcome.NOTHING
    assert desk.visited() == [200]


def test_from_scratch_all_rows_are_learned_and_the_parent_is_none(desk: Desk) -> None:
    scheduler = desk.scheduler(Retraining(every="1h"))
    for _ in range(2):
        desk.arrive(300)
        scheduler.step()
        desk.clock.pass_(hours=1)
    assert desk.visited() == [300, 600]
    assert desk.store.version("late_trips@2").facts.parent is None


def test_a_compaction_moves_no_row_into_learning_again(desk: Desk) -> None:
    desk.arrive(600)
    scheduler = desk.scheduler(LEARNING_ON)
    scheduler.step()
    desk.arrive(500)
    appended = desk.pipeline(LEARNING_ON)
    files = desk.store.files("late_trips@1")
    begun = desk.store.version("late_trips@1").facts.snapshots["raw.trips"]
    before = desk.snapshot
    once = appended.learn_on(files, begun).trained.files
    compact(desk.table)
    desk.arrive(300)
    assert scheduler.step() is Outcome.DONE
    assert desk.visited() == [600, 800]
    assert appended.learn_on(files, begun, f"raw.trips@{before}").trained.files == once


def test_what_learns_on_does_so_by_what_is_declared_now(desk: Desk) -> None:
    desk.arrive(500)
    desk.scheduler(LEARNING_ON).step()
    desk.arrive(500)
    losses, guard, optimizer = {"mse": 1.0, "l2": 0.001}, Guard(explosion=7.0), OptimizerSpec("adagrad", 0.3)
    changed = {"losses": losses, "guard": guard, "optimizer": optimizer, "fine_tuning": None, "seed": 5}
    assert desk.scheduler(LEARNING_ON, pipeline=changed).step() is Outcome.DONE
    recipe = Begun.of(desk.store.files("late_trips@2")).recipe
    assert recipe == Recipe(ModelSpec("logistic"), optimizer, losses, guard=guard, seed=5)
    assert rebuild(desk.platform, desk.store, "late_trips@2").is_same


def test_a_guard_that_refuses_all_lets_nothing_learn_on(desk: Desk) -> None:
    desk.arrive(500)
    desk.scheduler(LEARNING_ON).step()
    desk.arrive(500)
    guarded = desk.scheduler(LEARNING_ON, pipeline={"guard": Guard(most_gradient=1e-12)})
    assert guarded.step() is Outcome.FAILED
    assert (desk.visited(), "every micro-batch was refused, the last because the gradient" in desk.told[-1]) == (
        [500],
        True,
    )


@pytest.mark.parametrize(
    ("named", "option", "value"),
    [
        ("model", "model", ModelSpec("mlp")),
        ("encoding", "encoding", Encoding({"speed": Raw(mask=False)}, Label("late", low=0, high=1))),
        ("label", "encoding", Encoding(stream.ENCODING.features, Label("late", low=0, high=2))),
    ],
)
def test_nothing_learns_on_whose_weights_would_mean_something_else(
    desk: Desk, named: str, option: str, value: object
) -> None:
    desk.arrive(500)
    desk.scheduler(LEARNING_ON).step()
    desk.arrive(500)
    assert desk.scheduler(LEARNING_ON, pipeline={option: value}).step() is Outcome.FAILED
    assert f": {named}: here it is " in desk.told[-1]


def test_a_commit_without_rows_is_nothing_to_learn_on_from(desk: Desk) -> None:
    scheduler = desk.scheduler(Retraining(every="1h", start="newest"))
    desk.arrive(300)
    scheduler.step()
    for commit in (lambda: compact(desk.table), lambda: desk.arrive(0, stream.rows(0))):
        before = desk.snapshot
        commit()
        assert desk.snapshot != before
        desk.clock.pass_(hours=1)
        assert scheduler.step() is Outcome.NOTHING
        assert "not due: no row that trains came to raw.trips since late_trips@1" in desk.told[-1]
    desk.arrive(40)
    assert scheduler.step() is Outcome.DONE
    assert desk.visited() == [300, 40]


def test_what_a_newer_version_learned_is_no_news_to_the_champion(desk: Desk) -> None:
    scheduler = desk.scheduler(Retraining(every="1h", start="champion"), Evaluating(rows=1_000, promote=True))
    for _ in range(2):
        desk.arrive(300)
        scheduler.step()
        desk.clock.pass_(hours=1)
    compact(desk.table)
    assert (scheduler.step(), champion(desk), desk.visited()) == (Outcome.NOTHING, 1, [300, 300])


def test_rows_none_of_which_trains_are_waited_behind_without_a_failure(desk: Desk) -> None:
    rows = stream.rows(400)
    trains = pc.equal(rows["line"], "b")
    declared = {"splits": {"train": Condition("line", "==", "b")}}
    scheduler = desk.scheduler(Retraining(rows=200, start="newest"), pipeline=declared)
    desk.arrive(400, rows)
    scheduler.step()
    others = rows.filter(pc.invert(trains))
    desk.arrive(others.num_rows, others)
    assert scheduler.step() is Outcome.NOTHING
    assert "not due: no row that trains came to raw.trips since late_trips@1" in desk.told[-1]
    desk.arrive(1, rows.filter(trains).slice(0, 1))
    assert scheduler.step() is Outcome.DONE
    assert desk.visited() == [400 - others.num_rows, 1]


def test_what_an_own_step_cannot_choose_is_a_failure_of_the_training(desk: Desk) -> None:
    def broken(*_: object) -> None:
        msg = "no such rows"
        raise LookupError(msg)

    declared = {"appended": broken}
    scheduler = desk.scheduler(LEARNING_ON, pipeline=declared)
    desk.arrive(300)
    scheduler.step()
    desk.arrive(500)
    assert scheduler.step() is Outcome.FAILED
    assert "retrain: failed: UserFunctionError" in desk.told[-1]
    assert "raised LookupError: no such rows" in desk.told[-1]


def test_nothing_learns_on_from_a_version_whose_views_have_changed_since(desk: Desk) -> None:
    views = desk.platform.registry
    views.add_version(ViewVersion("trips", "speeds", "0a1b2c3d", {"window_us": 60}))
    desk.arrive(200)
    scheduler = desk.scheduler(LEARNING_ON, pipeline={"features": ["speeds"]})
    assert scheduler.step() is Outcome.DONE
    views.add_version(ViewVersion("trips", "speeds", "ffff0000", {"window_us": 90}))
    desk.arrive(500)
    assert scheduler.step() is Outcome.FAILED
    said = "late_trips@1 learned from view speeds as 0a1b2c3d, and ffff0000 is in force: window_us: 60 became 90; serve"
    assert said in desk.told[-1]
    assert [one.facts.features for one in desk.store.versions("late_trips")] == [{"speeds": "0a1b2c3d"}]


def test_rows_that_were_replaced_are_not_learned_on_from(desk: Desk) -> None:
    desk.arrive(600)
    scheduler = desk.scheduler(LEARNING_ON)
    scheduler.step()
    desk.arrive(600)
    desk.table.table.delete("speed < -2")
    assert scheduler.step() is Outcome.FAILED
    assert "cannot be unlearned; train anew: `headrace train`" in desk.told[-1]
    assert desk.visited() == [600]


def test_the_serving_version_changes_only_when_gates_are_asked(desk: Desk) -> None:
    scheduler = desk.scheduler(LEARNING_ON, Evaluating(rows=10_000, promote=True))
    served = []
    for _ in range(22):
        desk.arrive(500)
        assert scheduler.step() is Outcome.DONE
        served.append(champion(desk))
    assert served == [1] * 20 + [21] * 2
    assert desk.visited() == [500] * 22
    states = [desk.store.status(f"late_trips@{number}").state for number in (1, 2, 20, 21, 22)]
    assert states == [State.PRODUCTION, State.TRAINED, State.TRAINED, State.PRODUCTION, State.TRAINED]


def test_what_learned_from_flipped_labels_is_refused_and_production_stays(desk: Desk) -> None:
    frozen = EvaluationSet("frozen", f"raw.trips@{desk.arrive(4_000)}", may_be_learned=True)
    declared = {"evaluations": [frozen], "gates": [NotWorse("frozen", "log_loss", 0.01)]}
    scheduler = desk.scheduler(LEARNING_ON, Evaluating(promote=True), declared)
    scheduler.step()
    desk.arrive(2_000, flipped(stream.rows(2_000, 77)))
    scheduler.step()
    status = desk.store.status("late_trips@2")
    assert status.state is State.REJECTED
    assert champion(desk) == 1
    failed = [one for one in status.transitions[-1].decision.evidence["gates"] if not one["passed"]]
    assert [one["name"] for one in failed] == ["frozen/log_loss not worse than the champion's"]
    desk.arrive(500)
    scheduler.step()
    assert desk.store.version("late_trips@3").facts.parent == "late_trips@1"


def test_a_refusal_says_nothing_of_the_same_number_of_another_model(desk: Desk) -> None:
    scheduler, why = desk.scheduler(LEARNING_ON), Decision("ann", "it began with another model")
    desk.arrive(1_000)
    scheduler.step()
    own = desk.store.version("late_trips@1").facts
    desk.store.register("early_trips", own, why)
    refused = desk.store.register("late_trips", replace(own, parent="early_trips@1"), why)
    desk.store.move(refused.name, State.REJECTED, why)
    desk.arrive(500)
    scheduler.step()
    assert desk.store.version("late_trips@3").facts.parent == "late_trips@1"


def test_what_was_trained_under_other_gates_is_not_judged_by_those_of_today(desk: Desk) -> None:
    learns = Retraining(rows=500, start="newest")
    desk.arrive(500)
    desk.scheduler(learns, pipeline={"gates": [AnswersWithin(3_600_000)]}).step()
    desk.arrive(500)
    lax = {"gates": [AnswersWithin(7_200_000)]}
    assert desk.scheduler(learns, Evaluating(promote=True), lax).step() is Outcome.FAILED
    assert "'p99 of a prediction at most 3.6e+06 ms' was changed, expected" in desk.told[-1]
    assert (desk.store.status("late_trips@1").state, champion(desk)) == (State.TRAINED, None)
    same = desk.scheduler(learns, Evaluating(promote=True), {"gates": [AnswersWithin(3_600_000)]})
    same.forgive()
    assert same.step() is Outcome.DONE
    assert champion(desk) is not None


def test_without_a_policy_to_promote_a_version_waits_for_somebody(desk: Desk) -> None:
    desk.arrive(300)
    desk.scheduler(LEARNING_ON, Evaluating()).step()
    assert desk.store.status("late_trips@1").state is State.VERIFIED
    assert champion(desk) is None


@dataclass(frozen=True)
class SomebodyPromotes:
    """A gate in whose time somebody else promotes another version."""

    store: ModelStore
    version: str
    name: str = "a slow gate"

    def judge(self, subject: Subject) -> GateResult:
        """Passed, but the champion is another one by now."""
        assert subject.champion is not None
        self.store.promote(self.version, subject.champion.number, Decision("ann", "it is better"))
        return GateResult(self.name, passed=True)


def test_a_version_does_not_serve_whose_gates_saw_another_champion(desk: Desk) -> None:
    learns = Retraining(rows=1, start="newest")
    for _ in range(2):
        desk.arrive(300)
        desk.scheduler(learns, Evaluating(promote=True)).step()
    desk.store.promote("late_trips@1", 2, Decision("ann", "back"))
    desk.arrive(300)
    declared = {"gates": [SomebodyPromotes(desk.store, "late_trips@2")]}
    assert desk.scheduler(learns, Evaluating(promote=True), declared).step() is Outcome.FAILED
    assert "expected champion late_trips@1, found late_trips@2" in desk.told[-1]
    assert champion(desk) == 2
    desk.clock.pass_(days=1)
    assert desk.scheduler(learns, Evaluating(promote=True)).step() is Outcome.NOTHING
    assert champion(desk) == 2


def test_a_version_that_passed_is_promoted_when_a_promotion_that_failed_can_be(desk: Desk) -> None:
    declared = Retraining(rows=1, start="newest", backoff="10m")
    desk.arrive(300)
    scheduler = desk.scheduler(declared, Evaluating(promote=True))
    with refusing(desk.registry, "model_transitions", "NEW.after = 'production'"):
        assert scheduler.step() is Outcome.FAILED
    assert "evaluate: failed: ConnectorError" in desk.told[-1]
    desk.clock.pass_(minutes=9)
    assert scheduler.step() is Outcome.NOTHING
    left = "left undone: late_trips@1 is judged: each version is, as it comes"
    waits = f"{left}; failure 1 of 5 in a row: ConnectorError"
    assert any(f"evaluate: not due: {waits}" in one for one in desk.told)
    assert champion(desk) is None
    desk.clock.pass_(minutes=1)
    assert [one.why for one in scheduler.look() if one.due] == [left]
    assert scheduler.step() is Outcome.DONE
    (verified,) = [one for one in desk.store.status("late_trips@1").transitions if one.after is State.VERIFIED]
    assert (champion(desk), desk.clock.now - verified.at > timedelta(minutes=9)) == (1, True)
    assert scheduler.schedules.state("late_trips").failures == 0


def test_what_failed_before_its_verdict_is_decided_anew(desk: Desk) -> None:
    learns = Retraining(rows=1, start="newest")
    for _ in range(2):
        desk.arrive(300)
        desk.scheduler(learns, Evaluating(promote=True)).step()
    desk.arrive(300)
    scheduler = desk.scheduler(learns, Evaluating(promote=True))
    with refusing(desk.registry, "model_transitions", "NEW.after = 'verified'"):
        assert scheduler.step() is Outcome.FAILED
    desk.store.promote("late_trips@1", 2, Decision("ann", "back"))
    desk.clock.pass_(minutes=1)
    assert scheduler.step() is Outcome.DONE
    assert champion(desk) == 3


@dataclass(frozen=True)
class FilesGoAway:
    """A gate in whose time the files of all models are taken away."""

    store: ModelStore
    name: str = "a gate that comes last"

    def judge(self, subject: Subject) -> GateResult:
        """Passed, but the files are elsewhere by now."""
        folder = self.store.artifacts.folder
        folder.rename(folder.with_name("elsewhere"))
        return GateResult(self.name, passed=True)


def test_a_version_that_passed_is_promoted_when_its_files_are_back(desk: Desk) -> None:
    desk.arrive(300)
    scheduler = desk.scheduler(LEARNING_ON, Evaluating(promote=True), {"gates": [FilesGoAway(desk.store)]})
    assert scheduler.step() is Outcome.FAILED
    assert "evaluate: failed: ArtifactError" in desk.told[-1]
    desk.clock.pass_(minutes=1)
    assert scheduler.step() is Outcome.FAILED
    folder = desk.store.artifacts.folder
    folder.with_name("elsewhere").rename(folder)
    desk.clock.pass_(minutes=2)
    assert scheduler.step() is Outcome.DONE
    assert champion(desk) == 1


def test_drift_is_due_after_it_and_not_before(desk: Desk) -> None:
    declared = Retraining(drift=DriftSpec(), start="champion")
    scheduler = desk.scheduler(declared, Evaluating(promote=True))
    desk.arrive(3_000)
    assert scheduler.step() is Outcome.DONE
    for _ in range(4):
        desk.arrive(500)
        assert scheduler.step() is Outcome.NOTHING
    before = desk.table.row_count()
    for seed in (50, 51):
        desk.arrive(500, flipped(stream.rows(500, seed)))
    (_, verdict) = scheduler.look()
    assert verdict.due
    found = int(verdict.why.partition("found at row ")[2].partition(";")[0].replace(",", ""))
    assert before < found <= before + 512
    assert scheduler.step() is Outcome.DONE
    assert scheduler.step() is Outcome.NOTHING


def test_losses_are_read_once_between_looks(desk: Desk) -> None:
    declared = Retraining(drift=DriftSpec())
    desk.arrive(1_000)
    scheduler = desk.scheduler(declared, Evaluating(promote=True))
    scheduler.step()
    for count in (300, 200):
        desk.arrive(count)
        scheduler.look()
    kept = json.loads((scheduler.folder / "watched_losses.json").read_bytes())
    assert json.loads(kept["detector"])["seen"] == 500
    assert kept["snapshot"] == desk.snapshot


def test_a_failure_is_told_pauses_and_is_tried_again_to_an_end(desk: Desk) -> None:
    declared = Retraining(rows=1, attempts=2, backoff="10m")
    desk.arrive(100, stream.changed(stream.rows(100), "late", 7.0))
    scheduler = desk.scheduler(declared)
    assert scheduler.step() is Outcome.FAILED
    assert "retrain: failed: BadLabelError" in desk.told[-1]
    desk.clock.pass_(minutes=9)
    assert scheduler.step() is Outcome.NOTHING
    assert "failure 1 of 2 in a row: BadLabelError" in desk.told[-1]
    desk.clock.pass_(minutes=1)
    assert scheduler.step() is Outcome.FAILED
    desk.clock.pass_(days=9)
    assert scheduler.step() is Outcome.NOTHING
    assert "given up after 2 failures in a row, the last: BadLabelError" in desk.told[-1]
    scheduler.forgive()
    assert scheduler.step() is Outcome.FAILED
    assert "late_trips" not in desk.store.models()


def test_of_two_at_once_one_does_it_and_the_other_says_so(desk: Desk) -> None:
    desk.arrive(500)
    begun, go_on = Signal(), Signal()

    def hold(_: Event) -> None:
        begun.set()
        go_on.wait(60)

    first = desk.scheduler(LEARNING_ON, subscribers={"start": [hold]})
    thread = Thread(target=first.step)
    thread.start()
    assert begun.wait(60)
    assert desk.scheduler(LEARNING_ON).step() is Outcome.BUSY
    assert "is at work, until 2026-01-01T00:01:00+00:00" in desk.told[-1]
    go_on.set()
    thread.join()
    assert desk.visited() == [500]


def test_who_lost_the_work_registers_nothing(desk: Desk) -> None:
    desk.arrive(500)

    def lose(_: Event) -> None:
        desk.clock.pass_(minutes=2)
        state = first.schedules.state("late_trips")
        assert state.goal is not None
        first.schedules.begin(state, "another", state.goal, timedelta(minutes=1))

    first = desk.scheduler(LEARNING_ON, subscribers={"end": [lose]})
    assert first.step() is Outcome.FAILED
    assert "another works on its schedule" in desk.told[-1]
    assert desk.store.models() == []


def test_who_takes_over_from_a_run_that_still_goes_on_leaves_it_its_checkpoint(desk: Desk) -> None:
    """The first loses its lease while it is alive, as in a long evaluation, and so holds the folder."""
    desk.arrive(500)
    found: list[Outcome] = []

    def come_too_early(_: Event) -> None:
        if not found:
            desk.clock.pass_(minutes=2)
            found.extend(desk.scheduler(LEARNING_ON).step() for _ in range(2))

    declared = {"checkpoint_batches": 2}
    first = desk.scheduler(LEARNING_ON, subscribers={"checkpoint": [come_too_early]}, pipeline=declared)
    assert first.step() is Outcome.FAILED
    assert found == [Outcome.BUSY] * 2
    assert sum("retrain: left: " in one and "another run, process" in one for one in desk.told) == 2
    state = first.schedules.state("late_trips")
    assert (state.failures, state.error, state.holder) == (0, None, None)
    assert len(list(first.folder.glob("*/checkpoint.safetensors"))) == 1
    visited: list[int] = []
    told = {"micro_batch": [lambda event: visited.append(event.counters.rows_visited)]}
    assert desk.scheduler(LEARNING_ON, subscribers=told, pipeline=declared).step() is Outcome.DONE
    # The run was at its end, so that nothing was left to learn.
    assert (visited, desk.visited()) == ([], [500])


def test_who_is_told_to_end_leaves_the_goal_to_the_next(desk: Desk) -> None:
    desk.arrive(500)

    def end(_: Event) -> None:
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        desk.scheduler(LEARNING_ON, subscribers={"checkpoint": [end]}).step()
    goal = desk.arrive(500)
    assert desk.scheduler(LEARNING_ON).step() is Outcome.DONE
    assert any("retrain: taken over" in one for one in desk.told)
    assert desk.visited() == [500, 500]
    assert desk.store.version("late_trips@2").facts.snapshots == {"raw.trips": goal}


def test_a_kill_in_between_changes_neither_row_visits_nor_the_model(desk: Desk) -> None:
    declared = {"checkpoint_batches": 2}
    plain = desk.scheduler(LEARNING_ON, pipeline=declared)
    desk.arrive(500)
    plain.step()
    snapshot = desk.arrive(640)
    begun = desk.store.version("late_trips@1")
    expected = desk.pipeline(LEARNING_ON, **declared).learn_on(
        desk.store.files(begun.name), begun.facts.snapshots["raw.trips"], f"raw.trips@{snapshot}"
    )
    killed = desk.killed(at_batch=7)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    (left,) = plain.folder.glob("*/checkpoint.safetensors")
    assert left.parent.name == f"{snapshot}-from-1"
    desk.arrive(500)
    desk.clock.now = plain.schedules.state("late_trips").until or desk.clock.now
    visited: list[int] = []
    again = desk.scheduler(
        LEARNING_ON,
        pipeline=declared,
        subscribers={"micro_batch": [lambda event: visited.append(event.counters.rows_visited)]},
    )
    assert again.step() is Outcome.DONE
    assert visited[0] == 7 * 64
    assert desk.visited() == [500, 640, 500]
    assert desk.store.files("late_trips@2") == expected.trained.files
    assert not left.exists()
