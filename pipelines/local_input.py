"""Rows of a source from a file or a table, as a relation that looks like an archive: what local runs read."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
from duckdb.sqltypes import FLOAT as FLOAT32
from duckdb.sqltypes import VARCHAR, DuckDBPyType

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_text import typed_sql
from headrace.compiler.plan import Column, SourcePlan
from headrace.connectors.duckdb_files import is_file, read_file
from headrace.errors import RequestError, SchemaMismatchError, did_you_mean
from headrace.features.scalar import BOOL, FLOAT, INT
from headrace.pipelines.local_tables import newest_foreign, open_archive, open_foreign
from headrace.pipelines.source_rows import archives, unite

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable

#: Types that a CSV file has as text, and a file with types has itself.
PARSED = frozenset({INT, FLOAT, BOOL})


#: Where rows are: a .csv or .parquet file, a Delta table's folder or URL, or an Iceberg table, an archive of ours or
#: another system's; of a union, for each source by its name.
Given = str | Mapping[str, str]


def open_input(
    connection: duckdb.DuckDBPyConnection,
    source: SourcePlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    sample: int | None = None,
) -> None:
    """Make the view `archive` of the rows that are given.

    `load` finds an Iceberg table by its name; `sample` takes the first rows only, of a union those of each source.

    Raises:
        NotFoundError: there is no such file or table, or a table was never written to.
        SchemaMismatchError: it lacks columns of the source, or has text where numbers or booleans should be.
        UnsupportedError: rows were deleted from a table's files, or they do not hold its rows as they are.
        RequestError: of a union, not each source has rows, or another one has.
    """
    for part, name, rows in zip(source.parts, archives(source), _each(source, given), strict=True):
        open_rows(connection, part, name, rows, load, sample)
    unite(connection, source)


def _each(source: SourcePlan, given: Given) -> list[str]:
    """What is given for each of a source's parts."""
    names = [part.name for part in source.parts]
    if isinstance(given, str) and not source.members:
        return [given]
    if isinstance(given, str) or set(given) != set(names):
        wanted = ", ".join(f"{name}=..." for name in names)
        msg = f"{source.name} is a union: expected the rows of each of its sources ({wanted}), found {given!r}"
        raise RequestError(msg)
    return [given[name] for name in names]


def open_rows(
    connection: duckdb.DuckDBPyConnection,
    source: SourcePlan,
    name: str,
    given: str,
    load: Callable[[str], IcebergTable],
    sample: int | None = None,
) -> None:
    """Make a view, under a name, of the rows of one source that is no union; errors are `open_input`'s."""
    if is_file(given):
        open_file(connection, source, given, name, sample)
        return
    foreign = newest_foreign(source, given, load)
    if foreign is None:
        open_archive(connection, source, load(given), name, sample)
    else:
        open_foreign(connection, source, foreign, name, sample)


def open_file(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, given: str, name: str, sample: int | None = None
) -> None:
    """Make a view of a file, with the columns of an archive; errors are `open_input`'s."""
    rows = _rows(connection, source, given)
    missing = [column.name for column in source.columns if not column.optional and column.name not in rows.columns]
    if missing:
        msg = f"{given}: has no column {missing[0]!r} of source {source.name}; {did_you_mean(missing[0], rows.columns)}"
        raise SchemaMismatchError(msg)
    types = dict(zip(rows.columns, rows.types, strict=True))
    texts = ", ".join(_text(column, types.get(column.name)) for column in source.columns)
    chosen = rows if sample is None else rows.limit(sample)
    chosen.project(f"{texts}, row_number() OVER () - 1 AS _place").create(f"{name}_given")
    connection.execute(f"CREATE VIEW {name} AS {typed_sql(source, f'{name}_given', '_place')}")


def _refuse_text(source: SourcePlan, given: str, texts: Container[str]) -> None:
    """Refuse text where a file that has types should have another: live stream and training sets parse none."""
    for column in source.columns:
        if column.type in PARSED and column.name in texts:
            msg = (
                f"{given}: column {column.name!r} is text, expected {column.type} of source {source.name}; cast it in "
            )
            msg += "the file, or declare it as str"
            raise SchemaMismatchError(msg)


def _rows(connection: duckdb.DuckDBPyConnection, source: SourcePlan, path: str) -> duckdb.DuckDBPyRelation:
    """The rows of a file."""
    rows = read_file(connection, path)
    if Path(path).suffix != ".csv":
        types = zip(rows.columns, rows.types, strict=True)
        _refuse_text(source, path, {name for name, type_ in types if type_ == VARCHAR})
    return rows


def _text(column: Column, type_: DuckDBPyType | None) -> str:
    """A column as text, a struct or a list as JSON unless it is text already; NULL where the file has none.

    The shortest text of a float of 32 bits is that of another one of 64; in JSON it has all digits.
    """
    name = DUCKDB.identifier(column.name)
    exact = f"CAST({name} AS DOUBLE)" if type_ == FLOAT32 else name
    stored = "NULL" if type_ is None else exact
    given = f"to_json({name})" if column.fields and type_ not in {None, VARCHAR} else stored
    return f"CAST({given} AS VARCHAR) AS {name}"
