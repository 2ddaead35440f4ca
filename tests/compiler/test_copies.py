"""Of rows that say the same one counts: the same one or another, in whatever order, the values are the oracle's."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given

from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import conflicts_sql, judged_sql, offset_tiles_sql, recount_sql
from headrace.compiler.duckdb_tiles import cells_sql
from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet, KnownBy, key_sets
from headrace.compiler.verdict import Verdict
from headrace.features.scalar import Scalar, literal

from .copied import COPIED_HISTORIES, copied_events, counted, rank, verdicts
from .events import BASE, DAY, HOUR, MINUTE, Row, expected
from .histories import OFFSETS, PATIENT, WINDOW_MODES, numbered
from .test_duckdb_sql import SCHEMA, answers, close
from .test_point_in_time import expected as expected_at

COPIED = pa.schema([pa.field("number", pa.string()), *SCHEMA])


def connect(rows: list[Row], schema: pa.Schema = COPIED) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("archive", pa.Table.from_pylist(rows, schema=schema))
    return connection


def counts(connection: duckdb.DuckDBPyConnection, plan: ViewPlan) -> dict[str, int]:
    found = dict(
        connection.sql(f"SELECT _verdict, count(*) FROM ({judged_sql(plan, 'archive')}) GROUP BY 1").fetchall()
    )
    return {verdict.label: found.get(int(verdict), 0) for verdict in Verdict}


@pytest.fixture(scope="module")
def shop(plans: dict[str, ViewPlan]) -> ViewPlan:
    return plans["unique_orders"]


@pytest.mark.parametrize("mode", ["exact", "tiled"])
@pytest.mark.parametrize("seed", range(4))
def test_copies_count_once_in_every_feature(shop: ViewPlan, mode: str, seed: int) -> None:
    rows = copied_events(seed)
    connection = connect(rows)
    for at_us in (BASE, BASE + 7 * MINUTE + 3, BASE - 3 * DAY + 1):
        found = answers(connection, shop, at_us, mode)
        for feature in shop.features:
            name = feature.name
            assert found.get(name, {}) == close(expected(counted(rows), name, at_us, mode)), (name, at_us)


@PATIENT
@given(rows=COPIED_HISTORIES, before=OFFSETS, mode=WINDOW_MODES)
def test_copies_count_once_whatever_the_events(shop: ViewPlan, rows: list[Row], before: int, mode: str) -> None:
    placed = numbered(rows, "_src_offset")
    connection, once = connect(placed), counted(placed)
    found = answers(connection, shop, BASE - before, mode)
    for feature in shop.features:
        assert found.get(feature.name, {}) == close(expected(once, feature.name, BASE - before, mode)), feature.name
    assert counts(connection, shop) == verdicts(placed)


@pytest.mark.parametrize("seed", range(4))
def test_every_row_has_one_verdict_and_copies_are_duplicates(shop: ViewPlan, seed: int) -> None:
    rows = copied_events(seed)
    assert counts(connect(rows), shop) == verdicts(rows)
    assert min(verdicts(rows).values()) > 0


def test_the_order_and_the_place_of_copies_change_nothing(shop: ViewPlan) -> None:
    rows = copied_events(5)
    other = [{**row, "_src_partition": 1, "_src_offset": place} for place, row in enumerate(reversed(rows))]
    one, another = (answers(connect(these), shop, BASE, "exact") for these in (rows, other))
    assert {name: close(values) for name, values in one.items()} == another
    assert counts(connect(other), shop) == verdicts(rows)


def test_a_late_copy_is_late_and_takes_nothing_from_the_one_on_time(shop: ViewPlan) -> None:
    first, late = a_row(), {**a_row(), "_src_timestamp": BASE + 2 * HOUR + 1, "_src_offset": 1}
    for rows in ([first, late], [late, first]):
        assert counts(connect(rows), shop) == {"accepted": 1, "late": 1, "dead_letter": 0, "duplicate": 0}


def test_a_difference_counts_where_a_feature_reads_it_and_nowhere_else(shop: ViewPlan) -> None:
    unread = {"express": True, "customer": 9}
    assert counts(connect([a_row(), {**a_row(), **unread}]), shop)["duplicate"] == 1
    for name, value in {"cents": 6, "weight": 0.5, "status": "failed", "shop": "b", "ordered_at": BASE - 1}.items():
        connection = connect([a_row(), {**a_row(), name: value}])
        assert counts(connection, shop)["accepted"] == 2, name
        assert connection.sql(conflicts_sql(shop, "archive")).fetchall() == [("n1", 2)]
    assert connect([a_row()] * 2).sql(conflicts_sql(shop, "archive")).fetchall() == []


def test_recounts_agree_with_each_other(shop: ViewPlan) -> None:
    rows = copied_events(7)
    connection = connect(rows)
    blocks = connection.sql(offset_tiles_sql(shop, "archive")).to_arrow_table().to_pylist()
    totals = {name: sum(block[name] for block in blocks) for name in ("n", "accepted", "duplicate", "folded")}
    by_group = dict(connection.execute(recount_sql(shop, "archive")).fetchall())
    wanted = verdicts(rows)
    assert totals == {
        "n": len(rows),
        "accepted": wanted["accepted"],
        "duplicate": wanted["duplicate"],
        "folded": sum(by_group.values()),
    }
    for group in shop.groups:
        tiles = connection.sql(cells_sql(shop, group, "archive")).project("level, n").fetchall()
        for level in group.levels_us:
            assert sum(n for found, n in tiles if found == level) == by_group[group.fingerprint]


@pytest.mark.parametrize("known_by", ["event", "arrival"])
def test_a_training_set_knows_a_row_from_its_first_copy_on(shop: ViewPlan, known_by: KnownBy) -> None:
    rows, random_ = copied_events(9, 150), random.Random(9)
    times = [us for row in counted(rows) for us in (row["ordered_at"], row["_src_timestamp"])]
    spine = [
        {"_row": number, "_t": random_.choice(times) + random_.choice([0, 1]), "shop": "a"} for number in range(80)
    ]
    connection = connect(rows)
    connection.register("spine", pa.Table.from_pylist(spine))
    asked = tuple(AskedFeature(feature.name, feature) for feature in shop.features)
    (keys,) = key_sets(shop, asked, known_by)
    found = connection.sql(point_in_time_sql(keys, "spine", "archive")).to_arrow_table().sort_by("_row")
    for feature in shop.features:
        wanted = [expected_at(counted(rows), row, feature.name, "recomputed", "exact", known_by) for row in spine]
        assert found[feature.name].to_pylist() == list(close(dict(enumerate(wanted))).values()), feature.name


def test_rows_that_are_set_apart_are_no_copies_of_one_another(shop: ViewPlan) -> None:
    rows = copied_events(3)
    connection = connect(rows)
    connection.execute("CREATE TABLE cases AS SELECT archive.*, _case FROM archive, (VALUES (0), (1)) AS c (_case)")
    connection.register(
        "spine", pa.Table.from_pylist([{"_row": n, "_case": n, "_t": BASE, "shop": "a"} for n in (0, 1)])
    )
    asked = (AskedFeature("orders_3d", shop.feature("orders_3d")),)
    sql = point_in_time_sql(KeySet(shop, asked, apart=(Column("_case", "int"),)), "spine", "cases")
    wanted = expected(counted(rows), "orders_3d", BASE, "exact")["a",]
    assert connection.sql(sql).project("orders_3d").fetchall() == [(wanted,)] * 2


def test_an_id_that_is_a_number_orders_rows_of_one_time(shop: ViewPlan) -> None:
    columns = tuple(replace(one, type="int") if one.name == "number" else one for one in shop.source.columns)
    plan = replace(shop, source=replace(shop.source, columns=columns))
    rows = [{**a_row(), "number": number, "weight": float(number)} for number in (10, 9, -1)]
    connection = connect(rows, pa.schema([pa.field("number", pa.int64()), *SCHEMA]))
    found = answers(connection, plan, BASE + 1, "exact")
    assert (found["last_weights_1h"], found["first_weight_1h"]) == ({("a",): [10.0, 9.0, -1.0]}, {("a",): -1.0})


def test_a_rank_is_the_same_in_python_and_duckdb() -> None:
    numbers = ["", "n1", "Zürich-7", "\U0001f600"]
    ranks = (DUCKDB.emit(Scalar("rank", "int", (literal(number),))) for number in numbers)
    with duckdb.connect() as connection:
        assert connection.sql(f"SELECT {', '.join(ranks)}").fetchall() == [tuple(map(rank, numbers))]


def a_row() -> dict[str, Any]:
    times = {"ordered_at": BASE, "_src_timestamp": BASE, "_src_topic": "orders", "_src_partition": 0, "_src_offset": 0}
    return {"number": "n1", "shop": "a", "customer": 1, "status": "paid", "cents": 5, "weight": None, **times} | {
        "express": False,
        "_raw": None,
        "_error": None,
    }
