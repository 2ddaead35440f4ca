"""`headrace model rebuild`: what it says, with which status it ends, and what it puts back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import ModelError
from headrace.jobs import model
from headrace.registry.model_facts import Inventory, ModelVersion
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.learning.pipeline import load_training
from headrace.training.learning.registering import register
from headrace.training.models.store import ModelStore
from tests.training.models import trips
from tests.training.models.test_rebuild import MODEL


@pytest.fixture
def lake(tmp_path: Path) -> IcebergTable:
    return trips.table(tmp_path / "lake", trips.rows(300, trips.FEBRUARY, seed=1))


@pytest.fixture
def store(lake: IcebergTable, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModelStore:
    """The store that commands find in the folder where they run."""
    properties = json.dumps(dict(lake.catalog.properties))
    (tmp_path / "headrace.yaml").write_text(f"iceberg:\n  catalog: house\n  properties: {properties}\n")
    (tmp_path / "model.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    return ModelStore.at(load_settings(folder=tmp_path, environment={}))


@pytest.fixture
def made(store: ModelStore, tmp_path: Path) -> ModelVersion:
    platform = Platform(load_settings(folder=tmp_path, environment={}))
    pipeline = load_training(tmp_path / "model.py")(platform, device="cpu")
    return register(store, pipeline.train(), trips.WHY)


def rebuild(*arguments: str) -> Result:
    return CliRunner().invoke(model.app, ["rebuild", *arguments])


def test_the_same_artifact_is_told_and_what_was_lost_is_put_back(store: ModelStore, made: ModelVersion) -> None:
    artifact = made.facts.artifact
    assert (found := rebuild("late_trips@1")).exit_code == 0, found.output
    assert found.stderr == f"rebuilt late_trips@1: same artifact {artifact[:12]}\n"
    (store.artifacts.folder / artifact / "files/weights.safetensors").write_bytes(b"")
    mended = rebuild("late_trips@1")
    assert (mended.exit_code, "its files are put back: " in mended.stderr) == (0, True)
    store.artifacts.verify(artifact)


def test_what_differs_is_told_and_the_store_is_as_it_was(
    store: ModelStore, made: ModelVersion, lake: IcebergTable
) -> None:
    trips.change_a_bit(Path(lake.files()[0].removeprefix("file://")))
    before = store.artifacts.all()
    found = rebuild("late_trips@1", "--format", "json")
    assert found.exit_code == 1
    assert f"rebuilt late_trips@1: expected artifact {made.facts.artifact[:12]}, found " in found.stderr
    rows = {(row["file"], row["name"]): row for row in json.loads(found.stdout)}
    mean = rows["encoding.json", "columns.0.fitted.mean"]
    assert mean["stored"] != mean["rebuilt"]
    assert store.artifacts.all() == before


def test_the_file_that_declared_it_is_shown_by_its_hash_taken_and_refused_when_it_is_another(
    made: ModelVersion, tmp_path: Path
) -> None:
    shown = CliRunner().invoke(model.app, ["show", "late_trips@1", "--format", "json"])
    assert made.facts.own_code is not None
    (row,) = json.loads(shown.stdout)
    assert (row["own_code"], row["rebuild"]) == (made.facts.own_code.hash, "yes")
    assert rebuild("late_trips@1", "--file", "model.py").exit_code == 0
    (tmp_path / "model.py").write_text(f"{MODEL}    # a word\n")
    found = rebuild("late_trips@1", "--file", "model.py")
    assert isinstance(found.exception, ModelError)
    assert "other is: <definition>" in str(found.exception)


def test_other_packages_are_a_warning_that_names_them(store: ModelStore, made: ModelVersion) -> None:
    entries = dict(store.registry.inventory(made.facts.environment).entries)
    older = store.registry.keep_inventory(Inventory({**entries, "torch": "2.14.0", **{f"p{n}": "1" for n in range(9)}}))
    store.register("late_trips", replace(made.facts, environment=older), trips.WHY)
    found = rebuild("late_trips@2")
    assert found.exit_code == 0
    assert found.stderr.startswith("warning: made with other environment: p0 1, here none, p1 1, here none")
    assert ", and 5 more\n" in found.stderr


def test_another_module_of_your_own_is_a_warning_that_names_it(
    store: ModelStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    nets = tmp_path / "trip_nets.py"
    nets.write_text("from headrace.training.learning.networks import Logistic as Net\n")
    monkeypatch.syspath_prepend(tmp_path)
    named = MODEL.replace('"mlp", {"hidden": [8], "embedding": 2, "dropout": 0.1}', '"trip_nets:Net"')
    (tmp_path / "named.py").write_text(named)
    platform = Platform(load_settings(folder=tmp_path, environment={}))
    register(store, load_training(tmp_path / "named.py")(platform, device="cpu").train(), trips.WHY)
    assert rebuild("late_trips@1").stderr.startswith("rebuilt late_trips@1: same artifact ")
    nets.write_text(f"{nets.read_text()}# other\n")
    assert rebuild("late_trips@1").stderr.startswith("warning: made with other own code: trip_nets ")
