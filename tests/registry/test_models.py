"""The model store's database: origins, the governed life, aliases by compare and set, and what served when."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.errors import ConnectorError, ModelError, NotFoundError, RegistryConflictError, TransitionError
from headrace.registry.model_facts import Candidate, Evaluation, Facts, Inventory, ModelVersion
from headrace.registry.model_states import MOVES, Alias, Decision, State
from headrace.registry.models import ModelRegistry

CODE, PACKAGES = Inventory({"headrace/errors.py": "ab12"}), Inventory({"torch": "2.15.0"})
FACTS = Facts(
    artifact="a" * 64,
    code=CODE.hash,
    environment=PACKAGES.hash,
    features={"flights": "0a1b2c3d"},
    snapshots={"raw.flights": 9_065_436_481_343_018_523},
    offsets={"flights-0": (0, 10), "flights-1": (5, 5)},
    label_cutoff=datetime(2013, 9, 1, tzinfo=UTC),
    seed=7,
    rows_seen=15,
    metrics={"recent/log_loss": 0.5, "recent/log_loss/carrier=UA": 0.4},
    evaluated={"recent": "flights@7, August"},
)
WHY = Decision("ann", "to try it")
PASSED = Decision("ann", "all gates passed", {"gates": [{"name": "artifact whole", "passed": True}]})
WAY = (State.TRAINED, State.VERIFIED, State.REGISTERED, State.DARK, State.PRODUCTION, State.RETIRED)


class Clock:
    """A clock that is set by hand."""

    def __init__(self, *, ticks: timedelta = timedelta(seconds=1)) -> None:
        self.now, self.ticks = datetime(2026, 1, 1, tzinfo=UTC), ticks

    def __call__(self) -> datetime:
        self.now += self.ticks
        return self.now


def opened(folder: Path, clock: Callable[[], datetime] | None = None) -> ModelRegistry:
    url = f"sqlite:///{folder / 'registry.db'}"
    return ModelRegistry(url, "demo", clock) if clock else ModelRegistry(url, "demo")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(tmp_path: Path, clock: Clock) -> ModelRegistry:
    made = opened(tmp_path, clock)
    for inventory in (CODE, PACKAGES):
        made.keep_inventory(inventory)
    return made


def led_to(models: ModelRegistry, state: State, facts: Facts = FACTS, *, model: str = "late") -> ModelVersion:
    """A new version that went all the way to a state; into production as the champion after whoever was."""
    made = models.register(model, facts, WHY)
    for after in WAY[1 : WAY.index(state) + 1] if state in WAY else (state,):
        if after is State.RETIRED:
            led_to(models, State.PRODUCTION, facts, model=model)
        if after is State.PRODUCTION:
            models.promote(model, made.number, models.life(model).holder(Alias.CHAMPION), WHY)
        else:
            models.move(model, made.number, after, PASSED)
    return made


def test_a_version_reads_back_with_every_fact(models: ModelRegistry) -> None:
    made = models.register("late", FACTS, WHY)
    child = models.register("late", replace(FACTS, parent="late@1", seed=None, label_cutoff=None), WHY)
    assert models.versions("late") == [made, child]
    assert models.version("late", 1).facts == FACTS
    assert (made.number, child.number, child.facts.parent, made.creator) == (1, 2, "late@1", "ann")
    assert models.models() == ["late"]


def test_an_instant_in_another_zone_is_the_same_fact(models: ModelRegistry) -> None:
    elsewhere = FACTS.label_cutoff.astimezone(timezone(timedelta(hours=5))) if FACTS.label_cutoff else None
    models.register("late", replace(FACTS, label_cutoff=elsewhere), WHY)
    assert models.version("late", 1).facts == FACTS


def test_projects_do_not_see_each_other(models: ModelRegistry, tmp_path: Path) -> None:
    models.register("late", FACTS, WHY)
    other = ModelRegistry(f"sqlite:///{tmp_path / 'registry.db'}", "other")
    assert other.models() == []
    assert other.register("late", FACTS, WHY).number == 1


def test_a_parent_that_was_never_registered_is_refused(models: ModelRegistry) -> None:
    orphan = replace(FACTS, parent="late@1")
    with pytest.raises(ModelError, match="parent late@1 was never registered"):
        models.register("late", orphan, WHY)
    with pytest.raises(ModelError, match="parent late@1 was never registered"):
        models.add_candidate(Candidate("late", "stream", orphan))
    models.register("other", FACTS, WHY)
    with pytest.raises(ModelError, match="model 'late': parent late@1 was never registered"):
        models.register("late", orphan, WHY)
    assert models.models() == ["other"]


def test_a_parent_is_any_version_of_the_project(models: ModelRegistry, tmp_path: Path) -> None:
    models.register("other", FACTS, WHY)
    child = replace(FACTS, parent="other@1")
    assert models.add_candidate(Candidate("late", "stream", child))
    assert models.register("late", child, WHY).facts.parent == "other@1"
    assert models.parents() == {"late@1": "other@1", "other@1": None}
    elsewhere = ModelRegistry(f"sqlite:///{tmp_path / 'registry.db'}", "elsewhere")
    with pytest.raises(ModelError, match="parent other@1 was never registered"):
        elsewhere.register("late", child, WHY)
    assert elsewhere.parents() == {}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"artifact": "abc"}, "artifact: expected a sha256"),
        ({"code": "A" * 64}, "code: expected a sha256"),
        ({"environment": ""}, "environment: expected a sha256"),
        ({"offsets": {"t-0": (5, 4)}}, "offsets of 't-0': expected 0 <= from <= to, found 5 and 4"),
        ({"offsets": {"t-0": (-1, 4)}}, "offsets of 't-0'"),
        ({"offsets": {"t-0": (None, 4)}}, r"offsets of 't-0': expected two whole numbers, .*found \(None, 4\)"),
        ({"offsets": {"t-0": None}}, "offsets of 't-0': expected two whole numbers, .*found None"),
        ({"offsets": {"t-0": (1, 2, 3)}}, "offsets of 't-0': expected two whole numbers"),
        ({"offsets": {"t-0": (0.5, 4)}}, "offsets of 't-0': expected two whole numbers"),
        ({"offsets": {7: (0, 4)}}, "offsets: expected maps by text, found the key 7"),
        ({"features": {None: "0a1b"}}, "features: expected maps by text, found the key None"),
        (
            {"metrics": {"recent/log_loss": float("nan")}},
            "metric 'recent/log_loss': expected a finite number, found nan",
        ),
        ({"metrics": {"recent/log_loss": float("-inf")}}, "finite"),
        ({"metrics": {"frozen/log_loss": 0.5}}, r"metric 'frozen/log_loss': expected 'set/metric'.*\(recent\)"),
        ({"metrics": {"recent": 0.5}}, "expected 'set/metric'"),
        ({"metrics": {"recent/log_loss": np.float32(0.5)}}, "finite number, found np.float32"),
        ({"offsets": {"t-0": (np.int64(0), 4)}}, "offsets: Object of type int64 is not JSON"),
        ({"rows_seen": np.int64(5)}, "rows_seen: expected 0 to"),
        ({"rows_seen": -1}, "rows_seen: expected 0 to"),
        ({"parent": 1}, "parent: version 1: expected MODEL@NUMBER, such as 'flight_delays@3'"),
        ({"parent": "late"}, "parent: version 'late': expected MODEL@NUMBER"),
        ({"parent": "late@champion"}, "version 'late@champion': expected MODEL@NUMBER"),
        ({"parent": "late@0"}, "version 'late@0': expected MODEL@NUMBER"),
        ({"parent": f"late@{10**9}"}, "version 'late@1000000000': expected MODEL@NUMBER"),
        ({"evaluated": {"recent": ""}}, "evaluated 'recent': expected a name such as"),
        ({"evaluated": {"recent": "x" * 201}}, "in 1 to 200 characters"),
        ({"metrics": {}, "evaluated": {"a/b": "August"}}, "evaluated 'a/b': expected a name"),
        ({"seed": 2**63}, "seed: expected 0 to"),
        ({"label_cutoff": datetime(2013, 9, 1)}, "label_cutoff: expected an instant with a zone"),  # noqa: DTZ001
    ],
)
def test_facts_that_cannot_be_are_refused_by_name(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ModelError, match=told):
        replace(FACTS, **changed)


@pytest.mark.parametrize("name", ["", "a b", "a@3", "3", "-a", "ä", "a" * 101])
def test_a_model_that_cannot_be_named_is_refused(models: ModelRegistry, name: str) -> None:
    with pytest.raises(ModelError, match="expected a letter"):
        models.register(name, FACTS, WHY)


def test_what_stands_behind_a_hash_is_kept_before_it_is_used(models: ModelRegistry) -> None:
    assert models.inventory(CODE.hash) == CODE
    with pytest.raises(ModelError, match=f"environment {'c' * 64}: no inventory"):
        models.register("late", replace(FACTS, environment="c" * 64), WHY)
    assert models.models() == []


def test_unknown_models_and_versions_are_told_with_what_there_is(models: ModelRegistry) -> None:
    models.register("late", FACTS, WHY)
    with pytest.raises(NotFoundError, match="no model 'lat'; did you mean 'late'"):
        models.versions("lat")
    with pytest.raises(NotFoundError, match="no model 'lat'"):
        models.move("lat", 1, State.REJECTED, WHY)
    with pytest.raises(NotFoundError, match="no version 2; its versions are 1 to 1"):
        models.version("late", 2)


@pytest.mark.parametrize("before", MOVES)
@pytest.mark.parametrize("after", State)
def test_exactly_the_moves_of_the_graph_are_legal(models: ModelRegistry, before: State, after: State) -> None:
    """The graph, written down once more: each state with where it leads."""
    graph = {
        "trained": {"verified", "rejected"},
        "verified": {"registered"},
        "registered": {"dark"},
        "dark": {"production", "rejected"},
        "production": {"retired"},
        "retired": set(),
        "rejected": set(),
    }
    version = led_to(models, before)
    if before is State.PRODUCTION:
        led_to(models, State.PRODUCTION)

    def go() -> None:
        if after is State.PRODUCTION:
            models.promote("late", version.number, models.life("late").holder(Alias.CHAMPION), PASSED)
        else:
            models.move("late", version.number, after, PASSED)

    if after.value in graph[before.value] or (before, after) == (State.PRODUCTION, State.PRODUCTION):
        go()
        assert models.life("late").state(version.number) is after
        return
    unchanged = models.life("late")
    legal = " or ".join(sorted(graph[before.value], key=list(State).index)) or "none, it has ended"
    expected = rf"late@{version.number}: cannot go from {before} to {after}; legal from {before}: "
    with pytest.raises(TransitionError, match=expected) as told:
        go()
    assert set(str(told.value).rpartition(": ")[2].split(" or ")) == set(legal.split(" or "))
    assert models.life("late") == unchanged


def test_a_move_into_production_is_a_promotion(models: ModelRegistry) -> None:
    led_to(models, State.DARK)
    with pytest.raises(TransitionError, match="promote it"):
        models.move("late", 1, State.PRODUCTION, PASSED)


@pytest.mark.parametrize(
    ("evidence", "told"),
    [
        ({}, "no gates among the evidence"),
        ({"gates": []}, "no gates"),
        ({"gates": "passed"}, "no gates"),
        ({"gates": [{"name": "a", "passed": True}, {"name": "b", "passed": False}]}, "gates not passed: b"),
        ({"gates": [{"name": "a", "passed": "yes"}]}, "gates not passed: a"),
        ({"gates": [{"name": "a"}]}, "gates not passed: a"),
    ],
)
def test_nothing_is_verified_without_passed_gates(models: ModelRegistry, evidence: dict[str, Any], told: str) -> None:
    led_to(models, State.TRAINED)
    with pytest.raises(TransitionError, match=told):
        models.move("late", 1, State.VERIFIED, Decision("ann", "trust me", evidence))
    assert models.life("late").state(1) is State.TRAINED


@pytest.mark.parametrize(("who", "reason", "told"), [("ann", " ", "reason"), ("", "because", "who")])
def test_a_decision_says_who_and_why(who: str, reason: str, told: str) -> None:
    with pytest.raises(TransitionError, match=f"a move needs {told}"):
        Decision(who, reason)


def test_evidence_is_plain_values() -> None:
    with pytest.raises(ModelError, match="evidence: Object of type datetime is not JSON"):
        Decision("ann", "because", {"at": datetime.now(UTC)})
    with pytest.raises(ModelError, match="evidence: Out of range float"):
        Decision("ann", "because", {"value": float("nan")})


def test_a_transition_keeps_who_when_why_and_evidence(models: ModelRegistry, clock: Clock) -> None:
    led_to(models, State.TRAINED)
    models.move("late", 1, State.VERIFIED, PASSED)
    transition = models.life("late").transitions[-1]
    assert (transition.before, transition.after, transition.decision) == (State.TRAINED, State.VERIFIED, PASSED)
    assert transition.at == transition.clock == clock.now


def test_the_champion_is_not_retired_without_a_successor(models: ModelRegistry) -> None:
    led_to(models, State.PRODUCTION)
    with pytest.raises(TransitionError, match="late@1 is the champion: promote its successor first"):
        models.move("late", 1, State.RETIRED, WHY)
    led_to(models, State.PRODUCTION)
    models.move("late", 1, State.RETIRED, WHY)
    assert [models.life("late").state(number) for number in (1, 2)] == [State.RETIRED, State.PRODUCTION]


def test_a_former_champion_in_production_can_be_promoted_again(models: ModelRegistry) -> None:
    for _ in range(2):
        led_to(models, State.PRODUCTION)
    before = models.life("late").transitions
    models.promote("late", 1, 2, WHY)
    life = models.life("late")
    assert (life.holder(Alias.CHAMPION), life.transitions) == (1, before)


def test_a_promotion_on_a_wrong_belief_names_the_winner(models: ModelRegistry) -> None:
    for _ in range(2):
        led_to(models, State.PRODUCTION)
    led_to(models, State.DARK)
    unchanged = models.life("late")
    with pytest.raises(
        RegistryConflictError, match=r"expected champion late@1, found late@2, since .* by ann \('to try"
    ):
        models.promote("late", 3, 1, WHY)
    with pytest.raises(RegistryConflictError, match="expected champion none, found late@2"):
        models.promote("late", 3, None, WHY)
    with pytest.raises(TransitionError, match="the champion is late@2 already"):
        models.promote("late", 2, 2, WHY)
    assert models.life("late") == unchanged


@pytest.mark.parametrize(
    ("alias", "states"),
    [
        (Alias.CHALLENGER, {State.REGISTERED, State.DARK, State.PRODUCTION}),
        (Alias.SHADOW, {State.DARK, State.PRODUCTION}),
        (Alias.CANARY, {State.DARK, State.PRODUCTION}),
    ],
)
def test_an_alias_is_for_some_states_only(models: ModelRegistry, alias: Alias, states: set[State]) -> None:
    for state in MOVES:
        version = led_to(models, state, model=f"m_{state}")
        if state in states:
            models.set_alias(version.model, alias, version.number, None, WHY)
            assert alias in models.life(version.model).held_by(version.number)
            continue
        with pytest.raises(TransitionError, match=f"is {state} and cannot be {alias}"):
            models.set_alias(version.model, alias, version.number, None, WHY)


def test_an_alias_changes_from_what_was_expected_only(models: ModelRegistry) -> None:
    for _ in range(2):
        led_to(models, State.DARK)
    models.set_alias("late", Alias.CANARY, 1, None, WHY)
    with pytest.raises(RegistryConflictError, match="expected canary none, found late@1"):
        models.set_alias("late", Alias.CANARY, 2, None, WHY)
    models.set_alias("late", Alias.CANARY, None, 1, WHY)
    with pytest.raises(RegistryConflictError, match="expected canary late@1, found none, since"):
        models.set_alias("late", Alias.CANARY, 2, 1, WHY)
    with pytest.raises(TransitionError, match="the champion changes by promotion only"):
        models.set_alias("late", Alias.CHAMPION, 2, None, WHY)


def test_a_version_that_ends_loses_its_aliases_at_once(models: ModelRegistry) -> None:
    led_to(models, State.DARK)
    for alias in (Alias.SHADOW, Alias.CANARY):
        models.set_alias("late", alias, 1, None, WHY)
    models.move("late", 1, State.REJECTED, Decision("bob", "errors"))
    life = models.life("late")
    assert set(life.holders().values()) == {None}
    assert {(one.decision.who, one.at) for one in life.aliases[-2:]} == {("bob", life.transitions[-1].at)}


def test_what_served_at_an_instant_is_known_for_each_alias(models: ModelRegistry, clock: Clock) -> None:
    for _ in range(3):
        led_to(models, State.DARK)
    told: list[tuple[datetime, dict[Alias, int | None]]] = [(clock.now, dict.fromkeys(Alias, None))]

    def note() -> None:
        told.append((clock.now, models.life("late").holders()))

    models.promote("late", 1, None, WHY)
    note()
    models.set_alias("late", Alias.SHADOW, 2, None, WHY)
    note()
    models.promote("late", 3, 1, WHY)
    note()
    models.set_alias("late", Alias.SHADOW, None, 2, WHY)
    note()
    life = models.life("late")
    for (at, holders), (until, _) in zip(told, [*told[1:], (clock.now + timedelta(days=1), {})], strict=True):
        assert life.holders(at) == life.holders(until - timedelta(microseconds=1)) == holders
    assert [holders[Alias.CHAMPION] for _, holders in told] == [None, 1, 1, 3, 3]
    with pytest.raises(ModelError, match="expected an instant with a zone"):
        life.holders(datetime(2026, 1, 1))  # noqa: DTZ001


def test_a_clock_that_runs_backwards_does_not_turn_history_round(models: ModelRegistry, clock: Clock) -> None:
    led_to(models, State.PRODUCTION)
    served_from = clock.now
    clock.now -= timedelta(days=1)
    led_to(models, State.PRODUCTION)
    life = models.life("late")
    times = [one.at for one in life.transitions]
    assert times == sorted(times)
    change = life.aliases[-1]
    assert change.at == served_from + timedelta(microseconds=len(WAY) - 1)
    assert change.clock == clock.now < served_from
    assert (life.holder(Alias.CHAMPION, served_from), life.holder(Alias.CHAMPION, change.at)) == (1, 2)


@settings(max_examples=25)
@given(st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=8))
def test_times_of_a_model_only_grow_whatever_the_clock_says(jumps: list[int]) -> None:
    clock = Clock(ticks=timedelta(0))
    models = ModelRegistry("sqlite://", "demo", clock)
    for inventory in (CODE, PACKAGES):
        models.keep_inventory(inventory)
    for jump in jumps:
        clock.now += timedelta(milliseconds=jump)
        models.register("late", FACTS, WHY)
    at = [one.at for one in models.life("late").transitions]
    assert all(earlier < later for earlier, later in pairwise(at))
    assert all(one.at >= one.clock for one in models.life("late").transitions)


def test_a_candidate_is_kept_once(models: ModelRegistry) -> None:
    candidate = Candidate("late", "stream", FACTS)
    assert (models.add_candidate(candidate), models.add_candidate(candidate)) == (True, False)
    others = [
        replace(candidate, trainer="other"),
        replace(candidate, facts=replace(FACTS, rows_seen=16)),
        replace(candidate, facts=replace(FACTS, artifact="b" * 64)),
    ]
    assert all(map(models.add_candidate, others))
    assert len(models.candidates("late")) == 4
    assert candidate in models.candidates("late")
    assert models.versions("late") == []


def test_a_candidate_becomes_one_version(models: ModelRegistry) -> None:
    models.add_candidate(Candidate("late", "stream", FACTS))
    first = models.register("late", FACTS, WHY, "stream")
    assert models.register("late", FACTS, WHY, "stream") == first
    assert models.register("late", FACTS, WHY, "other").number == 2
    assert models.register("late", FACTS, WHY).number == 3


def test_judgements_are_kept_beside_the_candidate(models: ModelRegistry) -> None:
    candidate = Candidate("late", "stream", FACTS)
    with pytest.raises(ModelError, match="no candidate"):
        models.add_judgement(candidate, False, WHY)
    models.add_candidate(candidate)
    models.add_judgement(candidate, False, WHY)
    models.add_judgement(candidate, True, PASSED)
    assert [(one.passed, one.decision) for one in models.judgements(candidate)] == [(False, WHY), (True, PASSED)]


def test_evaluations_of_the_facts_and_later_ones_are_told_together(models: ModelRegistry) -> None:
    version = models.register("late", FACTS, WHY)
    later = Evaluation("recent", "flights@8, September", {"log_loss": 0.6})
    models.add_evaluation("late", 1, later)
    models.add_evaluation("late", 1, later)
    own = Evaluation("recent", "flights@7, August", {"log_loss": 0.5, "log_loss/carrier=UA": 0.4})
    assert models.evaluations(version) == [own, later]
    with pytest.raises(RegistryConflictError, match=r"late@1: has other metrics on 'recent' of 'flights@8, September'"):
        models.add_evaluation("late", 1, replace(later, metrics={"log_loss": 0.7}))
    with pytest.raises(NotFoundError, match="no version 2"):
        models.add_evaluation("late", 2, later)


def test_a_metric_that_is_measured_later_goes_beside_those_on_the_same_rows(models: ModelRegistry) -> None:
    version = models.register("late", FACTS, WHY)
    for metrics in ({"auc": 0.7}, {"auc": 0.7, "latency_ms": 3.0}, {"log_loss": 0.5, "ece": 0.1}, {"log_loss": 0.5}):
        models.add_evaluation("late", 1, Evaluation("recent", "flights@7, August", metrics))
    own, later = models.evaluations(version)
    assert own.metrics == {"log_loss": 0.5, "log_loss/carrier=UA": 0.4}
    assert (later.set, later.rows) == (own.set, own.rows)
    assert {"auc": 0.7, "latency_ms": 3.0, "ece": 0.1}.items() <= later.metrics.items()


@pytest.mark.parametrize("metrics", [{"log_loss": 0.9}, {"auc": 0.8}, {"ece": 0.1, "auc": 0.8}])
def test_a_metric_is_not_measured_otherwise_on_the_same_rows(models: ModelRegistry, metrics: dict[str, float]) -> None:
    version = models.register("late", FACTS, WHY)
    models.add_evaluation("late", 1, Evaluation("recent", "flights@7, August", {"auc": 0.7}))
    before = models.evaluations(version)
    with pytest.raises(
        RegistryConflictError, match=r"has other metrics on 'recent' .*: expected (log_loss|auc) 0\.[57]"
    ):
        models.add_evaluation("late", 1, Evaluation("recent", "flights@7, August", metrics))
    assert models.evaluations(version) == before


def test_metrics_that_many_measure_at_once_are_all_kept(models: ModelRegistry, tmp_path: Path) -> None:
    version = models.register("late", FACTS, WHY)
    start = threading.Barrier(4)

    def measure(number: int) -> None:
        registry = opened(tmp_path)
        start.wait()
        for round_ in range(5):
            registry.add_evaluation("late", 1, Evaluation("recent", "September", {f"m{number}_{round_}": 1.0}))

    threads = [threading.Thread(target=measure, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (later,) = [one for one in models.evaluations(version) if one.rows == "September"]
    assert len(later.metrics) == 20


@pytest.mark.parametrize("evidence", [{"a": 1, 2: 3}, {"by_hour": {0: 0.5}}, {"gates": [{"rows": ({True: 1},)}]}])
def test_evidence_has_text_as_keys_however_deep(evidence: dict[Any, Any]) -> None:
    with pytest.raises(ModelError, match="evidence: expected maps by text, found the key"):
        Decision("ann", "to try it", evidence)


@pytest.mark.parametrize("gates", [["x"], [None], [[]], [{"name": "a", "passed": True}, 1]])
def test_gates_that_are_none_verify_nothing(models: ModelRegistry, gates: list[Any]) -> None:
    models.register("late", FACTS, WHY)
    with pytest.raises(TransitionError, match="cannot be verified: expected gates with name and passed, found"):
        models.move("late", 1, State.VERIFIED, replace(PASSED, evidence={"gates": gates}))
    assert models.life("late").state(1) is State.TRAINED


PROMOTERS, ROUNDS = 3, 25
PROMOTE = """
import sys
from headrace.errors import RegistryConflictError
from headrace.registry.model_states import Decision
from headrace.registry.models import ModelRegistry
folder, own, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
models = ModelRegistry(f"sqlite:///{folder}/registry.db", "demo")
for round_ in range(rounds):
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    expected = int(sys.stdin.readline()) or None
    try:
        models.promote("late", own, expected, Decision(f"process {own}", f"round {round_}"))
        print("won")
    except RegistryConflictError as error:
        print(f"lost: {error}")
