"""Rows that a test writes by hand, as the archive that they would have become."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_lookups import relation_of
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_text import typed_sql
from headrace.compiler.lookups import dimensions_of, table_of
from headrace.compiler.plan import SourcePlan, ViewPlan
from headrace.connectors.duckdb_functions import view_database
from headrace.errors import RequestError, did_you_mean
from headrace.features.instant import asked_us
from headrace.pipelines.local_dimensions import check_versions, make_known
from headrace.pipelines.repeated_keys import refuse_repeated
from headrace.pipelines.script import Marker
from headrace.pipelines.source_rows import archives, unite

#: What a row says of its own arrival, beside the source's columns: an instant. Without it a row arrives as it happens.
ARRIVES = "_arrives"

#: Of a union, which of its sources a row is of, by name; its columns are that source's.
SOURCE = "_source"

#: Two markers among the rows of a test: what happens, on Flink, to the job that reads them.
PAUSE, CRASH = Marker.PAUSE, Marker.CRASH


class End(Enum):
    """What may stand at the end of a test's rows, to say that there the source ends; it does so without it too."""

    EOF = "EOF"

    def __repr__(self) -> str:
        """As a test writes it."""
        return self.value


EOF = End.EOF

Row = Mapping[str, Any]
#: Rows, and markers among them.
Steps = Sequence[Row | Marker]
#: What a test gives: steps, and the end of the source if it names it.
Rows = Sequence[Row | Marker | End]
#: By the name of a dimension its versions, or the rows of a look-up table.
Versions = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Inputs:
    """What a test gives a view to read: rows of its source, and those of the dimensions that it joins."""

    rows: Steps
    dimensions: Versions = field(default_factory=dict)


