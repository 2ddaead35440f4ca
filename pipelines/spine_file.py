"""Spines in files: of a CSV file nothing is guessed that decides which entity or which instant a row means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.duckdb_json import date_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_text import with_offset_sql
from headrace.compiler.scalar_sql import text_literal
from headrace.connectors.duckdb_files import read_file
from headrace.errors import RequestError
from headrace.features.scalar import DATE, DATETIME, STR

#: What an error shows of the rows that are wrong.
SHOWN_ROWS = 5
#: What DuckDB takes a column for in which some text has an offset. Those without one it then takes for UTC.
WITH_ZONE = "TIMESTAMP WITH TIME ZONE"
#: What it takes one for in which none has.
WITHOUT_ZONE = frozenset({"TIMESTAMP", "DATE"})
#: Digits of a second behind the sixth that are not all 0.
NANOS = r"\.[0-9]{6}0*[1-9]"
#: What an error says it expected.
INSTANT = "an instant with an offset from UTC, such as 2024-11-20T21:30:00Z or 2024-11-20T21:30:00+05:00"
DAY = "a date such as 2024-11-20"


def read_spine_file(
    connection: duckdb.DuckDBPyConnection, path: str, event_time: str | None, types: Mapping[str, str]
) -> pa.Table:
    """The rows of a .parquet or .csv file.

    Args:
        connection: what reads it.
        path: the file.
        event_time: the column with the time of each row, where it was named.
        types: by column the type that features need; of a CSV file text stays text, an instant must say which, and a
            date is one of ISO 8601.

    Raises:
        NotFoundError: there is no such file.
        RequestError: of a CSV file, a row has a time that is no instant with an offset, or a date that is none.
    """
    if Path(path).suffix == ".parquet":
        return read_file(connection, path).to_arrow_table()
    texts = [name for name, type_ in types.items() if type_ in {STR, DATE}]
    wanted = {event_time, *(name for name, type_ in types.items() if type_ == DATETIME)}
    guessed = read_file(connection, path, texts)
    found = dict(zip(guessed.columns, map(str, guessed.types), strict=True))
    instants = {name for name, type_ in found.items() if name in wanted or type_ == WITH_ZONE}
    # Without any offset the only times are the event time all the same, and told by their rows.
    zoneless = {name for name, type_ in found.items() if type_ in WITHOUT_ZONE and name not in types}
    if event_time is None and not instants and len(zoneless) == 1:
        instants = zoneless
    rows = read_file(connection, path, [*texts, *instants]).to_arrow_table()
    for name in rows.column_names:
        if name in instants:
            later = name == event_time or name not in types
            rows = _parsed(connection, rows, name, _later_sql(name) if later else _instant_sql(name), INSTANT)
        elif types.get(name) == DATE:
            rows = _parsed(connection, rows, name, date_sql(DUCKDB.identifier(name)), DAY)
    return rows


def shown_rows(numbers: Sequence[int]) -> str:
    """Some row numbers, as an error shows them.

    >>> shown_rows([1]), shown_rows([1, 2, 3, 4, 5, 6, 7])
    ('row 1', 'rows 1, 2, 3, 4, 5 and 2 more')
    """
    more = f" and {len(numbers) - SHOWN_ROWS:,} more" if len(numbers) > SHOWN_ROWS else ""
    return f"row{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:SHOWN_ROWS]))}{more}"


def _instant_sql(name: str) -> str:
    """The instant of a column's text; NULL of a text that is none."""
    return with_offset_sql(DUCKDB.identifier(name))


def _later_sql(name: str) -> str:
    """The first µs that is not before the instant of a column's text, which may have nine digits of a second."""
    has_rest = f"regexp_matches({DUCKDB.identifier(name)}, {text_literal(NANOS)})"
    return f"{_instant_sql(name)} + to_microseconds(CAST({has_rest} AS INTEGER))"


def _parsed(connection: duckdb.DuckDBPyConnection, rows: pa.Table, name: str, sql: str, expected: str) -> pa.Table:
    """The rows with what the texts of a column mean. Texts that mean nothing are refused; a missing one is none."""
    found = connection.from_arrow(rows.select([name])).project(f"{sql} AS meant").to_arrow_table()["meant"]
    texts = rows[name]
    unclear = pc.indices_nonzero(pc.and_(texts.is_valid(), found.is_null())).to_pylist()
    if unclear:
        msg = f"spine: {name!r} is {texts[unclear[0]].as_py()!r} in {shown_rows(unclear)}, expected {expected}"
        raise RequestError(msg)
    return rows.set_column(rows.column_names.index(name), name, found)