"""


def test_of_processes_that_promote_at_once_one_wins_every_time(tmp_path: Path) -> None:
    models = opened(tmp_path)
    for inventory in (CODE, PACKAGES):
        models.keep_inventory(inventory)
    # The one beyond them is champion at the start of each round.
    for _ in range(PROMOTERS + 1):
        led_to(models, State.PRODUCTION)
    command = [sys.executable, "-P", "-c", PROMOTE, str(tmp_path)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen([*command, str(number + 1), str(ROUNDS)], **pipes) for number in range(PROMOTERS)]
    for _ in range(ROUNDS):
        assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * PROMOTERS
        champion = models.life("late").holder(Alias.CHAMPION)
        assert champion == PROMOTERS + 1
        for racer in racers:
            racer.stdin.write(f"{champion}\n")
            racer.stdin.flush()
        told = [racer.stdout.readline() for racer in racers]
        winner = models.life("late").holder(Alias.CHAMPION)
        assert [number + 1 for number, text in enumerate(told) if text == "won\n"] == [winner]
        lost = f"lost: model 'late': expected champion late@{champion}, found late@{winner}, since"
        assert all(f"by process {winner}" in text and text.startswith(lost) for text in told if text != "won\n")
        models.promote("late", PROMOTERS + 1, winner, WHY)
    assert [racer.wait() for racer in racers] == [0] * PROMOTERS
    changes = models.life("late").aliases
    assert all(one.after == next_.before for one, next_ in pairwise(changes))


@pytest.mark.parametrize("trainer", ["stream", None])
def test_what_another_registers_meanwhile_is_seen(tmp_path: Path, trainer: str | None) -> None:
    """The clock is read after the model and before the change is written: another process comes between."""
    other = opened(tmp_path)
    for inventory in (CODE, PACKAGES):
        other.keep_inventory(inventory)

    def meanwhile() -> datetime:
        if "late" not in other.models():
            other.register("late", FACTS, WHY, trainer)
        return datetime.now(UTC)

    number = opened(tmp_path, meanwhile).register("late", FACTS, WHY, trainer).number
    assert number == len(other.versions("late")) == (1 if trainer else 2)


def raced(folder: Path, former: int, successor: int) -> list[str]:
    """Who succeeds when a former champion is retired and promoted again at once."""
    start, told = threading.Barrier(2), []

    def attempt(verb: str) -> None:
        own = opened(folder)
        start.wait()
        try:
            if verb == "retire":
                own.move("late", former, State.RETIRED, WHY)
            else:
                own.promote("late", former, successor, WHY)
            told.append(verb)
        except TransitionError:
            pass

    threads = [threading.Thread(target=attempt, args=(verb,)) for verb in ("retire", "promote")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def test_a_version_is_never_retired_while_it_becomes_champion_again(tmp_path: Path) -> None:
    """Retiring changes a state, promoting a former champion an alias: rows that have no key in common."""
    models = opened(tmp_path)
    for inventory in (CODE, PACKAGES):
        models.keep_inventory(inventory)
    former = led_to(models, State.PRODUCTION).number
    for _ in range(20):
        successor = led_to(models, State.PRODUCTION).number
        winners = raced(tmp_path, former, successor)
        life = models.life("late")
        champion = life.holder(Alias.CHAMPION)
        assert champion is not None
        assert (winners, champion) in [(["promote"], former), (["retire"], successor)]
        assert life.state(champion) is State.PRODUCTION
        former = champion


def test_of_many_who_register_each_gets_a_number_of_its_own(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for inventory in (CODE, PACKAGES):
        first.keep_inventory(inventory)
    numbers: list[int] = []

    def register() -> None:
        models = opened(tmp_path)
        numbers.extend(models.register("late", FACTS, WHY).number for _ in range(10))

    threads = [threading.Thread(target=register) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 61))
    assert [version.number for version in first.versions("late")] == list(range(1, 61))
    assert first.life("late").revision == 60


def test_of_many_who_admit_one_candidate_all_get_one_version(tmp_path: Path) -> None:
    models = opened(tmp_path)
    for inventory in (CODE, PACKAGES):
        models.keep_inventory(inventory)
    start, numbers = threading.Barrier(6), []

    def register() -> None:
        own = opened(tmp_path)
        for seen in range(10):
            start.wait()
            numbers.append((seen, own.register("late", replace(FACTS, rows_seen=seen), WHY, "stream").number))

    threads = [threading.Thread(target=register) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [(seen, seen + 1) for seen in range(10) for _ in range(6)]
    assert len(models.versions("late")) == 10


FILL = """
import resource, sys
from dataclasses import replace
from pathlib import Path
from headrace.errors import ConnectorError
from headrace.registry.model_facts import Facts
from headrace.registry.model_states import Decision
from headrace.registry.models import ModelRegistry
file = Path(sys.argv[1]) / "registry.db"
models = ModelRegistry.at(file, "demo")
facts = models.version("late", 1).facts
largest = file.stat().st_size + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
large = replace(facts, features={f"view_{n}": "0a1b2c3d" for n in range(100_000)})
try:
    models.register("late", large, Decision("ann", "x"))
