"""Rows of a source from a file or a table, as a relation that looks like an archive: what local runs read."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from duckdb.sqltypes import FLOAT as FLOAT32
from duckdb.sqltypes import VARCHAR, DuckDBPyType

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_text import typed_sql
from headrace.compiler.plan import Column, SourcePlan
from headrace.connectors.duckdb_files import is_file, read_file
from headrace.errors import RequestError, SchemaMismatchError, did_you_mean
from headrace.features.scalar import BOOL, FLOAT, INT
from headrace.pipelines.local_tables import newest_foreign, open_archive, open_foreign
from headrace.pipelines.source_rows import archives, check_sources, unite

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable

#: Types that a CSV file has as text, and a file with types has itself.
PARSED = frozenset({INT, FLOAT, BOOL})
#: From here on a float may stand for the integer beside it, by the bits that a number of that type has.
INEXACT_FROM = {pa.float32(): 1 << 24, pa.float64(): 1 << 53}

#: Rows, or where they are: a .csv or .parquet file, a Delta table's folder or URL, or an Iceberg table, an archive of
#: ours or another system's.
Rows: TypeAlias = str | pa.Table
#: The rows of a source; of a union, for each source by its name.
Given: TypeAlias = Rows | Mapping[str, Rows]


def open_input(
    connection: duckdb.DuckDBPyConnection,
    source: SourcePlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    sample: int | None = None,
) -> None:
    """Make the view `archive` of the rows that are given.

    `load` finds an Iceberg table by its name; `sample` takes the first rows only, of a union those of each source.
    In an Arrow table whole floats are integers where the source has them: pandas keeps integers with a missing one so.

    Raises:
        NotFoundError: there is no such file or table, or a table was never written to.
        SchemaMismatchError: it lacks columns of the source, has text where numbers or booleans should be, or, as an
            Arrow table, floats that are no integers where these should be.
        UnsupportedError: rows were deleted from a table's files, or they do not hold its rows as they are.
        RequestError: of a union, not each source has rows, or another one has.
    """
    for part, name, rows in zip(source.parts, archives(source), _each(source, given), strict=True):
        open_rows(connection, part, name, rows, load, sample)
    unite(connection, source)


def _each(source: SourcePlan, given: Given) -> list[Rows]:
    """What is given for each of a source's parts."""
    if not isinstance(given, Mapping) and not source.members:
        return [given]
    names = [part.name for part in source.parts]
    if isinstance(given, Mapping):
        check_sources(source, given)
        if len(given) == len(names):
            return [given[name] for name in names]
    wanted = ", ".join(f"{name}=..." for name in names)
    msg = f"{source.name} is a union: expected the rows of each of its sources ({wanted}), found {_in_words(given)}"
    raise RequestError(msg)


def _in_words(given: Given) -> str:
    """What is given, without the rows that are in memory."""
    if isinstance(given, Mapping):
        return f"those of {', '.join(given) or 'none'}"
    return "an Arrow table" if isinstance(given, pa.Table) else f"{given!r}"


def open_rows(
    connection: duckdb.DuckDBPyConnection,
    source: SourcePlan,
    name: str,
    given: Rows,
    load: Callable[[str], IcebergTable],
    sample: int | None = None,
) -> None:
    """Make a view, under a name, of the rows of one source that is no union; errors are `open_input`'s."""
    if isinstance(given, pa.Table) or is_file(given):
        open_file(connection, source, given, name, sample)
        return
    foreign = newest_foreign(source, given, load)
    if foreign is None:
        open_archive(connection, source, load(given), name, sample)
    else:
        open_foreign(connection, source, foreign, name, sample)