@contextmanager
def opened_inputs(plan: ViewPlan, inputs: Inputs) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database with the rows as `archive`, and versions; raises what `open_rows` and `open_versions` do."""
    with view_database(plan) as connection:
        open_rows(connection, plan.source, inputs.rows)
        open_versions(connection, plan, inputs.dimensions)
        yield connection


def until_end(rows: Rows) -> Steps:
    """The steps of a script that may end in `EOF`.

    >>> until_end([{"card": "a"}, PAUSE, EOF])
    [{'card': 'a'}, PAUSE]

    Raises:
        RequestError: something follows EOF.
    """
    steps: list[Row | Marker] = []
    for number, row in enumerate(rows):
        if not isinstance(row, End):
            steps.append(row)
        elif number + 1 < len(rows):
            msg = f"row {number + 1}: {rows[number + 1]!r} after EOF, where the source ends; "
            raise RequestError(msg + "write EOF last, or not at all")
    return steps


def in_words(row: Mapping[str, Any]) -> str:
    """Columns and values; what no test writes, a record's place, left out.

    >>> in_words({"card": "a", "_src_offset": 3})
    "card='a'"
    """
    shown = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}
    return ", ".join(f"{name}={value!r}" for name, value in shown.items() if not name.startswith("_src_"))


def open_rows(connection: duckdb.DuckDBPyConnection, source: SourcePlan, rows: Steps) -> None:
    """Make the relation `archive` of rows, in the order in which they are read; markers among them change nothing.

    Values are taken as those of a CSV file: one that does not fit its column makes the row a dead letter, and so does a
    column that is missing. The live stream is stricter: there a text of digits is no number.

    Raises:
        RequestError: a row has a column that the source has not, or its arrival is no instant with a zone; of a union,
            a row does not say which of its sources it is of.
    """
    numbered = [(number, row) for number, row in enumerate(rows) if not isinstance(row, Marker)]
    of = {number: _source_of(source, number, row) for number, row in numbered}
    for part, name in zip(source.parts, archives(source), strict=True):
        _open(connection, part, name, [(number, row) for number, row in numbered if of[number] == part.name])
    unite(connection, source)


def open_versions(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, versions: Versions) -> None:
    """Make the relations of a view's dimensions, in the order in which versions are written, complete to every time.

    Raises:
        RequestError: the view joins a dimension of which nothing is given, or joins none of a name; a version lacks a
            column that the view reads.
        SchemaMismatchError: a value does not fit its column, or rows of a look-up table have one key.
    """
    known = {dimension.name: dimension for dimension in dimensions_of(plan)}
    for name in sorted(versions.keys() - known.keys()):
        msg = f"view {plan.name}: joins no dimension {name!r}; {did_you_mean(name, known)}"
        raise RequestError(msg)
    for name, dimension in known.items():
        if name not in versions:
            msg = f"view {plan.name}: joins dimension {name}; give its rows: dimensions={{{name!r}: [...]}}"
            raise RequestError(msg)
        _open_versions(connection, dimension, versions[name])
        refuse_repeated(connection, table_of(plan, name), "the test")


def _open_versions(connection: duckdb.DuckDBPyConnection, dimension: SourcePlan, versions: Sequence[Row]) -> None:
    """Make the relation of a dimension. What the view does not read of it may be there."""
    names, relation = [column.name for column in dimension.columns], relation_of(dimension.name)
    for number, version in enumerate(versions):
        for name in (name for name in names if name not in version):
            msg = f"dimension {dimension.name}: row {number} lacks column {name!r}, which the view reads; "
            raise RequestError(msg + did_you_mean(name, version))
    connection.register(f"given_{relation}", _texts(names, versions))
    connection.execute(f"CREATE VIEW {relation} AS {typed_sql(dimension, f'given_{relation}', '_place')}")
    check_versions(connection, dimension, "the test")
    make_known(connection, dimension.name, None)


def _texts(names: Sequence[str], rows: Sequence[Row]) -> pa.Table:
    """Columns of rows as text, and the place of each row."""
    columns = {name: pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names}
    return pa.table({**columns, "_place": pa.array(range(len(rows)), pa.int64())})


def _source_of(source: SourcePlan, number: int, row: object) -> str:
    """The name of the source that a row is of."""
    if not isinstance(row, Mapping):
        msg = f"row {number}: expected columns and their values, or PAUSE, CRASH or EOF of headrace.testing; "
        raise RequestError(msg + f"found {row!r}")
    if not source.members:
        return source.name
    names, found = [part.name for part in source.parts], row.get(SOURCE)
    if found not in names:
        msg = f"row {number}: {source.name} is a union; say of which source the row is, such as {SOURCE}={names[0]!r}, "
        msg += f"found {found!r}; {did_you_mean(str(found), names)}"
        raise RequestError(msg)
    return str(found)


def _open(
    connection: duckdb.DuckDBPyConnection, source: SourcePlan, table: str, rows: Sequence[tuple[int, Row]]
) -> None:
    """Make the table of one source's rows, each with its number among all."""
    names = [column.name for column in source.columns]
    numbered = [(number, {name: value for name, value in row.items() if name != SOURCE}) for number, row in rows]
    for number, row in numbered:
        _check(source, names, number, row)
    arrivals = pa.array([_arrival_us(number, row) for number, row in numbered], pa.int64())
    given = _texts(names, [row for _, row in numbered])
    connection.register(f"given_{table}", given.append_column("_arrives_us", arrivals))
    arrival = f"coalesce(make_timestamptz(given._arrives_us), typed.{DUCKDB.identifier(source.event_time)})"
    connection.execute(
        f"CREATE TABLE {table} AS SELECT typed.* REPLACE ({arrival} AS _src_timestamp)\n"
        f"FROM ({typed_sql(source, f'given_{table}', '_place')}) AS typed\n"
        f"JOIN given_{table} AS given ON given._place = typed._src_offset"
    )


def _check(source: SourcePlan, names: Sequence[str], number: int, row: Row) -> None:
    if ARRIVES in row and source.arrival_time in names:
        msg = f"row {number}: {ARRIVES} beside source {source.name}, which has its arrival in {source.arrival_time!r}"
        raise RequestError(msg)
    for name in row:
        if name != ARRIVES and name not in names:
            msg = f"row {number}: source {source.name} has no column {name!r}; {did_you_mean(name, [*names, ARRIVES])}"
            raise RequestError(msg)


def _text(value: Any) -> str | None:
    """A value as a record would have it."""
    if value is None:
        return None
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, default=_text) if isinstance(value, dict | list) else str(value)


def _arrival_us(number: int, row: Row) -> int | None:
    given = row.get(ARRIVES)
    return None if given is None else asked_us(f"row {number}: {ARRIVES}", given)
