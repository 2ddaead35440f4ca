"""Rows of several sources give the values, and have the verdicts, of the same rows in one source: on DuckDB."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.compiler.copies import id_text
from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import conflicts_sql, judged_sql, offset_tiles_sql
from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.tiles import WindowMode
from headrace.compiler.verdict import Verdict, reason
from headrace.features.scalar import INT, Scalar, column, literal

from .copied import copied_events, counted
from .events import BASE, DAY, HOUR, MINUTE, SPECS, Row, event, events, expected, micros, verdict
from .histories import HISTORIES, PATIENT, WINDOW_MODES, numbered
from .test_copies import counts
from .test_duckdb_sql import EPOCH, answers, close, connect
from .test_point_in_time import SPINE, TTL, spine
from .test_point_in_time import expected as expected_at
from .united import PHONE, SOURCES, TILLS, WEBSITE, Split, late_by, united

INSTANTS = (BASE, BASE + 1, BASE + 7 * MINUTE + 3, BASE - 3 * DAY + 1)


@pytest.fixture(scope="module")
def shop() -> ViewPlan:
    return united("every_aggregate", "shop_features")


def wanted(rows: list[Row], name: str, at_us: int, mode: str) -> dict[Any, Any]:
    """The oracle's values, instants as DuckDB has them."""
    found = expected(rows, name, at_us, mode)
    if name == "newest_order_1h":
        found = {key: us if us is None else EPOCH + timedelta(microseconds=us) for key, us in found.items()}
    return close(found)


@pytest.mark.parametrize("mode", ["exact", "tiled"])
@pytest.mark.parametrize("seed", range(3))
def test_every_feature_over_a_union_equals_the_oracle(shop: ViewPlan, mode: str, seed: int) -> None:
    split = Split.of(events(seed), seed)
    connection = split.connect(shop)
    assert min(len(split.archive(number)) for number in range(3)) > 20
    for at_us in INSTANTS:
        found = answers(connection, shop, at_us, mode)
        for name in SPECS:
            assert found.get(name, {}) == wanted(split.rows, name, at_us, mode), (name, at_us)


@PATIENT
@given(rows=HISTORIES, seed=st.integers(0, 2**16), before=st.sampled_from([0, 1, HOUR, 3 * DAY]), mode=WINDOW_MODES)
def test_a_union_gives_the_values_of_the_same_rows_in_one_source(
    shop: ViewPlan, plans: dict[str, ViewPlan], rows: list[Row], seed: int, before: int, mode: WindowMode
) -> None:
    split = Split.of(numbered(rows, "_src_offset"), seed)
    one, other = split.connect(shop), connect(split.in_one)
    found = answers(other, plans["shop_features"], BASE - before, mode)
    assert answers(one, shop, BASE - before, mode) == {name: close(values) for name, values in found.items()}


@pytest.mark.parametrize("mode", ["recomputed", "last_write", "ttl"])
@pytest.mark.parametrize("known_by", ["event", "arrival"])
def test_training_values_over_a_union_equal_a_loop_over_all_events(shop: ViewPlan, mode: Any, known_by: Any) -> None:
    split = Split.of(events(5, 200), 5)
    askers = spine(5, split.rows, 40)
    connection = split.connect(shop)
    connection.register("spine", _spine(askers))
    asked = tuple(AskedFeature(name, shop.feature(name), mode, TTL) for name in SPECS)
    for keys in key_sets(shop, asked, known_by):
        result = connection.execute(point_in_time_sql(keys, "spine", "archive"))
        names = [column[0] for column in result.description or []]
        for row, _, *values in result.fetchall():
            for name, value in zip(names[2:], values, strict=True):
                right = expected_at(split.rows, askers[row], name, mode, "exact", known_by)
                assert {0: micros(value)} == close({0: right}), (name, row)


def _spine(askers: list[Row]) -> Any:
    return pa.Table.from_pylist(askers, schema=SPINE)


