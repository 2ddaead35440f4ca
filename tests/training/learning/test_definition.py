from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.errors import (
    DatasetError,
    DefinitionError,
    HeadraceError,
    ModelError,
    NotFoundError,
    SettingsError,
    TrainingError,
)
from headrace.registry.model_facts import LONGEST_ROWS
from headrace.registry.model_states import Decision
from headrace.registry.training_sets import TrainingSetRecord, TrainingSetRegistry
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.learning.pipeline import TrainingOutcome, load_training
from headrace.training.learning.registering import register
from headrace.training.learning.rows_text import rows_text
from headrace.training.models.store import ModelStore

from . import stream

HEAD = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Hash, Label, Raw, entity_split
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
        tmp_path, **WHOLE, source="'raw.trips'", splits="entity_split(['trip'], {'train': 0.5, 'valid': 0.5})"
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
    "a label's time as a feature": (
        {**WHOLE, "label_time": "'speed'"},
        "encoding: label_time 'speed' is among the features, which nobody knows before the label is there",
    ),
    "a misspelt option": ({**WHOLE, "epoch": "3"}, "epoch = 3 is no option; did you mean 'epochs'?;"),
    "an option of another": (
        {**WHOLE, "learning_rate": "3"},
        "learning_rate = 3 is no option; known: batch_rows, checkpoint_batches,",
    ),
    "a feature view by name": ({**WHOLE, "features": "'trips'"}, "features: expected a list of names of feature views"),
    "features as a method": (
        {**WHOLE, "features": "lambda self, source: {}"},
        "features: expected a list of names of feature views, such as ['flights'], found <function",
    ),
    "a hidden step": (
        {**WHOLE, "rows": "[3]"},
        "rows = [3] hides the method TrainingPipeline.rows; write a method to override it, or give what is your own an",
    ),
    "a hidden method": ({**WHOLE, "train": "True"}, "train = True hides the method TrainingPipeline.train; write"),
    "a hidden class method": ({**WHOLE, "model_name": "'late'"}, "model_name = 'late' hides the method "),
    "a hidden method of ours": ({**WHOLE, "_training": "{}"}, "_training = {} hides the method TrainingPipel"),
    "a private method of ours by another": (
        {**WHOLE, "_features": "lambda self: {}"},
        "hides the method TrainingPipeline._features; give what is your own another name",
    ),
    "a hidden property of ours": ({**WHOLE, "_others": "[]"}, "_others = [] hides the method TrainingPipeline."),
    "a split of nothing": ({**WHOLE, "splits": "{'train': None}"}, "splits: 'train': expected a filter, such as Con"),
    "a split of a text": ({**WHOLE, "splits": "{'train': 'at < 3'}"}, "or a list of them, () for all rows; found 'at"),
    "a list of texts": ({**WHOLE, "splits": "{'train': ['at < 3']}"}, "splits: 'train': expected a filter"),
    "a share that cannot be refused": ({**WHOLE, "most_refused": "2"}, "plan: most_refused = 2: expected a finite"),
    "no training split": (
        {**WHOLE, "splits": "{'trian': ()}"},
        "no split 'train' to learn from; did you mean 'trian'?",
    ),
    "a split without a name": (
        {**WHOLE, "splits": "{'train': (), '2026': ()}"},
        "splits: '2026' is no name of a split; expected a letter, then",
    ),
    "nothing to watch": ({**WHOLE, "stopping": "EarlyStopping()"}, "watches split 'valid', which is not declared"),
    "a metric of another task": (
        {
            **WHOLE,
            "splits": "{'train': (), 'valid': ()}",
            "model": "ModelSpec('mlp', task='regression')",
            "stopping": "EarlyStopping()",
        },
        "early stopping: metric 'log_loss' is none of task 'regression', so that it would never be better; take one of",
    ),
    "a number that no version could keep": (
        {**WHOLE, "encoding": "Encoding({'speed': Hash(__import__('numpy').int64(64))}, Label('late'))"},
        "encoding: a version keeps it as JSON: Object of type int64 is not JSON serializable; write plain numbers",
    ),
    "an optimizer by name": ({**WHOLE, "fine_tuning": "'sgd'"}, "fine_tuning: expected"),
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


