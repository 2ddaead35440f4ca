"""Until when labels were known is a fact of a version, found out and judged before anything is learned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from headrace.errors import DatasetError, UnknownColumnError
from headrace.registry.model_states import Decision
from headrace.training.data import Condition, Label
from headrace.training.learning.pipeline import TrainingOutcome
from headrace.training.learning.registering import register
from headrace.training.models.store import ModelStore

from ..freshness.drifting import Ones, Stream, platform  # noqa: TID252 (the same generated truth)

ROWS = Stream(count=300, days=3).rows()


class Misspelt(Ones):
    """Whether a row is a one."""

    label_time = "nope"


class Eventless(Ones):
    """Whether a row is a one."""

    event_time = "nowhere"
    label_time = ""


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
        (Eventless, UnknownColumnError, "label_time and event_time: no column 'nowhere'"),
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


def split(label: Label, **splits: Condition) -> type[Ones]:
    """A training of another label, that reads these splits."""
    encoding = replace(Ones.encoding, label=label)
    return type("Split", (Ones,), {"splits": splits, "encoding": encoding, "__doc__": "Ones."})


def labelled(value: float | None) -> pa.Table:
    """The rows, of which those whose x is 1 or more have another label."""
    values = pc.if_else(pc.greater_equal(ROWS["x"], 1), pa.scalar(value, pa.float64()), ROWS["one"])
    return ROWS.set_column(ROWS.schema.get_field_index("one"), ROWS.schema.field("one"), values)


def test_a_label_that_the_task_cannot_have_is_refused_of_an_evaluation_split_too(tmp_path: Path) -> None:
    training = split(Label("one"), train=Condition("x", "<", 1), test=Condition("x", ">=", 1))
    told = r"split 'test': .*\d+ of \d+ rows are out of bounds \[0.0, 1.0\], the first at position \d+ with 1e\+30"
    with pytest.raises(DatasetError, match=told):
        training(platform(tmp_path, labelled(1e30)), device="cpu").train(folder=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_labels_that_the_task_cannot_have_are_left_out_of_metrics_where_bad_ones_are(tmp_path: Path) -> None:
    lenient = split(Label("one", bad="leave_out"), train=Condition("x", "<", 0), valid=Condition("x", ">=", 0))
    found = lenient(platform(tmp_path / "a", labelled(1e30)), device="cpu").train()
    sound = lenient(platform(tmp_path / "b", ROWS.filter(pc.less(ROWS["x"], 1))), device="cpu").train()
    assert found.metrics["valid/log_loss"] == pytest.approx(sound.metrics["valid/log_loss"], rel=1e-9)


def test_all_evaluation_splits_without_a_row_are_told_before_learning_with_what_left_them_out(tmp_path: Path) -> None:
    apart = {"train": Condition("x", "<", 90), "valid": Condition("x", ">=", 100), "test": Condition("x", ">=", 200)}
    told = r"split 'valid': raw\.ones@\d+: no row has a label, 0 of 300 rows; left out: 300 that are not x >= 100; .*"
    with pytest.raises(DatasetError, match=told + r"split 'test': .* 300 that are not x >= 200; look at the split's"):
        split(Label("one"), **apart)(platform(tmp_path, ROWS), device="cpu").train(folder=tmp_path / "run")
    assert not list((tmp_path / "run").iterdir())


def test_an_evaluation_split_without_a_label_is_told_before_learning(tmp_path: Path) -> None:
    training = split(Label("one", bad="leave_out"), train=Condition("x", "<", 1), valid=Condition("x", ">=", 1))
    count = pc.sum(pc.greater_equal(ROWS["x"], 1)).as_py()
    with pytest.raises(DatasetError, match=rf"split 'valid': .*no row has a label, .*; {count} whose label is NULL"):
        training(platform(tmp_path, labelled(None)), device="cpu").train()


def test_a_label_that_is_no_column_is_told_to_be_the_label(tmp_path: Path) -> None:
    training = split(Label("on"), train=Condition("x", "<", 1))
    with pytest.raises(UnknownColumnError, match=r"^raw.ones@\d+: label: no column 'on'; did you mean 'one'"):
        training(platform(tmp_path, ROWS), device="cpu").train()


def test_labels_that_are_missing_in_appended_rows_are_counted_and_told_by_their_place(tmp_path: Path) -> None:
    made = platform(tmp_path, ROWS)
    pipeline = Ones(made, device="cpu")
    first = pipeline.train()
    place = ROWS.schema.get_field_index("one")
    unlabelled = ROWS.set_column(place, "one", pa.nulls(300, pa.float64()))
    made.iceberg.named("raw.ones").append(pa.concat_tables([ROWS.slice(0, 10), unlabelled.slice(0, 43)]))
    with pytest.raises(DatasetError, match="43 of 53 rows are NULL, the first at position 310 with None"):
        pipeline.learn_on(first.trained.files, first.snapshot.snapshot_id)
