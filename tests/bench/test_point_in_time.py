"""Point-in-time joins small: every answer equals a loop over all events, and what differs or fails is told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.bench.environments import requirements
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.point_in_time.answers import ANSWERS
from headrace.bench.point_in_time.benchmark import (
    BY_HAND,
    DAY_US,
    FEAST,
    NEWEST,
    OURS,
    PANDAS,
    SIDES,
    WEEK,
    ZIPF,
    Asking,
    PointInTimeBenchmark,
    PointInTimeSizes,
    answered,
)
from headrace.bench.point_in_time.costs import HEAD, Cost, CostReport, Goal, Question
from headrace.bench.point_in_time.events import labels, readings
from headrace.errors import NotFoundError, StackError
from headrace.runtime.progress import Progress

EVENTS = 3_000
QUESTIONS = [
    Asking("newest", ZIPF, EVENTS, {}),
    # Events are 1.3 s apart: of a busy sensor some are fresh.
    Asking("fresh", ZIPF, EVENTS, {}, ttl_us=DAY_US),
    Asking("week", ZIPF, EVENTS, {}, WEEK),
]
Values = dict[int, tuple[Any, ...]]


@pytest.fixture(scope="module")
def joins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PointInTimeBenchmark]:
    folder = tmp_path_factory.mktemp("pit")
    yield PointInTimeBenchmark(folder, Progress(quiet=True), PointInTimeSizes.of(EVENTS, 1, 300.0), (OURS, BY_HAND))
    shutil.rmtree(folder)


def micros(table: pa.Table, name: str) -> list[int]:
    found: list[int] = table[name].cast(pa.int64()).to_pylist()
    return found


def loop(asking: Asking) -> Values:
    """Each label's values by a look at all events."""
    events, asked = readings(EVENTS, ZIPF), labels(EVENTS // 10, EVENTS, ZIPF)
    times, sensors, counted = micros(events, "ts"), events["sensor"].to_pylist(), events["counted"].to_pylist()
    values = list(zip(*(events[name].to_pylist() for name in NEWEST), strict=True))
    found: Values = {}
    for number, at, sensor in zip(
        asked["label_id"].to_pylist(), micros(asked, "event_timestamp"), asked["sensor"].to_pylist(), strict=True
    ):
        before = [place for place, us in enumerate(times) if us < at and sensors[place] == sensor]
        if asking.features == WEEK:
            week = [counted[place] for place in before if times[place] >= at - 7 * DAY_US]
            found[number] = (sum(week), sum(week) / len(week), min(week), max(week)) if week else (None,) * 4
        else:
            fresh = before and (not asking.ttl_us or times[before[-1]] >= at - asking.ttl_us)
            found[number] = values[before[-1]] if fresh else (None,) * 8
    return found


def by_label(rows: Any, features: tuple[str, ...]) -> Values:
    """What a side answered, by label, nothing being None."""
    table = pa.Table.from_pandas(rows) if isinstance(rows, pd.DataFrame) else rows
    columns = [table[name].to_pylist() for name in features]
    return dict(zip(table["label_id"].to_pylist(), zip(*columns, strict=True), strict=True))


@pytest.mark.parametrize("asking", QUESTIONS, ids=lambda asking: asking.title)
@pytest.mark.parametrize("name", [OURS, BY_HAND, PANDAS])
def test_answers_equal_a_loop_over_all_events(joins: PointInTimeBenchmark, name: str, asking: Asking) -> None:
    if name == PANDAS and asking.features == WEEK:
        asking = replace(asking, features=NEWEST)
    lake = joins.lake(asking.exponent, asking.events)
    asked = json.loads(joins.question(name, asking, lake))
    found = by_label(ANSWERS[SIDES[name][0]](asked)(), asking.features)
    assert found == loop(asking)
    assert sum(values[0] is not None for values in found.values()) > 30


def test_a_side_is_measured_in_a_process_of_its_own_and_compared(joins: PointInTimeBenchmark) -> None:
    question = joins.ask(QUESTIONS[0])
    assert set(question.sides) == {OURS, BY_HAND}
    assert all(min(cost.wall_s, cost.cpu_s, cost.peak_mib) > 0 for (cost,) in question.sides.values())
    lake = joins.lake(ZIPF, EVENTS)
    rows = pq.read_table(answered(lake, BY_HAND))
    for wrong in (rows.set_column(3, "v0", pa.array([1.0] * len(rows))), rows.slice(1)):
        pq.write_table(wrong, answered(lake, OURS))
        with pytest.raises(OutputsDifferError, match=r"headrace: (299|300) rows from 3,000"):
            joins.compare(QUESTIONS[0], lake, [OURS])


def test_a_side_of_ours_that_is_not_done_in_time_is_an_error(tmp_path: Path) -> None:
    joins = PointInTimeBenchmark(tmp_path, Progress(quiet=True), PointInTimeSizes.of(1_000, 1, 0.01), (OURS,))
    with pytest.raises(StackError, match="headrace: not finished within 0 s"):
        joins.ask(replace(QUESTIONS[0], events=1_000))


def test_a_table_shows_ratios_goals_and_who_gave_no_answer(tmp_path: Path) -> None:
    sides = {OURS: [Cost(2.0, 3.0, 150.0)], BY_HAND: [Cost(1.0, 3.0, 120.0)], PANDAS: [Cost(8.0, 8.0, 600.0)]}
    goals = {BY_HAND: Goal(0.8, 1.5), PANDAS: Goal(2.0)}
    question = Question("joins", 10, sides, {FEAST: "died after 3 s: MemoryError"}, goals)
    ours, hand, pandas, feast = question.table()
    assert ours == (OURS, "2.00", "3.00", "150", "", "", "", "")
    assert hand[4] == "0.50 (0.50 to 0.50)"
    assert hand[-2:] == ("1.25 (1.25 to 1.25)", "0.8: below; peak 1.5: met")
    assert pandas[-1] == "2: met"
    assert feast == (FEAST, *[""] * (len(HEAD) - 2), "died after 3 s: MemoryError")
    report = CostReport("pit", {"events": 100}, "a side that takes 1 s is ended", [question], {"date": "2026-11-22"})
    assert "| feast[duckdb] |  |  |  |  |  |  | died after 3 s: MemoryError |" in report.markdown()
    report.save(tmp_path / "result.json")
    assert json.loads((tmp_path / "result.json").read_text())["questions"][0]["failed"] == question.failed


def test_a_rival_that_setup_does_not_know_is_refused() -> None:
    assert requirements("feast") == ["feast[cassandra,duckdb]==0.67.0"]
    with pytest.raises(NotFoundError, match="no rival 'fest'"):
        requirements("fest")
