"""`StreamingTrainingPipeline`: a model that learns from labelled rows as they arrive, each once."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from headrace.compiler.build import plan_source
from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.errors import DefinitionError, SchemaMismatchError, SettingsError, did_you_mean
from headrace.features import source as sources
from headrace.features.duration import parse_duration
from headrace.features.place import calling_place
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.platform import Platform
from headrace.training.data.label_time import LabelTime
from headrace.training.models.governed import Governed
from headrace.training.models.options import check_options
from headrace.training.models.own_code import definition_code, named_code
from headrace.training.models.steps import guard_steps
from headrace.training.models.store import ModelStore
from headrace.training.models.views import check_names, check_unchanged, fingerprints
from headrace.training.streaming.candidates import SET
from headrace.training.streaming.function import LearnerSpec, Taught
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.learned_before import refuse_learned
from headrace.training.streaming.named import FUNCTION
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.row_types import INTEGERS, arrow_schema, column_of, crosses, not_crossing
from headrace.training.streaming.rules import Rules
from headrace.training.streaming.subscribing import check_subscribers
from headrace.training.streaming.table_rows import TableRows
from headrace.training.streaming.tables import create_tables
from headrace.training.streaming.topic_rows import Beginning, Offsets, TopicRows
from headrace.training.streaming.trainer import Policy
from headrace.training.streaming.trial import check_learner

#: A model's name starts physical names, as a view's does.
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
#: What a subclass may override.
STEPS = ("check_source", "create_tables", "declare_rows", "configure")
#: Rows that are still gathered are state, and a micro-batch is one value that crosses: a million rows of a hundred
#: columns are nearly a gigabyte. An hour is longer than anything that learns from a stream should wait.
MOST: Mapping[str, int] = {"micro_batch_rows": 1_000_000, "micro_batch_seconds": 3600}
#: Micro-batches that Python has at most before it answers, and how long the last of them waits: its state and what it
#: tells cross once for all of them.
BUNDLES: Mapping[str, str] = {"python.fn-execution.bundle.size": "64", "python.fn-execution.bundle.time": "1000"}
#: Where PyFlink runs Python. Only a process of its own writes states by their coder, which asks for the bytes.
PYTHON_MODE = "python.execution-mode"
#: Enough to keep two runs of one second apart.
RUN_SUFFIX_BYTES = 2
#: The engine-free type of an instant.
INSTANT = "timestamp"
#: Times that become text are UTC's.
UTC_ZONE: Mapping[str, str] = {"table.local-time-zone": "UTC"}


class StreamingTrainingPipeline(Governed):
    """Learns from the rows of a table or a topic and goes on with those that come. Subclass it to declare one.

    The steps, in order, each of which a subclass may override: `check_source`, `create_tables`, `declare_rows`,
    `configure`.

    Attributes:
        name: the model's.
        source: the labelled rows: an Iceberg table, append-only, or a subclass of `Source` with a topic.
        columns: those that the learner is given; None: all that it can be.
        learner: `package.module:function` that makes it, and its arguments, values of JSON.
        python_files: modules that the workers need beside what is installed.
        micro_batch_rows, micro_batch_seconds: a micro-batch is given when it has so many rows, or its first has waited
            so long.
        checkpoint_interval: how often state is saved, and what was told is committed, as a Flink duration.
        policy: when candidates are kept, and whether learning halts when the model fails.
        places: the columns that say where a row came from; None: those of an archive where the table has them.
        gates, evaluations: what its versions and candidates have to pass.
        label_time: the column of when a label was known; None: nothing is known of that.
        event_time: the column of a table of when its row happened; a `Source` has its own.
        label_ahead: how far a label's time may be ahead of the trainer's clock, as a duration.
        features: the feature views that made the rows; their fingerprints become facts of what is learned.
        evaluating: when candidates are judged, by `headrace schedule judge`.
        subscribers: by event of the run (`EVENTS`), the functions that are told, each as `package.module:function`.

    Args:
        platform: where everything is.
        after: learn from the rows that were appended after this snapshot of the table, or came to the topic after this
            snapshot of its archive; None: from all.
        follow: whether the job goes on with rows that come; else it ends after the newest of now.
        start: the version to start from, as `model@3` or `model@champion`, of this model or another of the project;
            None: a learner that knows nothing.
        offsets: of a topic, the first offset by partition; `parent`: those behind what the version to start from
            learned; None: the earliest that are there, or those after the snapshot.
        again: learn rows again that the version to start from, or one before it, has learned.

    Raises:
        DefinitionError: the declaration lacks something, or has a value that it cannot have.
        SettingsError: the offsets make no sense of such a source; or rows are to be learned again, and by no version.
    """

    name: ClassVar[str] = ""
    source: ClassVar[sources.IcebergTable | type[sources.Source]]
    columns: ClassVar[Sequence[str] | None] = None
    learner: ClassVar[str] = ""
    arguments: ClassVar[Mapping[str, Any]] = {}
    python_files: ClassVar[Sequence[str | Path]] = ()
    micro_batch_rows: ClassVar[int] = 512
    micro_batch_seconds: ClassVar[float] = 1.0
    checkpoint_interval: ClassVar[str] = "10 s"
    policy: ClassVar[Policy] = Policy()
    places: ClassVar[PositionColumns | None] = None
    label_time: ClassVar[str | None] = None
    event_time: ClassVar[str | None] = None
    label_ahead: ClassVar[str] = "1s"
    features: ClassVar[Sequence[str]] = ()
    subscribers: ClassVar[Mapping[str, Sequence[str]]] = {}

    def __init_subclass__(cls) -> None:
        at = f"{calling_place()}: trainer {cls.__name__}"
        check_options(cls, at, abstract=not cls.name)
        check_names(cls.features, at)
        guard_steps(cls, StreamingTrainingPipeline, STEPS, f"trainer {cls.__name__}")
        if cls.name:
            cls.check_promotion(at)

    @classmethod
    def model_name(cls) -> str:
        """The model's name; empty for a class that declares none."""
        return cls.name

    @classmethod
    def own_code(cls) -> dict[str, str]:
        """The hashes of the user's own files that declare it and its learner, by module."""
        return {**named_code([cls.learner, dict(cls.arguments)], cls.python_files), **definition_code(cls)}

    def __init__(
        self,
        platform: Platform,
        *,
        after: int | None = None,
        follow: bool = True,
        start: str | None = None,
        offsets: Offsets | Literal["parent"] | None = None,
        again: bool = False,
    ) -> None:
        self.after = after
        self.offsets = offsets
        self._check_declaration()
        self.platform = platform
        self.follow = follow
        self.start = start
        self.again = again
        self._check_again()
        self.store = ModelStore.at(platform.settings)
        self.run_id = f"{self.name.replace('_', '-')}-{datetime.now(UTC):%Y%m%d-%H%M%S}-"
        self.run_id += secrets.token_hex(RUN_SUFFIX_BYTES)

    @cached_property
    def rows(self) -> TableRows | TopicRows:
        """The labelled rows that this run reads.

        Raises:
            DefinitionError: rows of this source cannot be learned from.
        """
        if isinstance(self.source, sources.IcebergTable):
            return TableRows(self.platform, self.name, self.source.name, self.after, follow=self.follow)
        source = plan_source(self.source.schema)
        group = f"{self.platform.settings.project}-{self.run_id}"
        return TopicRows(self.platform, source, group, self.beginning(), follow=self.follow)

    def prepare(self) -> LearningJob:
        """Take every step up to, but not including, submission.

        Raises:
            NotFoundError: the table, the topic, the snapshot or the version to start from does not exist.
            ModelError: the learner cannot begin with the version's files, or learn from these columns with them; or a
                feature view that it learned from has changed.
            ArtifactError: its files are missing or damaged.
            SchemaMismatchError: a column is missing, or of a type that does not cross to the learner.
            CutoverError: the topic does not have the records to begin with any more, or the version to start from, or
                one before it, has learned from rows that would be read again.
            JobError: there is nothing to follow yet, or rows were overwritten since the snapshot to begin after.
            SettingsError: there is no function that makes the learner, or it makes none.
            UserFunctionError: it raised. What it raises of headrace's own errors comes as it is.
        """
        columns = self.check_source()
        crossing = self.crossing(columns)
        parent = self.parent
        if parent is not None and not self.again:
            refuse_learned(self.rows, self.store.lineage(parent.name).line)
        declarations, query = self.declare_rows(crossing)
        read = self.rows.read()
        schema = arrow_schema((*crossing, *self.rows.added))
        taught = self.taught(columns, parent)
        start = None if parent is None else parent.name
        seed = check_learner(taught, arrow_schema(columns), self.python_files, start, self.left_out)
        return LearningJob(
            run=self.run_id,
            model=self.name,
            parent=None if parent is None else parent.name,
            source=read.source,
            snapshots=read.snapshots,
            skipped=read.skipped,
            origin=asdict(self.store.keep_origin()),
            declarations=declarations,
            query=query,
            schema=base64.b64encode(schema.serialize().to_pybytes()).decode(),
            micro_batch_rows=self.micro_batch_rows,
            micro_batch_ms=round(self.micro_batch_seconds * 1000),
            taught=taught.to_json(),
            tables=self.create_tables(),
            python_files=tuple(str(Path(file).resolve()) for file in self.python_files),
            configuration=self.configure(),
            begins=read.begins,
            topic=read.topic,
            where=read.where,
            features=self.check_features(parent),
            own_code=type(self).own_code(),
            again=self.again,
            gates=self.gates_to_keep(),
            seed=seed,
        )

    def check_source(self) -> tuple[Field, ...]:
        """The columns that the learner is given; all of them are there, and of types that cross."""
        wanted = self.columns or [field.name for field in self.rows.fields if crosses(field.type)]
        return tuple(self.column(name) for name in wanted)

    @property
    def left_out(self) -> str:
        """What is said of columns that do not cross, where nobody has chosen; empty where all do."""
        return not_crossing(() if self.columns else self.rows.fields, self.rows.name)

    def crossing(self, columns: Sequence[Field]) -> tuple[Field, ...]:
        """The columns that cross: those of the learner, and those by which rows are judged and counted."""
        times = self.label_times()
        judged = () if times is None else (times.column, *([times.event] if times.event else ()))
        for name in judged:
            if self.column(name).type != INSTANT:
                msg = f"model {self.name}: column {name!r} of {self.rows.name} is {self.column(name)}; expected an "
                raise SchemaMismatchError(msg + f"instant ({INSTANT}), for `label_time` and `event_time`")
        names = dict.fromkeys((*(column.name for column in columns), *self.rows.placed, *judged))
        return tuple(map(self.column, names))

    def column(self, name: str) -> Field:
        """A column of the source. SchemaMismatchError where it is not there, or of a type that does not cross."""
        return column_of(name, self.rows.fields, self.name, self.rows.name)

    def check_features(self, parent: ModelVersion | None) -> dict[str, str]:
        """The fingerprints of the feature views that made the rows; the parent learned from the same.

        Raises:
            NotFoundError: there is no such view.
            ModelError: a view that the parent learned from has changed since.
        """
        views, project = self.platform.registry, self.platform.settings.project
        if parent is not None:
            check_unchanged(views, project, parent.facts.features, parent.name)
        return fingerprints(views, project, self.features)

    def label_times(self) -> LabelTime | None:
        """When labels were known and rows happened; None where the declaration does not say when labels were."""
        if self.label_time is None:
            return None
        known = self.event_time if isinstance(self.source, sources.IcebergTable) else self.source.schema.event_time
        return LabelTime(self.label_time, known, parse_duration(self.label_ahead))

    def beginning(self) -> Beginning:
        """Where in a topic the run was asked to begin. SettingsError: behind a parent that there is not."""
        if not isinstance(self.offsets, str):
            return Beginning(self.after, self.offsets)
        parent = self.parent
        if parent is None:
            msg = f"model {self.name}: offsets {self.offsets!r}: behind which version? name one to start from (--from)"
            raise SettingsError(msg)
        return Beginning(behind=parent)

    def create_tables(self) -> dict[str, dict[str, str]]:
        """The options of the tables of what is told, made unless they are there."""
        names = create_tables(self.platform.iceberg)
        return {name: self.platform.iceberg.flink_options(LEDGER_NAMESPACE, name) for name in names}

    def declare_rows(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
        """The statements that create the tables of the query, and the query: the labelled rows with these columns.

        Behind them the query has the columns `added` of `rows`.
        """
        return self.rows.declare(columns)

    def taught(self, columns: Sequence[Field], parent: ModelVersion | None) -> Taught:
        """All that the learner's function is told."""
        artifacts = str(self.store.artifacts.folder.resolve())
        spec = LearnerSpec(self.learner, dict(self.arguments))
        start = None if parent is None else parent.facts.artifact
        crossing = self.crossing(columns)
        given = None if (*crossing, *self.rows.added) == tuple(columns) else tuple(column.name for column in columns)
        rules = Rules(given, self.rows.added[0].name if self.rows.added else None, self.label_times())
        places = self.places_in(crossing)
        return Taught(self.run_id, spec, self.policy, artifacts, start, places, rules, dict(self.subscribers))

    def places_in(self, columns: Sequence[Field]) -> PositionColumns | None:
        """The columns that say where a row came from; None where there are none. SchemaMismatchError for wrong ones."""
        places, names = self.places or PositionColumns(), {column.name: column.type for column in columns}
        missing = [name for name in (places.partition, places.offset) if name not in names]
        if missing and self.places is not None:
            msg = f"model {self.name}: places name column {missing[0]!r}, which the learner is not given; "
            raise SchemaMismatchError(msg + did_you_mean(missing[0], names))
        wrong = [name for name in (places.partition, places.offset) if names.get(name, "int") not in INTEGERS]
        if wrong and self.places is not None:
            msg = f"model {self.name}: places name column {wrong[0]!r}, which is {names[wrong[0]]}; expected one of "
            raise SchemaMismatchError(msg + f"{', '.join(INTEGERS)}: a position is two integers")
        return None if missing or wrong else places

    @cached_property
    def parent(self) -> ModelVersion | None:
        """The version to start from, of whatever model of the project; its files are whole.

        It is looked up once: an alias may be another's before the job is prepared.
        """
        if self.start is None:
            return None
        found = self.store.version(self.start)
        self.store.artifacts.verify(found.facts.artifact)
        return found

    def configure(self) -> dict[str, str]:
        """The Flink options of the job; those of the settings win. SettingsError: one with which it cannot run."""
        flink = self.platform.settings.flink
        mode = flink.configuration.get(PYTHON_MODE, "process")
        if mode != "process":
            msg = f"model {self.name}: flink.configuration: {PYTHON_MODE!r} is {mode!r}; expected 'process': "
            raise SettingsError(msg + "a thread of the JVM does not write the learner's state; leave the option out")
        checkpointing = Checkpointing(flink.checkpoint_dir, flink.savepoint_dir, self.checkpoint_interval)
        parallelism = {"parallelism.default": str(flink.parallelism)}
        return {**checkpointing.configuration, **BUNDLES, **UTC_ZONE, **parallelism, **flink.configuration}

    def _check_again(self) -> None:
        """Raise SettingsError where rows are to be learned again by what has learned none."""
        if self.again and self.start is None:
            msg = f"model {self.name}: again: learned before by which version? name one to start from (--from), or "
            raise SettingsError(msg + "leave out --again: what knows nothing learns all")

    def _check_declaration(self) -> None:
        """Raise DefinitionError, saying what the class lacks."""
        kind = type(self).__name__
        if not NAME.fullmatch(self.name):
            msg = f"{kind}.name is {self.name!r}; expected a model's name, such as 'late_flights'"
            raise DefinitionError(msg)
        source = getattr(self, "source", None)
        if not isinstance(source, sources.IcebergTable) and not _is_source(source):
            msg = f"{kind}.source is {source!r}; expected an IcebergTable('namespace.table') or a subclass of Source"
            raise DefinitionError(msg)
        if self.offsets is not None and isinstance(source, sources.IcebergTable):
            msg = f"{kind}: offsets are those of a topic, and its source is {source}; begin after a snapshot (--after)"
            raise SettingsError(msg)
        if self.offsets is not None and self.after is not None:
            msg = f"{kind}: begins after snapshot {self.after}, or with offsets {self.offsets!r}? expected one of both"
            raise SettingsError(msg)
        if not FUNCTION.fullmatch(self.learner):
            msg = f"{kind}.learner is {self.learner!r}; expected 'package.module:function'"
            raise DefinitionError(msg)
        self._check_times(kind)
        check_subscribers(f"{kind}.subscribers", self.subscribers)
        self.check_gates(kind, [SET], label_time=self.label_time or "")
        for name in ("micro_batch_rows", "micro_batch_seconds"):
            if not 0 < getattr(self, name) <= MOST[name]:
                msg = f"{kind}.{name} is {getattr(self, name)!r}; expected more than 0 and at most {MOST[name]:,}"
                raise DefinitionError(msg)

    def _check_times(self, kind: str) -> None:
        """Raise DefinitionError for an option of times that nothing reads."""
        if self.event_time is not None and not isinstance(self.source, sources.IcebergTable):
            msg = f"{kind}.event_time is {self.event_time!r}, which nothing reads: source {self.source.__name__} has "
            raise DefinitionError(msg + f"its own, {self.source.schema.event_time!r}; leave it out")
        for name in ("event_time", "label_ahead"):
            asked = getattr(self, name)
            if self.label_time is None and asked != getattr(StreamingTrainingPipeline, name):
                msg = f"{kind}.{name} is {asked!r}, which nothing reads without `label_time`; declare the column of "
                raise DefinitionError(msg + "when a label was known, or leave it out")


def _is_source(value: object) -> bool:
    """Whether it is a source that says what its rows are."""
    return isinstance(value, type) and issubclass(value, sources.Source) and hasattr(value, "schema")
