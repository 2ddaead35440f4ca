"""Spines: the rows that a training set is made for, from wherever they are, checked before anything is computed."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.plan import Column
from headrace.connectors.duckdb_files import database, is_file
from headrace.connectors.frame import is_frame
from headrace.errors import RequestError, did_you_mean
from headrace.features.source import IcebergTable
from headrace.pipelines.spine_file import read_spine_file, shown_rows
from headrace.runtime.platform import Platform

#: Names that a kept training set gives to columns of its own.
ROW, OUTSIDE = "_row", "outside_history"
RESERVED = frozenset({ROW, OUTSIDE})
#: How many of a finer unit a µs has, and how many µs a coarser one.
NANOS_PER_MICRO = 1_000
MICROS_PER = {"us": 1, "ms": 1_000, "s": 1_000_000}

#: How a text begins that may be a time: with a day of ISO 8601.
DAY_FIRST = r"^\d{4}-\d\d-\d\d"
#: The name of an Iceberg table, as `headrace run --input` takes it.
TABLE_NAME = re.compile(r"\w+(\.\w+)+")

#: For each type of a key: its Arrow type, and whether a column of a spine can be it without a change of meaning.
KEY_TYPES: dict[str, tuple[pa.DataType, Callable[[pa.DataType], bool]]] = {
    "str": (pa.string(), lambda found: pa.types.is_string(found) or pa.types.is_large_string(found)),
    "int": (pa.int64(), pa.types.is_integer),
    "bool": (pa.bool_(), pa.types.is_boolean),
}
#: The same of a column that a request brings, which may have any type.
REQUEST_TYPES: dict[str, tuple[pa.DataType, Callable[[pa.DataType], bool]]] = {
    **KEY_TYPES,
    "float": (pa.float64(), lambda found: pa.types.is_floating(found) or pa.types.is_integer(found)),
    "datetime": (pa.timestamp("us", "UTC"), lambda found: pa.types.is_timestamp(found) and found.tz is not None),
    "date": (pa.date32(), pa.types.is_date32),
}


@dataclass(frozen=True)
class Spine:
    """Rows as they were given, in their order, and the time of each: no event at or after it is known to the row.

    `times_us`: µs since 1970; a time between two µs is the later one, so that no event before it is lost.
    """

    rows: pa.Table
    event_time: str
    times_us: pa.ChunkedArray

    def asking(self, keys: Sequence[Column]) -> pa.Table:
        """`_row`, `_t` and the keys with the types of the view.

        Raises:
            RequestError: a key is missing or has another type.
        """
        numbers = pa.array(np.arange(self.rows.num_rows))
        columns = {key.name: self._key(key) for key in keys}
        return pa.table({"_row": numbers, "_t": self.times_us, **columns})

    def requested(self, columns: Sequence[Column], feature: str) -> dict[str, pa.ChunkedArray]:
        """The request columns of a feature with the types of the request.

        Raises:
            RequestError: one is missing or has another type, or a value is missing, no finite number or no choice.
        """
        return {
            column.name: self._request(column, f"request column {column.name!r} of {feature}") for column in columns
        }

    def _key(self, key: Column) -> pa.ChunkedArray:
        """A key."""
        return self._column(key, KEY_TYPES, f"key {key.name!r}", "which names the entity")

    def _request(self, column: Column, what: str) -> pa.ChunkedArray:
        """A request column, whose values all are what the request says."""
        found = self._column(column, REQUEST_TYPES, what, f"the {what}")
        wrong = _wrong_rows(column, found)
        if wrong:
            value = found[wrong[0]].as_py()
            msg = f"spine: {what} is {value!r} in {shown_rows(wrong)}, expected {column.words}"
            raise RequestError(msg)
        return found

    def _column(
        self,
        column: Column,
        types: Mapping[str, tuple[pa.DataType, Callable[[pa.DataType], bool]]],
        what: str,
        missing: str,
    ) -> pa.ChunkedArray:
        """A column with the type that the view gives it."""
        known = self.rows.column_names
        if column.name not in known:
            msg = f"spine: no column {column.name!r}, {missing}; {did_you_mean(column.name, known)}"
            raise RequestError(msg)
        found = self.rows[column.name]
        if pa.types.is_dictionary(found.type):
            found = found.cast(found.type.value_type)
        type_, fits = types[column.type]
        if found.null_count == len(found):
            return pa.chunked_array([pa.nulls(len(found), type_)])
        row = _first_misfit(len(found), lambda end: found.slice(0, end).cast(type_))
        if row is None and fits(found.type):
            return found.cast(type_)
        wrong = str(found.type) if row is None else f"{found[row].as_py()!r} in row {row}"
        msg = f"spine: {what} is {wrong}, expected {column.type}{_hint(found, column)}"
        raise RequestError(msg)


def read_spine(
    given: Any, platform: Platform, event_time: str | None = None, types: Mapping[str, str] = MappingProxyType({})
) -> Spine:
    """The spine in a pandas DataFrame, an Arrow table, an Iceberg table, a Parquet or CSV file, or an SQL query.

    Args:
        given: a DataFrame; a `pyarrow.Table`; `IcebergTable("labels.frauds")`, or its name alone; the path of a
            `.parquet` or `.csv` file; SQL text for DuckDB, in which `namespace.table` is an Iceberg table.
        platform: where Iceberg tables are.
        event_time: the column with the time of each row; by default the only one with times.
        types: by column the type that features need, which a CSV file does not say: `str` is text whatever it looks
            like, `datetime` an instant.

    Raises:
        RequestError: it is none of these, has two columns of one name, no such column, times that are no instants, or
            values of several types in one column.
        NotFoundError: there is no such Iceberg table.
    """
    rows = _rows(given, platform, event_time, types)
    _check_names(rows.column_names)
    name = event_time if event_time is not None else _only_time(rows)
    if name not in rows.column_names:
        msg = f"spine: no column {name!r} for the event time; {did_you_mean(name, rows.column_names)}"
        raise RequestError(msg)
    return Spine(rows, name, _micros(rows[name], name))


def _rows(given: Any, platform: Platform, event_time: str | None, types: Mapping[str, str]) -> pa.Table:
    """The rows as an Arrow table."""
    if isinstance(given, pa.Table):
        return given
    if isinstance(given, IcebergTable):
        return platform.iceberg.named(given.name).arrow()
    if isinstance(given, str | Path):
        text = str(given)
        with database("spine") as connection:
            if is_file(text):
                return read_spine_file(connection, text, event_time, types)
            if TABLE_NAME.fullmatch(text):
                return platform.iceberg.named(text).arrow()
            return _query(connection, text, platform).to_arrow_table()
    if is_frame(given):
        return _frame(given)
    msg = (
        "spine: expected a pandas DataFrame, an Arrow table, IcebergTable(...), a .parquet or .csv file, or SQL, "
        f"found {type(given).__name__}"
    )
    raise RequestError(msg)


def _query(connection: duckdb.DuckDBPyConnection, text: str, platform: Platform) -> duckdb.DuckDBPyRelation:
    """The answer of a query; what it names `namespace.table` is a table of the catalog."""
    from sqlglot import exp

    found = _one_query(text)
    for namespace, name in {(table.db, table.name) for table in found.find_all(exp.Table) if table.db}:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {DUCKDB.identifier(namespace)}")
        platform.iceberg.load(namespace, name).relation(connection).create(f"{namespace}.{name}")
    return connection.sql(text)


def _one_query(text: str) -> Any:
    """The one query that a text is, parsed. RequestError: it is none, or more, or a statement that asks nothing."""
    import sqlglot
    from sqlglot import exp

    from headrace.features.sql.syntax import DIALECT, beyond_select, fault_of, statements_of, unwarned

    try:
        # Where there is no statement at all, `parse` finds none and raises nothing.
        with unwarned():
            sqlglot.parse_one(text, read=DIALECT)
    except sqlglot.errors.SqlglotError as error:
        raise RequestError(_no_query(text, *fault_of(text, error))) from error
    statements = statements_of(text)
    if len(statements) > 1:
        raise RequestError(_no_query(text, beyond_select(text, statements), "expected one query, found another"))
    (found,) = statements
    if not isinstance(found, exp.Query | exp.Values | exp.Pivot):
        word = (found.this if isinstance(found, exp.Command) else found.key).upper()
        raise RequestError(_no_query(text, 0, f"expected a query, found {word}"))
    return found


def _no_query(text: str, offset: int, reason: str) -> str:
    from headrace.features.sql.syntax import line_and_column

    line, column = line_and_column(text, offset)
    known = "no .parquet or .csv file, no Iceberg table namespace.name, and no query"
    return f"spine: {text!r} is {known}: line {line}:{column}: {reason}"


def _frame(given: Any) -> pa.Table:
    """A DataFrame's rows. Of times that pandas keeps as objects Arrow would take those without a zone for UTC."""
    _check_names([str(name) for name in given.columns])
    for name, column in given.items():
        if column.dtype == object:
            _refuse_naive(str(name), column)
    try:
        return pa.Table.from_pandas(given, preserve_index=False)
    except (pa.ArrowException, OverflowError) as error:
        told = [_mixed(str(name), column.to_list()) for name, column in given.items() if column.dtype == object]
        msg = f"spine: {next(filter(None, told), error)}"
        raise RequestError(msg) from error


