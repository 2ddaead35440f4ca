"""Until when labels were known is a fact of a version, found out and judged before anything is learned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from headrace.errors import DatasetError, UnknownColumnError
from headrace.registry.model_states import Decision
from headrace.training.data import Condition
from headrace.training.learning.pipeline import TrainingOutcome
from headrace.training.learning.registering import register
from headrace.training.models.store import ModelStore

from ..freshness.drifting import Ones, Stream, platform  # noqa: TID252 (the same generated truth)

ROWS = Stream(count=300, days=3).rows()


class Misspelt(Ones):
    """Whether a row is a one."""

    label_time = "nope"


class Mistimed(Ones):
    """Whether a row is a one."""

    event_time = "known_at"
    label_time = "happened_at"


def newest(rows: pa.Table) -> object:
    return pc.max(rows["known_at"]).as_py()


def test_the_newest_label_is_the_cutoff_of_a_version_and_of_one_that_learned_on(tmp_path: Path) -> None:
    whole = ROWS.sort_by("happened_at")
    made = platform(tmp_path, whole.slice(0, 200))
    store, pipeline = ModelStore.at(made.settings), Ones(made, device="cpu")

    def kept(outcome: TrainingOutcome) -> object:
        return store.version(register(store, outcome, Decision("ann", "a test")).name).facts.label_cutoff

    first = pipeline.train()
    assert kept(first) == newest(whole.slice(0, 200))
    made.iceberg.named("raw.ones").append(whole.slice(200))
    on = pipeline.learn_on(first.trained.files, first.snapshot.snapshot_id)
    assert kept(on) == newest(whole.slice(200))


@pytest.mark.parametrize(
    ("training", "error", "told"),
    [
        (Misspelt, UnknownColumnError, "label_time and event_time: no column 'nope'"),
        (Mistimed, DatasetError, "label time happened_at is before event time known_at: 300 of 300 rows"),
    ],
)
def test_times_that_cannot_be_meant_are_refused_before_learning(
    tmp_path: Path, training: type[Ones], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        training(platform(tmp_path, ROWS), device="cpu").train(folder=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


YET_TO_COME = datetime.now(UTC) + timedelta(days=1)
APART = {"train": Condition("x", "<", 1), "valid": Condition("x", ">=", 1)}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"known_at": YET_TO_COME}, "label time known_at is yet to come"),
        ({"known_at": None}, "label time known_at is missing"),
        ({"happened_at": YET_TO_COME}, "label time known_at is before event time happened_at"),
        ({"one": 7.0}, "label 'one'"),
    ],
)
def test_labels_of_an_evaluation_split_are_looked_at_before_learning_too(
    tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    evaluated = pc.greater_equal(ROWS["x"], 1)
    count, first = pc.sum(evaluated).as_py(), pc.index(evaluated, True).as_py()
    rows = ROWS
    for name, value in changed.items():
        field = ROWS.schema.field(name)
        values = pc.if_else(evaluated, pa.scalar(value, field.type), ROWS[name])
        rows = rows.set_column(ROWS.schema.get_field_index(name), field, values)
    training = type("Split", (Ones,), {"splits": APART, "__doc__": "Ones."})
    with pytest.raises(DatasetError, match=rf"split 'valid': .*{told}.* {count} of {count} rows.* position {first}"):
        training(platform(tmp_path, rows), device="cpu").train(folder=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_labels_that_are_missing_in_appended_rows_are_counted_and_told_by_their_place(tmp_path: Path) -> None:
    made = platform(tmp_path, ROWS)
    pipeline = Ones(made, device="cpu")
    first = pipeline.train()
    place = ROWS.schema.get_field_index("one")
    unlabelled = ROWS.set_column(place, "one", pa.nulls(300, pa.float64()))
    made.iceberg.named("raw.ones").append(pa.concat_tables([ROWS.slice(0, 10), unlabelled.slice(0, 43)]))
    with pytest.raises(DatasetError, match="43 of 53 rows are NULL, the first at position 310 with None"):
        pipeline.learn_on(first.trained.files, first.snapshot.snapshot_id)
