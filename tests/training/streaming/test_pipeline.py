"""What a trainer's declaration and its source must be, before anything is started."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.errors import (
    DefinitionError,
    JobError,
    ModelError,
    NotFoundError,
    SchemaMismatchError,
    SettingsError,
    UnknownColumnError,
    UserFunctionError,
)
from headrace.features.instant import instant_us
from headrace.features.source import IcebergTable, KafkaTopic, Source, event_time
from headrace.registry.kept_gates import gates_of
from headrace.registry.model_facts import Facts
from headrace.registry.model_states import Decision
from headrace.registry.store import ViewVersion
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.label_time import LabelTime
from headrace.training.data.labels import Label
from headrace.training.learning.spec import ModelSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.described import described
from headrace.training.models.gates import AtMost
from headrace.training.streaming.candidates import candidate_of, register_committed, unready
from headrace.training.streaming.function import LearnerSpec, Taught
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.runs import runs
from headrace.training.streaming.status import halt_of, rewritten_in
from headrace.training.streaming.tables import CANDIDATES, STEPS
from headrace.training.streaming.told import Candidate as Told
from headrace.training.streaming.told import LearnedStep, Verdict
from headrace.training.streaming.trainer import Policy

from .lake import Labels, Lake, narrow_table


def lake_of(tmp_path: Path, **options: str) -> Lake:
    """A lake in a folder, whose jobs have these options of Flink."""
    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    flags = {"home": str(tmp_path), "iceberg": {"properties": catalog}, "flink": {"configuration": options}}
    return Lake(Platform(load_settings(flags=flags, environment={}, folder=tmp_path)))


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_of(tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "Late Flights"}, "name is 'Late Flights'; expected a model's name"),
        ({"source": "raw.labelled"}, "source is 'raw.labelled'; expected an IcebergTable"),
        ({"learner": "logistic"}, "learner is 'logistic'; expected 'package.module:function'"),
        ({"subscribers": {"evaluates": ["told:alarm"]}}, "no event 'evaluates'; did you mean 'evaluate'"),
        (
            {"subscribers": {"end": "told:alarm"}},
            "'end' has 'told:alarm'; expected a list of 'package.module:function'",
        ),
        ({"subscribers": {"end": [print]}}, "expected a list of 'package.module:function': a worker finds a function"),
        ({"subscribers": ["told:alarm"]}, "expected functions by event, such as .'evaluate'"),
        ({"micro_batch_rows": 0}, "micro_batch_rows is 0; expected more than 0 and at most 1,000,000"),
        ({"micro_batch_seconds": 7200}, "micro_batch_seconds is 7200; expected more than 0 and at most 3,600"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(lake: Lake, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        type("Wrong", (Labels,), changes)(lake.platform)


def test_a_learner_in_a_thread_of_the_jvm_is_refused(tmp_path: Path) -> None:
    found = lake_of(tmp_path, **{"python.execution-mode": "thread"})
    found.more(10)
    said = "model labels: flink.configuration: 'python.execution-mode' is 'thread'; expected 'process'"
    with pytest.raises(SettingsError, match=said):
        Labels(found.platform).prepare()


def test_an_attribute_that_nobody_reads_is_refused() -> None:
    with pytest.raises(DefinitionError, match="trainer Typo: micro_batch_row = 9 is no option; did you mean 'micro_b"):
        type("Typo", (Labels,), {"micro_batch_row": 9})
    with pytest.raises(DefinitionError, match=r"learning_rate = 3 is no option; .* what is your own begins"):
        type("Typo", (Labels,), {"learning_rate": 3})
    type("Own", (Labels,), {"_rate": 3, "RATE": 3, "rate": lambda self: 3})


def test_columns_that_are_not_there_or_do_not_cross_are_refused(lake: Lake) -> None:
    class Typo(Labels):
        columns = ("shard", "place", "lable")

    with pytest.raises(SchemaMismatchError, match=r"raw.labelled has no column 'lable'; did you mean 'label'\?"):
        Typo(lake.platform).prepare()
    fields = [Field("x", "double"), Field("tags", "list", (Field("element", "string"),))]
    lake.platform.iceberg.create_table("raw", "tagged", fields)

    class Nested(Labels):
        source = IcebergTable("raw.tagged")
        columns = ("x", "tags")

    with pytest.raises(SchemaMismatchError, match=r"column .tags. of raw\.tagged is list<element string>, which does"):
        Nested(lake.platform).prepare()
    whole = type("Whole", (Nested,), {"columns": None, "places": None, "arguments": {"inputs": ["x", "tags"]}})
    left_out = "column 'tags' of raw.tagged is list<element string>, which does not cross to a learner"
    with pytest.raises(UnknownColumnError, match=f"no column 'tags'; known: x; {left_out}$"):
        whole(lake.platform).prepare()
    assert (whole(lake.platform).left_out, Nested(lake.platform).left_out) == (left_out, "")

    class Misplaced(Labels):
        places = PositionColumns("shard", "offset")

    with pytest.raises(SchemaMismatchError, match="places name column 'offset', which the learner is not given"):
        Misplaced(lake.platform).prepare()
    lake.more(1)

    class Fractional(Labels):
        places = PositionColumns("shard", "x")

    with pytest.raises(SchemaMismatchError, match="places name column 'x', which is double; expected one of bigint"):
        Fractional(lake.platform).prepare()


def test_floats_of_32_bits_and_decimals_cross_as_what_they_are(lake: Lake) -> None:
    types = {"x": pa.float32(), "y": pa.decimal128(20, 2), "label": pa.int64()}
    narrow_table(lake.platform, pa.schema(list(types.items())).empty_table())
    job = type("Narrow", (Labels,), {"source": IcebergTable("raw.narrow"), "places": None})(lake.platform).prepare()
    assert re.findall("`(.*)` (.*?),?\\n", job.declarations[0])[1:] == [
        ("x", "FLOAT"),
        ("y", "DECIMAL(20, 2)"),
        ("label", "BIGINT"),
    ]
    assert pa.ipc.read_schema(pa.py_buffer(base64.b64decode(job.schema))) == pa.schema(list(types.items()))


def test_a_table_or_a_snapshot_that_is_not_there_is_named(lake: Lake) -> None:
    class Elsewhere(Labels):
        source = IcebergTable("raw.labeled")

    with pytest.raises(NotFoundError, match=r"no Iceberg table raw.labeled .* did you mean 'raw.labelled'\?"):
        Elsewhere(lake.platform).prepare()
    with pytest.raises(JobError, match=r"raw\.labelled has no rows yet; nothing to learn from"):
        Labels(lake.platform, follow=False).prepare()
    lake.more(3)
    newest = lake.table.current_snapshot_id()
    for follow in (True, False):
        with pytest.raises(NotFoundError, match="no snapshot 7"):
            Labels(lake.platform, after=7, follow=follow).prepare()
        with pytest.raises(JobError, match=f"no snapshot after {newest} yet"):
            Labels(lake.platform, after=newest, follow=follow).prepare()


def test_a_job_says_which_rows_it_reads(lake: Lake) -> None:
    lake.more(3)
    first = lake.table.refresh().current_snapshot_id()
    lake.more(2)
    second = lake.table.refresh().current_snapshot_id()
    lake.more(4)
    last = lake.table.refresh().current_snapshot_id()
    assert last is not None

    def options(**asked: Any) -> tuple[str, LearningJob]:
        job = Labels(lake.platform, **asked).prepare()
        assert LearningJob.from_json(job.to_json()) == job
        return job.declarations[0], job

    whole, job = options()
    assert "'starting-strategy' = 'TABLE_SCAN_THEN_INCREMENTAL'" in whole
    assert (job.snapshots, job.skipped) == ({}, 0)
    later, job = options(after=first)
    assert f"'start-snapshot-id' = '{second}'" in later
    assert (job.snapshots, job.skipped) == ({}, 3)
    bounded, job = options(follow=False)
    assert f"'snapshot-id' = '{last}'" in bounded
    assert (job.snapshots, job.skipped) == ({"raw.labelled": last}, 0)
    between, job = options(follow=False, after=second)
    assert f"'start-snapshot-id' = '{second}'" in between
    assert f"'end-snapshot-id' = '{last}'" in between
    assert job.skipped == 5
    assert runs(lake.platform) == []


def test_a_candidate_reads_the_features_of_its_parent_and_has_the_cutoff_of_its_own_rows(lake: Lake) -> None:
    store = lake.store()
    origin = store.keep_origin()
    artifact = store.artifacts.put({"model.json": json.dumps({"weights": [0.5, 1.5, 2.5]}).encode()})
    parent = Facts(artifact=artifact, code=origin.code, environment=origin.environment, features={"flights": "0a1b"})
    parent = replace(parent, label_cutoff=datetime(2013, 9, 1, tzinfo=UTC))
    store.register("others", parent, Decision("tester", "another model, to start from"))
    known = datetime(2013, 9, 2, tzinfo=UTC)
    for start, expected, cutoff_us, cutoff in (
        ("others@1", {"flights": "0a1b"}, None, None),
        (None, {}, instant_us(known), known),
    ):
        job = Labels(lake.platform, start=start).prepare()
        told = Told(job.run, 1, artifact, 1, 5, 5, 5, "{}", "{}", told_us=7, label_cutoff_us=cutoff_us)
        table = lake.platform.iceberg.named(f"{LEDGER_NAMESPACE}.{CANDIDATES}")
        table.append(pa.Table.from_pylist([asdict(told)], schema=table.table.schema().as_arrow()))
        (kept,) = register_committed(lake.platform.iceberg, store, job)
        assert (kept.facts.features, kept.facts.label_cutoff) == (expected, cutoff)
        assert kept in [one.candidate for one in store.candidates("labels")]


def test_commits_that_overwrite_rows_are_refused_after_a_snapshot_and_told_by_status(lake: Lake) -> None:
    lake.more(3)
    first = lake.table.refresh().current_snapshot_id()
    job = Labels(lake.platform).prepare()
    lake.more(2)
    assert (job.begins, rewritten_in(lake.table, job)) == (first, None)
    lake.table.refresh().commit(lambda table: table.delete("place = 1"))
    last = lake.table.current_snapshot_id()
    assert rewritten_in(lake.table, job) == f"overwrite {last}"
    assert rewritten_in(lake.table, replace(job, snapshots={"raw.labelled": last or 0})) is None
    assert "the commits since snapshot 7 are not all there" in str(rewritten_in(lake.table, replace(job, begins=7)))
    said = f"labels: snapshot {last} of raw.labelled, after {first}, has operation 'overwrite'; expected 'append'"
    for follow in (True, False):
        with pytest.raises(JobError, match=said):
            Labels(lake.platform, after=first, follow=follow).prepare()


def test_a_bounded_run_records_the_snapshot_that_it_reads(lake: Lake) -> None:
    class Growing(Labels):
        def declare_rows(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
            found = super().declare_rows(columns)
            lake.more(2)
            return found

    lake.more(3)
    job = Growing(lake.platform, follow=False).prepare()
    assert f"'snapshot-id' = '{job.snapshots['raw.labelled']}'" in job.declarations[0]


@pytest.mark.parametrize(
    ("verdict", "halts", "said"),
    [
        (Verdict.LEARNED, True, None),
        (Verdict.BAD, True, None),
        (Verdict.DIVERGED, False, None),
        (Verdict.DIVERGED, True, "learning has halted since micro-batch 4: the loss is nan"),
        (Verdict.HALTED, True, "the loss is nan"),
    ],
)
def test_a_halt_is_told_before_another_micro_batch_comes(
    lake: Lake, verdict: Verdict, halts: bool, said: str | None
) -> None:
    lake.more(3)
    job = type("Halting", (Labels,), {"policy": Policy(halts=halts)})(lake.platform).prepare()
    last = LearnedStep("labels-1", 4, 3, verdict, "the loss is nan", None, "{}", 3, 0, 0, "{}", 1)
    assert halt_of(last, job) == said
    assert halt_of(None, job) is None


def test_a_learner_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match="module 'nowhere' cannot be imported"):
        LearnerSpec("nowhere:make", {}).make(None)
    with pytest.raises(SettingsError, match=r"module 'json' has no function 'lods'; did you mean 'loads'\?"):
        LearnerSpec("json:lods", {}).make(None)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"learner": "logistic:mke"}, SettingsError, r"module 'logistic' has no function 'mke'; did you mean 'make'\?"),
        (
            {"subscribers": {"end": ["json:lods"]}},
            SettingsError,
            r"subscriber 'json:lods': module 'json' has no function",
        ),
        ({"learner": "logistc:make"}, SettingsError, "module 'logistc' cannot be imported"),
        ({"arguments": {"inptus": ["x"]}}, UserFunctionError, "'logistic:make' .* TypeError: .* argument 'inptus'"),
        ({"arguments": {"inputs": ["x", "z"]}}, UnknownColumnError, "logistic: no column 'z'; "),
        ({"learner": "builtins:bool"}, SettingsError, "made 'bool', which has no counters, learn, state, resume, art"),
    ],
)
def test_a_learner_that_cannot_learn_from_the_rows_is_refused_before_anything_is_started(
    lake: Lake, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    lake.more(2)
    arguments = {} if changes.get("learner") == "builtins:bool" else Labels.arguments
    with pytest.raises(error, match=said):
        type("Wrong", (Labels,), {"arguments": arguments, **changes})(lake.platform).prepare()
    assert runs(lake.platform) == []


def test_learners_of_two_files_of_one_name_are_two(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.more(2)
    own = ModuleType("logistic")
    monkeypatch.setitem(sys.modules, "logistic", own)
    Labels(lake.platform).prepare()
    other = tmp_path / "logistic.py"
    other.write_text("def make(files):\n    raise ValueError('the other one')\n")
    kind = type("Other", (Labels,), {"python_files": (other,), "arguments": {}})
    with pytest.raises(UserFunctionError, match="ValueError: the other one"):
        kind(lake.platform).prepare()
    assert sys.modules["logistic"] is own


class Rows(Source):
    """Labelled rows of a topic."""

    live = KafkaTopic("currents")
    number: int
    x: float
    label: int
    at: datetime = event_time()


def test_sources_whose_rows_are_not_simply_records_are_refused(lake: Lake) -> None:
    class Once(Source):
        live = KafkaTopic("currents")
        unique_by = "number"
        number: int
        at: datetime = event_time()

    class Archived(Source):
        history = IcebergTable("raw.labelled")
        number: int
        at: datetime = event_time()

    for source, said in ((Once, "rows are unique by 'number'"), (Archived, "has no live leg")):
        with pytest.raises(DefinitionError, match=said):
            type("Wrong", (Labels,), {"source": source})(lake.platform).prepare()


def test_offsets_of_a_table_or_beside_a_snapshot_are_refused(lake: Lake) -> None:
    with pytest.raises(SettingsError, match="offsets are those of a topic, and its source is"):
        Labels(lake.platform, offsets={0: 3})
    kind = type("OfTopic", (Labels,), {"source": Rows})
    with pytest.raises(SettingsError, match=r"begins after snapshot 7, or with offsets .*\? expected one of both"):
        kind(lake.platform, after=7, offsets={0: 3})
    with pytest.raises(SettingsError, match="offsets 'parent': behind which version"):
        kind(lake.platform, offsets="parent").prepare()


def test_the_time_of_a_label_is_an_instant_of_the_source(lake: Lake) -> None:
    lake.more(2)
    for changes, said in (
        ({"label_time": "know"}, "has no column 'know'"),
        ({"label_time": "x"}, "column 'x' of raw.labelled is x double; expected an instant"),
        ({"label_time": "at", "event_time": "label"}, "column 'label' of raw.labelled is label bigint"),
    ):
        with pytest.raises(SchemaMismatchError, match=said):
            type("Wrong", (Labels,), changes)(lake.platform).prepare()
    timed = {"label_time": "at", "columns": ("x", "y", "label"), "places": None}
    job = type("Timed", (Labels,), timed)(lake.platform).prepare()
    assert Taught.from_json(job.taught).rules == Rules(("x", "y", "label"), None, LabelTime("at", None, 1_000_000))
    assert "SELECT `x`, `y`, `label`, `at` FROM" in job.query
    told = Told(job.run, 1, "0" * 64, 1, 2, 2, 2, "{}", "{}", told_us=7)
    assert candidate_of(told, job, {}).facts.training["label_time"] == "at"
    assert "label_time" not in candidate_of(told, Labels(lake.platform).prepare(), {}).facts.training


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"event_time": "at"}, "event_time is 'at', which nothing reads without `label_time`"),
        ({"label_ahead": "soon"}, "label_ahead is 'soon', which nothing reads without `label_time`"),
        ({"label_time": "at", "label_ahead": "soon"}, "'soon'"),
        (
            {"source": Rows, "event_time": "at", "label_time": "at"},
            "event_time is 'at', .* source Rows has its own, 'at'",
        ),
    ],
)
def test_options_of_times_that_nothing_reads_are_refused(lake: Lake, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        type("Wrong", (Labels,), changes)(lake.platform).prepare()


def test_views_that_made_the_rows_are_facts_and_changed_ones_are_refused_with_the_difference(lake: Lake) -> None:
    class Fed(Labels):
        features = ("flights",)

    views, store = lake.platform.registry, lake.store()
    lake.more(2)
    with pytest.raises(NotFoundError, match="no view 'flights'"):
        Fed(lake.platform).prepare()
    project = lake.platform.settings.project
    views.add_version(ViewVersion(project, "flights", "0a1b", {"window_us": 60}))
    job = Fed(lake.platform).prepare()
    assert job.features == {"flights": "0a1b"}
    origin = store.keep_origin()
    artifact = store.artifacts.put({"model.json": json.dumps({"weights": [0.5, 1.5, 2.5]}).encode()})
    facts = Facts(artifact=artifact, code=origin.code, environment=origin.environment, features=job.features)
    store.register("labels", facts, Decision("tester", "a start"))
    told = Told(job.run, 1, artifact, 1, 5, 5, 5, "{}", "{}", told_us=7)
    assert candidate_of(told, job, {"rides": "7"}).facts.features == {"rides": "7", "flights": "0a1b"}
    assert Fed(lake.platform, start="labels@1").prepare().parent == "labels@1"
    views.add_version(ViewVersion(project, "flights", "2c3d", {"window_us": 90}))
    said = r"labels@1 learned from view flights as 0a1b, and 2c3d is in force: window_us: 60 became 90; serve"
    with pytest.raises(ModelError, match=said):
        Fed(lake.platform, start="labels@1").prepare()
    assert Fed(lake.platform).prepare().features == {"flights": "2c3d"}


def test_a_candidate_keeps_the_gates_that_its_trainer_declares_through_its_kept_job(lake: Lake, tmp_path: Path) -> None:
    gate = AtMost("stream", "log_loss", 0.5)
    lake.more(2)
    type("Gated", (Labels,), {"gates": [gate]})(lake.platform).prepare().save(tmp_path / "learning-job.json")
    job = LearningJob.load(tmp_path / "learning-job.json")
    told = Told(job.run, 1, "0" * 64, 1, 2, 2, 2, "{}", "{}", told_us=7)
    assert gates_of(candidate_of(told, job, {}).facts) == (described(gate),)
    plain = candidate_of(told, Labels(lake.platform).prepare(), {}).facts
    assert (gates_of(plain), "gates" in plain.training) == ((), False)


def test_a_candidate_has_the_seed_of_its_learner(lake: Lake, tmp_path: Path) -> None:
    lake.more(4)
    batch = lake.table.refresh().arrow().combine_chunks().to_batches()[0]
    fitted = Encoding({"x": Raw()}, Label("label")).fit([batch.set_column(5, "label", pa.array([0, 1, 0, 1]))])
    learner = TorchLearner(Recipe(ModelSpec("logistic"), seed=41), fitted, batch.slice(0, 1).select(["x"]), "cpu")
    for name, content in learner.artifact().items():
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / name).write_bytes(content)
    tuned = {"learner": "headrace.training.learning:fine_tuned", "arguments": {"folder": str(tmp_path / "model")}}
    job = type("Tuned", (Labels,), {**tuned, "python_files": ()})(lake.platform).prepare()
    told = Told(job.run, 1, "0" * 64, 1, 2, 2, 2, "{}", "{}", told_us=7)
    assert candidate_of(told, job, {}).facts.seed == 41
    # One that draws nothing has none.
    assert candidate_of(told, Labels(lake.platform).prepare(), {}).facts.seed is None


def test_a_seed_that_no_version_can_keep_is_refused(lake: Lake, tmp_path: Path) -> None:
    lake.more(2)
    (tmp_path / "seeded.py").write_text(
        "from logistic import Logistic\n\nclass Seeded(Logistic):\n    seed = -1\n\n"
        "def make(files, inputs):\n    return Seeded(files, inputs)\n"
    )
    files = (tmp_path / "seeded.py", *Labels.python_files)
    with pytest.raises(SettingsError, match=r"learner 'seeded:make': seed: expected an integer from 0 .*, found -1"):
        type("Wrong", (Labels,), {"learner": "seeded:make", "python_files": files})(lake.platform).prepare()


def test_why_a_run_makes_no_candidates_is_told_by_the_newest_micro_batch_that_it_learned(lake: Lake) -> None:
    lake.more(2)
    job = Labels(lake.platform).prepare()
    table = lake.platform.iceberg.named(f"{LEDGER_NAMESPACE}.{STEPS}")
    assert unready(lake.platform.iceberg, job) is None
    why = "no candidate yet: label 'late': all 2 so far are 0"
    learned, bad = Verdict.LEARNED, Verdict.BAD
    told = ((1, learned, None), (2, learned, why), (3, bad, "a label is not finite"), (4, learned, None))
    for number, verdict, reason in told:
        step = LearnedStep(job.run, number, 2, verdict, reason, 0.5, "{}", 2, 2, 2, "{}", 7)
        table.refresh().append(pa.Table.from_pylist([asdict(step)], schema=table.table.schema().as_arrow()))
        expected = f"run {job.run}: {why}" if number in (2, 3) else None
        assert unready(lake.platform.iceberg, job) == expected
