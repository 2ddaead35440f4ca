"""The job's views run on Flink itself, over the oracle's events: verdicts and cells must be the oracle's."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_nested_tiles import Nesting, nesting_of
from headrace.compiler.flink_scalar import FLINK
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import ViewPlan
from headrace.compiler.tiles import DAY_US, HOUR_US
from headrace.compiler.verdict import Verdict, reason
from headrace.features import load_views

from .numbers import Numbers

pytestmark = pytest.mark.slow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANTS = ("ordered_at", "_src_timestamp")


def as_json(row: dict[str, Any]) -> str:
    """A row for Flink's JSON format."""
    plain = dict(row)
    for name in INSTANTS:
        if row[name] is not None:
            instant = EPOCH + timedelta(microseconds=row[name])
            plain[name] = instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if row["weight"] is not None and not math.isfinite(row["weight"]):
        plain["weight"] = "NaN" if math.isnan(row["weight"]) else "-Infinity"
    plain["_raw"] = None if row["_raw"] is None else base64.b64encode(row["_raw"]).decode()
    return json.dumps(plain)


@pytest.fixture(scope="module")
def rows(oracle: Any) -> list[dict[str, Any]]:
    return oracle.events(3, 300)


@pytest.fixture(scope="module")
def plan() -> ViewPlan:
    """The shop's features, and beside them, in the same groups, those of numbers that may be missing."""
    shop = load_views(Path(__file__).parent / "every_aggregate.py").views["shop_features"]
    return plan_view(replace(shop, features=(*shop.features, *Numbers.view.features)))


@pytest.fixture(scope="module")
def environment(plan: ViewPlan, planner: Callable[[], Any], rows: list, tmp_path_factory: Any) -> Any:
    """A table environment in which the shop's views are declared over a file of events."""
    file: Path = tmp_path_factory.mktemp("events") / "events.json"
    file.write_text("\n".join(map(as_json, rows)))
    options = {
        "connector": "filesystem",
        "path": file.as_uri(),
        "format": "json",
        "json.timestamp-format.standard": "ISO-8601",
    }
    tiles = {group.fingerprint: TileOptions(None, None) for group in plan.groups}
    environment = planner()
    environment.get_config().set("parallelism.default", "1")
    job = flink_job(plan, JobBindings("p", "r", [Legs(None, options)], tiles, {"connector": "blackhole"}))
    # In mini-batches, as jobs run, a key is handed out once and not with each of its rows.
    batches = {"enabled": "true", "allow-latency": "1 s", "size": "10000"}
    for key, value in {
        **job.config,
        **{f"table.exec.mini-batch.{key}": value for key, value in batches.items()},
    }.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    return environment


def collected(environment: Any, query: str) -> Iterator[list[Any]]:
    """The rows of an updating query that are left at its end: the last of each key wins in the caller's dict."""
    with environment.execute_sql(query).collect() as results:
        for row in results:
            if "DELETE" not in row.get_row_kind().name and "BEFORE" not in row.get_row_kind().name:
                yield list(row)


def test_verdicts(environment: Any, oracle: Any, plan: ViewPlan, rows: list[dict[str, Any]]) -> None:
    why = FLINK.emit(reason(plan))
    query = f"SELECT `_src_offset`, `_verdict`, {why} FROM `judged`"
    found = {offset: (Verdict(code).label, why) for offset, code, why in collected(environment, query)}
    assert {offset: verdict for offset, (verdict, _) in found.items()} == {
        row["_src_offset"]: oracle.verdict(row) for row in rows
    }
    assert {why for _, why in found.values()} >= {
        "shop is missing",
        "weight is no finite number",
        "status has an unknown value",
        "key customer is missing",
        "unparsable: no JSON",
    }


@pytest.fixture(scope="module")
def cells(environment: Any, plan: ViewPlan) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """The final cells of each group, by its fingerprint: a job for each."""
    return {group.fingerprint: cells_of(environment, group) for group in plan.groups}


def test_cells_merge_to_the_oracle(cells: Any, oracle: Any, plan: ViewPlan, rows: list[dict[str, Any]]) -> None:
    at_us = oracle.BASE + 3
    for feature in plan.features:
        for key, value in oracle.expected(rows, feature.name, at_us, "tiled").items():
            merged = [merged_part(oracle, plan, part, cells[part.group], key, at_us) for part in feature.parts]
            found = value_from(feature, merged)
            found = (found - EPOCH) // timedelta(microseconds=1) if isinstance(found, datetime) else found
            assert found == (pytest.approx(value) if isinstance(value, float) else value), (feature.name, key)