def test_what_is_a_users_own_is_left_to_the_user(tmp_path: Path) -> None:
    file = written(tmp_path, **WHOLE, _rate="3", MOST="3", rate="property(lambda self: 3)", table_name="'raw.trips'")
    with pytest.raises(DefinitionError, match=r"table_name = 'raw.trips' is no option"):
        load_training(file)
    base = "class Trips(TrainingPipeline, abstract=True):\n    table_name = 'raw.trips'\n    %s\n\n"
    file.write_text(file.read_text().replace("class LateTrips(Tr", base % "" + "class LateTrips(Tr"))
    file.write_text(file.read_text().replace("LateTrips(TrainingPipeline)", "LateTrips(Trips)"))
    assert load_training(file).definition.name == "late_trips"
    whole = file.read_text()
    file.write_text(whole.replace("table_name = 'raw.trips'\n    \n", "table_name = property(lambda self: 'x')\n\n"))
    assert load_training(file).definition.name == "late_trips"
    file.write_text(whole)
    file.write_text(file.read_text().replace("table_name = 'raw.trips'\n    \n", "epoch = 3\n\n"))
    with pytest.raises(DefinitionError, match="training Trips: epoch = 3 is no option; did you mean 'epochs'"):
        load_training(file)


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("optimizer", "OptimizerSpec('adam', float('nan'))", "optimizer 'adam': rate = nan: expected a finite number"),
        ("model", "ModelSpec('logistik')", "did you mean 'logistic'"),
        ("encoding", "Encoding({'late': Raw()}, Label('late'))", "encoding: label 'late' is among the features"),
    ],
)
def test_what_a_value_refuses_is_said_with_its_line(tmp_path: Path, option: str, value: str, why: str) -> None:
    file = written(tmp_path, **{**WHOLE, option: value})
    line = next(number for number, text in enumerate(file.read_text().splitlines(), 1) if f"{option} = " in text)
    with pytest.raises(HeadraceError) as found:
        load_training(file)
    assert str(found.value).startswith(f"{file}:{line}: ")
    assert str(found.value).count(file.name) == 1
    assert why in str(found.value)


def test_what_learnt_from_no_row_is_not_registered(tmp_path: Path) -> None:
    iceberg = {"catalog": "house", "properties": dict(stream.table(tmp_path / "lake", (40,)).catalog.properties)}
    settings = load_settings(flags={"home": str(tmp_path), "iceberg": iceberg}, environment={}, folder=tmp_path)
    pipeline = load_training(written(tmp_path, **{**WHOLE, "source": "'raw.trips'"}))
    outcome = pipeline(Platform(settings), epochs=0, device="cpu").train()
    store = ModelStore.at(settings)
    with pytest.raises(TrainingError, match=r"late_trips: no row was learnt in 0 epochs, .* leave it by --no-register"):
        register(store, outcome, Decision("ann", "trained"))
    assert store.models() == []


def test_modules_beside_a_file_are_importable_wherever_it_is_and_those_of_the_newest_file_first(tmp_path: Path) -> None:
    folders = [tmp_path / "older", tmp_path / "newer"]
    for folder in [*folders, folders[0]]:
        folder.mkdir(exist_ok=True)
        (folder / "beside_seed.py").write_text(f"OF = {folder.name!r}\n")
        (folder / "beside_later.py").write_text(f"OF = {folder.name!r}\n")
        file = written(folder, **WHOLE)
        file.write_text(f"import beside_seed\nassert beside_seed.OF == {folder.name!r}\n{file.read_text()}")
        load_training(file)
        del sys.modules["beside_seed"]
    assert importlib.import_module("beside_later").OF == "older"
    del sys.modules["beside_later"]


def test_what_is_installed_goes_before_a_module_beside_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colorsys.py").write_text("raise ValueError\n")
    file = written(tmp_path, **WHOLE)
    file.write_text(f"import colorsys\n{file.read_text()}")
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    assert load_training(file).model_name() == "late_trips"


def test_a_file_with_several_needs_a_name(tmp_path: Path) -> None:
    file = written(tmp_path, **WHOLE)
    written(tmp_path, "EarlyTrips", **WHOLE)
    with pytest.raises(DefinitionError, match=r"has more than one training \(early_trips, late_trips\); name one"):
        load_training(file)
    assert load_training(file, "early_trips").definition.name == "early_trips"
    with pytest.raises(DefinitionError, match="did you mean 'early_trips'"):
        load_training(file, "early_trip")


def test_two_trainings_of_one_name_are_refused(tmp_path: Path) -> None:
    written(tmp_path, **WHOLE)
    with pytest.raises(
        DefinitionError, match="classes LateTrips and Late_Trips are both training 'late_trips'; rename"
    ):
        load_training(written(tmp_path, "Late_Trips", **WHOLE))


def test_a_file_without_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(HEAD)
    with pytest.raises(
        DefinitionError, match="declares no training that has a name; write a subclass of TrainingPipeline"
    ):
        load_training(tmp_path / "model.py")


