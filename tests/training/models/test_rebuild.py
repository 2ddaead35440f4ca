"""A version made again from what is stored: the same bytes, or what differs, or why it cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.errors import ModelError, NotFoundError, SettingsError, TrainingError
from headrace.registry.model_facts import Inventory, ModelVersion
from headrace.registry.model_states import Decision
from headrace.registry.store import ViewVersion
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data.filters import before
from headrace.training.learning.pipeline import TrainingPipeline, load_training
from headrace.training.learning.registering import register
from headrace.training.models.made_again import rebuildable
from headrace.training.models.rebuild import rebuild
from headrace.training.models.store import ModelStore

from . import trips

WHY = Decision("ann", "trained")
MODEL = """
from datetime import UTC, datetime
from headrace import TrainingPipeline
from headrace.training.data import Condition, Dates, Encoding, EntityShare, Hash, Label, Standardize, Vocabulary, before
from headrace.training.learning import EarlyStopping, ModelSpec, OptimizerSpec, ScheduleSpec

class LateTrips(TrainingPipeline):
    '''Whether a trip arrives late.'''
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding(
        {"speed": Standardize(), "at": Dates(), "line": [Vocabulary(), Hash(16)]}, Label("late", low=0, high=1)
    )
    model = ModelSpec("mlp", {"hidden": [8], "embedding": 2, "dropout": 0.1})
    optimizer = OptimizerSpec("adam", 0.02, schedule=ScheduleSpec("cosine", {"steps": 50}), clip_norm=1.0)
    splits = {
        "train": [EntityShare(("trip",), 0.0, 1 / 3 + 0.4), before("at", datetime(2014, 1, 1, tzinfo=UTC))],
        "valid": [EntityShare(("trip",), 1 / 3 + 0.4, 1.0), Condition("speed", "<", 9.5)],
    }
    stopping = EarlyStopping("log_loss", patience=1)
    epochs = 3
    batch_rows = 64
    seed = 7
