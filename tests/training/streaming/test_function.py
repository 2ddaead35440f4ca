"""The learner as Flink's function, over states that go through PyFlink's own coder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyflink.fn_execution.coders import from_type_info

from headrace.errors import UserFunctionError
from headrace.training.learning.events import EVENTS, Event
from headrace.training.streaming.function import LearnerSpec, LearningFunction, Taught
from headrace.training.streaming.tables import columns_of
from headrace.training.streaming.told import LearnedStep
from headrace.training.streaming.trainer import Policy

from .logistic import Logistic

COLUMNS = pa.schema({"x": pa.float64(), "label": pa.int64()})
NAMES = [column.name for column in columns_of(LearnedStep)]
NOBODY: Mapping[str, Sequence[str]] = {}
#: A subscriber of all events, and one that is told of micro-batches besides.
EVERYTHING: Mapping[str, Sequence[str]] = {kind: [f"{__name__}:hear"] for kind in EVENTS}
ALARMED = {**EVERYTHING, "micro_batch": [f"{__name__}:hear", f"{__name__}:alarm"]}
VISITED, METRICS = NAMES.index("visited"), NAMES.index("metrics")


heard: list[Event] = []


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """What one test hears no other does."""
    heard.clear()
    yield
    heard.clear()


def hear(event: Event) -> None:
    """Remember an event."""
    heard.append(event)


def alarm(event: Event) -> None:
    """Fail at the third micro-batch."""
    if event.counters.batches == 3:
        raise ConnectionError("nobody takes the alarm")


class Counting(Logistic):
    """Counts how often the bytes of a state are made, over all that are made of it."""

    states = 0

    def state(self) -> bytes:
        Counting.states += 1
        return super().state()


class Worker:
    """PyFlink's state of one key: a value that is held until a bundle ends, and what is written of it then."""

    def __init__(self, written: bytes | None = None) -> None:
        self.written = written

    def get_state(self, descriptor: Any) -> Worker:
        self.coder = from_type_info(descriptor.type_info).get_impl()
        self.held = None if self.written is None else self.coder.decode(self.written)
        return self

    def value(self) -> Any:
        return self.held

    def update(self, value: Any) -> None:
        self.held = value

    def end_bundle(self) -> bytes:
        return bytes(self.coder.encode(self.held))


def rows_of(first: int, last: int) -> pa.RecordBatch:
    """Rows `first` to `last`, the last not included."""
    places = range(first, last)
    rows = {"x": [place % 7 - 3.0 for place in places], "label": [int(place % 7 > 3) for place in places]}
    return pa.RecordBatch.from_pydict(rows, COLUMNS)


def micro_batch(first: int, last: int) -> bytes:
    """The stream of rows `first` to `last`, the last not included."""
    return stream_of(rows_of(first, last))


def stream_of(rows: pa.RecordBatch) -> bytes:
    """Rows as they cross to Python."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, COLUMNS) as stream:
        stream.write_batch(rows)
    return sink.getvalue().to_pybytes()


def begun(worker: Worker, folder: Path, subscribers: Mapping[str, Sequence[str]]) -> LearningFunction:
    """A function that begins here, where the worker's state is."""
    spec = LearnerSpec(f"{__name__}:Counting", {"inputs": ["x"]})
    taught = Taught("run-1", spec, Policy(candidate_rows=None), str(folder), subscribers=subscribers)
    function = LearningFunction(taught.to_json(), COLUMNS.serialize().to_pybytes())
    function.open(worker)
    return function


def learned(
    worker: Worker, folder: Path, *ends: int, subscribers: Mapping[str, Sequence[str]] = NOBODY
) -> list[tuple[int, str]]:
    """Rows visited and metrics behind each micro-batch between these places, from a function that begins here."""
    function = begun(worker, folder, subscribers)
    batches = [micro_batch(first, last) for first, last in pairwise(ends)]
    steps = [told[0] for batch in batches for told in function.process_element(batch, None)]
    return [(step[VISITED], step[METRICS]) for step in steps]


