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
from typing import Any, ClassVar

import pyarrow as pa

from headrace.compiler.flink_tables import create_table, quoted
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.iceberg_snapshot import rewrites_after
from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.errors import DefinitionError, JobError, ModelError, NotFoundError, SchemaMismatchError, did_you_mean
from headrace.features import source as features
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.platform import Platform
from headrace.training.models.governed import Governed
from headrace.training.models.store import ModelStore
from headrace.training.streaming.candidates import SET
from headrace.training.streaming.function import LearnerSpec, Taught
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.positions import PositionColumns
from headrace.training.streaming.tables import create_tables
from headrace.training.streaming.trainer import Policy

#: A model's name starts physical names, as a view's does.
NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
FUNCTION = re.compile(r"[\w.]+:\w+")
#: Rows that are still gathered are state, and a micro-batch is one value that crosses: a million rows of a hundred
#: columns are nearly a gigabyte. An hour is longer than anything that learns from a stream should wait.
MOST: Mapping[str, int] = {"micro_batch_rows": 1_000_000, "micro_batch_seconds": 3600}
#: Micro-batches that Python has at most before it answers, and how long the last of them waits: its state and what it
#: tells cross once for all of them.
BUNDLES: Mapping[str, str] = {"python.fn-execution.bundle.size": "64", "python.fn-execution.bundle.time": "1000"}
#: The table that the job's query reads.
ROWS = "labelled_rows"
#: Enough to keep two runs of one second apart.
RUN_SUFFIX_BYTES = 2
#: How often the table is looked at for rows that were committed since; a look reads one small file.
MONITOR_INTERVAL = "1 s"
#: The types of columns that can say where a row came from.
INTEGERS = ("bigint", "int")
#: By the engine-free type of a column: Flink's name of it, and Arrow's.
TYPES: Mapping[str, tuple[str, pa.DataType]] = {
    "string": ("STRING", pa.string()),
    "bigint": ("BIGINT", pa.int64()),
    "int": ("INT", pa.int32()),
    "double": ("DOUBLE", pa.float64()),
    "boolean": ("BOOLEAN", pa.bool_()),
    "timestamp": ("TIMESTAMP_LTZ(6)", pa.timestamp("us", "UTC")),
    "date": ("DATE", pa.date32()),
    "binary": ("BYTES", pa.binary()),
}


