"""A streamed version made again: the same micro-batches in the same order, bit for bit, all but Flink."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.errors import ArtifactError, CutoverError, ModelError, NotFoundError, SettingsError
from headrace.jobs.learn import pipeline_in
from headrace.registry.model_facts import OWN_CODE, Facts, ModelVersion
from headrace.registry.model_states import Decision
from headrace.runtime.legs import TOPIC_ID
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.filters import Condition
from headrace.training.data.label_time import LabelTime
from headrace.training.data.labels import Label
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.gates import ArtifactWhole
from headrace.training.models.learned import learned_of
from headrace.training.models.made_again import rebuildable
from headrace.training.models.rebuild import rebuild
from headrace.training.streaming.candidates import candidate_of
from headrace.training.streaming.function import LearnerSpec, Taught
from headrace.training.streaming.job import TopicOffsets
from headrace.training.streaming.positions import PositionColumns, positions_of
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.tables import CANDIDATES, STEPS, create_tables, values_of
from headrace.training.streaming.trainer import Policy

from .lake import FIELDS, HERE, Labels, Lake
from .test_kept_runs import JOB

WHY = Decision("ann", "trained")
PLACES = PositionColumns("shard", "place")
NONE = Rules()
FROM_NOTHING = LearnerSpec("logistic:make", {"inputs": ["x", "y"]})
FROM_A_VERSION = LearnerSpec("headrace.training.learning:fine_tuned", {"optimizer": {"name": "adam", "rate": 0.01}})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    flags = {"home": str(tmp_path / "home"), "iceberg": {"properties": catalog}}
    made = Lake(Platform(load_settings(flags=flags, environment={}, folder=tmp_path)))
    made.more(700, broken=333)
    made.more(500)
    create_tables(made.platform.iceberg)
    return made


def registered(lake: Lake, model: str = "late") -> ModelVersion:
    """A version that no stream trained."""
    store, rows = lake.store(), lake.table.refresh().arrow().to_batches()[0]
    encoding = Encoding({"x": Raw(), "y": Raw()}, Label("label"))
    recipe = Recipe(ModelSpec("mlp", {"hidden": [4], "dropout": 0.2}), OptimizerSpec("sgd", 0.5))
    learner = TorchLearner(recipe, encoding.fit([rows]), rows.slice(0, 1).select(["x", "y"]), "cpu")
    origin = store.keep_origin()
    facts = Facts(artifact=store.artifacts.put(learner.artifact()), code=origin.code, environment=origin.environment)
    return store.register(model, facts, WHY)


def streamed(
    lake: Lake,
    spec: LearnerSpec,
    parent: ModelVersion | None = None,
    places: PositionColumns | None = PLACES,
    rules: Rules = NONE,
    topic: TopicOffsets | None = None,
) -> ModelVersion:
    """The version that came of a run over all rows, in an order that is not the table's, two workers being killed."""
    store = lake.store()
    rows = lake.table.refresh().arrow().combine_chunks().to_batches()[0]
    rows = rows.take(pa.array(np.random.default_rng(3).permutation(rows.num_rows)))
    start = None if parent is None else parent.facts.artifact
    taught = Taught(
        "late-1", spec, Policy(candidate_rows=900, halts=False), str(store.artifacts.folder), start, places, rules
    )
    trainer, told = taught.trainer(), []
    for number, at in enumerate(range(0, rows.num_rows, 100)):
        if number in (3, 7):
            state, trainer = trainer.state(), taught.trainer()
            trainer.resume(state)
        told.append(trainer.visit(rows.slice(at, 100)))
    (candidate,) = [one.candidate for one in told if one.candidate is not None]
    for name, some in ((STEPS, [one.step for one in told]), (CANDIDATES, [candidate])):
        table = lake.platform.iceberg.load(LEDGER_NAMESPACE, name)
        schema = table.arrow().schema
        values = [dict(zip(schema.names, values_of(one), strict=True)) for one in some]
        table.append(pa.Table.from_pylist(values, schema=schema))
    origin = store.keep_origin()
    job = replace(
        JOB,
        parent=None if parent is None else parent.name,
        origin={"code": origin.code, "environment": origin.environment},
        schema=base64.b64encode(rows.schema.remove_metadata().serialize().to_pybytes()).decode(),
        taught=taught.to_json(),
        topic=topic,
    )
    found = candidate_of(candidate, job, {})
    store.add_candidate(found)
    made = store.admit(found, [ArtifactWhole(store.artifacts)], WHY).version
    assert made is not None
    return made


def changed_by(lake: Lake, version: ModelVersion, **changed: Any) -> ModelVersion:
    """Another version, whose training differs by so much."""
    facts = replace(version.facts, training={**version.facts.training, **changed})
    return lake.store().register("late", facts, WHY)


def again(lake: Lake, version: ModelVersion, **changed: Any) -> Mapping[str, Any]:
    """The version made again, or another one whose training differs by so much."""
    if changed:
        version = changed_by(lake, version, **changed)
    found = rebuild(lake.platform, lake.store(), version.name)
    return {"same": found.is_same, "differs": [one.section for one in found.differences]}


