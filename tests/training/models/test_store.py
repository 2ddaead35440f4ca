"""The model store: from a candidate to production and back, with artifacts, origins, lineage and differences."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.connectors.artifacts import Artifacts
from headrace.errors import (
    ArtifactError,
    ConnectorError,
    ModelError,
    NotFoundError,
    RegistryConflictError,
    TransitionError,
)
from headrace.registry.model_facts import Candidate, Evaluation, Facts, Inventory
from headrace.registry.model_states import Alias, Decision, State
from headrace.registry.models import ModelRegistry
from headrace.training.models.difference import Difference
from headrace.training.models.gates import ArtifactWhole, AtMost, Gate, NotWorse, SlicesNotWorse
from headrace.training.models.lineage import ancestors_of, descendants_of
from headrace.training.models.origin import (
    ROOMS,
    Origin,
    code_hash,
    code_inventory,
    environment_hash,
    environment_inventory,
)
from headrace.training.models.reference import Reference
from headrace.training.models.store import ModelStore

WHY = Decision("ann", "to try it")
ROWS = "flights@7, August"


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    made = ModelStore(ModelRegistry.at(tmp_path / "registry.db", "demo"), Artifacts(tmp_path / "artifacts"))
    for inventory in inventories():
        made.registry.keep_inventory(inventory)
    return made


@cache
def inventories() -> tuple[Inventory, Inventory]:
    """Code and packages of this process; listing them takes a while."""
    return code_inventory(), environment_inventory()


def origin() -> Origin:
    return Origin(*(inventory.hash for inventory in inventories()))


def facts_of(store: ModelStore, loss: float = 0.5, **changed: Any) -> Facts:
    """Facts of a model whose artifact is in the store."""
    artifact = store.artifacts.put({"model.json": json.dumps({"rate": loss, "sizes": [4, 2]}).encode()})
    metrics = {"recent/log_loss": loss, "frozen/log_loss": loss}
    made = Facts(
        artifact=artifact,
        code=origin().code,
        environment=origin().environment,
        snapshots={"raw.flights": 7},
        rows_seen=100,
        metrics=metrics,
        evaluated=dict.fromkeys(("recent", "frozen"), ROWS),
    )
    return replace(made, **changed)


def gates_of(store: ModelStore) -> list[Gate]:
    return [ArtifactWhole(store.artifacts), NotWorse("recent", "log_loss"), NotWorse("frozen", "log_loss", 0.01)]


def dark(store: ModelStore, facts: Facts) -> str:
    """The name of a new version that passed its gates and is dark."""
    name = store.register("late", facts, WHY).name
    store.verify(name, gates_of(store), WHY)
    for state in (State.REGISTERED, State.DARK):
        store.move(name, state, WHY)
    return name


def damage(store: ModelStore, artifact: str) -> None:
    (store.artifacts.folder / artifact / "files" / "model.json").write_bytes(b'{"rate": 9}')


def test_a_version_goes_its_whole_way_and_each_step_is_told(store: ModelStore) -> None:
    store.promote(dark(store, facts_of(store)), None, WHY)
    store.promote(dark(store, facts_of(store, 0.4)), 1, WHY)
    store.retire("late@1", Decision("bob", "version 2 served for a week"))
    status = store.status("late@1")
    way = ["trained", "verified", "registered", "dark", "production", "retired"]
    assert [one.after.value for one in status.transitions] == way
    assert (status.state, status.aliases) == (State.RETIRED, ())
    assert store.status("late@champion").version == store.version("late@2")
    assert store.status("late@2").aliases == (Alias.CHAMPION,)
    assert json.loads(store.files("late@champion")["model.json"])["rate"] == 0.4


def test_evidence_of_gates_is_kept_with_the_move(store: ModelStore) -> None:
    name = dark(store, facts_of(store))
    verified = store.status(name).transitions[1]
    assert verified.decision.who == "ann"
    gates = verified.decision.evidence["gates"]
    assert [(gate["name"], gate["passed"]) for gate in gates] == [
        ("artifact whole", True),
        ("recent/log_loss not worse than the champion's", True),
        ("frozen/log_loss not worse than the champion's", True),
    ]


def test_a_version_that_fails_a_gate_is_rejected_with_all_evidence_and_production_is_untouched(
    store: ModelStore,
) -> None:
    store.promote(dark(store, facts_of(store)), None, WHY)
    name = store.register("late", facts_of(store, 0.6), WHY).name
    before = store.served("late", datetime.now(UTC))
    results = store.verify(name, gates_of(store), WHY)
    assert [result.passed for result in results] == [True, False, False]
    status = store.status(name)
    kept = status.transitions[-1].decision.evidence["gates"]
    assert status.state is State.REJECTED
    assert [gate["passed"] for gate in kept] == [True, False, False]
    assert (kept[1]["value"], kept[1]["bound"], kept[1]["evidence"]["champion"]) == (0.6, 0.5, "late@1")
    assert store.served("late", datetime.now(UTC)) == before == {**dict.fromkeys(Alias, None), Alias.CHAMPION: 1}
    with pytest.raises(TransitionError, match="legal from rejected: none, it has ended"):
        store.promote(name, 1, WHY)


def test_only_what_is_trained_is_verified_and_only_by_gates(store: ModelStore) -> None:
    name = store.register("late", facts_of(store), WHY).name
    with pytest.raises(TransitionError, match="no gates to pass"):
        store.verify(name, [], WHY)
    assert store.status(name).state is State.TRAINED
    store.verify(name, gates_of(store), WHY)
    with pytest.raises(TransitionError, match="late@1 is verified: only what is trained is verified"):
        store.verify(name, gates_of(store), WHY)
    damage(store, store.version(name).facts.artifact)
    assert [result.passed for result in store.check(name, gates_of(store))] == [False, True, True]
    assert store.status(name).state is State.VERIFIED


def test_a_missing_or_damaged_artifact_is_refused_everywhere(store: ModelStore) -> None:
    with pytest.raises(ArtifactError, match=f"artifact {'0' * 64} is missing"):
        store.register("late", facts_of(store, artifact="0" * 64), WHY)
    with pytest.raises(ArtifactError, match="is missing"):
        store.add_candidate(Candidate("late", "stream", facts_of(store, artifact="0" * 64)))
    assert store.models() == []
    name = dark(store, facts_of(store))
    damage(store, store.version(name).facts.artifact)
    for refused in (
        lambda: store.promote(name, None, WHY),
        lambda: store.give(name, Alias.CANARY, None, WHY),
        lambda: store.files(name),
        lambda: store.register("late", store.version(name).facts, WHY),
    ):
        with pytest.raises(ArtifactError, match=r"file 'model.json' is damaged; expected sha256 .*, found"):
            refused()
    assert store.served("late", datetime.now(UTC))[Alias.CHAMPION] is None
    assert store.status(name).state is State.DARK


def test_a_damaged_artifact_fails_its_gate_with_file_and_hashes(store: ModelStore) -> None:
    name = store.register("late", facts_of(store), WHY).name
    damage(store, store.version(name).facts.artifact)
    results = store.verify(name, gates_of(store), WHY)
    assert "file 'model.json' is damaged; expected sha256" in results[0].evidence["why"]
    assert store.status(name).state is State.REJECTED


def test_a_folder_in_the_place_of_a_file_fails_the_gate(store: ModelStore) -> None:
    name = store.register("late", facts_of(store), WHY).name
    file = store.artifacts.folder / store.version(name).facts.artifact / "files" / "model.json"
    file.unlink()
    file.mkdir()
    results = store.verify(name, gates_of(store), WHY)
    assert "file 'model.json' is damaged; expected sha256" in results[0].evidence["why"]
    assert store.status(name).state is State.REJECTED


def test_a_candidate_becomes_a_version_only_at_a_gate_and_once(store: ModelStore) -> None:
    store.promote(dark(store, facts_of(store)), None, WHY)
    good = Candidate("late", "stream", facts_of(store, 0.45, parent="late@1", rows_seen=500))
    bad = Candidate("late", "stream", facts_of(store, 0.9, parent="late@1", rows_seen=1000))
    assert [store.add_candidate(one) for one in (good, bad, good)] == [True, True, False]
    assert len(store.versions("late")) == 1

    admitted = store.admit(good, gates_of(store), WHY)
    assert admitted.version is not None
    assert store.admit(good, gates_of(store), WHY).version == admitted.version
    refused = store.admit(bad, gates_of(store), WHY)
    assert (refused.version, [result.passed for result in refused.results]) == (None, [True, False, False])

    assert [version.number for version in store.versions("late")] == [1, 2]
    status = store.status("late@2")
    assert (status.state, status.version.trainer, status.version.facts) == (State.VERIFIED, "stream", good.facts)
    told = [(one.candidate, [it.passed for it in one.judgements], one.version) for one in store.candidates("late")]
    assert told == [(good, [True, True], 2), (bad, [False], None)]
    kept = store.candidates("late")[1].judgements[0].decision.evidence["gates"]
    assert [gate["passed"] for gate in kept] == [True, False, False]


def test_a_candidate_that_was_never_kept_is_not_admitted(store: ModelStore) -> None:
    store.register("late", facts_of(store), WHY)
    with pytest.raises(ModelError, match=r"no candidate .* of 'stream'"):
        store.admit(Candidate("late", "stream", facts_of(store)), gates_of(store), WHY)
    assert len(store.versions("late")) == 1


def test_an_admission_that_was_interrupted_is_finished_by_the_next(store: ModelStore) -> None:
    candidate = Candidate("late", "stream", facts_of(store))
    store.add_candidate(candidate)
    store.registry.register("late", candidate.facts, WHY, "stream")
    assert store.status("late@1").state is State.TRAINED
    store.admit(candidate, gates_of(store), WHY)
    assert store.status("late@1").state is State.VERIFIED
    assert len(store.versions("late")) == 1


def test_an_admission_is_finished_by_what_gates_said_and_only_where_they_passed(store: ModelStore) -> None:
    good, bad = (Candidate("late", "stream", facts_of(store, loss, rows_seen=500)) for loss in (0.4, 0.9))
    store.add_candidate(good)
    with pytest.raises(TransitionError, match="expected that it passed its gates, found no judgement; admit it"):
        store.finish_admission(good)
    evident = replace(WHY, evidence={"gates": [{"name": "artifact whole", "passed": True}]})
    store.registry.add_judgement(good, True, evident)
    assert [store.finish_admission(good).number for _ in range(2)] == [1, 1]
    assert store.status("late@1").transitions[-1].decision == evident
    store.add_candidate(bad)
    store.registry.add_judgement(bad, False, WHY)
    with pytest.raises(TransitionError, match="found that a gate failed; admit it"):
        store.finish_admission(bad)
    assert len(store.versions("late")) == 1


class Beaten(ModelRegistry):
    """A registry in which another process always moves a version first."""

    first: Callable[[str, int], None]

    def move(self, model: str, number: int, after: State, decision: Decision) -> None:
        self.first(model, number)
        super().move(model, number, after, decision)


def beaten(store: ModelStore, *states: State) -> ModelStore:
    """The same store, with another process that takes a version into these states just before each move."""
    registry = Beaten.at(store.artifacts.folder.parent / "registry.db", "demo")
    passed = replace(WHY, evidence={"gates": [{"name": "by another", "passed": True}]})

    def first(model: str, number: int) -> None:
        for state in states:
            store.registry.move(model, number, state, passed)

    registry.first = first
    return ModelStore(registry, store.artifacts)


@pytest.mark.parametrize("states", [(State.VERIFIED,), (State.VERIFIED, State.REGISTERED)])
def test_a_candidate_that_another_process_admits_at_the_same_time_is_admitted(
    store: ModelStore, states: tuple[State, ...]
) -> None:
    candidate = Candidate("late", "stream", facts_of(store))
    store.add_candidate(candidate)
    admitted = beaten(store, *states).admit(candidate, gates_of(store), WHY)
    assert admitted.version == store.version("late@1")
    assert store.status("late@1").state is states[-1]


def test_a_candidate_whose_version_was_rejected_is_not_admitted(store: ModelStore) -> None:
    candidate = Candidate("late", "stream", facts_of(store))
    store.add_candidate(candidate)
    for one in (beaten(store, State.REJECTED), store):
        with pytest.raises(TransitionError, match="late@1: expected a version that may be verified, found it rejected"):
            one.admit(candidate, gates_of(store), WHY)
    assert store.status("late@1").state is State.REJECTED


def test_a_candidate_is_admitted_with_the_facts_that_it_was_kept_with(store: ModelStore) -> None:
    candidate = Candidate("late", "stream", facts_of(store, 0.5))
    store.add_candidate(candidate)
    better = replace(candidate.facts, metrics={"recent/log_loss": 0.1, "frozen/log_loss": 0.1})
    with pytest.raises(ModelError, match=r"expected the facts that it was kept with, metrics .*0\.5.*, found .*0\.1"):
        store.admit(replace(candidate, facts=better), gates_of(store), WHY)
    assert store.versions("late") == []
    assert store.candidates("late")[0].judgements == ()


def test_other_aliases_are_given_and_taken_away(store: ModelStore) -> None:
    name = dark(store, facts_of(store))
    store.give(name, Alias.SHADOW, None, WHY)
    assert store.version("late@shadow").name == name
    with pytest.raises(RegistryConflictError, match="expected shadow none, found late@1"):
        store.give(name, Alias.SHADOW, None, WHY)
    with pytest.raises(TransitionError, match="expected an alias to take away, such as 'late@canary'"):
        store.take(name, WHY)
    store.take("late@shadow", WHY)
    with pytest.raises(NotFoundError, match="no version is shadow; no alias is given yet"):
        store.version("late@shadow")
    store.promote(name, None, WHY)
    with pytest.raises(NotFoundError, match="no version is shadow; champion: late@1"):
        store.version("late@shadow")
    with pytest.raises(TransitionError, match="the champion changes by promotion only"):
        store.take("late@champion", WHY)


def test_lineage_goes_up_to_the_root_and_down_to_the_last_child(store: ModelStore) -> None:
    for number, parent in enumerate((None, None, "late@1", "late@3", "late@2", "late@3", "late@4"), start=1):
        store.register("late", facts_of(store, parent=parent, snapshots={"raw.flights": number}), WHY)
    found = store.lineage("late@3")
    assert [one.number for one in found.line] == [1, 3]
    assert [one.number for one in found.descendants] == [4, 6, 7]
    assert [one.facts.snapshots["raw.flights"] for one in store.lineage("late@7").line] == [1, 3, 4, 7]


def test_lineage_goes_from_model_to_model(store: ModelStore) -> None:
    made = [("late", None), ("early", "late@1"), ("early", None), ("late", "early@1"), ("late", None)]
    for model, parent in (*made, ("cancelled", "late@2"), ("late", "late@1"), ("late", "early@2")):
        store.register(model, facts_of(store, parent=parent), WHY)
    assert [one.name for one in store.lineage("cancelled@1").line] == ["late@1", "early@1", "late@2", "cancelled@1"]
    # Its own model's first, then others' by name.
    came = [one.name for one in store.lineage("late@1").descendants]
    assert came == ["late@2", "late@4", "cancelled@1", "early@1"]
    assert [one.name for one in store.lineage("early@2").descendants] == ["late@5"]


@given(st.lists(st.tuples(st.sampled_from(["late", "early"]), st.integers(0, 30)), min_size=1, max_size=12))
def test_lineage_is_that_of_a_walk_over_all_pairs(picks: list[tuple[str, int]]) -> None:
    """Each version's parent is one before it, or none; the oracle asks of each pair who is whose ancestor."""
    names = [f"{model}@{number}" for number, (model, _) in enumerate(picks, start=1)]
    parents = {name: [None, *names][picks[place][1] % (place + 1)] for place, name in enumerate(names)}

    def above(name: str) -> list[str]:
        parent = parents[name]
        return [] if parent is None else [*above(parent), parent]

    for name in names:
        assert ancestors_of(name, parents) == above(name)
        assert descendants_of(name, parents) == {one for one in names if name in above(one)}


