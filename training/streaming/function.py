"""The learner in Flink: a keyed process function over micro-batches, whose one state is the trainer's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
from pyflink.common import Row, Types
from pyflink.common.typeinfo import TypeInformation
from pyflink.datastream import KeyedProcessFunction, RuntimeContext
from pyflink.datastream.state import ValueState, ValueStateDescriptor

from headrace.connectors.artifacts import Artifacts
from headrace.training.streaming.named import function_named
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.subscribing import subscribers_of
from headrace.training.streaming.tables import KINDS, columns_of, values_of
from headrace.training.streaming.trainer import Policy, StreamTrainer

if TYPE_CHECKING:
    from headrace.training.learning.learner import Learner

US_PER_MS = 1000
BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
FLINK_TYPES = {"string": Types.STRING(), "bigint": Types.LONG(), "double": Types.DOUBLE()}


@dataclass(frozen=True)
class LearnerSpec:
    """A learner by the name of the function that makes it, and what it is given: values of JSON.

    The function is called as `function(files, **arguments)`, `files` being those of the artifact to start from, or None
    for a learner that knows nothing.
    """

    function: str
    arguments: Mapping[str, Any]

    def make(self, files: Mapping[str, bytes] | None) -> Learner:
        """The learner.

        Raises:
            SettingsError: there is no such function, or it does not take these arguments.
        """
        made: Learner = function_named(self.function, "learner")(files, **self.arguments)
        return made


@dataclass(frozen=True)
class Taught:
    """All that the function is told, as values.

    Attributes:
        start: the address of the artifact to start from; None starts with a learner that knows nothing.
        artifacts: the folder of candidates' files.
        places: the columns of positions, if rows have any.
        rules: what keeps rows from the learner.
        subscribers: by event, the names of the functions that are told.
    """

    run: str
    learner: LearnerSpec
    policy: Policy
    artifacts: str
    start: str | None = None
    places: PositionColumns | None = None
    rules: Rules = field(default_factory=Rules)
    subscribers: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def trainer(self) -> StreamTrainer:
        """A trainer that has visited nothing yet."""
        artifacts = Artifacts(self.artifacts)
        learner = self.learner.make(None if self.start is None else artifacts.get(self.start))
        told = subscribers_of(self.subscribers)
        return StreamTrainer(
            self.run, learner, self.policy, artifacts.put, self.places, rules=self.rules, subscribers=told
        )

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        found = json.loads(text)
        places = found["places"]
        return cls(
            **{
                **found,
                "learner": LearnerSpec(**found["learner"]),
                "policy": Policy(**found["policy"]),
                "places": None if places is None else PositionColumns(**places),
                "rules": Rules.of(found.get("rules", {})),
            }
        )


class RowWhenAsked(Row):  # type: ignore[misc]
    """A row of functions, whose fields are what these give when PyFlink writes the row.

    >>> RowWhenAsked(lambda: b"weights").get_fields_by_names(["trainer"])
    [b'weights']
    """

    def get_fields_by_names(self, names: list[str]) -> list[Any]:
        """What the functions give now."""
        return [make() for make in super().get_fields_by_names(names)]


class LearningFunction(KeyedProcessFunction):  # type: ignore[misc]
    """Learns from Arrow streams, each a micro-batch; one without rows says that the input has ended.

    The learner lives in the worker. Its state is given to Flink after every micro-batch, which PyFlink keeps until its
    bundle ends, at the latest before a checkpoint: so its bytes are made and cross once a bundle, as of the last row.

    Args:
        taught: what `Taught.to_json` wrote.
        schema: the columns of rows, as a serialized Arrow schema: what a reader of the same table would see.
    """

    def __init__(self, taught: str, schema: bytes) -> None:
        self._taught = taught
        self._schema = schema

    def open(self, runtime_context: RuntimeContext) -> None:
        """Find the state; it has a value for a key only."""
        kind = Types.ROW_NAMED(["bytes"], [BYTES])
        self._state: ValueState = runtime_context.get_state(ValueStateDescriptor("trainer", kind))
        self._trainer: StreamTrainer | None = None
        self._columns = pa.ipc.read_schema(pa.py_buffer(self._schema))

    def process_element(self, value: bytes, ctx: KeyedProcessFunction.Context) -> Iterator[Row]:
        """Learn from a micro-batch; tell of it."""
        trainer = self._resumed()
        rows = self._rows(value)
        if rows.num_rows == 0:
            yield from self._told(candidate=trainer.end())
        else:
            told = trainer.visit(rows)
            yield from self._told(told.step, told.candidate)
            for letter in told.dead:
                yield from self._told(letter=letter)
        if trainer.due_us is not None:
            ctx.timer_service().register_processing_time_timer(-(-trainer.due_us // US_PER_MS))
        self._state.update(RowWhenAsked(trainer.checkpoint))

    def on_timer(self, timestamp: int, ctx: KeyedProcessFunction.OnTimerContext) -> Iterator[Row]:
        """Tell of a candidate that no further row has brought."""
        trainer = self._resumed()
        yield from self._told(candidate=trainer.on_time(timestamp * US_PER_MS))
        self._state.update(RowWhenAsked(trainer.checkpoint))

    def _resumed(self) -> StreamTrainer:
        """The trainer, as the state has it where this worker has begun anew."""
        if self._trainer is None:
            trainer = Taught.from_json(self._taught).trainer()
            state = self._state.value()
            if state is not None:
                trainer.resume(state[0])
            trainer.start()
            self._trainer = trainer
        return self._trainer

    def _rows(self, stream: bytes) -> pa.RecordBatch:
        """The one batch of a stream, with the table's own types: Flink's Arrow knows no zone, for one."""
        rows = pa.ipc.open_stream(stream).read_next_batch()
        return rows if rows.schema == self._columns else rows.cast(self._columns)

    def _told(self, step: Any = None, candidate: Any = None, letter: Any = None) -> Iterator[Row]:
        """A row with a row of each table, of which some are missing; nothing where all are."""
        told = (step, candidate, letter)
        if any(one is not None for one in told):
            yield Row(*(None if one is None else Row(*values_of(one)) for one in told))


def told_type() -> TypeInformation:
    """The type of what the function tells: a row with one row for each table."""
    return Types.ROW_NAMED(list(KINDS), [_row_type(kind) for kind in KINDS.values()])


def _row_type(kind: type) -> TypeInformation:
    columns = columns_of(kind)
    return Types.ROW_NAMED([one.name for one in columns], [FLINK_TYPES[one.type] for one in columns])
