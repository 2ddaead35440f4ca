"""From which version a trainer starts: any of the project whose files its learner begins with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.errors import ModelError, NotFoundError, UserFunctionError
from headrace.features.source import KafkaTopic, Source, event_time
from headrace.registry.model_facts import Facts
from headrace.registry.model_states import Decision, State
from headrace.training.data.encoders import Raw
from headrace.training.data.encoding import Encoding
from headrace.training.data.labels import Label
from headrace.training.learning.spec import ModelSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.store import ModelStore
from headrace.training.streaming.function import Taught
from headrace.training.streaming.runs import runs
from headrace.training.streaming.topic_rows import Beginning

from .lake import HERE, Labels, Lake
from .test_pipeline import lake_of

WHY = Decision("tester", "to start from")
PASSED = Decision("tester", "all gates passed", {"gates": [{"name": "artifact whole", "passed": True}]})
WEIGHTS = {"model.json": json.dumps({"weights": [0.5, 1.5, 2.5]}).encode()}
TUNED = {"learner": "headrace.training.learning:fine_tuned", "arguments": {}}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return lake_of(tmp_path)


def registered(store: ModelStore, model: str, files: Mapping[str, bytes] = WEIGHTS, **facts: Any) -> str:
    """The name of a new version with these files."""
    origin, artifact = store.keep_origin(), store.artifacts.put(files)
    made = Facts(artifact=artifact, code=origin.code, environment=origin.environment, **facts)
    return store.register(model, made, WHY).name


def promoted(store: ModelStore, name: str, before: int | None) -> None:
    for state in (State.VERIFIED, State.REGISTERED, State.DARK):
        store.move(name, state, PASSED)
    store.promote(name, before, WHY)


@pytest.mark.parametrize("start", ["labels@1", "others@1", "others@champion"])
def test_a_trainer_starts_from_a_version_of_any_model_with_its_files(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, start: str
) -> None:
    store = lake.store()
    for model in ("labels", "others"):
        promoted(store, registered(store, model), None)
    job = Labels(lake.platform, start=start).prepare()
    assert job.parent == start.replace("champion", "1")
    monkeypatch.syspath_prepend(str(HERE))
    learner = Taught.from_json(job.taught).trainer().learner
    assert json.loads(learner.artifact()["model.json"])["weights"] == [0.5, 1.5, 2.5]


def test_a_version_that_is_not_there_is_told_with_those_that_are(lake: Lake) -> None:
    registered(lake.store(), "others")
    for start, said in (("others@2", "no version 2"), ("otters@1", "no model 'otters'; did you mean 'others'")):
        with pytest.raises(NotFoundError, match=said):
            Labels(lake.platform, start=start).prepare()


class Rows(Source):
    """Labelled rows of a topic."""

    live = KafkaTopic("currents")
    x: float
    at: datetime = event_time()


def test_a_run_begins_behind_the_version_that_it_starts_from_whoever_is_champion_by_then(lake: Lake) -> None:
    store = lake.store()
    promoted(store, registered(store, "others", offsets={"currents-0": (0, 7)}), None)
    run = type("OfTopic", (Labels,), {"source": Rows})(lake.platform, start="others@champion", offsets="parent")
    first = store.version("others@1")
    assert run.parent == first
    promoted(store, registered(store, "others"), 1)
    assert run.beginning() == Beginning(behind=first)


def files_of(lake: Lake, column: str, values: pa.Array) -> Mapping[str, bytes]:
    """The files of a model that learned from a column of that name and kind."""
    rows = pa.RecordBatch.from_arrays([values, pa.array([0, 1])], [column, "label"])
    encoding = Encoding({column: Raw()}, Label("label"))
    learner = TorchLearner(
        Recipe(ModelSpec("logistic")), encoding.fit([rows]), rows.slice(0, 1).select([column]), "cpu"
    )
    return learner.artifact()


@pytest.mark.parametrize(
    ("learned", "changes", "error", "said"),
    [
        ("distance", TUNED, ModelError, r"others@1 does not fit learner '.*:fine_tuned' .*no column 'distance'"),
        ("at", TUNED, ModelError, "others@1 does not fit learner .*Raw of column 'at', fitted on float, takes .*"),
        ("", TUNED, ModelError, r"others@1 does not fit learner '.*:fine_tuned' with arguments {}: "),
        ("", {}, UserFunctionError, r"learner 'logistic:make' .* and the files of others@1: KeyError: 'weights'"),
    ],
)
def test_a_version_that_the_learner_cannot_begin_with_is_refused_before_anything_is_started(
    lake: Lake, learned: str, changes: dict[str, Any], error: type[Exception], said: str
) -> None:
    lake.more(2)
    store = lake.store()
    registered(store, "others", files_of(lake, learned, pa.array([0.5, 1.5])) if learned else {"model.json": b"{}"})
    said += ".*; start from a version that has learned by such a learner of such columns, or leave out --from"
    with pytest.raises(error, match=said):
        type("Wrong", (Labels,), changes)(lake.platform, start="others@1").prepare()
    assert (runs(lake.platform), store.models()) == ([], ["others"])