def test_a_difference_says_of_what_it_is(store: ModelStore) -> None:
    torch, other = Inventory({"torch": "2.15.0", "numpy": "2.1"}), Inventory({"torch": "2.16.0", "numpy": "2.1"})
    here, there = Inventory({"headrace/errors.py": "aa"}), Inventory({"headrace/errors.py": "bb", "new.py": "cc"})
    for inventory in (torch, other, here, there):
        store.registry.keep_inventory(inventory)
    before = facts_of(store, code=here.hash, environment=torch.hash, features={"flights": "0a"}, seed=1)
    after = facts_of(store, 0.4, code=there.hash, environment=other.hash, features={"flights": "0b"}, seed=2)
    after = replace(after, snapshots={"raw.flights": 8}, offsets={"flights-0": (0, 9)}, parent="late@1")
    for facts in (before, after):
        store.register("late", facts, WHY)
    assert store.diff("late@1", "late@1") == []
    found = store.diff("late@1", "late@2")
    assert Difference("version", "parent", None, "late@1") in found
    assert Difference("version", "seed", 1, 2) in found
    assert Difference("data", "snapshots.raw.flights", 7, 8) in found
    assert Difference("features", "flights", "0a", "0b") in found
    assert Difference("code", "headrace/errors.py", "aa", "bb") in found
    assert Difference("code", "new.py", None, "cc") in found
    assert Difference("environment", "torch", "2.15.0", "2.16.0") in found
    assert Difference("parameters", "model.json.rate", 0.5, 0.4) in found
    assert Difference("metrics", "recent/log_loss", 0.5, 0.4) in found
    assert not {"numpy", "model.json.sizes.0"} & {one.name for one in found}