def _refuse_naive(name: str, values: Iterable[Any]) -> None:
    times = [(row, value) for row, value in enumerate(values) if isinstance(value, datetime)]
    # pandas' missing time is a datetime too, and equals nothing.
    naive = [row for row, value in times if value.tzinfo is None and value == value]
    if naive:
        raise RequestError(_zoneless(name, f", in {shown_rows(naive)} for example"))


def _mixed(name: str, values: Sequence[Any]) -> str:
    """Which value cannot be in one column with those before it; nothing where all can."""
    row = _first_misfit(len(values), lambda end: pa.array(values[:end], from_pandas=True))
    if row is None:
        return ""
    value = values[row]
    before = next((type(each).__name__ for each in values[:row] if each is not None), "text, a number or a time")
    return f"column {name!r} is {value!r} ({type(value).__name__}) in row {row}, expected {before} as in rows before it"


def _first_misfit(rows: int, convert: Callable[[int], Any]) -> int | None:
    """The first row with which a column is no longer converted; None when all of it is."""

    def fails(end: int) -> bool:
        try:
            convert(end)
        except (pa.ArrowException, OverflowError):
            return True
        return False

    return bisect_left(range(1, rows + 1), 1, key=fails) if fails(rows) else None


def _check_names(names: Sequence[str]) -> None:
    """Every column has a name of its own. DuckDB and Cassandra tell no upper case from lower case."""
    folded = [name.lower() for name in names]
    for name in names:
        if not name or name.lower() in RESERVED or folded.count(name.lower()) > 1:
            msg = f"spine: column {name!r} has no name, one that is taken, or that of another column; rename it"
            raise RequestError(msg)


