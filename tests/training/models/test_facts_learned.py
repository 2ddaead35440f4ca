"""A model over the facts of a label join learns the last of each id, and is judged by no other."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from headrace.connectors.label_ids import ids_to_note
from headrace.connectors.schema import Field
from headrace.errors import DatasetError, DefinitionError
from headrace.registry.model_facts import ModelVersion
from headrace.registry.model_states import Decision
from headrace.runtime.platform import Platform
from headrace.training.data import Condition, Encoding, Label, PinnedRows, Raw, Snapshot
from headrace.training.data.fact_conditions import FactChoice
from headrace.training.freshness.cadences import STATIC, parse_cadences
from headrace.training.freshness.measuring import Question, measure
from headrace.training.learning.pipeline import TrainingOutcome, TrainingPipeline
from headrace.training.learning.registering import register
from headrace.training.learning.spec import ModelSpec, OptimizerSpec
from headrace.training.models.evaluation_set import EvaluationSet
from headrace.training.models.evaluator import Evaluator
from headrace.training.models.increment import increment_of
from headrace.training.models.learned import learned_of
from headrace.training.models.rebuild import rebuild
from headrace.training.models.store import ModelStore

from ...conftest import local_settings  # noqa: TID252

FIELDS = [Field("request", "bigint"), Field("x", "double"), Field("at", "timestamp"), Field("label", "boolean")]
FIELDS += [Field("label_time", "timestamp"), Field("fact", "string"), Field("fact_number", "bigint")]
HOUR_US = 3_600_000_000
WHY = Decision("ann", "a test")
IDS = 240


class Frauds(TrainingPipeline):
    """Which requests are frauds: those of an odd number, each told a day later, when it was held for none."""

    owner = "ann@example.com"
    source = "labels.frauds"
    event_time = "at"
    encoding = Encoding({"x": Raw(mask=False)}, Label("label", low=0, high=1))
    model = ModelSpec("logistic")
    optimizer = OptimizerSpec("sgd", 0.5)
    batch_rows = 40
    facts: ClassVar[FactChoice | None] = "last"


class Unsaid(Frauds):
    """The same, of somebody who did not think of facts."""

    facts = None


def facts_of(first: int, end: int, *, corrected: bool = True) -> pa.Table:
    """Facts of some requests, those that were told first before all corrections."""
    rows: list[dict[str, Any]] = []
    for request in range(first, end):
        at = request * HOUR_US
        fact = {"request": request, "x": float(request % 2), "at": at, "label": False, "label_time": None}
        rows.append({**fact, "fact": "waited", "fact_number": 1})
        if request % 2 and corrected:
            known = {"label": True, "label_time": at + 24 * HOUR_US}
            rows.append({**fact, **known, "fact": "corrected", "fact_number": 2})
    rows.sort(key=lambda one: int(one["fact_number"]))
    times = pa.timestamp("us", "UTC")
    types = {"label": pa.bool_(), "at": times, "label_time": times}
    columns = {name: pa.array([one[name] for one in rows], types.get(name)) for name in rows[0]}
    return pa.table(columns)


@pytest.fixture
def lake(tmp_path: Path) -> Platform:
    platform = Platform(local_settings(tmp_path))
    table = platform.iceberg.create_table("labels", "frauds", FIELDS, ids_to_note(["request"]))
    append(platform, facts_of(0, IDS))
    assert table.refresh().row_count() == IDS + IDS // 2
    return platform


def append(lake: Platform, facts: pa.Table) -> int:
    table = lake.iceberg.named("labels.frauds")
    return table.append(facts.select([field.name for field in FIELDS]).cast(table.table.schema().as_arrow()))


def kept(lake: Platform, outcome: TrainingOutcome, parent: ModelVersion | None = None) -> ModelVersion:
    return register(ModelStore.at(lake.settings), outcome, WHY, parent=parent)


def test_nothing_is_learned_from_superseded_labels_unless_somebody_says_so(lake: Platform, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=f"training unsaid: {IDS // 2} ids of labels.frauds@.* {IDS // 2} of the"):
        Unsaid(lake, device="cpu").train(folder=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())
    whole = type("AllFrauds", (Frauds,), {"facts": "all", "__doc__": "All."})(lake, device="cpu").train()
    assert whole.trained.counters.rows_visited == IDS + IDS // 2


def test_each_id_is_learned_by_its_last_fact_and_rebuilt_so_when_more_was_told(lake: Platform) -> None:
    outcome = Frauds(lake, device="cpu").train()
    assert outcome.trained.counters.rows_visited == IDS
    version = kept(lake, outcome)
    assert version.facts.training["definition"]["facts"] == "last"
    # Of those that are in the version some are corrected, too.
    again = {"label": True, "fact": "corrected", "fact_number": 2}
    told = [one | again | {"label_time": one["at"]} for one in facts_of(0, IDS).to_pylist() if one["request"] % 2 == 0]
    append(lake, pa.Table.from_pylist(told, facts_of(0, 2).schema))
    append(lake, facts_of(IDS, IDS + 40))
    assert rebuild(lake, ModelStore.at(lake.settings), version.name).is_same


def test_what_is_learned_on_is_the_last_of_what_was_appended(lake: Platform) -> None:
    version = kept(lake, Frauds(lake, device="cpu").train())
    append(lake, facts_of(IDS, IDS + 40))
    store = ModelStore.at(lake.settings)
    before = version.facts.snapshots["labels.frauds"]
    on = Frauds(lake, device="cpu").learn_on(store.files(version.name), before)
    assert on.trained.counters.rows_visited == 40
    further = kept(lake, on, version)
    ((_, increment),) = increment_of([further.facts], [version.facts], lake.iceberg.named)
    assert increment.count().kept == 40
    # What took all facts is asked all of them, whatever a champion of the last ones has learned.
    every = kept(lake, type("Frauds", (Frauds,), {"facts": "all", "__doc__": "All."})(lake, device="cpu").train())
    ((_, whole),) = increment_of([every.facts], [version.facts, further.facts], lake.iceberg.named)
    assert whole.count().kept == (IDS + 40) * 3 // 2
    table = lake.iceberg.named("labels.frauds")
    pipeline = Frauds(lake, device="cpu")
    rows = pipeline.facts_of(pipeline.rows(Snapshot.of(table), "train"))
    assert learned_of(rows, table, [(version.name, version.facts)]).rows == {version.name: IDS}
    assert learned_of(rows, table, [(one.name, one.facts) for one in (version, further)]).rows == {
        further.name: IDS + 40
    }


def test_rows_of_a_step_of_ones_own_are_asked_for_superseded_ones_too(lake: Platform) -> None:
    def rows(self: TrainingPipeline, snapshot: Snapshot, split: str) -> PinnedRows:
        del split
        return PinnedRows(snapshot)

    with pytest.raises(DatasetError, match="rows are superseded"):
        type("OwnRows", (Unsaid,), {"rows": rows, "__doc__": "Own."})(lake, device="cpu").train()
    own = type("OwnLast", (Frauds,), {"rows": rows, "__doc__": "Own."})(lake, device="cpu").train()
    assert own.trained.counters.rows_visited == IDS


def test_an_evaluation_set_judges_by_last_facts_or_not_at_all(lake: Platform) -> None:
    outcome = Frauds(lake, device="cpu", epochs=40).train()
    version, store = kept(lake, outcome), ModelStore.at(lake.settings)
    sets = [EvaluationSet("unsaid", "labels.frauds"), EvaluationSet.of("last=labels.frauds facts last where x < 2")]
    evaluator = Evaluator(sets, lake.iceberg, store.artifacts)
    with pytest.raises(DatasetError, match=f"evaluation set 'unsaid': {IDS // 2} ids of labels.frauds"):
        evaluator.evaluated("unsaid", version.facts.artifact)
    found = evaluator.evaluated("last", version.facts.artifact)
    assert found.counted == IDS
    assert found.evaluation.metrics["auc"] == 1.0
    assert found.evaluation.rows.endswith(", last facts where x < 2")


@pytest.mark.parametrize("text", ["last=labels.frauds facts lest", "last=labels.frauds facts  where x < 2"])
def test_facts_of_a_set_that_nobody_can_mean_are_refused(text: str) -> None:
    with pytest.raises(DefinitionError, match=r"evaluation set 'last': facts is '.*'; "):
        EvaluationSet.of(text)


def test_facts_of_a_training_that_nobody_can_mean_are_refused_at_its_line() -> None:
    with pytest.raises(DefinitionError, match=r"facts_learned.py:\d+: training Lest: facts is 'lest'; did you mean"):
        type("Lest", (Frauds,), {"facts": "lest", "__doc__": "Misspelt."})


def test_freshness_replays_last_facts_or_nothing(lake: Platform) -> None:
    append(lake, facts_of(IDS, IDS + 600, corrected=False))
    labelled = facts_of(IDS, IDS + 600).to_pylist()
    # Half of the requests are told twice with a label, the first time with a wrong one.
    hour = timedelta(hours=1)
    again = [one | {"fact_number": 2 + one["fact_number"], "label_time": one["at"] + hour} for one in labelled]
    append(lake, pa.Table.from_pylist(again, facts_of(0, 2).schema))
    question = Question([*parse_cadences(STATIC)])
    options = {"label_time": "label_time", "__doc__": "Replayed."}
    with pytest.raises(DatasetError, match="rows are superseded"):
        measure(type("UnsaidReplayed", (Unsaid,), options)(lake, device="cpu"), question)
    found = measure(type("Replayed", (Frauds,), options)(lake, device="cpu"), question)
    assert found.rows.kept == IDS // 2 + 600


def test_filters_beside_last_facts_do_not_bring_superseded_ones_back(lake: Platform) -> None:
    splits = {"train": Condition("fact_number", "==", 1)}
    found = type("Early", (Frauds,), {"splits": splits, "__doc__": "Filtered."})(lake, device="cpu")
    rows = found.facts_of(found.rows(found.snapshot(Frauds.source), "train"))
    assert rows.count().kept == IDS // 2