def test_names_of_versions_are_told_with_suggestions(store: ModelStore) -> None:
    store.register("late", facts_of(store), WHY)
    assert str(Reference.of("late@champion")) == "late@champion"
    with pytest.raises(NotFoundError, match="no alias 'champoin'; did you mean 'champion'"):
        store.version("late@champoin")
    with pytest.raises(NotFoundError, match="no model 'lata'; did you mean 'late'"):
        store.version("lata@1")
    with pytest.raises(NotFoundError, match="no version 7; its versions are 1 to 1"):
        store.version("late@7")
    for text in ("late", "late@", "@1", ""):
        with pytest.raises(ModelError, match="expected MODEL@NUMBER or MODEL@ALIAS"):
            store.version(text)


def test_a_champion_is_compared_on_rows_that_it_was_evaluated_on_later(store: ModelStore) -> None:
    store.promote(dark(store, facts_of(store)), None, WHY)
    newer = facts_of(store, 0.55, evaluated={"recent": "September", "frozen": ROWS})
    name = store.register("late", newer, WHY).name
    gate = [NotWorse("recent", "log_loss")]
    (unknown,) = store.check(name, gate)
    assert not unknown.passed
    assert "has no such metric on these rows" in unknown.evidence["why"]
    store.evaluate("late@champion", Evaluation("recent", "September", {"log_loss": 0.6}))
    (known,) = store.check(name, gate)
    assert (known.passed, known.value, known.bound) == (True, 0.55, 0.6)


