"""Users' functions on edge values, on DuckDB and on Flink itself, each against what a loop over the rows says."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.calls import calls_of
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import judged_columns, judged_sql
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.plan import ViewPlan
from headrace.compiler.scalar_sql import Dialect
from headrace.compiler.verdict import Verdict, reason
from headrace.connectors.duckdb_functions import create_functions
from headrace.features.load import load_views

from .test_flink_planner import BLACKHOLE, CASSANDRA, DATAGEN, explained

FILE = Path(__file__).parent / "user_functions.py"
PLAN = plan_view(load_views(FILE).views["user_functions"])
START = datetime(2026, 1, 1, tzinfo=UTC)
EDGES: tuple[dict[str, Any], ...] = (
    {},
    {"i": 2**53 + 1},
    {"i": 2**63 - 1, "x": 5e-324, "s": "", "b": True, "at": datetime(1970, 1, 1, tzinfo=UTC)},
    {"i": -(2**63), "x": -0.0, "s": "it's", "b": False, "at": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)},
    {"i": 0, "x": 1.7976931348623157e308, "s": "héllo 😀", "at": datetime(2024, 2, 29, 1, 2, 3, 4, tzinfo=UTC)},
    {"i": 3, "x": 0.0, "s": "x" * 70_000, "day": date.min},
    {"day": date.max, "at": datetime(1969, 12, 31, tzinfo=UTC)},
    {"x": 2.5, "s": 'a"b\\c\n', "b": True},
    {"i": 37, "x": 1.0},
    {"k": None, "i": 37, "x": 1.0, "s": "no entity"},
    {"i": 37, "x": 1.0, "s": "late", "ts": START - timedelta(days=9)},
    *({"i": value, "x": value / 7, "s": str(value), "b": value % 3 == 0} for value in range(-9, 30)),
)
NONE = dict.fromkeys(("i", "x", "s", "b", "at"))
ROWS = tuple(
    {"k": "a", "ts": START, "day": None, **NONE, **row, "_src_offset": place} for place, row in enumerate(EDGES)
)
ODD = (1.5, None, None, None, None)
TYPES = "int64 double string bool timestamp[us, tz=UTC] int64 double string bool 7 2.5 it's True"


def log(x: float | None) -> float | None:
    return None if x is None or x <= 0 else math.log(x)


def days(day: date | None) -> int | None:
    return None if day is None else (day - date(1970, 1, 1)).days


def doubled_twice(x: float | None) -> float | None:
    found = None if x is None else (x * 2 + 1) * 2
    return None if found is None or math.isinf(found) else found


#: What each feature makes of a row that is sound.
MEANT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "ints": lambda row: row["i"],
    "computed": lambda row: None if row["i"] in (None, 3) else row["i"] // 2,
    "floats": lambda row: row["x"],
    "logs": lambda row: log(row["x"]),
    "strings": lambda row: row["s"],
    "bools": lambda row: row["b"],
    "times": lambda row: row["at"] and (row["at"] - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1),
    "dates": lambda row: days(row["day"]),
    "month_starts": lambda row: days(row["at"] and row["at"].date().replace(day=1)),
    "types": lambda row: TYPES,
    # Ten times the largest float is no number.
    "nulls": lambda row: sum(row[name] is None for name in NONE) + math.isinf((row["x"] or 0) * 10),
    "odds": lambda row: ODD[(row["i"] or 0) % 5],
    "nested": lambda row: doubled_twice(row["x"]),
    "never_missing": lambda row: 5 if row["i"] is None else row["i"],
    "long_names": lambda row: None if row["s"] is None else len(row["s"]) > 3,
    "picky": lambda row: None if row["i"] == 37 else row["i"],
    "chained": lambda row: None if row["i"] == 37 else 5 if row["i"] is None else row["i"],
    "zeros": lambda row: "0.0",
    "minus_zeros": lambda row: "-0.0",
    "guarded": lambda row: row["i"],
}


def queries(dialect: Dialect) -> dict[str, str]:
    """By the feature's transformation, the SQL of what it makes of a row."""
    found = {}
    for feature in PLAN.features:
        group = PLAN.group(feature.group)
        scalar = group.partial(feature.partials[0]).argument if feature.partials else group.filter
        assert scalar is not None
        found[feature.transformation] = dialect.emit(scalar, "a label")
    return found


def select(dialect: Dialect, source: str) -> str:
    """Offset, verdict, reason and all values of each row."""
    columns = ["_src_offset", "_verdict"]
    values = [*(dialect.identifier(name) for name in columns), dialect.emit(reason(PLAN)), *queries(dialect).values()]
    return f"SELECT {', '.join(values)} FROM {source}"


