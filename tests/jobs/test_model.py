"""`headrace model`: what it prints, what it refuses, and with which status it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.errors import (
    ArtifactError,
    HeadraceError,
    ModelError,
    NotFoundError,
    RegistryConflictError,
    RequestError,
    SettingsError,
    TransitionError,
)
from headrace.jobs import model
from headrace.registry.model_facts import Candidate, Facts, Inventory
from headrace.registry.model_states import Decision
from headrace.registry.store import Registry, ViewVersion
from headrace.runtime.settings import load_settings
from headrace.training.models.store import ModelStore

CODE, PACKAGES = Inventory({"headrace/errors.py": "ab12"}), Inventory({"torch": "2.15.0"})
WHY = ["--reason", "to try it", "--by", "ann"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelStore:
    """The store that commands find in the folder where they run."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings(environment={}, folder=tmp_path)
    Registry.at(settings.registry_file).add_version(ViewVersion("headrace", "flights", "0a1b2c3d", {"name": "flights"}))
    made = ModelStore.at(settings)
    for inventory in (CODE, PACKAGES):
        made.registry.keep_inventory(inventory)
    return made


def registered(store: ModelStore, loss: float = 0.5, **changed: Any) -> str:
    """The name of a new version, trained."""
    facts = Facts(
        artifact=store.artifacts.put({"model.json": json.dumps({"rate": loss}).encode()}),
        code=CODE.hash,
        environment=PACKAGES.hash,
        features={"flights": "0a1b2c3d"},
        snapshots={"raw.flights": 7},
        offsets={"flights-0": (0, 10)},
        rows_seen=100,
        metrics={"recent/log_loss": loss},
        evaluated={"recent": "August"},
    )
    return store.register("late", replace(facts, **changed), Decision("ann", "trained by hand")).name


def run(*arguments: str) -> Result:
    return CliRunner().invoke(model.app, list(arguments))


def said(*arguments: str) -> str:
    found = run(*arguments)
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.stdout


def rows(*arguments: str) -> Any:
    return json.loads(said(*arguments, "--format", "json"))


def refused(kind: type[HeadraceError], *arguments: str) -> str:
    found = run(*arguments)
    assert type(found.exception) is kind, found.output + repr(found.exception)
    return str(found.exception)


def dark(store: ModelStore, loss: float = 0.5, **changed: Any) -> str:
    name = registered(store, loss, **changed)
    said("verify", name, "--not-worse", "recent/log_loss=0", *WHY)
    said("move", name, "registered", *WHY)
    said("move", name, "dark", *WHY)
    return name


def test_a_model_goes_its_way_by_commands_alone(store: ModelStore) -> None:
    assert "late@1 is champion; before it none was" in run("promote", dark(store), *WHY).stderr
    said("promote", dark(store, 0.4), "--expect", "1", *WHY)
    said("retire", "late@1", "--reason", "its successor served for a week", "--by", "bob")
    listed = rows("list")
    assert [(row["version"], row["state"], row["aliases"]) for row in listed] == [
        ("late@2", "production", ["champion"]),
        ("late@1", "retired", []),
    ]
    (shown,) = rows("show", "late@champion")
    assert (shown["version"], shown["metrics"], shown["offsets"]) == (
        "late@2",
        {"recent/log_loss": 0.4},
        {"flights-0": "[0, 10)"},
    )
    assert [move["to"] for move in shown["moves"]] == ["trained", "verified", "registered", "dark", "production"]
    assert all(move["who"] == "ann" for move in shown["moves"])
    assert shown["moves"][1]["evidence"]["gates"][2]["bound"] == 0.5