def open_file(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, given: Rows, name: str, sample: int | None = None
) -> None:
    """Make a view of a file or an Arrow table, with the columns of an archive; errors are `open_input`'s."""
    rows = _rows(connection, source, given)
    missing = [column.name for column in source.columns if not column.optional and column.name not in rows.columns]
    if missing:
        hint = did_you_mean(missing[0], rows.columns)
        msg = f"{named_rows(given)}: has no column {missing[0]!r} of source {source.name}; {hint}"
        raise SchemaMismatchError(msg)
    types = dict(zip(rows.columns, rows.types, strict=True))
    texts = ", ".join(_text(column, types.get(column.name)) for column in source.columns)
    chosen = rows if sample is None else rows.limit(sample)
    chosen.project(f"{texts}, row_number() OVER () - 1 AS _place").create(f"{name}_given")
    connection.execute(f"CREATE VIEW {name} AS {typed_sql(source, f'{name}_given', '_place')}")


def named_rows(given: Rows) -> str:
    """What an error calls the rows."""
    return given if isinstance(given, str) else "the rows given"


def _refuse_text(source: SourcePlan, given: str, texts: Container[str]) -> None:
    """Refuse text where a file that has types should have another: live stream and training sets parse none."""
    for column in source.columns:
        if column.type in PARSED and column.name in texts:
            msg = (
                f"{given}: column {column.name!r} is text, expected {column.type} of source {source.name}; cast it in "
            )
            msg += "the file, or declare it as str"
            raise SchemaMismatchError(msg)


def _rows(connection: duckdb.DuckDBPyConnection, source: SourcePlan, given: Rows) -> duckdb.DuckDBPyRelation:
    """The rows of a file or an Arrow table."""
    if isinstance(given, str):
        rows = read_file(connection, given)
    else:
        _check_names(given)
        rows = connection.from_arrow(_with_integers(source, given))
    if not isinstance(given, str) or Path(given).suffix != ".csv":
        types = zip(rows.columns, rows.types, strict=True)
        _refuse_text(source, named_rows(given), {name for name, type_ in types if type_ == VARCHAR})
    return rows


def _check_names(rows: pa.Table) -> None:
    """SchemaMismatchError where two columns have one name: DuckDB would rename one of them."""
    names = [name.lower() for name in rows.column_names]
    if twins := sorted({name for name in names if names.count(name) > 1}):
        msg = f"{named_rows(rows)}: two columns are named {twins[0]!r} (case does not count); rename or drop one"
        raise SchemaMismatchError(msg)


def _with_integers(source: SourcePlan, rows: pa.Table) -> pa.Table:
    """The rows, with integers where floats are given for a column of them; SchemaMismatchError for one that is none."""
    for column in source.columns:
        place = rows.schema.get_field_index(column.name)
        if place >= 0 and column.type == INT:
            given = _plain(rows[column.name])
            found = _integers(column.name, given, source) if given.type in INEXACT_FROM else given
            rows = rows.set_column(place, column.name, found)
    return rows


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values, of a dictionary (pandas: of categories) those that it stands for."""
    return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values


def _integers(name: str, floats: pa.ChunkedArray, source: SourcePlan) -> pa.ChunkedArray:
    """Whole floats as integers."""
    wide = floats.cast(pa.float64())
    is_exact = pc.less(pc.abs(wide), float(INEXACT_FROM[floats.type]))
    row = pc.index(pc.and_(pc.equal(pc.floor(wide), wide), is_exact), value=False).as_py()
    if row >= 0:
        msg = f"the rows given: column {name!r} is {wide[row].as_py()!r} ({floats.type}) in row {row}, expected int of "
        msg += f"source {source.name}; pandas makes floats of integers where one is missing: before that, "
        msg += f"df[{name!r}].astype('Int64')"
        raise SchemaMismatchError(msg)
    return wide.cast(pa.int64())


def _text(column: Column, type_: DuckDBPyType | None) -> str:
    """A column as text, a struct or a list as JSON unless it is text already; NULL where the file has none.

    The shortest text of a float of 32 bits is that of another one of 64; in JSON it has all digits.
    """
    name = DUCKDB.identifier(column.name)
    exact = f"CAST({name} AS DOUBLE)" if type_ == FLOAT32 else name
    stored = "NULL" if type_ is None else exact
    given = f"to_json({name})" if column.fields and type_ not in {None, VARCHAR} else stored
    return f"CAST({given} AS VARCHAR) AS {name}"
