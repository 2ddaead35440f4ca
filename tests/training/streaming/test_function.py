"""The learner as Flink's function, over states that go through PyFlink's own coder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyflink.fn_execution.coders import from_type_info

from headrace.training.streaming.function import LearnerSpec, LearningFunction, Taught
from headrace.training.streaming.tables import columns_of
from headrace.training.streaming.told import LearnedStep
from headrace.training.streaming.trainer import Policy

from .logistic import Logistic

COLUMNS = pa.schema({"x": pa.float64(), "label": pa.int64()})
NAMES = [column.name for column in columns_of(LearnedStep)]
VISITED, METRICS = NAMES.index("visited"), NAMES.index("metrics")


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


def micro_batch(first: int, last: int) -> bytes:
    """The stream of rows `first` to `last`, the last not included."""
    places = range(first, last)
    rows = {"x": [place % 7 - 3.0 for place in places], "label": [int(place % 7 > 3) for place in places]}
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, COLUMNS) as stream:
        stream.write_batch(pa.RecordBatch.from_pydict(rows, COLUMNS))
    return sink.getvalue().to_pybytes()


def learned(worker: Worker, folder: Path, *ends: int) -> list[tuple[int, str]]:
    """Rows visited and metrics behind each micro-batch between these places, from a function that begins here."""
    spec = LearnerSpec(f"{__name__}:Counting", {"inputs": ["x"]})
    taught = Taught("run-1", spec, Policy(candidate_rows=None), str(folder))
    function = LearningFunction(taught.to_json(), COLUMNS.serialize().to_pybytes())
    function.open(worker)
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
