"""Full training in processes of their own: equal bytes, and none lost to `kill -9`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headrace.connectors.artifacts import address_of
from headrace.registry.model_states import State
from headrace.runtime.settings import load_settings
from headrace.training.learning.predictor import load
from headrace.training.learning.run_folder import read_artifact
from headrace.training.models.store import ModelStore

from . import stream

MODEL = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Hash, Label, Standardize, Vocabulary, entity_split
from headrace.training.learning import EarlyStopping, ModelSpec, OptimizerSpec

class LateTrips(TrainingPipeline):
    '''Whether a trip arrives late.'''
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding(
        {"speed": Standardize(), "load": Standardize(), "line": [Vocabulary(), Hash(16)]}, Label("late", low=0, high=1)
    )
    model = ModelSpec("mlp", {"hidden": [8], "embedding": 2, "dropout": 0.1})
    optimizer = OptimizerSpec("adam", 0.02, clip_norm=1.0)
    splits = entity_split(["trip"], {"train": 0.7, "valid": 0.15, "test": 0.15})
    stopping = EarlyStopping("log_loss")
    epochs = 2
    batch_rows = 64
    seed = 7
    checkpoint_batches = 5
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake, settings and a definition."""
    return stream.desk(tmp_path_factory.mktemp("desk"), MODEL)


#: A run that ends itself by a signal that nothing can catch.
KILLED = """
import os, signal
from pathlib import Path
from typing import Any
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.learning.pipeline import load_training

def die(event):
    if event.counters.batches == 47:
        os.kill(os.getpid(), signal.SIGKILL)

pipeline = load_training(Path("model.py"))(Platform(load_settings()))
pipeline.train(folder=Path("killed"), subscribers={"micro_batch": [die]})
"""


def python(desk: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(desk), "USER": "ann"}
    command = [sys.executable, "-P", "-c", code, *arguments]
    return subprocess.run(command, cwd=desk, env=environment, capture_output=True, text=True, check=False)


def train(desk: Path, *options: str) -> dict[str, Any]:
    """What `headrace train` prints."""
    code = "from headrace.jobs.cli import main; main()"
    run = python(desk, code, "--format", "json", "train", "model.py", *options)
    assert run.returncode == 0, run.stderr
    return {row["what"]: row["value"] for row in json.loads(run.stdout)}


@pytest.fixture(scope="module")
def first(desk: Path) -> dict[str, Any]:
    return train(desk, "--out", "first")


def test_a_run_prints_its_metrics_and_keeps_its_files(desk: Path, first: dict[str, Any]) -> None:
    files = read_artifact(desk / "first/artifact")
    assert first["artifact"] == address_of(files)
    assert {"valid/log_loss", "valid/auc", "test/log_loss"} <= set(first)
    assert first["valid/log_loss"] < 0.55
    assert load(files).score(stream.rows(5)).shape == (5,)


def test_a_run_is_registered_with_its_origin(desk: Path, first: dict[str, Any]) -> None:
    assert first["version"] == "late_trips@1"
    store = ModelStore.at(load_settings(folder=desk, environment={}))
    facts = store.version("late_trips@1").facts
    assert facts.artifact == first["artifact"]
    assert store.files("late_trips@1") == read_artifact(desk / "first/artifact")
    assert list(facts.snapshots) == ["raw.trips"]
    assert facts.seed == 7
    assert facts.metrics["test/log_loss"] == pytest.approx(first["test/log_loss"], abs=1e-6)
    assert facts.evaluated["valid"].startswith("raw.trips@")
    assert store.status("late_trips@1").state is State.TRAINED


def test_the_same_rows_and_seed_give_the_same_address_in_another_process(desk: Path, first: dict[str, Any]) -> None:
    again = train(desk, "--rows", "raw.trips", "--out", "again")
    assert again == {**first, "version": "late_trips@2"}
    other = train(desk, "--seed", "8", "--epochs", "1", "--no-register", "--out", "other")
    assert other["artifact"] != first["artifact"]
    assert "version" not in other


def test_a_run_that_was_killed_goes_on_to_the_same_address(desk: Path, first: dict[str, Any]) -> None:
    killed = python(desk, KILLED)
    assert killed.returncode == -signal.SIGKILL
    assert not (desk / "killed/artifact").exists()
    resumed = train(desk, "--resume", "--no-register", "--out", "killed")
    assert resumed == {name: value for name, value in first.items() if name != "version"}


def test_a_version_is_rebuilt_in_another_process(desk: Path, first: dict[str, Any]) -> None:
    again = python(desk, "from headrace.jobs.cli import main; main()", "model", "rebuild", first["version"])
    said = f"rebuilt {first['version']}: same artifact {first['artifact'][:12]}\n"
    assert (again.returncode, again.stderr) == (0, said)