def _only_time(rows: pa.Table) -> str:
    """The one column that holds times."""
    found = [field.name for field in rows.schema if pa.types.is_timestamp(field.type)]
    if len(found) == 1:
        return str(found[0])
    if found:
        msg = f"spine: expected one column with times, found {', '.join(found)}; name it: event_time='...' "
        raise RequestError(msg + "(--event-time)")
    told = [f"; {name!r} is {_no_instants(name, rows[name])}" for name in rows.column_names if _may_be_time(rows[name])]
    msg = f"spine: expected one column with times, found none among {', '.join(rows.column_names)}{''.join(told)}"
    raise RequestError(msg)


def _may_be_time(column: pa.ChunkedArray) -> bool:
    """Whether a column that holds no instants may have been meant to: dates, or text that begins with a day."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return bool(pa.types.is_date(column.type))
    return bool(pc.any(pc.match_substring_regex(column, DAY_FIRST)).as_py())


def _no_instants(name: str, column: pa.ChunkedArray) -> str:
    """What a column holds instead of instants, and what makes instants of it."""
    type_, meant = column.type, f"df[{name!r}] = pd.to_datetime(df[{name!r}], "
    if pa.types.is_date(type_):
        return f"{type_}, days without a time; expected instants: with pandas {meant}utc=True) for midnight UTC"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        cast = f"with pandas {meant}utc=True), in SQL CAST({name} AS TIMESTAMPTZ)"
        return f"text; expected instants: {cast}; both take a text without an offset for UTC"
    if pa.types.is_integer(type_):
        return f"{type_}; expected instants: say the unit, with pandas {meant}unit='us', utc=True) for µs since 1970"
    return f"{type_}; expected instants, that is timestamps with a time zone"


def _micros(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """Times as whole µs, rounded up."""
    # Of missing times alone pandas says neither type nor zone.
    is_missing = 0 < column.null_count == len(column)
    if not (is_missing or pa.types.is_timestamp(column.type)):
        msg = f"spine: event time {name!r} is {_no_instants(name, column)}"
        raise RequestError(msg)
    if not is_missing and column.type.tz is None:
        raise RequestError(_zoneless(name))
    if column.null_count:
        missing = [row for row, value in enumerate(column.is_null().to_pylist()) if value]
        msg = (
            f"spine: event time {name!r} is missing in {shown_rows(missing)}; leave these rows out or give them a time"
        )
        raise RequestError(msg)
    numbers = column.cast(pa.int64())
    if column.type.unit != "ns":
        return _multiplied(numbers, MICROS_PER[column.type.unit], name)
    whole = pc.divide(numbers, NANOS_PER_MICRO)
    rest = pc.greater(numbers, pc.multiply(whole, NANOS_PER_MICRO))
    return pc.add(whole, rest.cast(pa.int64()))


def _multiplied(numbers: pa.ChunkedArray, factor: int, name: str) -> pa.ChunkedArray:
    try:
        return pc.multiply_checked(numbers, factor)
    except pa.ArrowInvalid as error:
        msg = f"spine: event time {name!r} is beyond what µs since 1970 can say"
        raise RequestError(msg) from error


def _zoneless(name: str, where: str = "") -> str:
    return (
        f"spine: event time {name!r} has no time zone{where}: which one is meant? Say so in the data, with pandas "
        f"df[{name!r}] = df[{name!r}].dt.tz_localize('UTC'), in SQL {name} AT TIME ZONE 'UTC'"
    )


def _wrong_rows(column: Column, found: pa.ChunkedArray) -> list[int]:
    """The rows whose value a request cannot have."""
    wrong = found.is_null() if not column.optional else pa.chunked_array([pa.array([False] * len(found))])
    if column.type == "float":
        wrong = pc.or_kleene(wrong, pc.invert(pc.is_finite(found)))
    if column.choices:
        wrong = pc.or_kleene(wrong, pc.and_(found.is_valid(), pc.invert(pc.is_in(found, pa.array(column.choices)))))
    return [row for row, bad in enumerate(wrong.to_pylist()) if bad]


def _hint(found: pa.ChunkedArray, key: Column) -> str:
    """What an integer may have become: of those with a missing one pandas makes floats."""
    if key.type == "int" and (pa.types.is_integer(found.type) or pa.types.is_decimal(found.type)):
        return ", which has 64 bits and a sign"
    if key.type == "int" and pa.types.is_floating(found.type):
        return f"; pandas makes floats of integers where one is missing: df[{key.name!r}].astype('Int64')"
    return ""
