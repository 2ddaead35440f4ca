"""The dimensions that a view joins, for a local run: their tables as they are, or files that are given for them."""

# ruff: noqa: S608 (the only thing put into a query is the name of a relation)
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_lookups import known_until, relation_of
from headrace.compiler.lookups import dimensions_of, table_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.duckdb_files import is_file
from headrace.connectors.schema import archive_fields, fields_of
from headrace.errors import NotFoundError, SchemaMismatchError, SettingsError, did_you_mean
from headrace.features.dimension_table import DimensionTable
from headrace.pipelines.completeness import complete_to
from headrace.pipelines.local_input import DELTA_LOG, open_file
from headrace.pipelines.repeated_keys import refuse_repeated

if TYPE_CHECKING:
    from headrace.connectors.foreign import ForeignVersion
    from headrace.connectors.iceberg import IcebergTable


def open_dimensions(
    connection: duckdb.DuckDBPyConnection,
    plan: ViewPlan,
    given: Mapping[str, str],
    load: Callable[[str], IcebergTable],
) -> None:
    """Make the relations of a view's dimensions: of their own tables as they are now, or of what is given for some.

    What is given is, by the dimension's name, a .csv or .parquet file, a Delta table's folder or an Iceberg table. A
    file is complete to every time, a table to what `complete_to` says.

    Raises:
        SettingsError: something is given for a dimension that the view does not join.
        NotFoundError: there is no such file or table, or it is empty.
        SchemaMismatchError: it lacks columns of the dimension, a text in a file is no value of its column's type, or
            rows of a look-up table have one key.
    """
    known = {dimension.name: dimension for dimension in dimensions_of(plan)}
    for name in sorted(given.keys() - known.keys()):
        msg = f"view {plan.name}: joins no dimension {name!r}; {did_you_mean(name, known)}"
        raise SettingsError(msg)
    for name, dimension in known.items():
        open_dimension(connection, dimension, table_of(plan, name), load, given.get(name))


def open_dimension(
    connection: duckdb.DuckDBPyConnection,
    dimension: SourcePlan,
    table: DimensionTable,
    load: Callable[[str], IcebergTable],
    given: str | None = None,
) -> None:
    """Make the relation of one dimension: of its own table as it is now, or of what is given; as `open_dimensions`."""
    place = given or table.location
    if is_file(place):
        _open_file(connection, dimension, place)
    else:
        _open_table(connection, dimension, place, load, table.delay_us)
    refuse_repeated(connection, table, place)


def make_known(connection: duckdb.DuckDBPyConnection, dimension: str, until_us: int | None) -> None:
    """Say to which time (µs) the opened versions of a dimension are complete; None: to every time."""
    until = "NULL" if until_us is None else str(until_us)
    connection.execute(f"CREATE OR REPLACE MACRO {known_until(dimension)}() AS CAST({until} AS BIGINT)")


def check_versions(connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, given: str) -> None:
    """Raise SchemaMismatchError for a row of a dimension's relation that has a text which is no value of its column."""
    rows = f"SELECT _src_offset, _error FROM {relation_of(dimension.name)}"
    for row, error in connection.sql(f"{rows} WHERE _error IS NOT NULL ORDER BY ALL LIMIT 1").fetchall():
        msg = f"{given}: dimension {dimension.name}: row {row} cannot be read, {error}; the first row is 0"
        raise SchemaMismatchError(msg)


def _open_file(connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, table: str) -> None:
    """The rows of a .csv or .parquet file."""
    open_file(connection, dimension, table, relation_of(dimension.name))
    check_versions(connection, dimension, table)
    make_known(connection, dimension.name, None)


def _open_table(
    connection: duckdb.DuckDBPyConnection,
    dimension: SourcePlan,
    table: str,
    load: Callable[[str], IcebergTable],
    delay: int,
) -> None:
    """A table at its newest version."""
    name = relation_of(dimension.name)
    foreign = _foreign_version(dimension, table, load)
    if foreign is None:
        archive = load(table)
        archive.check_columns(archive_fields(dimension.columns))
        archive.relation(connection).create_view(name)
        committed = archive.committed_at(newest_snapshot(dimension, archive))
        make_known(connection, dimension.name, complete_to(committed, archive.properties, delay))
        return
    from headrace.connectors.foreign import check_columns, positioned

    columns = fields_of(dimension.columns)
    check_columns(foreign, columns)
    rows = list(positioned(foreign, columns, dimension.event_time))
    if not rows:
        raise NotFoundError(_empty(dimension, str(foreign.origin)))
    connection.from_arrow(pa.concat_tables(rows)).create(name)
    make_known(connection, dimension.name, complete_to(foreign.committed_at, foreign.properties, delay))


def _foreign_version(dimension: SourcePlan, table: str, load: Callable[[str], IcebergTable]) -> ForeignVersion | None:
    """The newest version of a table of another system; None for an archive of ours."""
    own = dimension.history
    if (Path(table) / DELTA_LOG).exists() or (own is not None and (own.kind, own.name) == ("delta", table)):
        # Loaded where it is needed, as the next one: a first value is wanted in two seconds.
        from headrace.connectors.delta import read_version

        return read_version(table)
    from headrace.connectors.foreign import IcebergVersion, is_archive

    found = load(table)
    return None if is_archive(found) else IcebergVersion(found, newest_snapshot(dimension, found))


def newest_snapshot(dimension: SourcePlan, table: IcebergTable) -> int:
    """The newest snapshot."""
    snapshot = table.current_snapshot_id()
    if snapshot is None:
        raise NotFoundError(_empty(dimension, f"Iceberg table {table.name}"))
    return snapshot


def _empty(dimension: SourcePlan, table: str) -> str:
    """What is wrong with a table without rows."""
    return f"dimension {dimension.name}: {table} is empty, so no event would see anything"
