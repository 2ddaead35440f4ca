"""Tables as the rows of a source in a local run: archives of ours as they are, and other systems' with positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from headrace.compiler.plan import SourcePlan
from headrace.connectors.schema import archive_fields, fields_of
from headrace.errors import NotFoundError

if TYPE_CHECKING:
    from headrace.connectors.foreign import ForeignVersion
    from headrace.connectors.iceberg import IcebergTable

#: The folder by which a Delta table is known.
DELTA_LOG = "_delta_log"


def newest_foreign(source: SourcePlan, given: str, load: Callable[[str], IcebergTable]) -> ForeignVersion | None:
    """The newest version of a table that another system writes; None for an archive of ours.

    `given`: a Delta table's folder or URL, the name that the source's history has, or an Iceberg table, which `load`
    finds by its name.

    Raises:
        NotFoundError: there is no such table, or it was never written to.
        UnsupportedError: a Delta table with features that change what its files mean.
    """
    if _is_delta(source, given):
        # Loaded where it is needed, as the next one: a first value is wanted in two seconds.
        from headrace.connectors.delta import read_version

        return read_version(given)
    from headrace.connectors.foreign import IcebergVersion, is_archive

    table = load(given)
    return None if is_archive(table) else IcebergVersion(table, newest_snapshot(source, table))


def newest_snapshot(source: SourcePlan, table: IcebergTable) -> int:
    """The newest snapshot of a table. NotFoundError for one that was never written to."""
    snapshot = table.current_snapshot_id()
    if snapshot is None:
        msg = f"{source.name}: Iceberg table {table.name} is empty: nothing to read; write its rows first"
        raise NotFoundError(msg)
    return snapshot


def open_foreign(
    connection: duckdb.DuckDBPyConnection,
    source: SourcePlan,
    version: ForeignVersion,
    name: str,
    sample: int | None = None,
) -> int:
    """Make a table, under a name, of a version's rows and their positions in it; returns how many there are.

    `sample` takes the first rows only.

    Raises:
        SchemaMismatchError: the version lacks columns of the source.
        NotFoundError: a file of the version is gone.
    """
    from headrace.connectors.foreign import arrow_type, check_columns, positioned

    columns = fields_of(source.columns)
    check_columns(version, columns)
    schema = pa.schema([(field.name, arrow_type(field)) for field in archive_fields(source.columns)])
    connection.from_arrow(schema.empty_table()).create(name)
    for rows in _first(positioned(version, columns, source.event_time), sample):
        connection.from_arrow(rows).insert_into(name)
    return len(connection.table(name))


def open_archive(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, table: IcebergTable, name: str, sample: int | None = None
) -> None:
    """Make a view, under a name, of an archive's rows, or of the first of them.

    Raises:
        SchemaMismatchError: it lacks columns of the source or of an archive.
    """
    table.check_columns(archive_fields(source.columns))
    rows = table.relation(connection)
    (rows if sample is None else rows.limit(sample)).create_view(name)


def _is_delta(source: SourcePlan, given: str) -> bool:
    """Whether rows are in Delta: no Iceberg table has a name that is an address."""
    own = source.history
    is_own = own is not None and (own.kind, own.name) == ("delta", given)
    return is_own or "://" in given or (Path(given) / DELTA_LOG).exists()


def _first(tables: Iterable[pa.Table], count: int | None) -> Iterator[pa.Table]:
    """The tables up to so many rows; all of them for None."""
    left = count
    for rows in tables:
        yield rows.slice(0, left)
        if left is not None:
            left -= rows.num_rows
            if left <= 0:
                return
