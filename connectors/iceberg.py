"""Iceberg: catalogs, tables, snapshots and what an archive holds. With `iceberg_schema` alone, it imports pyiceberg."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    NamespaceAlreadyExistsError,
    NoSuchNamespaceError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import ALWAYS_TRUE, Table
from pyiceberg.table.snapshots import Snapshot, Summary, ancestors_of
from sqlalchemy.exc import SQLAlchemyError

from headrace.connectors.catalog_file import alone, prepare
from headrace.connectors.iceberg_options import flink_catalog, local_path, python_catalog, sqlite_path
from headrace.connectors.iceberg_schema import fields_of_schema, schema_of
from headrace.connectors.prefix import PREFIX_COLUMNS, PartitionPrefix, prefix_of
from headrace.connectors.schema import Field, differences
from headrace.errors import ConnectorError, NotFoundError, SchemaMismatchError, UnsupportedError, did_you_mean
from headrace.features.instant import EPOCH
from headrace.features.table_name import split_name

T = TypeVar("T")
#: Writers that lose a race try again: with four writers, twenty tries leave no loser by any likelihood worth naming.
COMMIT_TRIES = 20
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
#: What every table of ours gets: Java's writers retry as often as ours, old metadata files do not pile up, and values
#: are counted in all columns of a wide table, not in the first hundred alone: what is counted need not be read.
TABLE_PROPERTIES = {
    "format-version": "2",
    "commit.retry.num-retries": str(COMMIT_TRIES),
    "commit.retry.total-timeout-ms": "600000",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "50",
    "write.metadata.metrics.max-inferred-column-defaults": "1000",
    "write.parquet.compression-codec": "zstd",
}
#: What Flink's Iceberg sink notes in the summary of each snapshot.
FLINK_JOB, FLINK_CHECKPOINT = "flink.job-id", "flink.max-committed-checkpoint-id"
#: Where the summary of a snapshot counts its new rows; it is left out where there are none.
ADDED = "added-records"


@dataclass(frozen=True, slots=True)
class FlinkCommit:
    """A snapshot that a Flink job committed, the checkpoint up to which it did, and the snapshot before it, if any."""

    snapshot_id: int
    parent_id: int | None
    job_id: str
    checkpoint_id: int


@dataclass(frozen=True, slots=True)
class IcebergCatalog:
    """A catalog by pyiceberg's own properties (`type`, `uri`, `warehouse`, …), opaque to headrace and never printed.

    Flink and pyiceberg share a JDBC catalog only under the same `name`; `local` is a reserved word of pyiceberg.

    >>> IcebergCatalog.sqlite("house", Path("/tmp/lake")).flink_options("raw", "clicks")["uri"]
    'jdbc:sqlite:/tmp/lake/catalog.db?busy_timeout=60000'
    """

    name: str
    properties: Mapping[str, str] = field(repr=False, default_factory=dict)

    @classmethod
    def sqlite(cls, name: str, folder: Path) -> IcebergCatalog:
        """The default: a catalog in one SQLite file, and the tables' files beside it in `warehouse`."""
        place = folder.resolve()
        uri = f"sqlite:///{place / 'catalog.db'}"
        return cls(name, {"type": "sql", "uri": uri, "warehouse": f"file://{place / 'warehouse'}"})

    def flink_options(self, namespace: str, table: str, snapshot_id: int | None = None) -> dict[str, str]:
        """Options of a Flink temporary table over an existing table of this catalog, perhaps at a snapshot."""
        named = {"catalog-name": self.name, "catalog-database": namespace, "catalog-table": table}
        pinned = {} if snapshot_id is None else {"snapshot-id": str(snapshot_id)}
        return {"connector": "iceberg", **flink_catalog(self.properties), **named, **pinned}

    def create_namespace(self, namespace: str) -> None:
        """Create the namespace unless it is there."""
        try:
            self._call(lambda: self._open().create_namespace(namespace))
        except NamespaceAlreadyExistsError:
            return
        except ConnectorError:
            # Two who create it at once: the SQL catalog tells the second by a broken key of its database.
            if not self._has_namespace(namespace):
                raise

    def create_table(
        self, namespace: str, table: str, fields: Sequence[Field], properties: Mapping[str, str] | None = None
    ) -> IcebergTable:
        """Create the table (and its namespace) unless it is there.

        Raises SchemaMismatchError when it is there with other columns.
        """
        self.create_namespace(namespace)
        try:
            options = {**TABLE_PROPERTIES, **(properties or {})}
            self._call(lambda: self._open().create_table((namespace, table), schema_of(fields), properties=options))
        except TableAlreadyExistsError:
            self.load(namespace, table).check_columns(fields)
        return self.load(namespace, table)

    def drop_table(self, table: IcebergTable) -> None:
        """Take a table out of the catalog; its files stay, and a table that is gone is not missed."""
        with suppress(NoSuchTableError):
            self._call(lambda: self._open().drop_table(table.name))

    def tables(self, namespace: str) -> list[str]:
        """The names of the namespace's tables; none when there is no such namespace."""
        try:
            return sorted(found[-1] for found in self._call(lambda: self._open().list_tables(namespace)))
        except NoSuchNamespaceError:
            return []

    def has_table(self, namespace: str, table: str) -> bool:
        """Whether the table exists."""
        return table in self.tables(namespace)

    def load(self, namespace: str, table: str) -> IcebergTable:
        """The table as it is now; NotFoundError with a suggestion when there is none."""
        try:
            return IcebergTable(self, self._call(lambda: self._open().load_table((namespace, table))))
        except (NoSuchTableError, NoSuchNamespaceError) as error:
            known = [f"{namespace}.{name}" for name in self.tables(namespace)]
            hint = did_you_mean(f"{namespace}.{table}", known)
            msg = f"no Iceberg table {namespace}.{table} in catalog {self.name!r}; {hint}"
            raise NotFoundError(msg) from error

    def named(self, name: str) -> IcebergTable:
        """The table `namespace.table`; NotFoundError, with a suggestion, when there is none, or none can be."""
        found = split_name(name)
        if found is None:
            msg = f"{name!r} is no Iceberg table: expected namespace.table, such as 'raw.transactions'"
            raise NotFoundError(msg)
        return self.load(*found)

    def _has_namespace(self, namespace: str) -> bool:
        """Whether the namespace exists."""
        try:
            self._call(lambda: self._open().load_namespace_properties(namespace))
        except NoSuchNamespaceError:
            return False
        return True

    def _open(self) -> Catalog:
        """The catalog itself, opened once a process."""
        return _opened(self.name, tuple(sorted(self.properties.items())))

    def _call(self, action: Callable[[], T]) -> T:
        """An action on the catalog; a broken database or service is a ConnectorError that names it."""
        try:
            return action()
        except (SQLAlchemyError, OSError) as error:
            msg = f"Iceberg catalog {self.name!r} ({self.properties.get('uri', 'no uri')}): {error}"
            raise ConnectorError(msg) from error