"""


class Desk:
    """A lake, a platform and a store."""

    def __init__(self, folder: Path, *batches: pa.RecordBatch) -> None:
        self.folder = folder
        self.table = trips.table(folder / "lake", *batches)
        iceberg = {"catalog": "house", "properties": dict(self.table.catalog.properties)}
        flags = {"home": str(folder / "home"), "iceberg": iceberg}
        self.platform = Platform(load_settings(flags=flags, environment={}, folder=folder))
        self.store = ModelStore.at(self.platform.settings)

    def trained(self, text: str = MODEL) -> ModelVersion:
        file = self.folder / "model.py"
        file.write_text(text)
        return self.kept(load_training(file)(self.platform, device="cpu"))

    def kept(self, pipeline: TrainingPipeline) -> ModelVersion:
        return register(self.store, pipeline.train(), WHY)

    def data_file(self) -> Path:
        return Path(self.table.refresh().files()[0].removeprefix("file://"))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, trips.rows(300, trips.FEBRUARY, seed=1), trips.rows(300, trips.DECEMBER, seed=2))


def test_a_version_is_made_again_though_its_table_has_grown_and_its_files_are_gone(desk: Desk) -> None:
    made = desk.trained()
    desk.table.append(pa.Table.from_batches([trips.rows(100, trips.CLEAN, seed=3)]))
    again = rebuild(desk.platform, desk.store, made.name)
    assert (again.is_same, again.differences, again.changed, again.lost) == (True, (), (), "")
    folder = desk.store.artifacts.folder / made.facts.artifact
    folder.rename(folder.with_name("elsewhere"))
    found = rebuild(desk.platform, desk.store, made.name)
    assert (found.is_same, "is missing" in found.lost) == (True, True)
    assert desk.store.artifacts.put(found.files) == made.facts.artifact


def test_a_version_is_made_again_though_the_views_of_its_rows_are_gone(desk: Desk) -> None:
    settings = desk.platform.settings
    desk.platform.registry.add_version(ViewVersion(settings.project, "trips", "0a1b2c3d", {"name": "trips"}))
    elsewhere = Platform(settings.model_copy(update={"project": "elsewhere"}))
    for line in (
        "def feature_versions(self, source): return {'trips': '0a1b2c3d'}",
        "features = ['trips']",
    ):
        made = desk.trained(f"{MODEL}    {line}\n")
        assert (made.facts.features, made.facts.training["overridden"]) == ({"trips": "0a1b2c3d"}, [])
        assert rebuild(elsewhere, desk.store, made.name).is_same
    assert rebuild(elsewhere, desk.store, made.name, file=desk.folder / "model.py").is_same


def test_another_byte_of_the_data_is_seen_in_the_weights(desk: Desk) -> None:
    made, file = desk.trained(), desk.data_file()
    trips.change_a_bit(file)
    found = rebuild(desk.platform, desk.store, made.name)
    assert not found.is_same
    assert found.artifact != made.facts.artifact
    sections = {one.section for one in found.differences}
    assert "encoding.json" in sections
    assert all(one.left != one.right for one in found.differences)


def test_another_code_or_environment_is_told(desk: Desk) -> None:
    made = desk.trained()
    entries = dict(desk.store.registry.inventory(made.facts.environment).entries)
    older = desk.store.registry.keep_inventory(Inventory({**entries, "torch": "2.14.0"}))
    other = desk.store.register("late_trips", replace(made.facts, environment=older), WHY)
    found = rebuild(desk.platform, desk.store, other.name)
    assert found.is_same
    assert [(one.section, one.name, one.left) for one in found.changed] == [("environment", "torch", "2.14.0")]


def test_what_cannot_be_made_again_is_refused_with_the_reason(desk: Desk) -> None:
    made, known = desk.trained(), list[str]()

    def refused(kind: type[Exception], why: str, **changed: Any) -> None:
        other = desk.store.register("late_trips", replace(made.facts, **changed), WHY)
        with pytest.raises(kind, match=why) as told:
            rebuild(desk.platform, desk.store, other.name)
        if rebuildable(other).startswith("no: "):
            assert str(told.value) == f"{other.name}: {rebuildable(other)[4:]}"
            known.append(why)

    training = dict(made.facts.training)
    definition = training["definition"]
    refused(ModelError, "how it was trained is not recorded", training={})
    refused(ModelError, "how it was trained is not recorded", training={**training, "kind": "by hand"})
    stream = {
        "kind": "stream",
        "run": "r",
        "source": "raw.trips",
        "schema": "",
        "learner": {},
        "places": None,
        "given": None,
    }
    refused(ModelError, "recorded without step, topic", training=stream)
    refused(ModelError, "recorded without definition, device", training={"kind": "full", "overridden": []})
    refused(ModelError, "recorded without the one snapshot that it read", snapshots={})
    refused(ModelError, "recorded without its parent", training={**training, "kind": "learned_on", "after": 17})
    refused(NotFoundError, "no snapshot 17 .expired", snapshots={"raw.trips": 17})
    refused(ModelError, "its class overrides fit, learner", training={**training, "overridden": ["fit", "learner"]})
    refused(ModelError, "format 99", training={**training, "definition": {**definition, "format": 99}})
    recipe = {**definition["recipe"], "model": {"module": "nowhere.nets:Net", "arguments": {}, "task": "binary"}}
    why = "module 'nowhere.nets' cannot be imported"
    refused(ModelError, why, training={**training, "definition": {**definition, "recipe": recipe}})
    own = {"train": [{"is": "unknown", "class": "mine.Odd", "text": "odd trips"}]}
    why = "filter 'odd trips': of a class that headrace cannot make again, 'mine.Odd'; .*; give the file .*: --file"
    refused(ModelError, why, training={**training, "definition": {**definition, "splits": own}})
    unknown = {name: value for name, value in training.items() if name != "own_code"}
    why = "its class overrides fit, and which code of your own that was is not recorded"
    refused(ModelError, why, training={**unknown, "overridden": ["fit"]})
    why = "it has filters of a class of your own, and which code"
    refused(ModelError, why, training={**unknown, "definition": {**definition, "splits": own}})
    # Of a notebook's class with a network of a module: no file of the class.
    network = {**unknown, "own_code": {"own_nets": "0a1b2c3d" * 8}, "overridden": ["example"]}
    refused(ModelError, "its class overrides example, and which code", training=network)
    # The rest is not known before it is tried, or is a matter of what is given.
    assert known == [
        "how it was trained is not recorded",
        "how it was trained is not recorded",
        "recorded without step, topic",
        "recorded without definition, device",
        "recorded without the one snapshot that it read",
        "recorded without its parent",
        "its class overrides fit, and which code of your own that was is not recorded",
        "it has filters of a class of your own, and which code",
        "its class overrides example, and which code",
    ]
    for changes, said in (
        ({}, "yes"),
        ({"overridden": ["fit", "learner"]}, "yes; with --file: its class overrides fit, learner"),
        ({"definition": {**definition, "splits": own}}, "yes; with --file: it has filters of a class of your own"),
    ):
        assert rebuildable(replace(made, facts=replace(made.facts, training={**training, **changes}))) == said


def test_what_learnt_from_rows_that_it_was_evaluated_on_is_made_again_all_the_same(desk: Desk) -> None:
    facts = desk.trained(MODEL.replace('    stopping = EarlyStopping("log_loss", patience=1)\n', "")).facts
    definition = facts.training["definition"]
    splits = {**definition["splits"], "valid": definition["splits"]["train"]}
    training = {**facts.training, "definition": {**definition, "splits": splits}}
    older = desk.store.register("late_trips", replace(facts, training=training), WHY)
    assert rebuild(desk.platform, desk.store, older.name).is_same


def test_a_version_of_which_most_rows_were_refused_is_made_again(desk: Desk) -> None:
    """A guard that takes every loss above the mean for an explosion, of a network that hardly learns."""
    timid = MODEL.replace("import EarlyStopping", "import Guard, EarlyStopping").replace('"adam", 0.02', '"sgd", 1e-6')
    timid = timid.replace("batch_rows = 64", "batch_rows = 4\n    guard = Guard(explosion=1.0, after=1)")
    with pytest.raises(TrainingError, match=r"rows visited were refused, .*; at most 50% may be"):
        desk.trained(timid)
    made = desk.trained(f"{timid}    most_refused = 1.0\n")
    assert rebuild(desk.platform, desk.store, made.name).is_same


def test_overridden_steps_are_recorded(desk: Desk) -> None:
    desk.trained()
    base = load_training(desk.folder / "model.py")

    class Other(base):  # type: ignore[misc,valid-type]
        """Fitted on the first rows."""

        stopping = None
        splits = {"train": before("at", trips.DECEMBER)}  # noqa: RUF012
        model, epochs = base.model, 1

        def fit(self, training: Any) -> Any:
            return super().fit(training.where(before("at", trips.DECEMBER)))

    assert desk.kept(Other(desk.platform, device="cpu")).facts.training["overridden"] == ["fit"]


OWN_STEP = """
    def fit(self, training):
        return super().fit(training.where(before("at", datetime(2013, 6, 1, tzinfo=UTC))))
