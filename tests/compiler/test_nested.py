"""Structs and lists through both engines: verdicts with the path of what is wrong, and values, against a loop."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import features_sql, judged_sql
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.verdict import Verdict, reason
from headrace.connectors.foreign import arrow_type
from headrace.connectors.schema import archive_fields
from headrace.features import load_views

from . import nested_logins
from .test_duckdb_sql import close

PLAN = plan_view(nested_logins.NestedLogins.view)
SCHEMA = pa.schema([(field.name, arrow_type(field)) for field in archive_fields(PLAN.source.columns)])
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def connect(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("archive", pa.Table.from_pylist(rows, schema=SCHEMA))
    return connection


def micros(value: Any) -> Any:
    return (value - EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value


@pytest.mark.parametrize("seed", range(6))
def test_what_is_wrong_inside_a_row_is_named_by_its_path(seed: int) -> None:
    rows = nested_logins.rows(seed)
    why = DUCKDB.emit(reason(PLAN))
    query = f"SELECT _src_offset, _verdict, {why} FROM ({judged_sql(PLAN, 'archive')})"
    found = {offset: (verdict, text) for offset, verdict, text in connect(rows).execute(query).fetchall()}
    assert {offset: text for offset, (_, text) in found.items()} == {
        row["_src_offset"]: nested_logins.reason(row) for row in rows
    }
    assert {verdict for verdict, text in found.values() if text} == {Verdict.DEAD_LETTER}


@pytest.mark.parametrize("seed", range(6))
def test_copies_agree_in_the_parts_that_are_read(seed: int) -> None:
    """Of a struct no field counts but those that a feature reads; of a list all elements do."""
    rows = nested_logins.rows(seed)
    unread = [{**row, "app": row["app"] and {**row["app"], "lat": number / 8}} for number, row in enumerate(rows)]
    read = [{**row, "scores": row["scores"] and [*row["scores"], float(n)]} for n, row in enumerate(rows)]
    query = f"SELECT _verdict, count(*) FROM ({judged_sql(PLAN, 'archive')}) GROUP BY ALL"
    counts = [dict(connect(of).execute(query).fetchall()) for of in (rows, unread, read)]
    expected = {Verdict[name.upper()]: count for name, count in nested_logins.verdicts(rows).items() if count}
    assert counts[0] == counts[1] == expected
    assert 0 < counts[2][Verdict.DUPLICATE] < expected[Verdict.DUPLICATE]


@pytest.mark.parametrize("seed", range(6))
def test_features_of_structs_and_lists_equal_a_loop_over_rows(seed: int) -> None:
    rows, connection = nested_logins.rows(seed), connect(nested_logins.rows(seed))
    for group in PLAN.groups:
        result = connection.execute(features_sql(PLAN, group, "archive"), {"at_us": nested_logins.BASE})
        names = [column[0] for column in result.description][1:]
        values = {row[0]: row[1:] for row in result.fetchall()}
        for place, name in enumerate(names):
            found = {(user,): micros(of[place]) for user, of in values.items()}
            assert found == close(nested_logins.expected(rows, name, nested_logins.BASE)), name


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_a_training_set_equal_a_loop_over_rows(seed: int) -> None:
    rows, connection = nested_logins.rows(seed), connect(nested_logins.rows(seed))
    times = (nested_logins.BASE, nested_logins.BASE - nested_logins.HOUR // 2)
    askers = [{"_row": n, "_t": t, "user": user} for n, t in enumerate(times) for user in ("a", "b", "c")]
    connection.register("spine", pa.Table.from_pylist([{**one, "_row": n} for n, one in enumerate(askers)]))
    (keys,) = key_sets(PLAN, tuple(AskedFeature(one.name, one) for one in PLAN.features))
    found = connection.sql(point_in_time_sql(keys, "spine", "archive")).to_arrow_table().to_pylist()
    for row in found:
        asker = askers[row["_row"]]
        for feature in PLAN.features:
            value = nested_logins.expected(rows, feature.name, asker["_t"])[asker["user"],]
            assert close({0: micros(row[feature.name])}) == {0: value}, feature.name
    assert len(found) == len(askers)


@pytest.mark.parametrize(
    ("day", "is_good"), [(-719_163, False), (-719_162, True), (2_932_896, True), (2_932_897, False)]
)
def test_dates_beyond_the_years_1_to_9999_are_dead_letters(day: int, is_good: bool) -> None:
    """Tables hold them, where texts do not."""
    rows = [{**row, "birthday": date.min} for row in nested_logins.rows(0) if nested_logins.reason(row) is None][:4]
    table, days = pa.Table.from_pylist(rows, schema=SCHEMA), pa.array([day, 0, 0, 0], pa.int32()).cast(pa.date32())
    devices = table["device"].combine_chunks()
    parts = [
        days.take(pa.array([1, 0, 1, 1])) if field.name == "bought" else devices.field(field.name)
        for field in devices.type
    ]
    inner = pa.StructArray.from_arrays(parts, fields=list(devices.type))
    lists = pa.ListArray.from_arrays([0, 0, 0, 2, 2], days.take(pa.array([1, 0])), type=SCHEMA.field("holidays").type)
    for name, column in {"birthday": days, "device": inner, "holidays": lists}.items():
        table = table.set_column(table.schema.get_field_index(name), SCHEMA.field(name), column)
    connection = duckdb.connect()
    connection.register("archive", table)
    query = f"SELECT {DUCKDB.emit(reason(PLAN))} FROM ({judged_sql(PLAN, 'archive')}) ORDER BY _src_offset"
    found = [text for (text,) in connection.execute(query).fetchall()]
    paths = ("birthday", "device.bought", "an element of holidays")
    assert found == [None if is_good else f"{path} is no date of the years 1 to 9999" for path in paths] + [None]


def test_every_fault_is_among_the_random_rows() -> None:
    faults = {nested_logins.reason(row) for seed in range(6) for row in nested_logins.rows(seed)}
    assert len(faults) == 12


def as_json(row: dict[str, Any]) -> str:
    """A row for Flink's JSON format."""
    plain = {name: instant(value) for name, value in row.items()}
    device = plain["device"] and {name: instant(value) for name, value in plain["device"].items()}
    scores = plain["scores"] and list(map(number, plain["scores"]))
    visits = plain["visits"] and [visit and {**visit, "lat": number(visit["lat"])} for visit in plain["visits"]]
    return json.dumps(plain | {"device": device, "scores": scores, "visits": visits}, default=str)