def test_numbers_that_may_be_missing_share_the_state_of_both_pairs_of_levels(oracle: Any, plan: ViewPlan) -> None:
    kept = {nesting_of(plan.group(part.group)) for name in oracle.NUMBERS for part in plan.feature(name).parts}
    assert kept == {Nesting(HOUR_US // 12, HOUR_US), Nesting(HOUR_US, DAY_US)}


def test_tiles_without_a_value_have_a_count_of_none_of_them(cells: Any, plan: ViewPlan) -> None:
    nested = (group for group in plan.groups if nesting_of(group) is not None)
    group = next(group for group in nested if "moments_weight" in [one.name for one in group.partials])
    found = [(cell["moments_weight_n"], cell["moments_weight_mean"]) for cell in cells[group.fingerprint].values()]
    assert (0, None) in found
    assert [n for n, mean in found if n is None or (n > 0) != (mean is not None)] == []


def test_each_tile_starts_where_its_level_has_one(cells: Any, plan: ViewPlan) -> None:
    for group in plan.groups:
        assert {level for *_, level, _ in cells[group.fingerprint]} == set(group.levels_us)
        assert [place for place in cells[group.fingerprint] if place[-1] % place[-2]] == []


def merged_part(oracle: Any, plan: ViewPlan, part: Any, cells: dict[Any, Any], key: tuple[Any, ...], at_us: int) -> Any:
    """The value of one aggregate for one entity, from the cells that a read of it finds."""
    group = plan.group(part.group)
    slices = oracle._slices(part, group, at_us, at_us // group.finest_us * group.finest_us)
    read = [cell for place, cell in cells.items() if place[:-2] == key and inside(slices, *place[-2:])]
    return merge_feature(part, read)


def cells_of(environment: Any, group: Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The final cells of a group by (keys, level, tile start)."""
    names = [field.name for field in group.cell]
    places = ", ".join(f"`{name}`" for name in (*(key.name for key in group.keys), "level", "tile_start"))
    # Field by field: PyFlink's collect cannot read a NULL inside a row.
    fields = ", ".join(f"`c`.`cell`.`{name}`" for name in names)
    query = f"SELECT {places}, {fields} FROM `cells_{group.fingerprint}` AS `c`"
    width = len(group.keys) + 2
    return {tuple(row[:width]): dict(zip(names, row[width:], strict=True)) for row in collected(environment, query)}


def inside(slices: list[Any], level: int, start: int) -> bool:
    """Whether a read of the slices finds a tile."""
    return any(part.level_us == level and part.from_us <= start < part.to_us for part in slices)


def test_the_ledger_sums_up(environment: Any, cells: Any, plan: ViewPlan, rows: list[dict[str, Any]]) -> None:
    names = (
        "topic",
        "partition",
        "block",
        "n",
        "sum_offset",
        "accepted",
        "late",
        "dead_lettered",
        "filtered",
        "folded",
    )
    query = f"SELECT {', '.join(f'`{name}`' for name in names)} FROM `offset_blocks`"
    blocks = {tuple(row[:3]): dict(zip(names, row, strict=True)) for row in collected(environment, query)}
    total = {name: sum(block[name] for block in blocks.values()) for name in names[3:]}
    assert total["n"] == len(rows) == total["accepted"] + total["late"] + total["dead_lettered"]
    assert total["sum_offset"] == sum(row["_src_offset"] for row in rows)
    folded = 0
    for group in plan.groups:
        own = cells[group.fingerprint].items()
        folded += sum(cell["n"] for place, cell in own if place[-2] == group.finest_us)
    assert total["folded"] == folded


EDGES = [
    ("HR_ADD(1, CAST(NULL AS BIGINT), 'x')", None),
    ("CHAR_LENGTH('e\u0301😀')", 3),
    ("CAST(-1.9E0 AS BIGINT)", -1),
    ("CAST(5e-324 AS DOUBLE)", 5e-324),
    ("CAST(-9223372036854775808 AS BIGINT)", -(2**63)),
]


@pytest.mark.parametrize(("sql", "value"), EDGES)
def test_scalars_on_edge_values(environment: Any, sql: str, value: Any) -> None:
    assert list(collected(environment, f"SELECT {sql}")) == [[value]]