class IcebergTable:
    """A table at the metadata with which it was loaded; `refresh` for newer."""

    def __init__(self, catalog: IcebergCatalog, table: Table) -> None:
        self.catalog = catalog
        self.table = table

    @property
    def name(self) -> str:
        """`namespace.table`."""
        return ".".join(self.table.name())

    def flink_options(self, snapshot_id: int | None = None) -> dict[str, str]:
        """Options of a Flink temporary table over it, perhaps at a snapshot."""
        namespace, _, name = self.name.rpartition(".")
        return self.catalog.flink_options(namespace, name, snapshot_id)

    @property
    def uuid(self) -> str:
        """What stays when the table is renamed, and changes when it is dropped and made anew."""
        return str(self.table.metadata.table_uuid)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The current columns; a type outside `schema.TYPES` appears by Iceberg's own name."""
        return fields_of_schema(self.table.schema())

    @property
    def properties(self) -> Mapping[str, str]:
        """What writers noted about the table."""
        return dict(self.table.properties)

    def set_properties(self, properties: Mapping[str, str]) -> None:
        """Note something about the table."""

        def change(table: Table) -> None:
            with table.transaction() as transaction:
                transaction.set_properties(dict(properties))

        self.commit(change)

    def fields_at(self, snapshot_id: int) -> tuple[Field, ...]:
        """The columns when a snapshot was committed. NotFoundError when it is gone."""
        schema = self.table.schemas()[self._found(snapshot_id).schema_id or 0]
        return fields_of_schema(schema)

    def committed_at(self, snapshot_id: int) -> datetime:
        """When a snapshot was committed (processing time). NotFoundError when it is gone."""
        return EPOCH + timedelta(milliseconds=self._found(snapshot_id).timestamp_ms)

    def refresh(self) -> IcebergTable:
        """The table as it is now."""
        self.catalog._call(self.table.refresh)
        return self

    def check_columns(self, expected: Sequence[Field]) -> None:
        """Raise SchemaMismatchError, listing every difference, unless the table has these columns."""
        found = differences(self.fields, expected)
        if found:
            msg = f"Iceberg table {self.name}: {'; '.join(found)}"
            raise SchemaMismatchError(msg)

    def current_snapshot_id(self) -> int | None:
        """The newest snapshot; None for a table that was never written."""
        found = self.table.current_snapshot()
        return None if found is None else int(found.snapshot_id)

    def snapshot_at(self, instant: datetime) -> int | None:
        """The newest snapshot that was committed by an instant (processing time) and is still there, if any."""
        by_then = [found for found in self.table.snapshots() if self.committed_at(found.snapshot_id) <= instant]
        newest = max(by_then, key=lambda found: found.sequence_number or 0, default=None)
        return None if newest is None else int(newest.snapshot_id)

    def has_snapshot(self, snapshot_id: int) -> bool:
        """Whether the snapshot is still there (not expired)."""
        return self.table.snapshot_by_id(snapshot_id) is not None

    def tags(self) -> dict[str, int]:
        """The snapshot of each tag."""
        refs = self.table.metadata.refs.items()
        return {name: ref.snapshot_id for name, ref in refs if ref.snapshot_ref_type == "tag"}

    def tag(self, name: str, snapshot_id: int) -> None:
        """Protect a snapshot from expiry under a name. NotFoundError when it is gone; a tag is never moved."""
        self._found(snapshot_id)
        if self.tags().get(name, snapshot_id) != snapshot_id:
            msg = f"Iceberg table {self.name}: tag {name!r} already names snapshot {self.tags()[name]}"
            raise ConnectorError(msg)
        self.commit(lambda table: table.manage_snapshots().create_tag(snapshot_id, name).commit())

    def remove_tag(self, name: str) -> None:
        """Give a tagged snapshot up to expiry; nothing when there is no such tag."""
        if name in self.refresh().tags():
            self.commit(lambda table: table.manage_snapshots().remove_tag(name).commit())

    def append(self, rows: pa.Table) -> int:
        """Append the rows in one commit; returns its snapshot id."""
        self.commit(lambda table: table.append(rows))
        return self.current_snapshot_id() or 0

    def fill(self, rows: Iterable[pa.Table]) -> None:
        """Write the first rows of a table, all in one commit; nothing when it has rows already.

        Raises ConnectorError when something else happened to the table at the same time.
        """
        if self.refresh().current_snapshot_id() is not None:
            return

        def write() -> None:
            with self.table.transaction() as transaction:
                for part in rows:
                    transaction.append(part)

        try:
            self.catalog._call(write)
        except CommitFailedException as error:
            if self.refresh().current_snapshot_id() is None:
                msg = f"Iceberg table {self.name}: was changed while it was filled; nothing was written, try again"
                raise ConnectorError(msg) from error

    def commit(self, change: Callable[[Table], None]) -> None:
        """Make a change on the newest metadata; tried again when another writer was faster.

        Raises ConnectorError after `COMMIT_TRIES` lost races.
        """
        for tries in range(COMMIT_TRIES):
            try:
                self.catalog._call(lambda: change(self.table))
                return
            except CommitFailedException as error:
                lost = error
                time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**tries)))  # noqa: S311
                self.refresh()
        msg = f"Iceberg table {self.name}: other writers were faster {COMMIT_TRIES} times"
        raise ConnectorError(msg) from lost

    def arrow(
        self, snapshot_id: int | None = None, columns: Sequence[str] | None = None, where: str | None = None
    ) -> pa.Table:
        """Rows of a snapshot (default: the newest) in memory: some columns, and the rows where a filter text holds."""
        return self._scan(snapshot_id, columns, where).to_arrow()

    def batches(self, snapshot_id: int | None = None, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The rows batch by batch, oldest commit first. UnsupportedError when rows were deleted from the files."""
        place = {path: number for number, path in enumerate(self.files_in_order(snapshot_id))}
        scan = self._scan(snapshot_id, columns, None)
        tasks = sorted(scan.plan_files(), key=lambda task: place[task.file.file_path])
        reader = ArrowScan(self.table.metadata, self.table.io, scan.projection(), scan.row_filter)
        yield from reader.to_record_batches(tasks)

    def files(self, snapshot_id: int | None = None) -> list[str]:
        """The data files of a snapshot. UnsupportedError when rows were deleted from them: append-only tables only."""
        if self._snapshot(snapshot_id) is None:
            return []
        tasks = list(self._scan(snapshot_id, None, None).plan_files())
        if any(task.delete_files for task in tasks):
            msg = f"Iceberg table {self.name}: has delete files; only append-only tables are read"
            raise UnsupportedError(msg)
        return sorted(task.file.file_path for task in tasks)

    def files_after(self, snapshot_id: int | None) -> list[str]:
        """The data files that commits after a snapshot added (None: all), read from the manifests of those commits.

        All files when the snapshot is no ancestor of the newest, such as an expired one.
        """
        commits = self._commits_after(snapshot_id)
        if commits is None:
            return self.files()
        manifests = [
            manifest
            for commit in commits
            for manifest in commit.manifests(self.table.io)
            if manifest.added_snapshot_id == commit.snapshot_id
        ]
        entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(self.table.io)]
        return sorted(entry.data_file.file_path for entry in entries if entry.status.name == "ADDED")

    def _commits_after(self, snapshot_id: int | None) -> list[Snapshot] | None:
        """The newest snapshot and its ancestors, down to one; None when that is not among them."""
        commits: list[Snapshot] = []
        for found in self.ancestry():
            if found.snapshot_id == snapshot_id:
                return commits
            commits.append(found)
        return None

    def ancestry(self) -> Iterator[Snapshot]:
        """The newest snapshot and its ancestors, newest first, as far as they are there."""
        return iter(ancestors_of(self.table.current_snapshot(), self.table.metadata))

    def files_in_order(self, snapshot_id: int | None = None) -> list[str]:
        """The data files of a snapshot, oldest commit first. UnsupportedError when rows were deleted from them."""
        live = set(self.files(snapshot_id))
        found = self.table.snapshot_by_id(self._snapshot(snapshot_id) or 0)
        manifests = found.manifests(self.table.io) if found else []
        entries = [entry for manifest in manifests for entry in manifest.fetch_manifest_entry(self.table.io)]
        placed = sorted((entry.sequence_number or 0, entry.data_file.file_path) for entry in entries)
        return [path for _, path in placed if path in live]

    def flink_commits(self) -> list[FlinkCommit]:
        """The snapshots that Flink jobs committed, oldest first."""
        return [commit for commit, _ in self._flink_summaries()]

    def flink_appends(self, noted: Mapping[str, str]) -> list[FlinkCommit]:
        """Those of `flink_commits` that added rows and say what is `noted`; now and then a job commits without rows."""
        return [
            commit
            for commit, summary in self._flink_summaries()
            if summary[ADDED] and all(summary[name] == value for name, value in noted.items())
        ]

    def row_count(self, snapshot_id: int | None = None) -> int:
        """How many rows a snapshot has, from its metadata."""
        if self._snapshot(snapshot_id) is None:
            return 0
        return sum(task.file.record_count for task in self._scan(snapshot_id, None, None).plan_files())

    def relation(
        self,
        connection: duckdb.DuckDBPyConnection,
        snapshot_id: int | None = None,
        columns: Sequence[str] | None = None,
        *,
        ordered: bool = False,
        files: Sequence[str] | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """A snapshot as a DuckDB relation: read by DuckDB's own threads, only the columns that the query needs.

        Columns added after a file was written are NULL in it. `ordered` adds `_file` (number in the order of commits)
        and `_row` (place in the file). `files`: read these of the table's files instead of a snapshot's. Raises
        UnsupportedError for deletes.
        """
        wanted = [name for name in (columns or self.table.schema().column_names) if "." not in name]
        if files is None:
            files = (self.files_in_order if ordered else self.files)(snapshot_id)
        paths = [local_path(path) for path in files]
        empty = connection.from_arrow(self.table.schema().select(*wanted).as_arrow().empty_table())
        if not paths:
            return empty.project("*, 0 AS _file, 0 AS _row") if ordered else empty
        rows = connection.read_parquet(paths, union_by_name=True, filename=ordered, file_row_number=ordered)
        types = dict(zip(empty.columns, empty.types, strict=True))
        present = set(rows.columns)
        projected = [_projected(name, types[name], name in present) for name in wanted]
        place = [f"list_position({_texts(paths)}, filename) AS _file", "file_row_number AS _row"] if ordered else []
        return rows.project(", ".join([*projected, *place]))

    def prefix(self, snapshot_id: int | None = None) -> tuple[PartitionPrefix, ...]:
        """For each topic and partition of an archive: rows, distinct offsets, smallest and greatest offset."""
        with duckdb.connect() as connection:
            return prefix_of(self.relation(connection, snapshot_id, PREFIX_COLUMNS))

    def _flink_summaries(self) -> Iterator[tuple[FlinkCommit, Summary]]:
        """What Flink jobs committed, oldest first, and what is said of each."""
        for found in self.table.snapshots():
            summary = found.summary
            if summary is not None and (job := summary[FLINK_JOB]):
                number = int(str(summary[FLINK_CHECKPOINT]))
                yield FlinkCommit(found.snapshot_id, found.parent_snapshot_id, str(job), number), summary

    def _scan(self, snapshot_id: int | None, columns: Sequence[str] | None, where: str | None) -> Any:
        """A scan of a snapshot that is known to exist."""
        if snapshot_id is not None:
            self._found(snapshot_id)
        chosen = ("*",) if columns is None else tuple(columns)
        return self.table.scan(where or ALWAYS_TRUE, chosen, snapshot_id=snapshot_id)

    def _snapshot(self, snapshot_id: int | None) -> int | None:
        """The snapshot asked for, or the newest."""
        return self.current_snapshot_id() if snapshot_id is None else snapshot_id

    def _found(self, snapshot_id: int) -> Snapshot:
        """A snapshot; NotFoundError when it is not there, even after a look at the newest metadata."""
        found = self.table.snapshot_by_id(snapshot_id) or self.refresh().table.snapshot_by_id(snapshot_id)
        if found is None:
            known = [str(found.snapshot_id) for found in self.table.snapshots()][-5:]
            msg = (
                f"Iceberg table {self.name}: no snapshot {snapshot_id} (expired?); newest: {', '.join(known) or 'none'}"
            )
            raise NotFoundError(msg)
        return found


def _projected(name: str, type_: Any, present: bool) -> str:
    """A column of a relation; NULL of its type where no file has it yet."""
    quoted = '"' + name.replace('"', '""') + '"'
    return quoted if present else f"CAST(NULL AS {type_}) AS {quoted}"


def _texts(texts: Sequence[str]) -> str:
    """Texts as a list in SQL."""
    return "[" + ", ".join("'" + text.replace("'", "''") + "'" for text in texts) + "]"


@lru_cache(maxsize=32)
def _opened(name: str, properties: tuple[tuple[str, str], ...]) -> Catalog:
    """The catalog, its SQLite file prepared for many writers."""
    options = dict(properties)
    file = sqlite_path(options)
    if file is None:
        return load_catalog(name, **python_catalog(options))
    file.parent.mkdir(parents=True, exist_ok=True)
    with alone(file):
        catalog = load_catalog(name, **python_catalog(options))
        prepare(file)
    return catalog