def number(value: float | None) -> Any:
    """A float as Flink's JSON format reads it."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity"


def instant(value: Any) -> Any:
    """An instant as text."""
    if not isinstance(value, int) or value < nested_logins.BASE - 10 * nested_logins.HOUR:
        return value
    return (EPOCH + timedelta(microseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.slow
def test_flink_names_the_same_faults(planner: Callable[[], Any], tmp_path: Path) -> None:
    rows = nested_logins.rows(3)
    file = tmp_path / "logins.json"
    file.write_text("\n".join(map(as_json, rows)))
    form = {"format": "json", "json.timestamp-format.standard": "ISO-8601"}
    history = {"connector": "filesystem", "path": file.as_uri(), **form}
    tiles = {group.fingerprint: TileOptions(None, None) for group in PLAN.groups}
    environment = planner()
    for statement in flink_job(PLAN, JobBindings("p", "r", [Legs(history, None)], tiles)).statements:
        environment.execute_sql(statement)
    query = f"SELECT `_src_offset`, {FLINK.emit(reason(PLAN))} FROM `judged`"
    with environment.execute_sql(query).collect() as results:
        found = dict(results)
    assert found == {row["_src_offset"]: nested_logins.reason(row) for row in rows}
    assert len(set(found.values())) > 7


FILE = Path(nested_logins.__file__)


def planned(text: str, tmp_path: Path) -> ViewPlan:
    """The plan of the view in a text."""
    path = tmp_path / "logins.py"
    path.write_text(text)
    return plan_view(load_views(path).views["nested_logins"])


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ("    version: int | None\n", "    version: int | None\n    model: str | None\n", True),
        ("    kind: Literal", "    speed: float | None\n    kind: Literal", True),
        # Copies agree in lists as a whole, so that rows that were copies may not be by this field.
        ("    lat: float | None = None\n", "    lat: float | None = None\n    lon: float | None = None\n", False),
        ("    os: str\n", "    os: str\n    model: str\n", False),
        ("    os: str\n", "    os: str | None\n", False),
        ("    version: int | None\n", "    version: float | None\n", False),
        ("    tags: list[str]\n", "    tags: list[str | None]\n", False),
        ("    scores: list[float | None] | None\n", "    scores: list[int | None] | None\n", False),
    ],
)
def test_a_field_that_may_be_missing_and_nobody_reads_keeps_the_version(
    old: str, new: str, kept: bool, tmp_path: Path
) -> None:
    text = FILE.read_text()
    assert text.count(old) == 1
    before = planned(text, tmp_path)
    assert (planned(text.replace(old, new), tmp_path).version == before.version) is kept


def test_where_rows_have_no_copies_a_field_more_in_a_list_keeps_the_version(tmp_path: Path) -> None:
    text, lat = FILE.read_text().replace('    unique_by = "login"\n', ""), "    lat: float | None = None\n"
    more = text.replace(lat, f"{lat}    lon: float | None = None\n")
    assert planned(more, tmp_path).version == planned(text, tmp_path).version


def test_a_plan_with_structs_comes_back_from_json() -> None:
    assert ViewPlan.from_json(PLAN.to_json()) == replace(PLAN)
