"""The job that learns, as a value that is kept, and how Flink gets it.

It is made of streams, because Python's keyed state has no other door, so it has no compiled plan: each operator with
state has an id of its own instead, and a resumed run is built again from this value.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from headrace.errors import NotFoundError
from headrace.runtime.job_spec import OWNER_ONLY
from headrace.training.learning.durable import write_whole

if TYPE_CHECKING:
    from headrace.runtime.session import FlinkSession

#: The one key of the job: one learner sees every row.
KEY = "learner"
#: How the learner's state is written; a job of another number cannot read it. Raise it when that changes: Flink reads
#: what it is told to read, past the end of bytes that are laid out otherwise.
STATE_FORMAT = 2
#: Of jobs that were kept before they had a number.
UNNUMBERED_FORMAT = 1
#: Operators that the planner makes of the query are named by what they are; there is one of a kind in such a query.
NAMED_OPERATORS: Mapping[str, str] = {
    "table.exec.uid.generation": "ALWAYS",
    "table.exec.uid.format": "<type>_<transformation>",
}


@dataclass(frozen=True)
class TopicOffsets:
    """What a run reads of a topic: by partition (as text) from which offset on, and, if it ends, up to before which.

    `archive`: the Iceberg table that its source declares as the topic's archive, if it does.
    """

    topic_id: str | None
    starts: Mapping[str, int]
    ends: Mapping[str, int] | None = None
    archive: str | None = None


@dataclass(frozen=True)
class RowsRead:
    """Which rows a run reads; the fields are those of `LearningJob`."""

    source: str
    snapshots: Mapping[str, int] = field(default_factory=dict)
    skipped: int = 0
    begins: int | None = None
    topic: TopicOffsets | None = None
    where: str = ""


@dataclass(frozen=True)
class LearningJob:
    """A job that learns, complete: nothing else is needed to start it or to resume it from a savepoint.

    Args:
        run: the run's id, and the job's name.
        model: what is learned; `parent` names the version that it starts from, of whatever model, if it does.
        source: the table or topic of the labelled rows; `snapshots` has its snapshot where the job ends with one, and
            `skipped` says how many of its rows, its first, are not learned from.
        origin: the hashes of code and environment that it was prepared with.
        declarations: the statements that create the tables of the query.
        query: the labelled rows, append-only.
        schema: their columns, as a serialized Arrow schema in base64.
        micro_batch_rows, micro_batch_ms: a micro-batch is given when it has so many rows, or its first has waited so
            long (processing time).
        taught: what the learner is told (`function.Taught`), as JSON.
        tables: the options of the tables of what is told, by name.
        python_files: modules that the workers need beside what is installed.
        configuration: Flink options of this job.
        begins: the snapshot behind which commits are followed; None where the table was never written.
        topic: the offsets that are read, where the source is a topic.
        features: the fingerprint of each feature view that made the rows, where the trainer names any.
        where: the condition of the rows that are learned, as Iceberg reads it; empty: all are.
        own_code: the hashes of the user's own files that declare the trainer and its learner, by module.
        again: whether rows may be learned again that the version to start from has learned.
        gates: what candidates keep of the gates that the trainer declares (`kept_gates`).
        seed: the learner's; None where it has none.
        state_format: how the learner's state is written.
    """

    run: str
    model: str
    parent: str | None
    source: str
    snapshots: Mapping[str, int]
    skipped: int
    origin: Mapping[str, str]
    declarations: tuple[str, ...]
    query: str
    schema: str
    micro_batch_rows: int
    micro_batch_ms: int
    taught: str
    tables: Mapping[str, Mapping[str, str]]
    python_files: tuple[str, ...]
    configuration: Mapping[str, str]
    begins: int | None = None
    topic: TopicOffsets | None = None
    features: Mapping[str, str] = field(default_factory=dict)
    where: str = ""
    own_code: Mapping[str, str] = field(default_factory=dict)
    again: bool = False
    gates: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    state_format: int = STATE_FORMAT

    @property
    def is_bounded(self) -> bool:
        """Whether it ends with rows that were there when it began, and does not follow those that come."""
        return bool(self.snapshots) or (self.topic is not None and self.topic.ends is not None)

    @property
    def halts(self) -> bool:
        """Whether learning stops at a micro-batch at which the model fails."""
        return bool(json.loads(self.taught)["policy"]["halts"])

    def to_json(self) -> str:
        """This job as JSON text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The job from `to_json`'s text."""
        found = json.loads(text)
        lists = {name: tuple(found[name]) for name in ("declarations", "python_files")}
        topic = None if found.get("topic") is None else TopicOffsets(**found["topic"])
        return cls(**{"state_format": UNNUMBERED_FORMAT, **found, **lists, "topic": topic})

    def save(self, path: Path) -> None:
        """Write it whole or not at all, for its owner only: declarations hold addresses and user names.

        Raises TrainingError when it cannot be written.
        """
        write_whole(path, self.to_json().encode(), OWNER_ONLY)

    @classmethod
    def load(cls, path: Path) -> Self:
        """The job that `save` wrote. NotFoundError when there is none."""
        try:
            return cls.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            msg = f"no job of a trainer at {path}"
            raise NotFoundError(msg) from error

    def submit(self, session: FlinkSession, savepoint: str | None = None) -> str:
        """Start it, with the state of a savepoint or checkpoint or with none; returns Flink's id of the job.

        Raises:
            JobError: there is no cluster, or it refuses the job.
        """
        options = {**NAMED_OPERATORS, **self.configuration}
        return session.launch(self.run, options, lambda environment: _add(environment, self), savepoint)


def _add(environment: Any, job: LearningJob) -> None:
    """The job in PyFlink's environment: gathered on the JVM, learned in Python, told to tables on the JVM."""
    from pyflink.common import Types
    from pyflink.datastream import DataStream
    from pyflink.datastream.data_stream import KeyedStream
    from pyflink.java_gateway import get_gateway
    from pyflink.table import StreamTableEnvironment

    from headrace.training.streaming.function import LearningFunction, told_type
    from headrace.training.streaming.tables import KINDS, RUN_PROPERTY

    for file in job.python_files:
        environment.add_python_file(file)
    tables = StreamTableEnvironment.create(environment)
    for statement in job.declarations:
        tables.execute_sql(statement)
    ends = get_gateway().jvm.io.headrace.flink.learning.Learning
    gathered = ends.microBatches(tables._j_tenv, job.query, KEY, job.micro_batch_rows, job.micro_batch_ms)
    # `key_by` of PyFlink would have each micro-batch cross into Python once more, to ask for its key.
    keyed = KeyedStream(gathered, Types.PRIMITIVE_ARRAY(Types.BYTE()), DataStream(gathered))
    function = LearningFunction(job.taught, base64.b64decode(job.schema))
    told = keyed.process(function, told_type()).name("learn").uid("learn").set_parallelism(1)
    for place, name in enumerate(KINDS):
        ends.append(told._j_data_stream, place, name, dict(job.tables[name]), {RUN_PROPERTY: job.run})
