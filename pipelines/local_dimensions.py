"""The dimensions that a view joins, for a local run: their tables as they are, or files that are given for them."""

# ruff: noqa: S608 (the only thing put into a query is the name of a relation)
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_lookups import known_until, relation_of
from headrace.compiler.lookups import dimensions_of, table_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.duckdb_files import is_file
from headrace.errors import NotFoundError, SchemaMismatchError, SettingsError, did_you_mean
from headrace.features.dimension_table import DimensionTable
from headrace.pipelines.completeness import complete_to
from headrace.pipelines.local_input import Rows, named_rows, open_file
from headrace.pipelines.local_tables import newest_foreign, newest_snapshot, open_archive, open_foreign
from headrace.pipelines.repeated_keys import refuse_repeated

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable


def open_dimensions(
    connection: duckdb.DuckDBPyConnection,
    plan: ViewPlan,
    given: Mapping[str, Rows],
    load: Callable[[str], IcebergTable],
) -> None:
    """Make the relations of a view's dimensions: of their own tables as they are now, or of what is given for some.

    What is given is, by the dimension's name, an Arrow table, a .csv or .parquet file, a Delta table's folder or URL,
    or an Iceberg table. A file and rows in memory are complete to every time, a table to what `complete_to` says.

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
    given: Rows | None = None,
) -> None:
    """Make the relation of one dimension: of its own table as it is now, or of what is given; as `open_dimensions`."""
    place = table.location if given is None else given
    if isinstance(place, pa.Table) or is_file(place):
        _open_file(connection, dimension, place)
    else:
        try:
            _open_table(connection, dimension, place, load, table.delay_us)
        except NotFoundError as error:
            msg = f"dimension {dimension.name}: {error}"
            raise NotFoundError(msg) from error
    refuse_repeated(connection, table, named_rows(place))


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


def _open_file(connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, rows: Rows) -> None:
    """The rows of a .csv or .parquet file, or in memory."""
    open_file(connection, dimension, rows, relation_of(dimension.name))
    check_versions(connection, dimension, named_rows(rows))
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
    foreign = newest_foreign(dimension, table, load)
    if foreign is None:
        archive = load(table)
        open_archive(connection, dimension, archive, name)
        committed = archive.committed_at(newest_snapshot(dimension, archive))
        make_known(connection, dimension.name, complete_to(committed, archive.properties, delay))
        return
    if not open_foreign(connection, dimension, foreign, name):
        msg = f"{foreign.origin} is empty, so no event would see anything"
        raise NotFoundError(msg)
    make_known(connection, dimension.name, complete_to(foreign.committed_at, foreign.properties, delay))