def test_the_bytes_of_a_state_are_made_once_a_bundle_and_are_of_its_last_row(tmp_path: Path) -> None:
    Counting.states, worker = 0, Worker()
    whole = learned(Worker(), tmp_path, 0, 10, 20, 30, 40)
    assert learned(worker, tmp_path, 0, 10, 20, 30) == whole[:3]
    assert Counting.states == 0
    written = worker.end_bundle()
    assert Counting.states == 1
    assert learned(Worker(written), tmp_path, 30, 40) == whole[3:]


def test_subscribers_hear_of_a_run_what_those_of_full_training_hear_in_its_order(tmp_path: Path) -> None:
    worker = Worker()
    function = begun(worker, tmp_path, EVERYTHING)
    for first, last in ((0, 10), (10, 20)):
        list(function.process_element(micro_batch(first, last), None))
    worker.end_bundle()
    list(function.process_element(micro_batch(20, 30), None))
    # One without rows says that the input has ended.
    list(function.process_element(micro_batch(30, 30), None))
    worker.end_bundle()
    bundles = [["micro_batch", "micro_batch", "evaluate", "checkpoint"], ["micro_batch", "evaluate", "checkpoint"]]
    assert [event.kind for event in heard] == ["start", *bundles[0], *bundles[1], "end"]
    assert [event.counters.rows_visited for event in heard] == [0, 10, 20, 20, 20, 30, 30, 30, 30]
    steps = [event.step for event in heard if event.step is not None]
    assert [(step.rows, step.learned) for step in steps] == [(10, True)] * 3
    told = [event.values for event in heard if event.kind in ("evaluate", "end")]
    assert told == [steps[1].metrics, steps[2].metrics, steps[2].metrics]


def test_what_a_subscriber_raises_fails_the_job_by_its_name_and_no_row_is_lost_or_learned_twice(tmp_path: Path) -> None:
    whole, worker = learned(Worker(), tmp_path, 0, 10, 20, 30, 40), Worker()
    assert learned(worker, tmp_path, 0, 10, 20, subscribers=ALARMED) == whole[:2]
    written = worker.end_bundle()
    said = rf"subscriber '{__name__}:alarm', told of 'micro_batch': ConnectionError: nobody takes the alarm"
    with pytest.raises(UserFunctionError, match=said):
        learned(Worker(written), tmp_path, 20, 30, 40, subscribers=ALARMED)
    # Flink goes on from there with a worker that knows nothing else; the micro-batch is told again.
    assert learned(Worker(written), tmp_path, 20, 30, 40, subscribers=EVERYTHING) == whole[2:]
    counted = [event.counters.batches for event in heard if event.kind == "micro_batch"]
    assert counted == [1, 2, 3, 3, 4]
    assert [event.counters.rows_visited for event in heard if event.kind == "start"] == [0, 20, 20]


def test_metrics_are_told_where_rows_were_learned_since_and_rows_that_are_refused_are_a_micro_batch(
    tmp_path: Path,
) -> None:
    worker = Worker()
    function = begun(worker, tmp_path, EVERYTHING)
    list(function.process_element(micro_batch(0, 10), None))
    written = worker.end_bundle()
    again = Worker(written)
    function = begun(again, tmp_path, EVERYTHING)
    broken = pa.RecordBatch.from_pydict({"x": [float("nan")], "label": [1]}, COLUMNS)
    list(function.process_element(stream_of(broken), None))
    list(function.process_element(micro_batch(10, 12), None))
    again.end_bundle()
    assert [event.kind for event in heard][4:] == ["start", "micro_batch", "micro_batch", "checkpoint"]
    failed, halted = (event.step for event in heard if event.step is not None and not event.step.learned)
    assert failed.diverged
    assert (halted.loss, halted.rows, halted.refused) == (None, 2, rows_of(10, 12))
    assert halted.reason == "learning has halted since micro-batch 2: the loss is nan"
