"""Every operation on edge values, on DuckDB and on Flink itself, each against what a hand or Python says it must be."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import ibis.expr.operations as ops
import pytest

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.flink_functions import create_functions
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_tables import create_table
from headrace.compiler.plan import Column, PlannedOnDemand
from headrace.compiler.scalar_sql import Dialect
from headrace.errors import NumericOverflowError
from headrace.features.column import SourceColumn
from headrace.features.expression import RULES, to_scalar
from headrace.features.operations import calls, lookups
from headrace.features.scalar import BOOL, Scalar
from headrace.serving.on_demand import OnDemandValues

from .conftest import PLANS
from .expressions import GROUPS, times
from .expressions.case import COLUMNS, MAX, MIN, Case, expression_of, held

CASES = tuple(case for cases in GROUPS.values() for case in cases)
NUMBERED = list(enumerate(CASES))
LABEL = "shop.revenue"


def planned(column: SourceColumn) -> Column:
    """A declared column as plans have it."""
    return Column(column.name, column.type, column.optional, fields=tuple(map(planned, column.fields)))


PLANNED = tuple(map(planned, COLUMNS.values()))
#: A request has plain columns only.
REQUEST = tuple(column for column in PLANNED if not column.fields)
SHOP = PLANS["shop_features"]
#: What is an overflow: the expression and the inputs.
OVERFLOWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tx.i // tx.j", {"i": MIN, "j": -1}),
    ("tx.x.floor()", {"x": 1e19}),
    ("tx.x.ceil()", {"x": -1e19}),
    ("tx.x.round()", {"x": 9.223372036854776e18}),
    ("tx.x.cast('int64')", {"x": 9.223372036854776e18}),
    ("tx.i.abs()", {"i": MIN}),
    ("tx.i.as_timestamp('s')", {"i": MAX}),
    ("tx.at + tx.i.as_interval('us')", {"at": times.utc(2000, 1, 1), "i": MAX}),
)
Found = dict[tuple[int, int], Any]


def title(part: int | Case) -> str:
    return part.operation if isinstance(part, Case) else str(part)


def agrees(found: Any, expected: Any, within: float) -> bool:
    """Whether a value is the expected one, of the same type."""
    if isinstance(expected, float) and isinstance(found, float):
        return found == expected if within == 0 else math.isclose(found, expected, rel_tol=within, abs_tol=5e-324)
    return type(found) is type(expected) and found == expected


def differences(case: Case, found: list[Any]) -> list[tuple[Any, ...]]:
    """Inputs, expected and found of each row that is not as it must be."""
    rows = zip(case.rows, case.values(), found, strict=True)
    return [
        (*row[:-1], f"expected {expected!r:.80}", f"found {value!r:.80}")
        for row, expected, value in rows
        if not agrees(value, expected, case.within)
    ]


def selects(dialect: Dialect) -> dict[str, list[str]]:
    """By type, a query for each case: its number, the row's number and the value."""
    queries: dict[str, list[str]] = {}
    for number, case in enumerate(CASES):
        scalar = case.scalar()
        query = f"SELECT {number} AS n, place, {dialect.emit(scalar, LABEL)} AS v FROM edges WHERE number = {number}"
        queries.setdefault(scalar.type, []).append(query)
    return queries


def filters(dialect: Dialect) -> list[str]:
    """A query for each condition: the rows that it lets in, as a filter of a feature does."""
    conditions = [(number, case.scalar()) for number, case in enumerate(CASES) if case.scalar().type == BOOL]
    passing = ((number, dialect.emit(scalar, LABEL)) for number, scalar in conditions)
    return [
        f"SELECT {number} AS n, place FROM edges WHERE number = {number} AND ({sql}) IS TRUE" for number, sql in passing
    ]


def rows() -> list[dict[str, Any]]:
    """All inputs of all cases, numbered, and after them what overflows."""
    inputs = [case.inputs() for case in CASES] + [[dict.fromkeys(COLUMNS) | row] for _, row in OVERFLOWS]
    return [
        {"number": number, "place": place, **row}
        for number, group in enumerate(inputs)
        for place, row in enumerate(group)
    ]


@pytest.fixture(scope="module")
def duck() -> duckdb.DuckDBPyConnection:
    """DuckDB with the table `edges`."""
    connection = duckdb.connect()
    columns = ", ".join(map(DUCKDB.declared, PLANNED))
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"CREATE TABLE edges (number BIGINT, place BIGINT, {columns})")
    marks = ", ".join("?" * (len(COLUMNS) + 2))
    connection.executemany(f"INSERT INTO edges VALUES ({marks})", [list(row.values()) for row in rows()])
    return connection


@pytest.fixture(scope="module")
def on_duckdb(duck: duckdb.DuckDBPyConnection) -> Found:
    queries = [query for group in selects(DUCKDB).values() for query in group]
    return {(n, place): value for query in queries for n, place, value in duck.execute(query).fetchall()}


def as_json(row: dict[str, Any]) -> str:
    """A row for Flink's JSON format."""
    return json.dumps(row, default=iso)


def iso(time: date) -> str:
    """An instant or a date as Flink's JSON format reads it."""
    is_instant = isinstance(time, datetime)
    return time.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if is_instant else time.isoformat()


