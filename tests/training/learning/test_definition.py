from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.errors import DefinitionError, ModelError, SettingsError
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.learning.pipeline import load_training

HEAD = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Label, Raw, entity_split
from headrace.training.learning import EarlyStopping, ModelSpec, OptimizerSpec

ENCODING = Encoding({"speed": Raw()}, Label("late"))
"""
WHOLE: dict[str, str] = {"owner": "'ann@example.com'", "encoding": "ENCODING", "model": "ModelSpec('logistic')"}


def written(folder: Path, name: str = "LateTrips", **options: str) -> Path:
    """A definition file: options as Python writes them; None leaves one out."""
    lines = [f"    {option} = {value}" for option, value in options.items() if value]
    file = folder / "model.py"
    before = file.read_text() if file.exists() else HEAD
    file.write_text(
        before + f"\nclass {name}(TrainingPipeline):\n    '''Whether a trip is late.'''\n" + "\n".join(lines)
    )
    return file


def test_a_class_is_a_definition(tmp_path: Path) -> None:
    file = written(
        tmp_path, **WHOLE, source="'raw.trips'", splits="entity_split(['speed'], {'train': 0.5, 'valid': 0.5})"
    )
    found = load_training(file).definition
    assert (found.name, found.owner, found.description) == ("late_trips", "ann@example.com", "Whether a trip is late.")
    assert (found.source, found.recipe.losses, list(found.splits)) == ("raw.trips", {"bce": 1.0}, ["train", "valid"])
    changed = found.changed(epochs=9, seed=4)
    assert (changed.plan.epochs, changed.recipe.seed) == (9, 4)
    assert found.changed() == found
    with pytest.raises(ModelError, match="epochs = -1"):
        found.changed(epochs=-1)


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "no owner": ({**WHOLE, "owner": ""}, "no owner"),
    "no model": ({**WHOLE, "model": ""}, "model: expected ModelSpec, found None"),
    "a model by name": ({**WHOLE, "model": "'logistic'"}, "model: expected ModelSpec, found 'logistic'"),
    "no label": ({**WHOLE, "encoding": "Encoding({'speed': Raw()})"}, "names no label"),
    "a misspelt option": ({**WHOLE, "epoch": "3"}, "epoch = 3 is no option of a training; did you mean 'epochs'?"),
    "no training split": (
        {**WHOLE, "splits": "{'trian': ()}"},
        "no split 'train' to learn from; did you mean 'trian'?",
    ),
    "nothing to watch": ({**WHOLE, "stopping": "EarlyStopping()"}, "watches split 'valid', which is not declared"),
    "no rows a batch": ({**WHOLE, "batch_rows": "0"}, "batch_rows = 0"),
    "an unknown loss": ({**WHOLE, "losses": "{'hubber': 1.0}"}, "loss: 'hubber' is not known; did you mean 'huber'?"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_cannot_be_meant_is_refused_at_its_line(wrong: str, tmp_path: Path) -> None:
    options, message = WRONG[wrong]
    file = written(tmp_path, **options)
    with pytest.raises(DefinitionError) as found:
        load_training(file)
    assert message in str(found.value)
    assert str(found.value).startswith(f"{file}:8: training LateTrips")


def test_a_file_with_several_needs_a_name(tmp_path: Path) -> None:
    file = written(tmp_path, **WHOLE)
    written(tmp_path, "EarlyTrips", **WHOLE)
    with pytest.raises(DefinitionError, match="defines late_trips, early_trips; name one"):
        load_training(file)
    assert load_training(file, "early_trips").definition.name == "early_trips"
    with pytest.raises(DefinitionError, match="did you mean 'early_trips'"):
        load_training(file, "early_trip")


def test_a_file_without_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(HEAD)
    with pytest.raises(DefinitionError, match="defines no training; write a subclass of TrainingPipeline"):
        load_training(tmp_path / "model.py")


def test_a_source_is_named_at_the_run_or_in_the_class(tmp_path: Path) -> None:
    options: dict[str, Any] = {"flags": {"home": str(tmp_path)}, "environment": {}, "folder": tmp_path}
    pipeline = load_training(written(tmp_path, **WHOLE))(Platform(load_settings(**options)))
    with pytest.raises(SettingsError, match="late_trips declares no source; name a table or a training set"):
        pipeline.train()
