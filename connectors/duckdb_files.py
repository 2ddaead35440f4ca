"""DuckDB as headrace uses it: instants in UTC, files read as they are written, errors that name what was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from headrace.errors import NotFoundError, NumericOverflowError, RequestError, UserFunctionError, told_in

#: RFC 4180 and nothing guessed: no comments, no other separator, and a quoted empty text is a text.
CSV: Mapping[str, Any] = {
    "header": True,
    "sep": ",",
    "quotechar": '"',
    "escapechar": '"',
    "comment": "",
    "allow_quoted_nulls": False,
}
SUFFIXES = (".csv", ".parquet")
#: How DuckDB begins to tell of a line that it cannot read: its number, its text, and the reason.
BAD_LINE = re.compile(r"CSV Error on Line: (\d+)\nOriginal Line: .*\n(.*)")


def in_utc() -> duckdb.DuckDBPyConnection:
    """A database in memory whose instants are UTC, to be closed by `with`."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


@contextmanager
def database(what: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory whose instants are UTC.

    Raises:
        UserFunctionError: a user's function returned what it did not promise, or raised and is to fail.
        NumericOverflowError: a number was beyond its type; the message begins with `what`.
        RequestError: anything else that DuckDB refuses, such as a file that it cannot read.
    """
    with in_utc() as connection, errors_of(what):
        yield connection


@contextmanager
def errors_of(what: str) -> Iterator[None]:
    """Errors of DuckDB as those that `database` raises."""
    try:
        yield
    except duckdb.Error as error:
        if told := told_in(str(error)):
            msg = f"{what}: {told}"
            raise UserFunctionError(msg) from error
        overflow = isinstance(error, duckdb.OutOfRangeException) or "beyond BIGINT" in str(error)
        msg = f"{what}: {_told(error)}"
        raise (NumericOverflowError if overflow else RequestError)(msg) from error


def is_file(text: str) -> bool:
    """Whether a text is the path of a file that can be read, there or not.

    >>> is_file("labels.csv"), is_file("SELECT * FROM labels.csv")
    (True, False)
    """
    return Path(text).suffix in SUFFIXES and not any(character.isspace() for character in Path(text).name)


def read_file(
    connection: duckdb.DuckDBPyConnection, path: str, texts: Sequence[str] | None = None
) -> duckdb.DuckDBPyRelation:
    """The rows of a .csv or .parquet file.

    `texts`: columns of a CSV file to be read as text, whatever they look like; None reads all as text. The types of the
    others are guessed.

    Raises:
        NotFoundError: there is no such file.
        RequestError: a .csv file cannot be read, is empty, or by its beginning none.
    """
    file = Path(path)
    if not file.exists():
        msg = f"no file {path}"
        raise NotFoundError(msg)
    if file.suffix == ".parquet":
        return connection.read_parquet(path)
    try:
        return _csv(connection, path, texts)
    except duckdb.IOException as error:
        msg = f"{path}: cannot be read: {error}; expected a file that this user may read"
        raise RequestError(msg) from error
    except duckdb.Error as error:
        empty = "" if file.stat().st_size else "empty, and "
        msg = f"{path}: is {empty}no CSV file: expected UTF-8 text, a line of column names, and as many values in each "
        raise RequestError(msg + "line behind it") from error


def _csv(connection: duckdb.DuckDBPyConnection, path: str, texts: Sequence[str] | None) -> duckdb.DuckDBPyRelation:
    """A CSV file; `texts` as `read_file` has them."""
    if texts is None:
        return connection.read_csv(path, all_varchar=True, **CSV)
    known = connection.read_csv(path, all_varchar=True, **CSV).columns
    return connection.read_csv(path, dtype={name: "VARCHAR" for name in texts if name in known}, **CSV)


def _told(error: duckdb.Error) -> str:
    """What DuckDB says: of a line of a CSV file its place and what is wrong with it, without the settings behind."""
    text = str(error)
    place, file = BAD_LINE.search(text), re.search(r"^ *file = (.*)$", text, re.MULTILINE)
    return f"{file[1]}: line {place[1]}: {place[2]}" if place and file else text
