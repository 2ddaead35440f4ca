"""What a job reads of history is enough, and no rule judges a row by a column that was not read of it."""

from __future__ import annotations

from math import isfinite
from types import ModuleType
from typing import Any

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.explain import columns_of_part
from headrace.compiler.flink_tables import Legs
from headrace.compiler.plan import ViewPlan
from headrace.compiler.projection import read_columns, unread_columns
from headrace.compiler.verdict import SOURCE_POSITION, arrival_us, event_us, verdict

from .test_duckdb_sql import connect


def names(plan: ViewPlan, part: int = 0, sound: frozenset[str] = frozenset()) -> list[str]:
    return [column.name for column in read_columns(plan, plan.source.parts[part], sound)]


def test_all_that_features_and_order_need_is_read_even_where_every_column_is_sound(plan: ViewPlan) -> None:
    for number, part in enumerate(plan.source.parts):
        found = names(plan, number, frozenset(column.name for column in part.columns))
        needed = {name for one in plan.features for name in columns_of_part(plan, one, part)}
        same = {path.partition(".")[0] for path in part.same_in}
        position = {column.name for column in SOURCE_POSITION}
        assert needed | same | position | {part.event_time, part.arrival_time} <= set(found)
        rest = {column.name for column in part.columns} - set(found)
        assert unread_columns(plan, part, Legs({}, None, frozenset(column.name for column in part.columns))) == rest


def test_a_column_with_a_rule_is_read_until_it_is_known_to_be_sound(plans: dict[str, ViewPlan]) -> None:
    fraud = plans["fraud_features"]
    assert names(fraud)[:7] == ["tid", "cc_num", "account_id", "merchant", "status", "amt", "ts"]
    assert names(fraud, sound=frozenset({"tid", "amt"}))[:5] == ["cc_num", "account_id", "merchant", "status", "amt"]
    assert unread_columns(fraud, fraud.source, Legs(None, {}, frozenset({"tid"}))) == set(), "all come live"


def test_a_column_of_a_union_is_read_where_it_fills_one(plans: dict[str, ViewPlan]) -> None:
    united = plans["united_orders"]
    for number, member in enumerate(united.source.members):
        every = frozenset(column.name for column in member.source.columns)
        filling = {name for scalar in member.filled for name in scalar.columns()}
        assert filling <= set(names(united, number, every))


def test_rows_of_history_are_judged_without_what_was_not_read_of_them(
    plans: dict[str, ViewPlan], oracle: ModuleType
) -> None:
    plan, unread = plans["shop_features"], frozenset({"cents", "weight"})
    rows = oracle.events(3, 400)
    sound = [row for row in rows if row["cents"] is not None and isfinite(row["weight"] or 0)]
    found = verdicts(plan, [row | dict.fromkeys(unread) for row in sound], unread, is_live=False)
    assert found == {row["_src_offset"]: oracle.verdict(row) for row in sound}
    live = verdicts(plan, rows, unread, is_live=True)
    assert live == {row["_src_offset"]: oracle.verdict(row) for row in rows}
    assert len(sound) < len(rows)


def verdicts(plan: ViewPlan, rows: list[dict[str, Any]], unread: frozenset[str], *, is_live: bool) -> dict[int, str]:
    """The verdict of each row, by its offset."""
    with connect(rows) as connection:
        event, arrival = DUCKDB.emit(event_us(plan.source)), DUCKDB.emit(arrival_us(plan.source))
        timed = f"SELECT *, {is_live} AS _is_live, {event} AS _event_us, {arrival} AS _arrival_us FROM archive"
        judgement = DUCKDB.emit(verdict(plan, unread))
        found = connection.execute(f"SELECT _src_offset, {judgement} FROM ({timed})").fetchall()
    return {offset: ("accepted", "late", "dead_letter")[code] for offset, code in found}