"""


def test_a_version_of_overridden_steps_is_made_again_by_its_own_file(desk: Desk) -> None:
    file = desk.folder / "model.py"
    file.write_text(MODEL + OWN_STEP)
    made = desk.kept(load_training(file)(desk.platform, device="cpu", epochs=2, seed=11))
    assert made.facts.training["overridden"] == ["fit"]
    with pytest.raises(ModelError, match=r"its class overrides fit, which is not recorded; give the file .*: --file"):
        rebuild(desk.platform, desk.store, made.name)
    elsewhere = file.rename(desk.folder / "renamed.py")
    assert rebuild(desk.platform, desk.store, made.name, file=elsewhere).is_same


def test_another_file_than_the_one_that_made_a_version_is_refused_with_both_hashes(desk: Desk) -> None:
    made, file = desk.trained(), desk.folder / "model.py"
    assert made.facts.own_code is not None
    file.write_text(f"{MODEL}    # a word\n")
    kept, here = made.facts.own_code.hash[:12], Inventory(load_training(file).own_code()).hash[:12]
    with pytest.raises(ModelError, match=f"expected own code {kept}, found {here} by .*; other is: <definition>; give"):
        rebuild(desk.platform, desk.store, made.name, file=file)
    unknown = {name: value for name, value in made.facts.training.items() if name != "own_code"}
    other = desk.store.register("late_trips", replace(made.facts, training=unknown), WHY)
    with pytest.raises(ModelError, match="which code of your own made it was not recorded"):
        rebuild(desk.platform, desk.store, other.name, file=file)
    with pytest.raises(SettingsError, match=r"learned from a snapshot, .*; leave out the archive raw.kept"):
        rebuild(desk.platform, desk.store, made.name, archive="raw.kept")


def test_own_code_is_no_part_of_the_artifact_and_its_change_is_named(desk: Desk) -> None:
    first, second = desk.trained(), desk.trained(f"{MODEL}    # a word\n")
    assert first.facts.artifact == second.facts.artifact
    assert [(one.section, one.name) for one in desk.store.diff(first.name, second.name)] == [
        ("own code", "<definition>")
    ]


def test_another_module_than_the_one_that_a_version_names_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = desk.folder / "own_nets.py"
    nets.write_text("from headrace.training.learning.networks import Logistic as Net\n")
    monkeypatch.syspath_prepend(desk.folder)
    model = MODEL.replace(
        'ModelSpec("mlp", {"hidden": [8], "embedding": 2, "dropout": 0.1})', 'ModelSpec("own_nets:Net")'
    )
    made = desk.trained(model)
    assert rebuild(desk.platform, desk.store, made.name).changed == ()
    nets.write_text(f"{nets.read_text()}# other\n")
    found = rebuild(desk.platform, desk.store, made.name)
    assert found.is_same
    assert [(one.section, one.name) for one in found.changed] == [("own code", "own_nets")]


OWN_LEARNER = """
from dataclasses import replace
from headrace.training.learning import TorchLearner

class Held(LateTrips):
    '''With a penalty, and weights that begin elsewhere.'''
    fine_tuning = OptimizerSpec("sgd", 0.1)

    def learner(self, fitted, example):
        recipe = replace(self.chosen.recipe, losses={"bce": 1.0, "l2": 0.1}, seed=3)
        return TorchLearner(recipe, fitted, example, self.device)
"""


def test_versions_of_an_own_learner_are_made_again_by_its_file(desk: Desk) -> None:
    file = desk.folder / "model.py"
    file.write_text(MODEL + OWN_LEARNER)
    pipeline = load_training(file, "held")(desk.platform, device="cpu")
    first = desk.kept(pipeline)
    desk.table.append(pa.Table.from_batches([trips.rows(100, trips.FEBRUARY, seed=3)]))
    outcome = pipeline.learn_on(desk.store.files(first.name), first.facts.snapshots["raw.trips"])
    on = register(desk.store, outcome, WHY, parent=first)
    assert [rebuild(desk.platform, desk.store, one.name, file=file).is_same for one in (first, on)] == [True, True]
