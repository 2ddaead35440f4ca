"""DuckDB SQL against the row-by-row oracle: ties, NULLs, edges to the microsecond, late rows and dead letters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import features_sql, judged_sql, offset_tiles_sql, recount_sql
from headrace.compiler.duckdb_tiles import cells_sql
from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import ViewPlan
from headrace.compiler.verdict import Verdict, possible, reason

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("shop", pa.string()),
        ("customer", pa.int64()),
        ("status", pa.string()),
        ("cents", pa.int64()),
        ("weight", pa.float64()),
        ("express", pa.bool_()),
        ("ordered_at", pa.timestamp("us", tz="UTC")),
        ("_src_topic", pa.string()),
        ("_src_partition", pa.int32()),
        ("_src_offset", pa.int64()),
        ("_src_timestamp", pa.timestamp("us", tz="UTC")),
        ("_raw", pa.binary()),
        ("_error", pa.string()),
    ]
)


def connect(rows: list[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("archive", pa.Table.from_pylist(rows, schema=SCHEMA))
    return connection


def answers(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, at_us: int, mode: str) -> dict[str, dict]:
    """Feature to key to value."""
    found: dict[str, dict] = {}
    for group in plan.groups:
        result = connection.execute(features_sql(plan, group, "archive", mode), {"at_us": at_us})  # type: ignore[arg-type]
        names = [column[0] for column in result.description]
        for row in result.fetchall():
            key = row[: len(group.keys)]
            for name, value in zip(names[len(key) :], row[len(key) :], strict=True):
                found.setdefault(name, {})[key] = value
    return found


def close(expected: dict) -> dict:
    """Floats within rounding of another order of summing; everything else exactly."""
    return {key: pytest.approx(value) if isinstance(value, float) else value for key, value in expected.items()}


@pytest.fixture(scope="module")
def shop(plans: dict[str, ViewPlan]) -> ViewPlan:
    return plans["shop_features"]


@pytest.mark.parametrize("mode", ["exact", "tiled"])
@pytest.mark.parametrize("seed", range(4))
def test_features_equal_the_oracle(shop: ViewPlan, oracle: Any, mode: str, seed: int) -> None:
    rows = oracle.events(seed)
    connection = connect(rows)
    for at_us in (oracle.BASE, oracle.BASE + 1, oracle.BASE - 1, oracle.BASE + 7 * oracle.MINUTE + 3):
        found = answers(connection, shop, at_us, mode)
        for name in oracle.SPECS:
            expected = oracle.expected(rows, name, at_us, mode)
            if name == "newest_order_1h":
                expected = {
                    key: value if value is None else EPOCH + timedelta(microseconds=value)
                    for key, value in expected.items()
                }
            assert found.get(name, {}) == close(expected), (name, at_us)


@pytest.mark.parametrize("seed", range(4))
def test_verdicts_equal_the_oracle(shop: ViewPlan, oracle: Any, seed: int) -> None:
    rows = oracle.events(seed)
    query = f"SELECT _src_offset, _verdict, {DUCKDB.emit(reason(shop))} FROM ({judged_sql(shop, 'archive')})"
    found = connect(rows).execute(query).fetchall()
    verdicts = {offset: Verdict(code).label for offset, code, _ in found}
    assert verdicts == {row["_src_offset"]: oracle.verdict(row) for row in rows}
    assert set(verdicts.values()) == {verdict.label for verdict in possible(shop.source)}
    assert all((why is not None) == (code == Verdict.DEAD_LETTER) for _, code, why in found)


def test_recounts_agree_with_each_other(shop: ViewPlan, oracle: Any) -> None:
    rows = oracle.events(7)
    connection = connect(rows)
    blocks = connection.execute(offset_tiles_sql(shop, "archive")).fetchall()
    names = [column[0] for column in connection.description or []]
    totals = {name: sum(row[names.index(name)] for row in blocks) for name in names[3:]}
    by_group = dict(connection.execute(recount_sql(shop, "archive")).fetchall())
    assert totals["n"] == len(rows) == totals["accepted"] + totals["late"] + totals["dead_lettered"]
    assert totals["folded"] == sum(by_group.values())
    for group in shop.groups:
        tiles = connection.sql(cells_sql(shop, group, "archive")).project("level, tile_start, n").fetchall()
        for level in group.levels_us:
            mine = [row for row in tiles if row[0] == level]
            assert sum(n for *_, n in mine) == by_group[group.fingerprint]
            assert all(start % level == 0 for _, start, _ in mine)


def test_an_integer_overflow_names_the_feature(shop: ViewPlan, oracle: Any) -> None:
    rows = [row for row in oracle.events(1, 50) if oracle.verdict(row) == "accepted"]
    huge = [{**row, "cents": 2**62 - 1, "weight": -1.0, "shop": "a", "ordered_at": oracle.BASE - 1} for row in rows[:8]]
    for row in huge:
        row["_src_timestamp"] = row["ordered_at"]
    with pytest.raises(duckdb.Error, match=r"revenue_90m"):
        answers(connect(huge), shop, oracle.BASE, "exact")


def test_a_ratio_of_floats_beyond_the_floats_is_null(shop: ViewPlan, oracle: Any) -> None:
    (row,) = [row for row in oracle.events(1, 50) if oracle.verdict(row) == "accepted"][:1]
    times = {"ordered_at": oracle.BASE - 1, "_src_timestamp": oracle.BASE - 1}
    tiny = {**row, **times, "cents": 10**6, "weight": 5e-324, "shop": "a"}
    found = answers(connect([tiny]), shop, oracle.BASE, "exact")
    assert (found["cents_by_weight_1h"], found["failed_share_1h"]) == (
        {("a",): None},
        {("a",): float(oracle.is_failed(row))},
    )


def test_tiles_and_merging_give_the_tiled_answer(shop: ViewPlan, oracle: Any) -> None:
    """Fold by tile in Python, read slices, merge: the way of serving, against DuckDB."""
    rows = oracle.events(11)
    found = answers(connect(rows), shop, oracle.BASE + 3, "tiled")
    for name, (keys, passes, argument, *_) in oracle.SPECS.items():
        feature = shop.feature(name)
        sides = oracle.SIDES.get(name, ((passes, argument),))
        served = [
            oracle.serve(rows, shop, part, keys, *side, oracle.BASE + 3)
            for part, side in zip(feature.parts, sides, strict=True)
        ]
        parts = {
            key: [merge_feature(part, found.get(key, [])) for part, found in zip(feature.parts, served, strict=True)]
            for key in set().union(*served)
        }
        values = {key: value_from(feature, merged) for key, merged in parts.items()}
        assert values == close(found[name]), name