Found = dict[int, tuple[Any, ...]]


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the rows as `archive`, and the functions."""
    types = {"k": pa.string(), "i": pa.int64(), "x": pa.float64(), "s": pa.string(), "b": pa.bool_()}
    instant = pa.timestamp("us", tz="UTC")
    position = {
        "_src_partition": pa.int32(),
        "_src_timestamp": instant,
        "_error": pa.string(),
        "_src_offset": pa.int64(),
    }
    schema = pa.schema({**types, "day": pa.date32(), "at": instant, "ts": instant, **position})
    rows = [{**row, "_src_partition": 0, "_src_timestamp": START, "_error": None} for row in ROWS]
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        create_functions(connection, PLAN)
        connection.register("archive", pa.Table.from_pylist(rows, schema))
        yield connection


@pytest.fixture(scope="module")
def on_duckdb(duck: duckdb.DuckDBPyConnection) -> Found:
    found = duck.execute(select(DUCKDB, f"({judged_sql(PLAN, 'archive')})")).fetchall()
    return {row[0]: tuple(row[1:]) for row in found}


def as_json(row: dict[str, Any]) -> str:
    """A row for Flink's JSON format."""
    instants = {
        name: at and f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"
        for name, at in {"at": row["at"], "ts": row["ts"], "_src_timestamp": START}.items()
    }
    return json.dumps({**row, **instants, "_src_partition": 0}, default=str)


@pytest.fixture(scope="module")
def on_flink(planner: Callable[[], Any], tmp_path_factory: pytest.TempPathFactory) -> Found:
    """All functions in one job."""
    file: Path = tmp_path_factory.mktemp("edges") / "edges.json"
    file.write_text("\n".join(map(as_json, ROWS)))
    options = {
        "connector": "filesystem",
        "path": file.as_uri(),
        "format": "json",
        "json.timestamp-format.standard": "ISO-8601",
    }
    job = flink_job(
        PLAN, JobBindings("p", "r", [Legs(None, options)], {each.fingerprint: NO_SINKS for each in PLAN.groups})
    )
    environment = planner()
    environment.get_config().set("parallelism.default", "1")
    for key, value in job.config.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    with environment.execute_sql(select(FLINK, "`judged`")).collect() as results:
        return {row[0]: tuple(row)[1:] for row in results}


NO_SINKS = TileOptions(None, None)


def same(found: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-15, abs_tol=0) or found == expected
    return type(found) is type(expected) and found == expected


def told(place: int) -> str | None:
    """Why a row is a dead letter; what is late reaches no function that could raise."""
    row = ROWS[place]
    line = FILE.read_text().splitlines().index("        raise ValueError(msg)") + 1
    raised = f"no_37(i=37): ValueError: 37 is no number (tests/compiler/user_functions.py:{line})"
    return "k is missing" if row["k"] is None else raised if row["i"] == 37 and in_time(row) else None


def in_time(row: dict[str, Any]) -> bool:
    return row["ts"] == START


def assert_as_meant(found: Found) -> None:
    """Each row has its verdict, reason and values; one that is wrong before any call, or late, reaches no function."""
    for place, row in enumerate(ROWS):
        verdict, why, *values = found[place]
        assert why == told(place)
        accepted = Verdict.ACCEPTED if in_time(row) else Verdict.LATE
        assert verdict == (accepted if why is None else Verdict.DEAD_LETTER)
        for name, value in zip(queries(DUCKDB), values, strict=True):
            expected = MEANT[name](row) if row["k"] and in_time(row) else None
            assert same(value, expected), f"{name} of {row!r:.200}: expected {expected!r:.80}, found {value!r:.80}"
    assert len(found) == len(ROWS)


def test_duckdb_calls_functions_with_every_type(on_duckdb: Found) -> None:
    assert_as_meant(on_duckdb)


@pytest.mark.slow
def test_flink_calls_functions_with_every_type(on_flink: Found) -> None:
    assert_as_meant(on_flink)


@pytest.mark.slow
def test_each_row_is_called_once_whatever_reads_the_value(planner: Callable[[], Any]) -> None:
    tiles = {group.fingerprint: TileOptions(CASSANDRA, BLACKHOLE) for group in PLAN.groups}
    text = explained(
        planner, flink_job(PLAN, JobBindings("p", "r", [Legs(DATAGEN, DATAGEN)], tiles, BLACKHOLE, BLACKHOLE))
    )
    assert text.count("HR_CALL_") == 2 * len(calls_of(PLAN)), "once in each leg"
    assert text.count("TableSourceScan(") == 2


def test_a_plan_read_back_calls_the_same_functions() -> None:
    assert ViewPlan.from_json(PLAN.to_json()) == PLAN


def test_what_judging_adds_can_be_taken_away_to_judge_again(duck: duckdb.DuckDBPyConnection) -> None:
    judged = f"(SELECT * EXCLUDE ({', '.join(judged_columns(PLAN))}) FROM ({judged_sql(PLAN, 'archive')}))"
    assert duck.sql(f"FROM {judged}").columns == duck.table("archive").columns
    again = duck.sql(judged_sql(PLAN, judged)).columns
    assert len(set(again)) == len(again)