except ConnectorError as error:
    print(error)
"""


def test_a_disk_that_is_full_while_a_version_is_written_leaves_the_registry_as_it_was(
    models: ModelRegistry, tmp_path: Path
) -> None:
    models.register("late", FACTS, WHY)
    before = models.life("late")
    run = subprocess.run([sys.executable, "-P", "-c", FILL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert "registry.db" in run.stdout, run.stderr
    again = opened(tmp_path)
    assert (again.life("late"), len(again.versions("late"))) == (before, 1)
    assert again.register("late", FACTS, WHY).number == 2


def test_a_row_that_does_not_fit_the_database_is_told_and_not_tried_for_ever(
    models: ModelRegistry, tmp_path: Path
) -> None:
    models.register("late", FACTS, WHY)
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("CREATE UNIQUE INDEX one_version ON model_versions (project, model)")
    with pytest.raises(ModelError, match="the change does not fit the database: UNIQUE"):
        models.register("late", FACTS, WHY)


def test_a_store_whose_parents_are_numbers_is_of_another_version(models: ModelRegistry, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("ALTER TABLE model_versions DROP COLUMN parent")
        database.execute("ALTER TABLE model_versions ADD COLUMN parent INTEGER")
    said = (
        r"table model_versions has column 'parent' of INTEGER, expected VARCHAR\(110\); it was made by another version"
    )
    with pytest.raises(ConnectorError, match=said):
        opened(tmp_path)
    assert models.models() == []


def test_a_database_that_was_changed_from_outside_is_told(models: ModelRegistry, tmp_path: Path) -> None:
    models.register("late", FACTS, WHY)
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("DELETE FROM model_versions")
    with pytest.raises(ModelError, match="changed from outside"):
        models.version("late", 1)
    with sqlite3.connect(tmp_path / "registry.db") as database:
        database.execute("ALTER TABLE model_aliases DROP COLUMN reason")
    with pytest.raises(ConnectorError, match="table model_aliases has no column 'reason'"):
        opened(tmp_path)