def test_a_kept_training_set_is_a_source_with_its_feature_views(tmp_path: Path) -> None:
    made = stream.table(tmp_path / "lake", (20,))
    snapshot = made.current_snapshot_id()
    assert snapshot is not None
    iceberg = {"catalog": "house", "properties": dict(made.catalog.properties)}
    flags = {"home": str(tmp_path), "project": "trips", "iceberg": iceberg}
    platform = Platform(load_settings(flags=flags, environment={}, folder=tmp_path))
    definition = {"features": [{"view": "trips", "version": "0a1b2c3d"}, {"view": "lines", "version": "ffff0000"}]}
    record = TrainingSetRecord("5e7", "trips", definition, "raw.trips", snapshot, 20, "f" * 64)
    TrainingSetRegistry(platform.settings.registry_url).add(record)
    made.append(pa.Table.from_batches([stream.rows(5)]))
    pipeline = load_training(written(tmp_path, **WHOLE, batch_rows="8"))(platform, device="cpu")
    outcome = pipeline.train("5e7")
    assert outcome.features == {"trips": "0a1b2c3d", "lines": "ffff0000"}
    assert outcome.trained.counters.rows_visited == 20
    assert (outcome.snapshot.table, outcome.snapshot.snapshot_id) == ("raw.trips", snapshot)
    with pytest.raises(NotFoundError, match="no training set '5e8'; did you mean '5e7'"):
        pipeline.train("5e8")
    declared = replace(pipeline.chosen, features=("lines",))
    pipeline.chosen = declared
    assert pipeline.feature_versions("5e7") == outcome.features
    pipeline.chosen = replace(declared, features=("lines", "trip"))
    with pytest.raises(DatasetError, match=r"set '5e7' has no features of view 'trip', .* did you mean 'trips'"):
        pipeline.train("5e7")
    pipeline.chosen = replace(declared, features=())
    assert pipeline.train("raw.trips").trained.counters.rows_visited == 25


def test_a_source_is_named_at_the_run_or_in_the_class(tmp_path: Path) -> None:
    options: dict[str, Any] = {"flags": {"home": str(tmp_path)}, "environment": {}, "folder": tmp_path}
    pipeline = load_training(written(tmp_path, **WHOLE))(Platform(load_settings(**options)))
    with pytest.raises(SettingsError, match="late_trips declares no source; name a table or a training set"):
        pipeline.train()


def test_a_training_is_registered_however_long_its_filters_are(tmp_path: Path) -> None:
    iceberg = {"catalog": "house", "properties": dict(stream.table(tmp_path / "lake", (40,)).catalog.properties)}
    settings = load_settings(flags={"home": str(tmp_path), "iceberg": iceberg}, environment={}, folder=tmp_path)
    long = "[Condition('trip', '<', 1e9 + number) for number in range(50)]"
    splits = f"{{'train': Condition('trip', '>=', 20), 'valid': [Condition('trip', '<', 20), *{long}]}}"
    options = {**WHOLE, "source": "'raw.trips'", "splits": splits}
    file = written(tmp_path, **options)
    file.write_text(file.read_text().replace("import Encoding,", "import Condition, Encoding,"))
    outcome = load_training(file)(Platform(settings), device="cpu").train()
    kept = register(ModelStore.at(settings), outcome, Decision("ann", "trained"))
    assert kept.facts.evaluated["valid"].startswith("raw.trips@")
    assert len(kept.facts.evaluated["valid"]) == LONGEST_ROWS


def test_rows_that_train_are_evaluated_on_by_nobody(tmp_path: Path) -> None:
    iceberg = {"catalog": "house", "properties": dict(stream.table(tmp_path / "lake", (40,)).catalog.properties)}
    settings = load_settings(flags={"home": str(tmp_path), "iceberg": iceberg}, environment={}, folder=tmp_path)
    splits = "{'train': Condition('trip', '>=', 10), 'valid': Condition('trip', '<', 10), 'test': %s}"

    def train(test: str) -> TrainingOutcome:
        folder = tmp_path / str(len(test))
        folder.mkdir()
        file = written(folder, **{**WHOLE, "source": "'raw.trips'", "splits": splits % test})
        file.write_text(file.read_text().replace("import Encoding,", "import Condition, Encoding,"))
        return load_training(file)(Platform(settings), device="cpu").train()

    with pytest.raises(DatasetError, match=r"@\d+: 7 rows that train are in split 'test' too, .* cut the spl"):
        train("Condition('trip', '<', 17)")
    with pytest.raises(DatasetError, match="30 rows that train are in split 'test' too"):
        train("()")
    assert train("[Condition('trip', '<', 10), Condition('trip', '<', 17)]").trained.counters.rows_visited == 30


def test_other_rows_are_told_by_another_text_where_it_is_shortened() -> None:
    long = "raw.trips@7 where " + "line != 'a' and " * 50
    assert rows_text(long + "trip < 8") != rows_text(long + "trip < 9")
    assert rows_text(long[:LONGEST_ROWS]) == long[:LONGEST_ROWS]