def test_a_list_is_told_while_versions_are_registered(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    registered(store)
    for name in ("versions", "history"):
        monkeypatch.setattr(ModelStore, name, and_then(getattr(ModelStore, name), lambda: registered(store)))
    assert [row["version"] for row in rows("list")] == ["late@1"]


def and_then(read: Callable[..., Any], change: Callable[[], object]) -> Callable[..., Any]:
    """A read behind which something changes."""

    def both(*arguments: object) -> Any:
        found = read(*arguments)
        change()
        return found

    return both


def test_a_table_has_a_line_for_each_version_and_no_json(store: ModelStore) -> None:
    registered(store)
    head, line = said("list").splitlines()
    assert head.split() == ["VERSION", "STATE", "ALIASES", "PARENT", "ROWS_SEEN", "METRICS", "CREATOR", "CREATED_AT"]
    assert line.split()[:7] == ["late@1", "trained", "-", "-", "100", "recent/log_loss", "0.5"]
    shown = said("show", "late@1")
    assert ["snapshots", "raw.flights", "7"] in [line.split() for line in shown.splitlines()]
    assert "{" not in shown


def test_an_empty_store_says_so(store: ModelStore) -> None:
    found = run("list")
    assert (found.stdout, found.stderr) == ("", "no versions of models in this project\n")


def test_candidates_are_listed_with_their_verdict(store: ModelStore) -> None:
    registered(store)
    facts = store.version("late@1").facts
    for seen in (500, 1000):
        store.add_candidate(Candidate("late", "stream", replace(facts, rows_seen=seen)))
    store.registry.add_judgement(store.candidates("late")[0].candidate, False, Decision("ann", "worse"))
    told = [(row["rows_seen"], row["judged"], row["version"]) for row in rows("list", "late", "--candidates")]
    assert told == [(500, "failed", None), (1000, None, None)]


def test_a_failed_gate_rejects_tells_why_and_ends_with_status_1(store: ModelStore) -> None:
    said("promote", dark(store), *WHY)
    name = registered(store, 0.6)
    found = run("verify", name, "--not-worse", "recent/log_loss=0.05", "--format", "json", *WHY)
    assert found.exit_code == 1
    gates = {row["gate"]: row for row in json.loads(found.stdout)}
    verdict = gates["recent/log_loss not worse than the champion's"]
    assert (verdict["passed"], verdict["value"], verdict["bound"]) == (False, 0.6, 0.55)
    assert gates["artifact whole"]["passed"]
    assert gates["features available"]["passed"]
    assert "late@2 is rejected" in found.stderr
    kept = rows("show", name)[0]["moves"][-1]["evidence"]["gates"]
    assert [one.pop("asked")["name"] for one in kept] == list(gates)
    assert kept == [{("name" if key == "gate" else key): value for key, value in row.items()} for row in gates.values()]


def test_features_that_changed_since_fail_a_gate(store: ModelStore) -> None:
    name = registered(store, features={"flights": "4e5f6a7b"})
    found = run("verify", name, "--dry-run")
    assert found.exit_code == 1
    assert "flights changes -, expected 4e5f6a7b, found 0a1b2c3d" in found.stdout


def test_a_damaged_artifact_fails_with_status_1_and_nothing_moves_with_a_dry_run(store: ModelStore) -> None:
    name = registered(store)
    assert run("verify", name, "--dry-run").exit_code == 0
    (store.artifacts.folder / store.version(name).facts.artifact / "files" / "model.json").write_bytes(b"{}")
    found = run("verify", name, "--dry-run")
    assert (found.exit_code, "'model.json' is damaged; expected sha256" in found.stdout) == (1, True)
    assert rows("show", name)[0]["state"] == "trained"


def test_what_serves_is_verified_again_and_stays_where_it_is(store: ModelStore) -> None:
    said("promote", dark(store), *WHY)
    assert "late@champion is production" in run("verify", "late@champion").stderr
    (store.artifacts.folder / store.version("late@1").facts.artifact / "files" / "model.json").unlink()
    assert run("verify", "late@champion").exit_code == 1
    assert rows("show", "late@champion")[0]["state"] == "production"


def test_a_promotion_on_a_wrong_belief_is_refused_by_the_winners_name(store: ModelStore) -> None:
    said("promote", dark(store), *WHY)
    said("promote", dark(store, 0.4), *WHY)
    name = dark(store, 0.3)
    told = refused(RegistryConflictError, "promote", name, "--expect", "1", *WHY)
    assert "expected champion late@1, found late@2, since" in told
    assert "by ann ('to try it')" in told
    refused(RegistryConflictError, "promote", name, "--expect", "none", *WHY)
    assert rows("show", "late@champion")[0]["version"] == "late@2"


def test_other_aliases_are_given_and_taken(store: ModelStore) -> None:
    said("promote", dark(store), "--alias", "canary", *WHY)
    assert rows("list")[0]["aliases"] == ["canary"]
    said("take", "late@canary", *WHY)
    assert rows("list")[0]["aliases"] == []


def test_history_tells_every_move_and_what_served_at_an_instant(store: ModelStore) -> None:
    said("promote", dark(store), *WHY)
    between = datetime.now(UTC).isoformat()
    said("promote", dark(store, 0.4), *WHY)
    moves = rows("history", "late")
    assert [move["at"] for move in moves] == sorted(move["at"] for move in moves)
    told = [(move["what"], move["from"], move["to"]) for move in moves]
    assert told[:2] == [("@1", None, "trained"), ("@1", "trained", "verified")]
    assert told[-2:] == [("@2", "dark", "production"), ("champion", 1, 2)]

    def champion(at: str) -> Any:
        return {row["alias"]: row["version"] for row in rows("history", "late", "--at", at)}["champion"]

    assert [champion(at) for at in ("2013-01-01T00:00:00Z", between, "2999-01-01T00:00:00Z")] == [
        None,
        "late@1",
        "late@2",
    ]


def test_lineage_and_difference_are_printed(store: ModelStore) -> None:
    registered(store)
    registered(store, 0.4, parent="late@1", snapshots={"raw.flights": 8})
    registered(store, 0.3, parent="late@2")
    store.register("early", store.version("late@3").facts, Decision("ann", "of another model"))
    told = [(row["is"], row["version"], row["parent"], row["snapshots"]) for row in rows("lineage", "late@2")]
    assert told == [
        ("ancestor", "late@1", None, {"raw.flights": 7}),
        ("this", "late@2", "late@1", {"raw.flights": 8}),
        ("descendant", "late@3", "late@2", {"raw.flights": 7}),
        ("descendant", "early@1", "late@2", {"raw.flights": 7}),
    ]
    assert [row["parent"] for row in rows("list", "early")] == [rows("show", "early@1")[0]["parent"]] == ["late@2"]
    assert "early@1" in said("lineage", "late@1").splitlines()[-1]
    changed = {(row["section"], row["name"]): (row["left"], row["right"]) for row in rows("diff", "late@1", "late@2")}
    assert changed[("data", "snapshots.raw.flights")] == (7, 8)
    assert changed[("version", "parent")] == (None, "late@1")
    assert changed[("parameters", "model.json.rate")] == (0.5, 0.4)
    assert "late@1 and late@1 do not differ" in run("diff", "late@1", "late@1").stderr


@pytest.mark.parametrize(
    ("kind", "arguments", "told"),
    [
        (NotFoundError, ["show", "lat@1"], "no model 'lat'; did you mean 'late'?"),
        (NotFoundError, ["list", "lat"], "no model 'lat'; did you mean 'late'?"),
        (NotFoundError, ["show", "late@9"], "no version 9; its versions are 1 to 1"),
        (NotFoundError, ["show", f"late@{10**30}"], "its versions are 1 to 1"),
        (NotFoundError, ["show", "late@champion"], "no version is champion; no alias is given yet"),
        (NotFoundError, ["show", "late@canery"], "no alias 'canery'; did you mean 'canary'?"),
        (NotFoundError, ["promote", "late@1", "--alias", "shadwo", *WHY], "did you mean 'shadow'?"),
        (NotFoundError, ["move", "late@1", "drak", *WHY], "no state 'drak'; did you mean 'dark'?"),
        (ModelError, ["show", "late"], "expected MODEL@NUMBER or MODEL@ALIAS"),
        (TransitionError, ["move", "late@1", "dark", *WHY], "legal from trained: verified or rejected"),
        (TransitionError, ["promote", "late@1", *WHY], "legal from trained: verified or rejected"),
        (TransitionError, ["retire", "late@1", *WHY], "legal from trained: verified or rejected"),
        (TransitionError, ["move", "late@1", "rejected", "--reason", " "], "a move needs reason, found ' '"),
        (SettingsError, ["promote", "late@1", "--expect", "two", *WHY], "--expect 'two': expected the number"),
        (SettingsError, ["verify", "late@1", "--at-most", "log_loss=1"], "expected SET/METRIC=NUMBER"),
        (SettingsError, ["verify", "late@1", "--at-most", "recent/log_loss"], "expected SET/METRIC=NUMBER"),
        (SettingsError, ["verify", "late@1", "--at-most", "recent/x=inf"], "expected SET/METRIC=NUMBER with a finite"),
        (SettingsError, ["verify", "late@1", "--not-worse", "recent/x=inf"], "with a finite number, such as"),
        (SettingsError, ["verify", "late@1", "--not-lower", "recent/x=nan"], "with a finite number, such as"),
        (SettingsError, ["verify", "late@1", "--slices-not-worse", "recent/x=1e999"], "with a finite number, such as"),
        (SettingsError, ["verify", "late@1", "--labels-plausible", "history/at"], "expected SET/LABEL_TIME=SHARE with"),
        (ModelError, ["history", "late", "--at", "2026-01-01T00:00:00"], "expected an instant with a zone"),
        (RequestError, ["history", "late", "--at", "yesterday"], "--at 'yesterday': expected an instant"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_moves(
    store: ModelStore, kind: type[HeadraceError], arguments: list[str], told: str
) -> None:
    registered(store)
    before = store.history("late")
    assert told in refused(kind, *arguments)
    assert store.history("late") == before


def test_a_version_whose_artifact_is_gone_is_not_promoted(store: ModelStore) -> None:
    name = dark(store)
    (store.artifacts.folder / store.version(name).facts.artifact).rename(store.artifacts.folder / "elsewhere")
    assert "is missing" in refused(ArtifactError, "promote", name, *WHY)
    assert rows("show", name)[0]["state"] == "dark"


@pytest.mark.parametrize(
    "command",
    [
        "",
        "list",
        "show",
        "diff",
        "lineage",
        "verify",
        "admit",
        "rebuild",
        "promote",
        "take",
        "retire",
        "move",
        "history",
    ],
)
def test_every_help_has_an_example(command: str) -> None:
    assert "Example: headrace model" in said(*command.split(), "--help")


WITHOUT = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"pyflink", "cassandra", "kafka", "pyiceberg", "deltalake", "torch"}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
from headrace.jobs.cli import main
main()
"""


def test_models_are_looked_after_without_flink_or_torch(store: ModelStore, tmp_path: Path) -> None:
    name = registered(store)
    command = [sys.executable, "-P", "-c", WITHOUT, "model", "verify", name, "--reason", "to try it"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, "late@1 is verified" in found.stderr) == (0, True), found.stderr


def test_a_refusal_is_one_message_and_status_1(store: ModelStore, tmp_path: Path) -> None:
    name = registered(store)
    main = "from headrace.jobs.cli import main; main()"
    command = [sys.executable, "-P", "-c", main, "model", "move", name, "dark", *WHY]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: late@1: cannot go from trained to dark; legal from trained: verified")
