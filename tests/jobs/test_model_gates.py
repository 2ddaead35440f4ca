"""`headrace model verify` and `admit` with gates that load models, by options and by a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import DatasetError, DefinitionError, NotFoundError, SettingsError, TransitionError
from headrace.jobs import model, train
from headrace.registry.model_facts import Candidate
from headrace.registry.model_states import State
from headrace.runtime.settings import load_settings
from headrace.training.models.gates import ArtifactWhole
from headrace.training.models.store import ModelStore
from tests.training.models import trips

FILE = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Label, Standardize, from_
from headrace.training.learning import ModelSpec
from headrace.training.models import AnswersWithin, EvaluationSet, NotWorse, StoredAnswer
from datetime import UTC, datetime

class LateTrips(TrainingPipeline):
    '''Whether a trip arrives late.'''
    owner = "trips@example.com"
    encoding = Encoding({"speed": Standardize()}, Label("late"))
    model = ModelSpec("logistic")
    evaluations = [EvaluationSet("recent", "raw.trips", [from_("at", datetime(2013, 12, 15, tzinfo=UTC))])]
    gates = [NotWorse("recent", "log_loss"), StoredAnswer(), AnswersWithin(3_600_000)]
"""
RECENT = "recent=raw.trips where at >= 2013-12-15T00:00:00Z by line"
ON_ROWS = ("--on", RECENT, "--not-worse", "recent/log_loss=0", "--slices-not-worse", "recent/log_loss=0.05")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> IcebergTable:
    return trips.table(tmp_path_factory.mktemp("lake"), trips.rows(600, trips.CLEAN, seed=3))