def test_a_champion_is_compared_by_a_metric_that_was_measured_later_on_the_same_rows(store: ModelStore) -> None:
    store.promote(dark(store, facts_of(store)), None, WHY)
    metrics = {"recent/log_loss": 0.5, "recent/auc": 0.8, "recent/auc/UA": 0.6}
    name = store.register("late", facts_of(store, 0.55, metrics=metrics), WHY).name
    gates = [
        NotWorse("recent", "auc", greater_is_better=True),
        SlicesNotWorse("recent", "auc", 0.0, greater_is_better=True),
    ]
    assert [result.passed for result in store.check(name, gates)] == [False, False]
    store.evaluate("late@champion", Evaluation("recent", ROWS, {"auc": 0.7}))
    store.evaluate("late@champion", Evaluation("recent", ROWS, {"auc/UA": 0.5}))
    assert [result.passed for result in store.check(name, gates)] == [True, True]
    assert store.check(name, [NotWorse("recent", "log_loss")])[0].bound == 0.5


def test_a_gate_that_cannot_be_asked_is_no_verdict(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    name = store.register("late", facts_of(store), WHY).name

    def broken(_file: Path) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", broken)
    with pytest.raises(ConnectorError, match="cannot be read"):
        store.verify(name, gates_of(store), WHY)
    assert store.status(name).state is State.TRAINED


def test_the_origin_of_this_process_is_kept_with_the_lists_behind_it(tmp_path: Path) -> None:
    store = ModelStore(ModelRegistry.at(tmp_path / "registry.db", "demo"), Artifacts(tmp_path / "artifacts"))
    assert store.keep_origin() == store.keep_origin() == origin()
    assert store.registry.inventory(origin().code) == code_inventory()
    assert store.registry.inventory(origin().environment) == environment_inventory()


def test_the_inventories_are_those_of_what_is_installed() -> None:
    code, packages = code_inventory(), environment_inventory()
    assert (code.hash, packages.hash) == (code_hash(), environment_hash())
    assert packages.entries["torch"] == installed("torch")
    root = Path(__file__).resolve().parents[3]
    here = {f"headrace/{file.relative_to(root)}" for room in ROOMS for file in (root / room).rglob("*.py")}
    assert set(code.entries) == here | {f"headrace/{file.name}" for file in (root / "headrace").glob("*.py")}


def test_every_room_that_can_change_a_model_is_in_the_inventory() -> None:
    root = Path(__file__).resolve().parents[3]
    rooms = {file.parent.name for file in root.glob("*/__init__.py") if not file.parent.name.startswith(".")}
    assert rooms - {"headrace", "tests", "testing", "bench", "examples"} == set(ROOMS)


def test_a_changed_byte_or_version_changes_the_hash() -> None:
    entries = dict(environment_inventory().entries)
    assert Inventory(dict(reversed(entries.items()))).hash == environment_hash()
    assert Inventory({**entries, "torch": "0"}).hash != environment_hash()
    assert Inventory(code_inventory().entries | {"headrace/errors.py": "0" * 64}).hash != code_hash()


def test_at_most_needs_the_metric(store: ModelStore) -> None:
    name = store.register("late", facts_of(store), WHY).name
    found = store.check(name, [AtMost("recent", "log_loss", 0.5), AtMost("recent", "calibration_error", 0.1)])
    assert [result.passed for result in found] == [True, False]
    assert found[1].evidence["why"] == "no metric 'recent/calibration_error' is recorded"