def test_a_streamed_version_is_made_again_from_nothing_refused_micro_batches_and_later_rows_included(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    made = streamed(lake, FROM_NOTHING)
    assert made.facts.rows_seen < 1_200
    lake.more(300)
    assert again(lake, made) == {"same": True, "differs": []}
    step = made.facts.training["step"]
    assert again(lake, made, step=step - 1) == {"same": False, "differs": ["model.json"] * 4}


def test_rows_that_were_kept_from_the_learner_are_kept_from_it_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    lake.more(300, untimed=3)
    given_columns = ("place", "label", "shard", "y", "x")
    made = streamed(lake, FROM_NOTHING, rules=Rules(given_columns, None, LabelTime("at")))
    assert made.facts.training["given"] == list(given_columns)
    assert again(lake, made) == {"same": True, "differs": []}


@pytest.mark.parametrize("model", ["late", "early"])
def test_a_fine_tuned_version_is_made_again_from_its_parent(lake: Lake, model: str) -> None:
    parent = registered(lake, model)
    made = streamed(lake, FROM_A_VERSION, parent)
    assert again(lake, made) == {"same": True, "differs": []}
    assert (made.model, made.facts.parent) == ("late", f"{model}@1")
    folder = lake.store().artifacts.folder / parent.facts.artifact
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(ArtifactError, match=f"started from {parent.name}, whose files are gone: .*rebuild that one"):
        again(lake, made)


def test_a_stream_that_cannot_be_given_again_is_refused_with_the_reason(lake: Lake) -> None:
    parent = registered(lake)
    made = streamed(lake, FROM_A_VERSION, parent, None)
    said = "run late-1: its rows have no positions, so that no micro-batch can be given again"
    with pytest.raises(ModelError, match=said):
        again(lake, made)
    assert rebuildable(made).startswith(f"no: {said}; declare `places`")


def test_what_is_given_to_make_a_streamed_version_again_is_known_beforehand(lake: Lake) -> None:
    made = streamed(lake, FROM_A_VERSION, registered(lake))
    for device in ("nonsense", "cuda:7", "cpu"):
        with pytest.raises(SettingsError, match=f"late@2: a stream taught it, .*; leave out the device '{device}'"):
            rebuild(lake.platform, lake.store(), made.name, device=device)
    assert rebuildable(made) == "yes"
    learner, own = {"function": "logistic:make", "arguments": {}}, {"logistic": "0a" * 32, "<definition>": "2c" * 32}
    mine = changed_by(lake, made, learner=learner, **{OWN_CODE: own})
    assert rebuildable(mine) == "yes; with --file, or logistic importable"
    assert rebuildable(changed_by(lake, made, topic=True)) == "yes; with --archive: its source declares none"
    assert rebuildable(changed_by(lake, made, topic=True, archive="raw.archived")) == "yes"


class Archive:
    """The archive of a topic, with rows of a table and where they lay in the topic."""

    def __init__(self, lake: Lake, topic_id: str = "first") -> None:
        fields = [*FIELDS, Field("_src_topic", "string")]
        self.table = lake.platform.iceberg.create_table("raw", "archived", fields, {TOPIC_ID: topic_id})

    def append(self, rows: pa.Table, topic: str = "raw.labelled") -> None:
        self.table.append(rows.append_column("_src_topic", pa.array([topic] * rows.num_rows)))


def test_what_a_topic_taught_is_made_again_from_its_archive(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)
    made = streamed(lake, FROM_NOTHING, topic=TopicOffsets("first", {"0": 0}, archive="raw.archived"))
    assert (made.facts.training["topic_id"], made.facts.training["archive"]) == ("first", "raw.archived")
    archive, rows = Archive(lake), lake.table.refresh().arrow()
    archive.append(rows.slice(300))
    archive.append(rows.slice(0, 300))
    archive.append(rows.slice(0, 700), "another topic")
    lake.platform.iceberg.drop_table(lake.table)
    assert again(lake, made) == {"same": True, "differs": []}


def test_an_archive_that_lacks_rows_or_is_another_topics_or_is_none_is_named(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    made = streamed(lake, FROM_NOTHING, topic=TopicOffsets("first", {"0": 0}))
    followed = replace(made.facts, training={**made.facts.training, "topic": False})
    with pytest.raises(ModelError, match=r"learned from topic raw.labelled, .* declares no archive .*: --archive"):
        again(lake, made)

    def archived(rows: pa.Table, topic_id: str = "first") -> Mapping[str, Any]:
        archive = Archive(lake, topic_id)
        archive.append(rows)
        try:
            return again(lake, made, archive="raw.archived")
        finally:
            lake.platform.iceberg.drop_table(archive.table)

    rows = lake.table.refresh().arrow()
    places = rows["place"]
    assert archived(rows) == {"same": True, "differs": []}
    visited = places.to_numpy()[np.random.default_rng(3).permutation(1_200)[: made.facts.training["step"] * 100]]
    gone = [sorted(place for place in visited[visited >= 1_100] if place % 3 == shard) for shard in range(3)]
    ranges = [f"partition {shard}, offsets {one[0]} to {one[-1]}" for shard, one in enumerate(gone)]
    said = f"archived@.*: {sum(map(len, gone))} rows that were learned from are not there: {'; '.join(ranges)}$"
    with pytest.raises(NotFoundError, match=said):
        archived(rows.filter(pa.compute.less(places, 1_100)))
    with pytest.raises(CutoverError, match=r"with id first, and archive raw.archived copied the one with id second"):
        archived(rows, "second")
    name = lake.store().register("late", followed, WHY).name
    with pytest.raises(SettingsError, match=r"from table raw.labelled, whose own rows .* leave out the archive"):
        rebuild(lake.platform, lake.store(), name, archive="raw.archived")


TRAINER = f"""
from headrace import IcebergTable, StreamingTrainingPipeline

class Late(StreamingTrainingPipeline):
    '''Labels by a learner beside it.'''
    name = "late"
    source = IcebergTable("raw.labelled")
    learner = "logistic:make"
    python_files = ["{HERE}/logistic.py"]
"""


def test_a_streamed_version_is_made_again_by_its_file_which_brings_its_modules(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        here.syspath_prepend(HERE)
        facts = streamed(lake, FROM_NOTHING).facts
    sys.modules.pop("logistic", None)
    file = tmp_path / "late.py"
    file.write_text(TRAINER)
    code = pipeline_in(file, "late").own_code()
    assert code.keys() == {"<definition>", "logistic"}
    made = lake.store().register("late", replace(facts, training={**facts.training, "own_code": code}), WHY)
    assert rebuild(lake.platform, lake.store(), made.name, file=file).is_same
    with pytest.raises(SettingsError, match="module 'logistic' cannot be imported"):
        rebuild(lake.platform, lake.store(), made.name)
    file.write_text(f"{TRAINER}# other\n")
    with pytest.raises(ModelError, match="other is: <definition>"):
        rebuild(lake.platform, lake.store(), made.name, file=file)
    # The workers had the module of themselves, and whoever makes it again has it beside the file.
    (tmp_path / "logistic.py").write_text((HERE / "logistic.py").read_text())
    file.write_text(TRAINER.replace("python_files", "PLACES"))
    made = changed_by(lake, made, own_code=pipeline_in(file, "late").own_code())
    assert rebuild(lake.platform, lake.store(), made.name, file=file).is_same
    del sys.modules["logistic"]


def test_the_rows_that_a_stream_has_learned_from_are_known_by_their_places(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(HERE)
    made = streamed(lake, FROM_NOTHING)
    lake.more(300)
    topic = replace(made.facts, training={**made.facts.training, "topic": True})
    spans = {int(name.rpartition("-")[2]): range(*span) for name, span in made.facts.offsets.items()}
    for least in (0, 1_150, 1_200):
        rows = PinnedRows(Snapshot.of(lake.table), (Condition("place", ">=", least),))
        found = learned_of(rows, lake.table, [("late@1", made.facts), ("late@2", topic)])
        count = sum(place in spans[place % 3] for place in range(least, lake.rows))
        assert found.rows.get("late@1", 0) == count
        assert (count == 0) == (least == 1_200)
        assert "it learned from topic raw.labelled" in found.unknown["late@2"]


def test_rows_that_are_gone_or_there_twice_and_steps_that_are_missing_are_named(lake: Lake) -> None:
    made = streamed(lake, FROM_A_VERSION, registered(lake))
    with pytest.raises(ModelError, match="expected the steps 1 to 99 in learning_steps, found 12"):
        again(lake, made, step=99)
    with pytest.raises(SettingsError, match="module 'nowhere' cannot be imported"):
        again(lake, made, learner={"function": "nowhere:make", "arguments": {}})
    with pytest.raises(NotFoundError, match=r"raw.labelledd|no table"):
        again(lake, made, source="raw.labelledd")
    rows = lake.table.refresh().arrow()
    lake.table.append(rows.filter(pa.compute.equal(rows["place"], 0)))
    with pytest.raises(ModelError, match=r"raw.labelled@\d+: several rows at partition 0, offset 0, so that nothing"):
        again(lake, made)
    lake.platform.iceberg.drop_table(lake.table)
    without = Lake(lake.platform)
    without.table.append(rows.filter(pa.compute.not_equal(rows["place"], 77)))
    gone = f"raw.labelled@.*: 1 rows that were learned from are not there: partition {77 % 3}, offset 77$"
    with pytest.raises(NotFoundError, match=gone):
        again(lake, made)


@given(arrays.arrays(np.int64, st.tuples(st.just(2), st.integers(1, 40)), elements=st.integers(-(2**62), 2**62)))
def test_positions_are_read_back_in_their_order(given_positions: np.ndarray[Any, Any]) -> None:
    partitions, offsets = (pa.array(one) for one in given_positions)
    rows = pa.RecordBatch.from_arrays([partitions, offsets], ["shard", "place"])
    assert (positions_of(Labels.places.ordered_text(rows)) == given_positions.T).all()  # type: ignore[union-attr]