@pytest.mark.parametrize("seed", range(3))
def test_rows_have_the_verdict_that_they_have_in_one_source(shop: ViewPlan, seed: int) -> None:
    split = Split.of(events(seed), seed)
    query = f"SELECT _src_offset, _verdict, {DUCKDB.emit(reason(shop))} FROM ({judged_sql(shop, 'archive')})"
    found = split.connect(shop).execute(query).fetchall()
    assert {offset: Verdict(code).label for offset, code, _ in found} == {
        row["_src_offset"]: verdict(row) for row in split.rows
    }
    assert all((why is not None) == (code == Verdict.DEAD_LETTER) for _, code, why in found)
    assert {why for *_, why in found} >= {
        "shop is missing",
        "store is missing",
        "quarters is no finite number",
        "unparsable: no JSON",
        "status has an unknown value",
        "key customer is missing",
    }


def test_a_row_is_judged_by_the_rules_of_its_own_source(shop: ViewPlan) -> None:
    """The web's rows may come an hour later, and not before 2020."""
    members = list(shop.source.members)
    web = replace(members[WEBSITE].source, allowed_lateness_us=3 * HOUR, earliest_us=BASE)
    members[WEBSITE] = replace(members[WEBSITE], source=web)
    plan = replace(shop, source=replace(shop.source, members=tuple(members)))
    late = late_by(good(BASE), 1)
    rows = [{**late, "_member": number, "_src_offset": number} for number in (TILLS, WEBSITE, PHONE)]
    rows += [{**good(BASE - 1), "_member": number, "_src_offset": 3 + number} for number in (TILLS, WEBSITE)]
    found = Split(rows).connect(plan).execute(f"SELECT _src_offset, _verdict FROM ({judged_sql(plan, 'archive')})")
    assert dict(found.fetchall()) == {
        0: Verdict.LATE,
        1: Verdict.ACCEPTED,
        2: Verdict.LATE,
        3: Verdict.ACCEPTED,
        4: Verdict.DEAD_LETTER,
    }


def good(us: int) -> Row:
    """A row that every source can have, and accepts."""
    return {
        **event(random.Random(1), 0),
        "shop": "a",
        "customer": 1,
        "status": "paid",
        "cents": 100,
        "weight": 1.0,
        "express": False,
        "ordered_at": us,
        "_src_timestamp": us,
        "_src_partition": 0,
        "_raw": None,
        "_error": None,
    }


def test_of_one_time_a_row_of_a_later_source_is_newer_whatever_its_place(shop: ViewPlan) -> None:
    first = {**good(BASE - 1), "_member": TILLS, "_src_partition": 1, "_src_offset": 9, "weight": 1.0}
    last = {**good(BASE - 1), "_member": PHONE, "_src_partition": 0, "_src_offset": 2, "weight": 3.0}
    middle = {**good(BASE - 1), "_member": WEBSITE, "_src_partition": 1, "_src_offset": 1, "weight": 2.0}
    found = answers(Split([last, first, middle]).connect(shop), shop, BASE, "exact")
    assert found["first_weight_1h"]["a",] == 1.0
    assert found["last_weight_1h"]["a",] == 3.0
    assert found["last_weights_1h"]["a",] == [3.0, 2.0, 1.0]


def test_a_ledger_counts_each_topic_of_a_union_by_itself(shop: ViewPlan) -> None:
    split = Split.of(events(3), 3)
    blocks = split.connect(shop).execute(offset_tiles_sql(shop, "archive")).fetchall()
    found = {row[:2]: row[3] for row in blocks}
    topics = ("tills", "website", "phone")
    assert found == {
        (topics[number], partition): sum(row["_src_partition"] == partition for row in split.archive(number))
        for number in range(3)
        for partition in range(2)
    }


#: Which classes say that rows are unique by their number.
IDS = {"the union": ("Orders",), "each source": SOURCES, "one source": ("Tills",)}


def counting(split: Split, ids: str) -> list[Row]:
    """The rows that count, by a loop."""
    if ids == "the union":
        return [{**row, "_member": 0} for row in counted(split.rows)]
    with_ids = (TILLS,) if ids == "one source" else (TILLS, WEBSITE, PHONE)
    own = [[row for row in split.rows if row["_member"] == number] for number in range(3)]
    return [
        row
        for number, rows in enumerate(own)
        for row in (counted(rows) if number in with_ids else [one for one in rows if verdict(one) == "accepted"])
    ]


