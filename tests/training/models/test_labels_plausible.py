"""A gate over the labels that a version learned: a few that say the contrary are found, whatever they did to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.errors import ColumnTypeError, DatasetError, DefinitionError, UnknownColumnError
from headrace.registry.model_facts import Candidate, ModelVersion
from headrace.registry.model_states import State
from headrace.training.data.filter_json import filter_plain
from headrace.training.data.filters import Condition, before, from_
from headrace.training.data.snapshot import Snapshot
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.evaluator import Evaluator
from headrace.training.models.gates import ArtifactWhole, GateResult, NotWorse, Subject
from headrace.training.models.governed import Examination
from headrace.training.models.labels_plausible import LabelsPlausible
from headrace.training.models.model_gates import on_rows
from headrace.training.models.store import ModelStore

from . import trips

TRUSTED = EvaluationSet("trusted", "raw.labelled", [before("at", trips.DECEMBER)])
GATE = LabelsPlausible("trusted", "at", false_alarms=0.01, every="1m")
#: The stream has a label a second, in 20 minutes; those of one minute, the 12th, are flipped.
MINUTES, BAD = 20, 12
PLACES = {
    "kind": "stream",
    "source": "raw.labelled",
    "topic": False,
    "places": {"partition": "part", "offset": "place"},
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> IcebergTable:
    """An hour of trusted labels, the stream, and the same stream without a flipped label in a partition of its own."""
    fields = (*trips.FIELDS, Field("part", "int"), Field("place", "bigint"))
    made = IcebergCatalog.sqlite("house", tmp_path_factory.mktemp("lake")).create_table("raw", "labelled", fields)
    made.append(placed(trips.rows(3_600, trips.FEBRUARY, seed=2), 7))
    for part, flipped in ((0, (BAD,)), (1, ())):
        made.append(placed(trips.rows(60 * MINUTES, trips.DECEMBER, seed=4), part, flipped))
    return made


def placed(rows: pa.RecordBatch, part: int, flipped: tuple[int, ...] = ()) -> pa.Table:
    """Rows at the places 0 on of a partition; the labels of some minutes say the contrary."""
    count = np.arange(rows.num_rows)
    late = np.where(np.isin(count // 60, flipped), 1 - rows["late"].to_numpy(), rows["late"].to_numpy())
    columns = {name: rows[name] for name in rows.schema.names} | {"late": late}
    return pa.table({**columns, "part": pa.array(np.full(len(count), part), pa.int32()), "place": count})


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return trips.store(tmp_path)


def streamed(
    store: ModelStore,
    part: int,
    first: int = 0,
    end: int = 60 * MINUTES,
    parent: ModelVersion | None = None,
    files: Mapping[str, bytes] | None = None,
    label_cutoff: datetime | None = None,
    model: str = "late_trips",
    **training: Any,
) -> ModelVersion:
    """A version that learned minutes of the stream."""
    offsets = {f"raw.labelled-{part}": (first, end)}
    facts = trips.facts(store, files or trips.tuned(), offsets=offsets, training={**PLACES, **training})
    before = None if parent is None else parent.name
    return store.register(model, replace(facts, parent=before, label_cutoff=label_cutoff), trips.WHY)


def judged(store: ModelStore, lake: IcebergTable, version: ModelVersion, gate: LabelsPlausible = GATE) -> GateResult:
    evaluator = Evaluator([TRUSTED], lake.catalog, store.artifacts)
    (result,) = store.check(version.name, on_rows([gate], evaluator, store))
    return result


def with_champion(store: ModelStore, **told: Any) -> None:
    trips.champion(store, [ArtifactWhole(store.artifacts)], **told)


def test_a_minute_of_flipped_labels_refuses_what_learned_it_and_the_same_minute_as_it_was_does_not(
    lake: IcebergTable, store: ModelStore
) -> None:
    with_champion(store)
    flipped, honest = (judged(store, lake, streamed(store, part)) for part in (0, 1))
    assert (flipped.passed, honest.passed) == (False, True)
    assert flipped.name == honest.name == "labels learned as plausible as those of trusted"
    assert flipped.bound == honest.bound
    assert honest.value is not None
    assert honest.value < (honest.bound or 0.0) < (flipped.value or 0.0) / 2
    worst, evidence = flipped.evidence["worst"], flipped.evidence
    assert (worst["from"], worst["rows"]) == ("2013-12-01T00:12:00+00:00", 60)
    assert worst["surprise"] == flipped.value
    assert worst["ones"] > worst["expected"] + 0.1
    assert (evidence["champion"], evidence["windows"], evidence["labels"]) == ("late_trips@1", MINUTES, 60 * MINUTES)
    assert (evidence["beyond"], evidence["trusted_windows"]) == (1, 60)
    assert evidence["rows"].startswith("raw.labelled@")


def test_a_candidate_of_flipped_labels_is_refused_though_it_is_as_good_on_the_rows_after_them(
    lake: IcebergTable, store: ModelStore
) -> None:
    with_champion(store)
    learned = placed(trips.rows(60 * MINUTES, trips.DECEMBER, seed=4), 0, (BAD,))
    files = trips.tuned(*learned.combine_chunks().to_batches())
    facts = trips.facts(store, files, offsets={"raw.labelled-0": (0, 60 * MINUTES)}, training=PLACES, rows_seen=1_200)
    candidate = Candidate("late_trips", "run-1", facts)
    store.add_candidate(candidate)
    gates = (NotWorse("trusted", "log_loss", 0.02), GATE)
    evaluator = Evaluator([replace(TRUSTED, may_be_learned=True)], lake.catalog, store.artifacts)
    lived = store.history("late_trips")
    made = store.admit(candidate, on_rows(gates, evaluator, store), trips.WHY)
    assert [one.passed for one in made.results] == [True, False]
    assert made.version is None
    assert store.history("late_trips") == lived
    (status,) = store.candidates("late_trips")
    kept = status.judgements[0].decision.evidence["gates"][1]
    assert (kept["passed"], kept["evidence"]["worst"]["from"]) == (False, "2013-12-01T00:12:00+00:00")


NOTHING = {"champion": "late_trips@1", "windows": 0, "labels": 0, "labels_of_few": 0}


def test_labels_that_the_champion_has_learned_are_not_asked_of_it_again(lake: IcebergTable, store: ModelStore) -> None:
    behind = 60 * (BAD + 1)
    with_champion(store, offsets={"raw.labelled-0": (0, behind)}, training=PLACES)
    later = judged(store, lake, streamed(store, 0))
    assert later.passed
    assert later.evidence["labels"] == 60 * MINUTES - behind
    other = judged(store, lake, streamed(store, 1))
    assert other.evidence["labels"] == 60 * MINUTES
    nothing = judged(store, lake, streamed(store, 0, end=behind))
    assert (nothing.passed, nothing.evidence) == (True, NOTHING)


def test_labels_of_an_ancestor_that_nobody_judged_are_asked_of_with_those_of_its_child(
    lake: IcebergTable, store: ModelStore
) -> None:
    with_champion(store)
    waiting = streamed(store, 0, end=60 * (BAD + 1))
    found = judged(store, lake, streamed(store, 0, first=60 * (BAD + 1), parent=waiting))
    assert not found.passed
    assert found.evidence["labels"] == 60 * MINUTES
    assert found.evidence["worst"]["from"] == "2013-12-01T00:12:00+00:00"
    # What the two have both learned counts once.
    again = judged(store, lake, streamed(store, 0, parent=waiting))
    assert again.evidence["labels"] == 60 * MINUTES


def test_labels_that_another_model_learned_on_the_way_are_asked_of_where_they_are_of_the_same_label_and_time(
    lake: IcebergTable, store: ModelStore
) -> None:
    with_champion(store)
    rows = trips.rows(600, trips.FEBRUARY, seed=1)
    named = rows.rename_columns(["early" if name == "late" else name for name in rows.schema.names])
    another = trips.fresh(named, replace(trips.LABEL, column="early")).artifact()
    behind = 60 * (BAD + 1)

    def other(**told: Any) -> ModelVersion:
        return streamed(store, 0, end=behind, model="trips", **told)

    trained = {"kind": "full", "definition": {"label_time": "known_at"}}
    starts = [other(), other(files=another), other(label_time="known_at"), other(**trained)]
    found = [judged(store, lake, streamed(store, 0, first=behind, parent=one)) for one in starts]
    assert [one.passed for one in found] == [False] * 4
    assert found[0].evidence["worst"]["from"] == "2013-12-01T00:12:00+00:00"
    assert found[1].evidence["why"].startswith("it comes from trips@2: it learns another label than the champion")
    said = "it learned by label time 'known_at', and this gate judges by 'at'"
    assert [one.evidence["why"] for one in found[2:]] == [f"it comes from trips@{number}: {said}" for number in (3, 4)]


def test_labels_that_the_champion_comes_from_are_asked_of_it_where_another_label_of_their_rows_was_learned(
    lake: IcebergTable, store: ModelStore
) -> None:
    rows = trips.rows(600, trips.FEBRUARY, seed=1)
    named = rows.rename_columns(["early" if name == "late" else name for name in rows.schema.names])
    another = trips.fresh(named, replace(trips.LABEL, column="early")).artifact()
    like = streamed(store, 0, end=60, model="trips")
    unlike = streamed(store, 0, end=60 * (BAD + 1), model="other", files=another, parent=like)
    with_champion(store, parent=unlike.name)
    found = judged(store, lake, streamed(store, 0))
    assert found.evidence["labels"] == 60 * (MINUTES - 1)
    assert not found.passed


def test_without_a_champion_nobody_is_there_to_be_surprised(lake: IcebergTable, store: ModelStore) -> None:
    found = judged(store, lake, streamed(store, 0))
    assert (found.passed, found.evidence) == (True, {"champion": None})


UNKNOWN: Mapping[str, Mapping[str, Any]] = {
    "it learned from topic raw.labelled": {"topic": True},
    "the rows of raw.labelled that it learned from had no positions": {"places": None},
    "how it was trained is not recorded": {"kind": "mine"},
    "no table": {"source": "raw.gone"},
}


@pytest.mark.parametrize("why", UNKNOWN)
def test_labels_of_which_nothing_is_known_have_not_passed(lake: IcebergTable, store: ModelStore, why: str) -> None:
    with_champion(store)
    found = judged(store, lake, streamed(store, 1, **UNKNOWN[why]))
    assert not found.passed
    assert f"what labels it learned is not known: {why}" in found.evidence["why"].replace("Iceberg table", "table")


@pytest.mark.parametrize("windows", [1, 200])
def test_of_honest_versions_as_many_are_refused_as_is_said(windows: int) -> None:
    random = np.random.default_rng(3)
    gate = LabelsPlausible("trusted", "at", false_alarms=0.1)
    refused = 0
    for _ in range(2_000):
        # Far heavier tails than chance alone has: honest hours hang together.
        trusted, own = random.gumbel(0, 2, 2_000), random.gumbel(0, 2, windows)
        refused += own.max() > gate.bound(trusted, len(own))
    assert 0.07 < refused / 2_000 < 0.15


def test_the_bound_is_never_below_what_chance_makes_of_so_many_windows() -> None:
    calm = [0.1] * 60
    assert GATE.bound(calm, 1) == pytest.approx(2.33, abs=0.01)
    assert GATE.bound(calm, 1_000) > GATE.bound(calm, 100) > 3


def test_windows_of_few_labels_are_counted_and_not_judged(lake: IcebergTable, store: ModelStore) -> None:
    with_champion(store)
    whole = judged(store, lake, streamed(store, 0, first=60 * BAD + 20, end=60 * (BAD + 3)))
    assert whole.passed
    assert (whole.evidence["windows"], whole.evidence["labels"], whole.evidence["labels_of_few"]) == (2, 160, 40)
    few = judged(store, lake, streamed(store, 0, first=60 * BAD + 20, end=60 * (BAD + 1)))
    assert not few.passed
    assert few.evidence["why"] == "no window has 50 labels or more: too few to be judged"
    assert not judged(store, lake, streamed(store, 0), replace(GATE, least_rows=60)).passed


def test_rows_and_columns_that_are_not_there_are_no_verdict(lake: IcebergTable, store: ModelStore) -> None:
    with_champion(store)
    version = streamed(store, 1)
    with pytest.raises(UnknownColumnError, match=r"no column 'att'; did you mean 'at'\?"):
        judged(store, lake, version, LabelsPlausible("trusted", "att"))
    with pytest.raises(ColumnTypeError, match=r"column 'line' is .*string; expected instants with a zone"):
        judged(store, lake, version, LabelsPlausible("trusted", "line"))
    nothing = replace(TRUSTED, filters=[from_("at", trips.CLEAN)])
    evaluator = Evaluator([nothing], lake.catalog, store.artifacts)
    told = r"0 windows of 50 labels or more in raw.labelled@.*, expected at least 50; take a longer history"
    with pytest.raises(DatasetError, match=told):
        store.verify(version.name, on_rows([GATE], evaluator, store), trips.WHY)
    assert store.status(version.name).state is State.TRAINED


def test_a_label_without_a_time_fails_what_learned_it(tmp_path: Path, store: ModelStore) -> None:
    fields = (*trips.FIELDS, Field("part", "int"), Field("place", "bigint"))
    lake = IcebergCatalog.sqlite("house", tmp_path / "lake").create_table("raw", "labelled", fields)
    lake.append(placed(trips.rows(3_600, trips.FEBRUARY, seed=2), 7))
    rows = placed(trips.rows(60, trips.DECEMBER, seed=4), 0)
    place = rows.schema.get_field_index("at")
    untimed = pa.array([None, *rows["at"].to_pylist()[1:]], rows.schema.field("at").type)
    lake.append(rows.set_column(place, "at", untimed))
    with_champion(store)
    found = judged(store, lake, streamed(store, 0))
    assert not found.passed
    assert "label time at is missing: 1 of 60 rows" in found.evidence["why"]


@pytest.fixture
def refusing(tmp_path: Path) -> IcebergTable:
    """A stream of 120 labels: row 0 has none, 1 no time, 2 an absurd one, 3 the fact number 2, 4 is yet to come."""
    fields = (*trips.FIELDS, Field("part", "int"), Field("place", "bigint"), Field("fact_number", "bigint"))
    lake = IcebergCatalog.sqlite("house", tmp_path / "lake").create_table("raw", "labelled", fields)
    trusted, rows = (
        placed(trips.rows(count, since, seed=seed), part)
        for count, since, seed, part in ((3_600, trips.FEBRUARY, 2, 7), (120, trips.DECEMBER, 4, 0))
    )
    lake.append(trusted.append_column("fact_number", pa.array([1] * 3_600)))
    columns = {name: rows[name].to_pylist() for name in rows.schema.names} | {"fact_number": [1] * 120}
    columns["late"][0], columns["at"][1], columns["late"][2] = None, None, 5.0
    columns["fact_number"][3], columns["at"][4] = 2, trips.CLEAN
    lake.append(pa.table(columns, schema=pa.schema([*rows.schema, pa.field("fact_number", pa.int64())])))
    return lake


def test_rows_that_the_stream_refused_are_not_asked_of_it(refusing: IcebergTable, store: ModelStore) -> None:
    """A dead letter is between the first and the last row of its run, and not in the model."""
    refuse = replace(trips.LABEL, bad="refuse")
    files = trips.fresh(trips.rows(600, trips.FEBRUARY, seed=1), refuse)
    for batch in trips.stream.micro_batches(trips.rows(600, trips.FEBRUARY, seed=1)):
        files.learn(batch)
    with_champion(store, files=files.artifact())
    told = {"files": files.artifact(), "label_cutoff": trips.DECEMBER + timedelta(seconds=119)}
    found = judged(store, refusing, streamed(store, 0, end=120, where="fact_number = 1", **told))
    assert found.passed, found.evidence
    # The row that the query left out is none of those that were refused.
    assert (found.evidence["labels"], found.evidence["left_out"]) == (115, 4)
    letter = judged(store, refusing, streamed(store, 0, end=1, **told))
    assert not letter.passed
    assert letter.evidence["why"] == "none of its 1 rows has a label and a time of it"
    other = judged(store, refusing, streamed(store, 0, end=120, where="load > 3", **told))
    assert "rows where 'load > 3': a condition of another version" in other.evidence["why"]


def test_a_label_time_by_which_the_version_did_not_learn_is_no_verdict(lake: IcebergTable, store: ModelStore) -> None:
    """By another one the gate would leave out rows that the version learned."""
    with_champion(store)
    told = {"label_cutoff": trips.DECEMBER + timedelta(hours=1), "run": "late-1"}
    same = judged(store, lake, streamed(store, 1, label_time="at", **told))
    assert (same.passed, same.evidence["labels"]) == (True, 60 * MINUTES)
    version = streamed(store, 1, label_time="known_at", **told)
    evaluator = Evaluator([TRUSTED], lake.catalog, store.artifacts)
    said = r"label_time: expected 'known_at', which told run 'late-1' when its labels were known, found 'at'"
    with pytest.raises(DefinitionError, match=said):
        store.verify(version.name, on_rows([GATE], evaluator, store), trips.WHY)
    assert store.status(version.name).state is State.TRAINED
    split = [filter_plain(Condition("part", "==", 1))]
    definition = {"splits": {"train": split}, "label_time": "known_at"}
    training = {"kind": "full", "overridden": [], "definition": definition}
    snapshots = {"raw.labelled": Snapshot.of(lake).snapshot_id}
    facts = trips.facts(store, trips.tuned(), snapshots=snapshots, training=training)
    full = store.register("late_trips", facts, trips.WHY)
    with pytest.raises(
        DefinitionError, match="expected 'known_at', which told its training when its labels were known"
    ):
        store.verify(full.name, on_rows([GATE], evaluator, store), trips.WHY)


def test_what_learned_another_label_or_is_broken_or_from_other_columns_fails(
    lake: IcebergTable, store: ModelStore
) -> None:
    with_champion(store)
    rows = trips.rows(600, trips.FEBRUARY, seed=1)
    named = rows.rename_columns(["early" if name == "late" else name for name in rows.schema.names])
    other = trips.fresh(named, replace(trips.LABEL, column="early"))
    found = judged(store, lake, streamed(store, 1, files=other.artifact()))
    assert not found.passed
    assert found.evidence["why"].startswith("it learns another label than the champion")
    assert "Label(column='early'" in found.evidence["why"]
    broken = judged(store, lake, streamed(store, 1, files={**trips.tuned(), "model.json": b"{}"}))
    assert not broken.passed
    assert "model.json" in broken.evidence["why"]
    fields = [
        field for field in (*trips.FIELDS, Field("part", "int"), Field("place", "bigint")) if field.name != "load"
    ]
    made = lake.catalog.create_table("raw", "without_load", tuple(fields))
    made.append(placed(trips.rows(60, trips.DECEMBER, seed=4), 0).drop_columns("load"))
    lacking = judged(store, lake, streamed(store, 0, end=60, source="raw.without_load"))
    assert not lacking.passed
    assert "no column 'load'" in lacking.evidence["why"]


def test_what_learned_trusted_rows_is_not_judged_by_them(lake: IcebergTable, store: ModelStore) -> None:
    """Flipped labels would raise the bound that they are held against."""
    with_champion(store)
    newest = [replace(TRUSTED, filters=filters) for filters in ([], [before("at", trips.DECEMBER + timedelta(0, 9))])]
    for chosen, rows in zip(newest, (60 * MINUTES, 9), strict=True):
        evaluator = Evaluator([chosen], lake.catalog, store.artifacts)
        (found,) = store.check(streamed(store, 0).name, on_rows([GATE], evaluator, store))
        assert (found.passed, found.evidence["learned_rows"]) == (False, rows)
        assert "of the rows that it is judged by; take a set of rows that it did not" in found.evidence["why"]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"false_alarms": 0.0}, "false_alarms: expected a share between 0 and 1, found 0.0"),
        ({"false_alarms": float("nan")}, "false_alarms: expected a share between 0 and 1, found nan"),
        ({"every": "0s"}, "every: expected a duration above 0, found '0s'"),
        ({"every": "an hour"}, "'an hour' is no duration"),
        ({"least_rows": 0}, "least_rows: expected a whole number, 1 or more, found 0"),
        ({"label_time": ""}, "label_time: expected the name of a column, found ''"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_is_declared(options: Mapping[str, Any], why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        LabelsPlausible(**{"set": "trusted", "label_time": "at", **options})


def test_a_set_without_rows_and_a_task_without_chances_are_refused(store: ModelStore) -> None:
    with pytest.raises(DefinitionError, match="no evaluation set 'trustd'; did you mean 'trusted'"):
        Examination([TRUSTED], [LabelsPlausible("trustd", "at")]).check_sets([])
    with pytest.raises(DefinitionError, match="no evaluation set 'stream'"):
        Examination([], [LabelsPlausible("stream", "at")]).check_sets(["stream"])
    with pytest.raises(DefinitionError, match="the model is of task 'regression'; expected 'binary'"):
        Examination([TRUSTED], [GATE]).check_sets([], "regression")
    with pytest.raises(DefinitionError, match="set 'trusted' is no evaluation set; declare it"):
        GATE.judge(Subject("late_trips", trips.facts(store, trips.tuned())))
