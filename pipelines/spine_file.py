"""Spines in files: of a CSV file nothing is guessed that decides which entity or which instant a row means."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_text import with_offset_sql
from headrace.connectors.duckdb_files import read_file
from headrace.errors import RequestError
from headrace.features.scalar import DATETIME, STR

#: What an error shows of the rows that are wrong.
SHOWN_ROWS = 5
#: What DuckDB takes a column for in which some text has an offset. Those without one it then takes for UTC.
WITH_ZONE = "TIMESTAMP WITH TIME ZONE"


def read_spine_file(
    connection: duckdb.DuckDBPyConnection, path: str, event_time: str | None, types: Mapping[str, str]
) -> pa.Table:
    """The rows of a .parquet or .csv file.

    Args:
        connection: what reads it.
        path: the file.
        event_time: the column with the time of each row, where it was named.
        types: by column the type that features need; of a CSV file text stays text, and an instant must say which.

    Raises:
        NotFoundError: there is no such file.
        RequestError: of a CSV file, a row has a time that is no instant with an offset.
    """
    if Path(path).suffix == ".parquet":
        return read_file(connection, path).to_arrow_table()
    texts = [name for name, type_ in types.items() if type_ == STR]
    wanted = {event_time, *(name for name, type_ in types.items() if type_ == DATETIME)}
    guessed = read_file(connection, path, texts)
    found = dict(zip(guessed.columns, map(str, guessed.types), strict=True))
    instants = {name for name, type_ in found.items() if name in wanted or type_ == WITH_ZONE}
    return _with_instants(connection, read_file(connection, path, [*texts, *instants]).to_arrow_table(), instants)


def shown_rows(numbers: Sequence[int]) -> str:
    """Some row numbers, as an error shows them.

    >>> shown_rows([1]), shown_rows([1, 2, 3, 4, 5, 6, 7])
    ('row 1', 'rows 1, 2, 3, 4, 5 and 2 more')
    """
    more = f" and {len(numbers) - SHOWN_ROWS:,} more" if len(numbers) > SHOWN_ROWS else ""
    return f"row{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:SHOWN_ROWS]))}{more}"


def _with_instants(connection: duckdb.DuckDBPyConnection, rows: pa.Table, names: Collection[str]) -> pa.Table:
    """The rows with the instants that the texts of these columns mean."""
    for name in names:
        sql = with_offset_sql(DUCKDB.identifier(name))
        found = connection.from_arrow(rows.select([name])).project(f"{sql} AS at").to_arrow_table()["at"]
        _refuse_unclear(name, rows[name], found)
        rows = rows.set_column(rows.column_names.index(name), name, found)
    return rows


def _refuse_unclear(name: str, texts: pa.ChunkedArray, instants: pa.ChunkedArray) -> None:
    """Refuse texts that are no instants. A missing one is."""
    unclear = pc.indices_nonzero(pc.and_(texts.is_valid(), instants.is_null())).to_pylist()
    if unclear:
        msg = (
            f"spine: {name!r} is {texts[unclear[0]].as_py()!r} in {shown_rows(unclear)}, expected an instant with an "
            "offset from UTC, such as 2024-11-20T21:30:00Z or 2024-11-20T21:30:00+05:00"
        )
        raise RequestError(msg)