@pytest.fixture
def store(lake: IcebergTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelStore:
    """The store that commands find in the folder where they run, with the model of January as champion."""
    properties = json.dumps(dict(lake.catalog.properties))
    (tmp_path / "headrace.yaml").write_text(f"iceberg:\n  catalog: house\n  properties: {properties}\n")
    (tmp_path / "trips.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    found = ModelStore.at(load_settings(folder=tmp_path, environment={}))
    for inventory in (trips.CODE, trips.PACKAGES):
        found.registry.keep_inventory(inventory)
    trips.champion(found, [ArtifactWhole(found.artifacts)])
    return found


def run(*arguments: str) -> Result:
    return CliRunner().invoke(model.app, list(arguments))


def flipped(store: ModelStore) -> str:
    hour = trips.rows(1_280, trips.DECEMBER, seed=4, flipped=True)
    return store.register("late_trips", trips.facts(store, dict(trips.tuned(hour))), trips.WHY).name


def sound(store: ModelStore) -> str:
    hour = trips.rows(1_280, trips.DECEMBER, seed=4)
    return store.register("late_trips", trips.facts(store, dict(trips.tuned(hour))), trips.WHY).name


@pytest.mark.usefixtures("store")
def test_a_least_of_rows_for_no_slices_is_refused() -> None:
    for options in ((), ("--file", "trips.py")):
        found = run("verify", "late_trips@1", "--least-rows", "50", *options)
        assert isinstance(found.exception, SettingsError)
        assert "--least-rows 50: of which slices? give --slices-not-worse SET/METRIC=NUMBER" in str(found.exception)


@pytest.mark.parametrize("options", [ON_ROWS, ("--file", "trips.py")], ids=["options", "file"])
def test_a_version_is_judged_on_rows_and_its_verdict_is_the_status(store: ModelStore, options: tuple[str, ...]) -> None:
    passed = run("verify", sound(store), *options, "--by", "ann")
    assert (passed.exit_code, "late_trips@2 is verified" in passed.stderr) == (0, True), passed.output
    failed = run("verify", flipped(store), *options, "--by", "ann", "--format", "json")
    assert (failed.exit_code, "late_trips@3 is rejected" in failed.stderr) == (1, True), failed.output
    judged = {row["gate"]: row for row in json.loads(failed.stdout)}
    worse = judged["recent/log_loss not worse than the champion's"]
    assert (worse["passed"], worse["evidence"]["labelled_rows"]) == (False, 600)
    assert store.status("late_trips@champion").version.number == 1


def test_gates_of_options_are_asked_beside_those_of_the_file(store: ModelStore) -> None:
    asked = ("--file", "trips.py", "--on", "all=raw.trips", "--at-most", "all/brier=0", "--within", "0")
    found = run("verify", sound(store), *asked, "--stored-answer", "--dry-run", "--format", "json")
    gates = [(row["gate"], row["passed"]) for row in json.loads(found.stdout)]
    assert gates[2:] == [
        ("recent/log_loss not worse than the champion's", True),
        ("stored answer", True),
        ("p99 of a prediction at most 3.6e+06 ms", True),
        ("all/brier at most 0", False),
        ("stored answer", True),
        ("p99 of a prediction at most 0 ms", False),
    ]
    assert "late_trips@2 is trained" in found.stderr


@pytest.mark.parametrize("option", ["--not-worse", "--at-most", "--slices-not-worse"])
def test_a_misspelt_set_or_metric_is_no_verdict(store: ModelStore, option: str) -> None:
    name = sound(store)
    for bound, why in (("recnt/log_loss", "no evaluation set 'recnt'"), ("recent/logloss", "no metric 'logloss'")):
        found = run("verify", name, "--on", RECENT, option, f"{bound}=0")
        assert isinstance(found.exception, DefinitionError)
        assert why in str(found.exception)
    facts = trips.facts(store, dict(trips.tuned()), metrics={"own/late": 1.0}, evaluated={"own": "by hand"})
    recorded = store.register("late_trips", facts, trips.WHY).name
    found = run("verify", recorded, option, "own/lat=0")
    assert "no metric 'lat' is recorded of set 'own'; did you mean 'late'" in str(found.exception)
    assert {str(store.status(one).state) for one in (name, recorded)} == {"trained"}


def test_labels_are_asked_for_beside_those_of_a_set(store: ModelStore) -> None:
    asked = ("--on", "trusted=raw.trips", "--labels-plausible", "trusted/at=0.05")
    found = run("verify", sound(store), *asked)
    assert isinstance(found.exception, DatasetError)
    assert "gate 'labels learned as plausible as those of trusted': 1 windows" in str(found.exception)
    wrong = run("verify", sound(store), "--labels-plausible", "trusted/at=0.05")
    assert "no evaluation set 'trusted'" in str(wrong.exception)


def test_a_candidate_is_admitted_or_not(store: ModelStore) -> None:
    hour = {kind: trips.rows(1_280, trips.DECEMBER, seed=4, flipped=kind == "bad") for kind in ("bad", "good")}
    made = {kind: trips.facts(store, dict(trips.tuned(rows)), rows_seen=1_280) for kind, rows in hour.items()}
    for kind in made:
        store.add_candidate(Candidate("late_trips", "run-1", made[kind]))
    refused = run("admit", "late_trips", made["bad"].artifact[:9], "--file", "trips.py", "--by", "ann")
    assert (refused.exit_code, "is no version; the evidence is kept" in refused.stderr) == (1, True), refused.output
    assert len(store.versions("late_trips")) == 1
    # The newest is the one that was made last.
    admitted = run("admit", "late_trips", "--file", "trips.py", "--by", "ann")
    assert (admitted.exit_code, "is late_trips@2, verified" in admitted.stderr) == (0, True), admitted.output
    assert store.version("late_trips@2").facts == made["good"]
    assert isinstance(run("admit", "late_trips", "ffff").exception, NotFoundError)


def test_a_file_without_the_model_is_refused(store: ModelStore, tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(FILE.replace("class LateTrips", "class LateTrip"))
    found = run("verify", "late_trips@1", "--file", str(tmp_path / "other.py"))
    assert isinstance(found.exception, DefinitionError)
    assert "no model 'late_trips'; did you mean 'late_trip'" in str(found.exception)


GATED = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, EntityShare, Label, Standardize
from headrace.training.learning import ModelSpec
from headrace.training.models import AtMost, EvaluationSet

class LateTrips(TrainingPipeline):
    '''Whether a trip arrives late.'''
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding({"speed": Standardize()}, Label("late", low=0, high=1, bad="leave_out"))
    model = ModelSpec("logistic")
    splits = {"train": EntityShare(("trip",), 0.0, 0.7)}
    evaluations = [EvaluationSet("recent", "raw.trips", [EntityShare(("trip",), 0.7, 1.0)])]
    gates = [AtMost("recent", "log_loss", 9.0)]
"""


@pytest.fixture
def trained(store: ModelStore, tmp_path: Path) -> str:
    """A version that the command has trained by a file with a gate."""
    (tmp_path / "gated.py").write_text(GATED)
    trained = CliRunner().invoke(train.app, ["gated.py"])
    assert "late_trips@2" in trained.stdout, trained.output
    return "late_trips@2"


def test_what_was_trained_by_a_file_with_gates_is_not_verified_without_it(store: ModelStore, trained: str) -> None:
    looked = run("verify", trained, "--dry-run")
    assert "late_trips@2 keeps gates that were not asked: recent/log_loss at most 9; it is not" in looked.stderr
    refused = run("verify", trained)
    assert isinstance(refused.exception, TransitionError)
    assert "gate 'recent/log_loss at most 9' is not asked" in str(refused.exception)
    assert "--file gated.py" in str(refused.exception)
    assert store.status(trained).state is State.TRAINED
    passed = run("verify", trained, "--file", "gated.py")
    assert (passed.exit_code, "late_trips@2 is verified" in passed.stderr) == (0, True), passed.output
    shown = run("show", trained, "--format", "json")
    assert json.loads(shown.stdout)[0]["gates"] == ["recent/log_loss at most 9"]


def test_a_gate_that_the_file_has_changed_is_asked_by_a_decision_alone(
    store: ModelStore, trained: str, tmp_path: Path
) -> None:
    (tmp_path / "gated.py").write_text(GATED.replace("9.0)", "99.0)"))
    refused = run("verify", trained, "--file", "gated.py")
    assert '"bound": 9.0' in str(refused.exception)
    assert '"bound": 99.0' in str(refused.exception)
    unsaid = run("verify", trained, "--gates-changed", "nine was a guess")
    assert "--gates-changed 'nine was a guess': changed to which? give the file" in str(unsaid.exception)
    changed = ("--file", "gated.py", "--gates-changed", "nine was a guess", "--by", "ann")
    tried = run("verify", trained, *changed, "--dry-run")
    assert (tried.exit_code, "keeps gates that were not asked" in tried.stderr) == (0, False), tried.output
    passed = run("verify", trained, *changed)
    assert (passed.exit_code, "late_trips@2 is verified" in passed.stderr) == (0, True), passed.output
    # What is verified already cannot be verified without them any more.
    assert "keeps gates that were not asked" not in run("verify", trained).stderr
    decided = store.status(trained).transitions[-1].decision.evidence["gates_changed"]
    assert (decided["why"], decided["kept"][0]["bound"]) == ("nine was a guess", 9.0)


def test_a_reason_for_changed_gates_passes_a_dry_run_only_where_a_verification_takes_it(
    store: ModelStore, trained: str, tmp_path: Path
) -> None:
    needless = (GATED, "who knows", "no gate that it keeps has changed; leave it out")
    empty = (GATED.replace("9.0)", "99.0)"), " ", "say why, for whoever asks later")
    for text, reason, why in (needless, empty):
        (tmp_path / "gated.py").write_text(text)
        asked = ("verify", trained, "--file", "gated.py", "--gates-changed", reason)
        found = [str(run(*asked, *dry).exception) for dry in ([], ["--dry-run"])]
        assert found == [f"late_trips@2: gates changed: {reason!r}: {why}"] * 2
    assert store.status(trained).state is State.TRAINED
