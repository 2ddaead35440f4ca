"""A replay beside a loop that follows the clock row by row, and a planted leak."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field
from headrace.errors import ColumnTypeError, TrainingError
from headrace.training.data.filters import TimeRange
from headrace.training.data.order import Order
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.data.tensors import TensorBatch
from headrace.training.freshness.cadences import Cadence
from headrace.training.freshness.history import History, Times, labelled, read_history
from headrace.training.freshness.in_memory import Drawn, RowsInMemory
from headrace.training.freshness.replay import Learning, Replay
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.learning.trainer import Plan

from .drifting import DAY_US, HOUR_US, START_US, Ones, Stream, platform

BATCH_ROWS = 16


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[History, Learning]:
    pipeline = Ones(platform(tmp_path_factory.mktemp("lake"), Stream(count=400, days=6).rows()), device="cpu")
    rows = PinnedRows(pipeline.snapshot("raw.ones"))
    fitted, example = pipeline.fit(rows), pipeline.example(rows)

    def new() -> TorchLearner:
        return pipeline.learner(fitted, example)

    found = read_history(rows, Times("happened_at", "known_at"), fitted, START_US + DAY_US)
    return found, Learning(new, new, Plan(2), BATCH_ROWS, seed=3)


def test_rows_of_a_history_are_known_by_their_places_in_the_snapshot(tmp_path: Path) -> None:
    given = Stream(count=400, days=6, missing=30).rows()
    pipeline = Ones(platform(tmp_path, given), device="cpu")
    rows, times = PinnedRows(pipeline.snapshot("raw.ones")), Times("happened_at", "known_at")
    late = labelled(rows.where(TimeRange("happened_at", START_US + DAY_US, None)), times, "one")
    found = read_history(late, times, pipeline.fit(late), START_US + 2 * DAY_US)
    happened = given["happened_at"].cast(pa.int64()).to_numpy()
    assert [int(happened[place]) for place in found.batch.positions] == found.event_us.tolist()
    assert found.batch.positions.min() >= 30


def test_a_date_says_of_no_label_when_it_came(tmp_path: Path) -> None:
    table = IcebergCatalog.sqlite("house", tmp_path).create_table(
        "raw", "days", [Field("at", "timestamp"), Field("day", "date"), Field("one", "double")]
    )
    table.append(table.arrow())
    with pytest.raises(ColumnTypeError, match=r"column 'day' is date32\[day\]; expected instants"):
        labelled(PinnedRows(Snapshot.of(table)), Times("at", "day"), "one")


def one_row(history: History, place: int) -> TensorBatch:
    return history.batch[place : place + 1]


def followed(history: History, learning: Learning, every_us: int) -> list[float]:
    """Row by row in the order of event time: at each edge of the clock learn what has come since the last one."""
    learner, answers, visited = learning.trained(), [], set(np.flatnonzero(history.label_us < history.start_us))
    clock = history.start_us
    for place in np.flatnonzero(history.event_us >= history.start_us):
        while clock + every_us <= history.event_us[place]:
            clock += every_us
            came = [one for one in range(len(history.label_us)) if one not in visited and history.label_us[one] < clock]
            came.sort(key=lambda one: history.label_us[one])
            for start in range(0, len(came), BATCH_ROWS):
                learner.learn_tensors(history.batch.taken(torch.tensor(came[start : start + BATCH_ROWS])))
            visited.update(came)
        answers.append(learner.answers(one_row(history, int(place))).item())
    return answers


@pytest.mark.parametrize(("name", "every_us"), [("daily", DAY_US), ("hourly", HOUR_US)])
def test_answers_are_those_of_a_loop_that_follows_the_clock(
    history: tuple[History, Learning], name: str, every_us: int
) -> None:
    told: list[int] = []
    replay = Replay(*history, told.append)
    found = replay.run(Cadence.parse(name))
    assert found.answers == pytest.approx(followed(*history, every_us), abs=1e-6)
    assert len(np.unique(found.answers.round(6))) > 250
    assert sum(told) == replay.work(found.cadence) == len(found.answers) + found.rows_visited


@pytest.mark.parametrize("name", ["daily:decay=1s", "daily:window=1s"])
def test_the_former_model_stays_where_no_row_is_there_to_make_a_new_one_of(
    history: tuple[History, Learning], name: str
) -> None:
    static, found = (Replay(*history, lambda _: None).run(Cadence.parse(one)) for one in ("static", name))
    assert (found.updates, found.kept, found.rows_visited) == (0, 4, 0)
    assert found.answers == pytest.approx(static.answers, abs=1e-6)


def broken(make: Callable[[], TorchLearner]) -> TorchLearner:
    """A learner whose weights are no numbers."""
    learner = make()
    with torch.no_grad():
        for one in learner.network.parameters():
            one.fill_(math.nan)
    return learner


def test_an_answer_that_is_no_number_is_told_with_its_row_and_its_cadence(history: tuple[History, Learning]) -> None:
    found, learning = history
    at = int(found.batch.positions[found.first])
    replay = Replay(found, replace(learning, trained=lambda: broken(learning.new)), lambda _: None)
    with pytest.raises(TrainingError, match=rf"cadence 'daily', after 0 updates: .* at position {at} is nan; .* rate"):
        replay.run(Cadence.parse("daily"))


def test_a_model_that_learns_nothing_is_told_with_its_cadence(history: tuple[History, Learning]) -> None:
    found, learning = history
    replay = Replay(found, replace(learning, new=lambda: broken(learning.new)), lambda _: None)
    with pytest.raises(
        TrainingError, match=r"cadence .daily:full., after 0 updates: epoch 0 taught nothing: .* is nan"
    ):
        replay.run(Cadence.parse("daily:full"))


def test_a_planted_leak_is_found(history: tuple[History, Learning]) -> None:
    found, _ = history
    clock = found.start_us + DAY_US
    known = found.known(None, clock)
    assert len(found.learnable(known, clock)) == (found.label_us < clock).sum()
    (unknown,) = np.flatnonzero(found.label_us >= clock)[:1]
    with pytest.raises(TrainingError, match=f"leak: .* 1 rows .* at position {found.batch.positions[unknown]}"):
        found.learnable(np.append(known, unknown), clock)
    with pytest.raises(TrainingError, match="leak"):
        found.learnable(known, int(found.label_us[known].max()))


def batch(count: int) -> TensorBatch:
    places = torch.arange(count)
    return TensorBatch(places[:, None].float(), torch.empty((count, 0), dtype=torch.int64), None, places)


def places(batches: RowsInMemory) -> list[list[int]]:
    return [one.positions.tolist() for one in batches]


def test_rows_in_memory_come_once_an_epoch_and_are_gone_on_with() -> None:
    rows = RowsInMemory(lambda _: batch(10), 4, Order(seed=1))
    rows.set_epoch(1)
    given = places(rows)
    assert [len(one) for one in given] == [4, 4, 2]
    order = [*chain.from_iterable(given)]
    assert sorted(order) == list(range(10)) != order
    first = iter(RowsInMemory(lambda _: batch(10), 4, Order(seed=1)))
    assert next(first).positions.tolist() not in given
    rows.set_epoch(1)
    next(iter(rows))
    resumed = RowsInMemory(lambda _: batch(10), 4, Order(seed=1))
    resumed.load_state_dict(rows.state_dict())
    assert places(resumed) == given[1:]


def test_rows_are_drawn_by_their_shares() -> None:
    drawn = Drawn(batch(30_000), np.repeat([0.0, 0.25, 1.0], 10_000), seed=1)
    first, second = (drawn.of_epoch(epoch).positions.numpy() // 10_000 for epoch in (0, 1))
    counts = np.bincount(first, minlength=3)
    assert (counts[0], counts[2]) == (0, 10_000)
    assert (drawn.count(0), drawn.count(1)) == (len(first), len(second))
    assert abs(counts[1] - 2_500) < 200
    assert len(first) != len(second)