class StreamingTrainingPipeline(Governed):
    """Learns from the rows of an Iceberg table and goes on with those that are appended. Subclass it to declare one.

    The steps, in order, each of which a subclass may override: `check_source`, `create_tables`, `declare_rows`,
    `configure`.

    Attributes:
        name: the model's.
        source: the labelled rows; append-only.
        columns: those that the learner is given; None: all that it can be.
        learner: `package.module:function` that makes it, and its arguments, values of JSON.
        python_files: modules that the workers need beside what is installed.
        micro_batch_rows, micro_batch_seconds: a micro-batch is given when it has so many rows, or its first has waited
            so long.
        checkpoint_interval: how often state is saved, and what was told is committed, as a Flink duration.
        policy: when candidates are kept, and what follows a micro-batch that the learner refuses.
        places: the columns that say where a row came from; None: those of an archive where the table has them.
        gates, evaluations: what its versions and candidates have to pass.

    Args:
        platform: where everything is.
        after: learn from the rows that were appended after this snapshot; None: from all.
        follow: whether the job goes on with what is appended; else it ends after the newest snapshot of now.
        start: the version to start from, as `model@3` or `model@champion`; None: a learner that knows nothing.

    Raises:
        DefinitionError: the declaration lacks something, or has a value that it cannot have.
    """

    name: ClassVar[str] = ""
    source: ClassVar[features.IcebergTable]
    columns: ClassVar[Sequence[str] | None] = None
    learner: ClassVar[str] = ""
    arguments: ClassVar[Mapping[str, Any]] = {}
    python_files: ClassVar[Sequence[str | Path]] = ()
    micro_batch_rows: ClassVar[int] = 512
    micro_batch_seconds: ClassVar[float] = 1.0
    checkpoint_interval: ClassVar[str] = "10 s"
    policy: ClassVar[Policy] = Policy()
    places: ClassVar[PositionColumns | None] = None

    @classmethod
    def model_name(cls) -> str:
        """The model's name; empty for a class that declares none."""
        return cls.name

    def __init__(
        self, platform: Platform, *, after: int | None = None, follow: bool = True, start: str | None = None
    ) -> None:
        self._check_declaration()
        self.platform = platform
        self.after = after
        self.follow = follow
        self.start = start
        self.store = ModelStore.at(platform.settings)
        self.run_id = f"{self.name.replace('_', '-')}-{datetime.now(UTC):%Y%m%d-%H%M%S}-"
        self.run_id += secrets.token_hex(RUN_SUFFIX_BYTES)

    def prepare(self) -> LearningJob:
        """Take every step up to, but not including, submission.

        Raises:
            NotFoundError: the table, the snapshot or the version to start from does not exist.
            ModelError: the version is another model's.
            ArtifactError: its files are missing or damaged.
            SchemaMismatchError: a column is missing, or of a type that does not cross to the learner.
            JobError: there is nothing to follow yet, or rows were overwritten since the snapshot to begin after.
        """
        columns = self.check_source()
        parent = self.parent()
        declarations, query = self.declare_rows(columns)
        self.check_appended()
        schema = pa.schema([(column.name, TYPES[column.type][1]) for column in columns])
        return LearningJob(
            run=self.run_id,
            model=self.name,
            parent=None if parent is None else parent.number,
            source=self.source.name,
            snapshots={} if self.follow else {self.source.name: self.newest},
            skipped=0 if self.after is None else self.table().row_count(self.after),
            origin=asdict(self.store.keep_origin()),
            declarations=declarations,
            query=query,
            schema=base64.b64encode(schema.serialize().to_pybytes()).decode(),
            micro_batch_rows=self.micro_batch_rows,
            micro_batch_ms=round(self.micro_batch_seconds * 1000),
            taught=self.taught(columns, parent).to_json(),
            tables=self.create_tables(),
            python_files=tuple(str(Path(file).resolve()) for file in self.python_files),
            configuration=self.configure(),
            begins=self.table().current_snapshot_id() if self.after is None else self.after,
        )

    def check_source(self) -> tuple[Field, ...]:
        """The columns that the learner is given; all of them are there, and of types that cross."""
        table = self.table()
        found = {field.name: field for field in table.fields}
        wanted = self.columns or [field.name for field in table.fields if field.type in TYPES]
        for name in wanted:
            if name not in found:
                msg = f"model {self.name}: {table.name} has no column {name!r}; {did_you_mean(name, found)}"
                raise SchemaMismatchError(msg)
            if found[name].type not in TYPES:
                msg = f"model {self.name}: column {name!r} of {table.name} is {found[name]}; expected one of "
                raise SchemaMismatchError(msg + ", ".join(TYPES))
        return tuple(found[name] for name in wanted)

    def create_tables(self) -> dict[str, dict[str, str]]:
        """The options of the tables of what is told, made unless they are there."""
        names = create_tables(self.platform.iceberg)
        return {name: self.platform.iceberg.flink_options(LEDGER_NAMESPACE, name) for name in names}

    def declare_rows(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
        """The statements that create the tables of the query, and the query: the labelled rows."""
        namespace, _, name = self.source.name.rpartition(".")
        options = self.platform.iceberg.flink_options(namespace, name) | self.reading()
        typed = [f"`{column.name}` {TYPES[column.type][0]}" for column in columns]
        query = f"SELECT {quoted(column.name for column in columns)} FROM {ROWS}"  # noqa: S608
        return (create_table(ROWS, typed, options),), query

    def reading(self) -> dict[str, str]:
        """The options of Iceberg's connector that say which snapshots are read."""
        following = {"streaming": "true", "monitor-interval": MONITOR_INTERVAL}
        if self.after is None:
            whole = {**following, "starting-strategy": "TABLE_SCAN_THEN_INCREMENTAL"}
            return whole if self.follow else {"snapshot-id": str(self.newest)}
        first = str(self.first_after(self.after))
        if not self.follow:
            return {"start-snapshot-id": str(self.after), "end-snapshot-id": str(self.newest)}
        # Iceberg reads from this snapshot on, with what it appended itself.
        return {**following, "starting-strategy": "INCREMENTAL_FROM_SNAPSHOT_ID", "start-snapshot-id": first}

    @cached_property
    def newest(self) -> int:
        """The snapshot that a bounded run ends with: the newest when it is first asked for, whatever comes meanwhile.

        Raises:
            JobError: the table was never written.
        """
        newest = self.table().current_snapshot_id()
        if newest is None:
            msg = f"model {self.name}: {self.source.name} has no rows yet; nothing to learn from"
            raise JobError(msg)
        return newest

    def first_after(self, snapshot_id: int) -> int:
        """The snapshot whose parent is another.

        Raises:
            NotFoundError: the table has no such snapshot, or it is no ancestor of the newest one.
            JobError: it is the newest one.
        """
        table = self.table()
        table.committed_at(snapshot_id)
        found, child = table.current_snapshot_id(), None
        while found is not None and found != snapshot_id:
            snapshot = table.table.snapshot_by_id(found)
            found, child = (None if snapshot is None else snapshot.parent_snapshot_id), found
        if found is None:
            msg = f"model {self.name}: snapshot {snapshot_id} of {table.name} is no ancestor of its newest one, "
            raise NotFoundError(msg + f"{table.current_snapshot_id()}; was the table rolled back?")
        if child is None:
            msg = f"model {self.name}: {table.name} has no snapshot after {snapshot_id} yet; start when it has one"
            raise JobError(msg)
        return child

    def check_appended(self) -> None:
        """Raise JobError when a commit after `after` did not only append: Iceberg's reader passes it over, unsaid."""
        found = [] if self.after is None else rewrites_after(self.table(), self.after)
        if found:
            snapshot_id, operation = found[0]
            msg = f"model {self.name}: snapshot {snapshot_id} of {self.source.name}, after {self.after}, has operation "
            msg += f"{operation!r}; expected 'append': its rows would not be learned; "
            raise JobError(msg + f"start after {found[-1][0]}, or without --after")

    def taught(self, columns: Sequence[Field], parent: ModelVersion | None) -> Taught:
        """All that the learner's function is told."""
        artifacts = str(self.store.artifacts.folder.resolve())
        spec = LearnerSpec(self.learner, dict(self.arguments))
        start = None if parent is None else parent.facts.artifact
        return Taught(self.run_id, spec, self.policy, artifacts, start, self.places_in(columns))

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

    def parent(self) -> ModelVersion | None:
        """The version to start from; its files are whole."""
        if self.start is None:
            return None
        found = self.store.version(self.start)
        if found.model != self.name:
            msg = f"model {self.name}: {self.start} is a version of another model; register its files as one of this"
            raise ModelError(msg)
        self.store.artifacts.verify(found.facts.artifact)
        return found

    def configure(self) -> dict[str, str]:
        """The Flink options of the job; those of the settings win."""
        flink = self.platform.settings.flink
        checkpointing = Checkpointing(flink.checkpoint_dir, flink.savepoint_dir, self.checkpoint_interval)
        parallelism = {"parallelism.default": str(flink.parallelism)}
        return {**checkpointing.configuration, **BUNDLES, **parallelism, **flink.configuration}

    def table(self) -> IcebergTable:
        """The table of the labelled rows."""
        return self.platform.iceberg.named(self.source.name)

    def _check_declaration(self) -> None:
        """Raise DefinitionError, saying what the class lacks."""
        kind = type(self).__name__
        if not NAME.fullmatch(self.name):
            msg = f"{kind}.name is {self.name!r}; expected a model's name, such as 'late_flights'"
            raise DefinitionError(msg)
        if not isinstance(getattr(self, "source", None), features.IcebergTable):
            msg = f"{kind}.source is {getattr(self, 'source', None)!r}; expected an IcebergTable('namespace.table')"
            raise DefinitionError(msg)
        if not FUNCTION.fullmatch(self.learner):
            msg = f"{kind}.learner is {self.learner!r}; expected 'package.module:function'"
            raise DefinitionError(msg)
        self.check_gates(kind, [SET])
        for name in ("micro_batch_rows", "micro_batch_seconds"):
            if not 0 < getattr(self, name) <= MOST[name]:
                msg = f"{kind}.{name} is {getattr(self, name)!r}; expected more than 0 and at most {MOST[name]:,}"
                raise DefinitionError(msg)