@pytest.mark.parametrize("mode", ["exact", "tiled"])
@pytest.mark.parametrize("ids", IDS)
def test_copies_count_once_in_a_source_or_in_the_union(ids: str, mode: str) -> None:
    plan = united("unique_orders", "unique_orders", IDS[ids])
    split = Split.of(copied_events(2), 2)
    rows = counting(split, ids)
    connection = split.connect(plan)
    alone = [verdict(row) for row in split.rows]
    assert counts(connection, plan) == {
        "accepted": len(rows),
        "late": alone.count("late"),
        "dead_letter": alone.count("dead_letter"),
        "duplicate": alone.count("accepted") - len(rows),
    }
    assert (len(rows) == len(counted(split.rows))) == (ids == "the union"), "some copies are of two sources"
    for at_us in INSTANTS:
        found = answers(connection, plan, at_us, mode)
        for feature in plan.features:
            name = feature.name
            assert found.get(name, {}) == close(expected(rows, name, at_us, mode)), (name, at_us)


def test_different_rows_of_one_id_are_told_by_source(shop: ViewPlan) -> None:
    one, other = {**good(BASE), "number": "n1"}, {**good(BASE + 1), "number": "n1"}
    rows = [{**one, "_member": TILLS}, {**other, "_member": WEBSITE}, {**other, "_member": TILLS}]
    split = Split([{**row, "_src_offset": number} for number, row in enumerate(rows)])
    by_union, by_source = (united("unique_orders", "unique_orders", IDS[ids]) for ids in ("the union", "each source"))
    assert split.connect(by_union).execute(conflicts_sql(by_union, "archive")).fetchall() == [("n1", 2)]
    assert split.connect(by_source).execute(conflicts_sql(by_source, "archive")).fetchall() == [("0/n1", 2)]
    assert id_text(by_union.source, "n1") == "number 'n1'"
    assert id_text(by_source.source, "0/n1") == "number 'n1' of Tills"
    assert id_text(by_source.source, "2/a/b") == "number 'a/b' of Phone"


def test_an_id_that_is_a_number_is_told_as_one() -> None:
    source = united("unique_orders", "unique_orders", IDS["each source"]).source
    tills = source.members[TILLS]
    numbers = tuple(Column("number", "int") if one.name == "number" else one for one in tills.source.columns)
    counted = replace(tills, source=replace(tills.source, columns=numbers))
    assert id_text(replace(source, members=(counted, *source.members[1:])), "0/17") == "number 17 of Tills"


def test_what_a_union_computes_is_in_its_fingerprints(shop: ViewPlan) -> None:
    orders = united("every_aggregate", "shop_features")
    assert orders.version == shop.version
    assert united("every_aggregate", "shop_features", ("Tills",)).version != shop.version


def test_of_a_refused_row_nothing_is_computed(shop: ViewPlan) -> None:
    """Such as a number that leaves BIGINT."""
    split = Split([{**good(BASE), "_member": WEBSITE, "_src_offset": 0, "shop": None}])
    (row,) = split.archive(WEBSITE)
    assert row["store"] is None
    members = list(shop.source.members)
    below = Scalar("subtract", INT, (column("half_cents", INT), literal(2**63 - 1)))
    filled = tuple(below if one.op == "floor_divide" else one for one in members[WEBSITE].filled)
    members[WEBSITE] = replace(members[WEBSITE], filled=filled)
    plan = replace(shop, source=replace(shop.source, members=tuple(members)))
    least = Split([{**one, "cents": -(2**61)} for one in split.rows])
    assert counts(least.connect(plan), plan)["dead_letter"] == 1
    accepted = Split([{**one, "shop": "a"} for one in least.rows])
    with pytest.raises(duckdb.Error, match="Overflow"):
        counts(accepted.connect(plan), plan)