@pytest.fixture(scope="module")
def flink(planner: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A table environment with the table `edges`."""
    file: Path = tmp_path_factory.mktemp("edges") / "edges.json"
    file.write_text("\n".join(map(as_json, rows())))
    environment = planner()
    environment.get_config().set("parallelism.default", "1")
    environment.get_config().set("table.local-time-zone", "UTC")
    columns = [
        "`number` BIGINT",
        "`place` BIGINT",
        *map(FLINK.declared, PLANNED),
    ]
    options = {
        "connector": "filesystem",
        "path": file.as_uri(),
        "format": "json",
        "json.timestamp-format.standard": "ISO-8601",
    }
    environment.execute_sql(create_table("edges", columns, options))
    return environment


def collected(environment: Any, queries: list[str]) -> list[list[Any]]:
    """The rows of several queries, run as one job."""
    for statement in create_functions(queries):
        environment.execute_sql(statement)
    with environment.execute_sql("\nUNION ALL\n".join(queries)).collect() as results:
        return [list(row) for row in results]


@pytest.fixture(scope="module")
def on_flink(flink: Any) -> Found:
    found = (row for queries in selects(FLINK).values() for row in collected(flink, queries))
    return {(n, place): value for n, place, value in found}


@pytest.mark.parametrize(("number", "case"), NUMBERED, ids=title)
def test_duckdb_gives_what_was_written_by_hand(on_duckdb: Found, number: int, case: Case) -> None:
    assert not differences(case, [on_duckdb[number, place] for place in range(len(case.rows))])


@pytest.fixture(scope="module")
def when_asked() -> OnDemandValues:
    return OnDemandValues()


def asked(number: int, scalar: Scalar) -> PlannedOnDemand:
    """A feature that computes a scalar of request columns."""
    return PlannedOnDemand(f"case_{number}", scalar, (), REQUEST)


@pytest.mark.parametrize(("number", "case"), [one for one in NUMBERED if one[1].is_plain], ids=title)
def test_an_online_read_gives_what_was_written_by_hand(when_asked: OnDemandValues, number: int, case: Case) -> None:
    feature = asked(number, case.scalar())
    lists = {column.name: [row[column.name] for row in case.inputs()] for column in REQUEST}
    (found,) = when_asked.values(SHOP, [feature], lists)
    assert not differences(case, list(map(held, found)))


@pytest.mark.slow
@pytest.mark.parametrize(("number", "case"), NUMBERED, ids=title)
def test_flink_gives_what_was_written_by_hand(on_flink: Found, number: int, case: Case) -> None:
    assert not differences(case, [on_flink[number, place] for place in range(len(case.rows))])


def passing() -> set[tuple[int, int]]:
    """The rows that conditions must let in."""
    return {
        (number, place)
        for number, case in enumerate(CASES)
        for place, value in enumerate(case.values())
        if value is True
    }


def test_a_condition_lets_in_on_duckdb_where_it_is_true(duck: duckdb.DuckDBPyConnection) -> None:
    found = [row for query in filters(DUCKDB) for row in duck.execute(query).fetchall()]
    assert set(found) == passing()


@pytest.mark.slow
def test_a_condition_lets_in_on_flink_where_it_is_true(flink: Any) -> None:
    assert {(n, place) for n, place in collected(flink, filters(FLINK))} == passing()


def test_every_operation_that_is_allowed_has_a_case() -> None:
    # Users' functions are tried in test_user_functions.py, dimensions in test_as_of.py.
    tried = {calls.FunctionCall, lookups.Lookup} | {
        type(node) for case in CASES for node in case.expression().op().find(ops.Value)
    }
    assert not {kind.__name__ for kind in RULES if kind not in tried}


def overflow(dialect: Dialect, number: int) -> str:
    """The query that overflows."""
    sql = dialect.emit(to_scalar(expression_of(OVERFLOWS[number][0])), LABEL)
    return f"SELECT {sql} FROM edges WHERE number = {len(CASES) + number}"


each_overflow = pytest.mark.parametrize("number", range(len(OVERFLOWS)), ids=[write for write, _ in OVERFLOWS])


@each_overflow
def test_an_overflow_is_an_error_on_duckdb(duck: duckdb.DuckDBPyConnection, number: int) -> None:
    with pytest.raises((duckdb.OutOfRangeException, duckdb.ConversionException)):
        duck.execute(overflow(DUCKDB, number)).fetchall()


@each_overflow
def test_an_overflow_names_the_feature_online(when_asked: OnDemandValues, number: int) -> None:
    written, row = OVERFLOWS[number]
    feature = asked(len(CASES) + number, to_scalar(expression_of(written)))
    with pytest.raises(NumericOverflowError, match=f"feature {SHOP.name}:{feature.name}"):
        when_asked.values(SHOP, [feature], {column.name: [row.get(column.name)] for column in REQUEST})


@pytest.mark.slow
@each_overflow
def test_an_overflow_names_the_feature_on_flink(flink: Any, number: int) -> None:
    with pytest.raises(Exception, match=rf"feature '{LABEL}': .* does not fit into a BIGINT"):
        collected(flink, [overflow(FLINK, number)])
