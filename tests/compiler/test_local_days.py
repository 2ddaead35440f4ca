"""Windows of calendar days against a loop over dates: DuckDB in every mode, tiles as they are served, and the plan."""

from __future__ import annotations

import random
import re
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace import CalendarDays, FeaturePipeline
from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_days import Days, DayTables
from headrace.compiler.duckdb_point_in_time import evidence_sql, point_in_time_sql
from headrace.compiler.explain import planned
from headrace.compiler.merge import merge_feature, value_from
from headrace.compiler.plan import PlannedFeature, TileGroup, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KnownBy, ValueMode, key_sets
from headrace.compiler.tiles import WindowMode, cell_count
from headrace.compiler.window_slices import Instant, bounds_of, deleted_levels, slices_of
from headrace.features.local_day import DAY_US, END_DAY, begin_us, day_of, days_held

from .events import DAY, MINUTE, SIDES, SPECS, Row, serve
from .every_aggregate import orders
from .histories import PATIENT, WINDOW_MODES, numbered
from .local_days import (
    DAYS,
    EXAMPLES_OF_DAYS,
    MIDNIGHTS,
    NEW_YORK,
    SAO_PAULO,
    TILE,
    ShopDays,
    by_shop,
    expected,
    instants,
    rows,
    value,
)
from .test_duckdb_sql import answers, close, connect
from .test_point_in_time import TTL, spined
from .test_point_in_time import answers as values_at

PLAN = plan_view(ShopDays.view)
(GROUP,) = [group for group in PLAN.groups if group.filter is None]
NAMES = tuple(DAYS)
#: 2024-10-27 12:00 UTC, within a day of 26 hours in Antarctica/Troll.
LONGEST = 1_730_030_400_000_000


def test_every_feature_of_days_is_tried() -> None:
    assert {feature.name for feature in PLAN.features if feature.zone} == set(DAYS)


@pytest.mark.parametrize("mode", ["exact", "tiled"])
@pytest.mark.parametrize("seed", range(3))
def test_days_equal_a_loop_over_dates(mode: str, seed: int) -> None:
    mine = rows(seed)
    connection = connect(mine)
    for at_us in instants(seed):
        found = answers(connection, PLAN, at_us, mode)
        for name in DAYS:
            assert found.get(name, {}) == close(expected(mine, name, at_us, mode)), (name, at_us)


def askers(seed: int, n: int = 60) -> list[Row]:
    random_ = random.Random(seed)
    shops = ["a", "b", "", "nowhere", None]
    asked = {"customer": 1, "express": True}
    return [
        {"_row": number, "_t": at_us, "shop": random_.choice(shops), **asked}
        for number, at_us in enumerate(instants(seed, n))
    ]


def expected_at(mine: list[Row], asker: Row, name: str, mode: ValueMode, window_mode: str, known_by: KnownBy) -> Any:
    """One value of a spine's row: a write is of the date of the event itself, and holds it."""
    at = asker["_t"]
    arrived = by_shop(mine, lambda row: known_by == "event" or row["_src_timestamp"] < at)
    known = [row for row in arrived.get(asker["shop"], []) if row["ordered_at"] < at]
    if not known:
        return None
    newest = max(row["ordered_at"] for row in known)
    if mode == "recomputed":
        return value(name, known, at if window_mode == "exact" else at // TILE * TILE, at)
    return None if mode == "ttl" and newest < at - TTL else value(name, known, newest + 1, newest)


def asked(mode: ValueMode, window_mode: WindowMode) -> tuple[AskedFeature, ...]:
    return tuple(AskedFeature(name, PLAN.feature(name), mode, TTL, window_mode) for name in DAYS)


@pytest.mark.parametrize("known_by", ["event", "arrival"])
@pytest.mark.parametrize("window_mode", ["exact", "tiled"])
@pytest.mark.parametrize("mode", ["recomputed", "last_write", "ttl"])
def test_days_of_a_training_set_equal_a_loop_over_dates(
    mode: ValueMode, window_mode: WindowMode, known_by: KnownBy
) -> None:
    mine, spine = rows(5), askers(5)
    found = values_at(spined(mine, spine), PLAN, asked(mode, window_mode), known_by)
    wanted = {
        (name, asker["_row"]): expected_at(mine, asker, name, mode, window_mode, known_by)
        for name in DAYS
        for asker in spine
    }
    assert found == close(wanted)
    assert sum(1 for one in found.values() if one) > len(DAYS)


@settings(PATIENT, max_examples=12)
@given(
    example=EXAMPLES_OF_DAYS,
    mode=st.sampled_from(["recomputed", "last_write", "ttl"]),
    window_mode=WINDOW_MODES,
    known_by=st.sampled_from(["event", "arrival"]),
)
def test_days_equal_a_loop_over_dates_whatever_the_events(
    example: tuple[list[Row], list[Row]], mode: ValueMode, window_mode: WindowMode, known_by: KnownBy
) -> None:
    mine, spine = numbered(example[0], "_src_offset"), numbered(example[1], "_row")
    found = values_at(spined(mine, spine), PLAN, asked(mode, window_mode), known_by)
    wanted = {
        (name, asker["_row"]): expected_at(mine, asker, name, mode, window_mode, known_by)
        for name in DAYS
        for asker in spine
    }
    assert found == close(wanted)


def test_modes_may_be_mixed_over_the_same_days() -> None:
    mine, spine = rows(6), askers(6)
    both = [AskedFeature(mode, PLAN.feature("orders_1cd"), mode) for mode in ("recomputed", "last_write")]
    found = values_at(spined(mine, spine), PLAN, tuple(both), "event")
    for asker in spine:
        for one in both:
            wanted = expected_at(mine, asker, "orders_1cd", one.mode, "exact", "event")
            assert found[one.name, asker["_row"]] == wanted
    assert any(found["recomputed", asker["_row"]] != found["last_write", asker["_row"]] for asker in spine)


@pytest.mark.parametrize("mode", ["recomputed", "last_write"])
def test_the_evidence_of_days_makes_the_value(mode: ValueMode) -> None:
    mine, spine = rows(7), askers(7, 20)
    connection = spined(mine, spine)
    for name in ("orders_7cd", "orders_1cd_lag_1cd"):
        (one,) = [feature for feature in asked(mode, "exact") if feature.name == name]
        (keys,) = key_sets(PLAN, (one,))
        behind = connection.sql(evidence_sql(keys, one, "spine", "archive")).to_arrow_table()["_row"].to_pylist()
        found = values_at(connection, PLAN, (one,), "event")
        assert [behind.count(asker["_row"]) for asker in spine] == [found[name, asker["_row"]] or 0 for asker in spine]


@pytest.mark.parametrize("mode", ["recomputed", "last_write"])
def test_no_bound_of_days_is_null(mode: ValueMode) -> None:
    """Beside a NULL bound DuckDB 2.0.0 gives other rows a wrong frame; here of a row before all days too."""
    spine = [*askers(2), {"_row": -1, "_t": -DAY, "shop": "a", "customer": 1, "express": True}]
    connection = spined(rows(2), spine)
    (keys,) = key_sets(PLAN, asked(mode, "tiled"))
    common, values = point_in_time_sql(keys, "spine", "archive").rsplit("\nSELECT _row, _seen_us,", 1)
    bounds = set(re.findall(r"RANGE BETWEEN (.+?) PRECEDING AND (.+?) PRECEDING", values))
    assert len(bounds) > 10
    for bound in {bound for pair in bounds for bound in pair}:
        found = connection.execute(f"{common}\nSELECT DISTINCT ({bound}) IS NULL FROM _sorted").fetchall()
        assert found == [(False,)], bound


def test_an_instant_of_which_no_day_is_known_is_refused() -> None:
    mine = [row for row in rows(1) if row["shop"] == "a"]
    asker = {"_row": 0, "_t": begin_us(END_DAY, NEW_YORK), "shop": "a", "customer": 1, "express": True}
    one = (AskedFeature("orders_1cd", PLAN.feature("orders_1cd")),)
    with pytest.raises(duckdb.Error, match="calendar days in America/New_York are known until 2100 only"):
        values_at(spined(mine, [asker]), PLAN, one, "event")
    assert values_at(spined(mine, [{**asker, "_t": asker["_t"] - 1}]), PLAN, one, "event") == {("orders_1cd", 0): 0}


@pytest.mark.parametrize("zone", [NEW_YORK, "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu"])
def test_the_table_of_days_is_that_of_python(zone: str) -> None:
    windows, earliest = [(1, 0), (7, 0), (1, 1), (30, 2)], 946_684_800_000_000
    tables = DayTables([Days(zone, *window, "at") for window in windows], earliest)
    with duckdb.connect() as connection:
        found = connection.sql(f"{tables.before_select}SELECT * FROM _days1 ORDER BY began_us").fetchall()
    assert [row[0] for row in found] == sorted({begin_us(day, zone) for day in range(day_of(earliest, zone), END_DAY)})
    for began_us, *bounds in found[40:10_000]:
        held = [days_held(*window, zone, began_us) for window in windows]
        wanted = [(start, end if lag else None) for (start, end), (_, lag) in zip(held, windows, strict=True)]
        assert list(zip(bounds[::2], bounds[1::2], strict=True)) == wanted


def test_windows_of_one_zone_and_instant_share_a_table() -> None:
    windows = [Days("UTC", 1, 0, "_t"), Days("UTC", 7, 1, "_t"), Days("UTC", 1, 0, "_t"), Days("UTC", 1, 0, "_u")]
    assert [table.split()[0] for table in DayTables(windows, 0).tables] == ["_days1", "_days2"]


def served(mine: list[Row], name: str, at_us: int) -> dict[tuple[Any, ...], Any]:
    """A feature as it is served: folded into tiles of every level, of which the slices are read and merged."""
    feature, spec = PLAN.feature(name), DAYS[name][0]
    keys, passes, argument, *_ = SPECS[spec]
    sides = SIDES.get(spec, ((passes, argument),))
    found = [serve(mine, PLAN, part, keys, *side, at_us) for part, side in zip(feature.parts, sides, strict=True)]
    parts = {
        key: [merge_feature(part, cells.get(key, [])) for part, cells in zip(feature.parts, found, strict=True)]
        for key in set().union(*found)
    }
    return {key: value_from(feature, merged) for key, merged in parts.items()}


@pytest.mark.parametrize("seed", range(3))
def test_tiles_of_days_merge_to_a_loop_over_dates(seed: int) -> None:
    mine = rows(seed)
    for at_us in instants(seed):
        for name in DAYS:
            assert served(mine, name, at_us) == close(expected(mine, name, at_us, "tiled")), (name, at_us)


def test_a_day_that_begins_is_empty_and_now_its_open_tile_counts() -> None:
    feature, midnight = PLAN.feature("orders_1cd"), MIDNIGHTS[0]
    held = [slices_of(feature, GROUP, Instant(midnight + us, midnight + us, is_now=True)) for us in (-1, 0, 1)]
    assert [[(part.from_us, part.to_us) for part in slices] for slices in held] == [
        [(midnight - DAY, midnight)],
        [],
        [(midnight, midnight + TILE)],
    ]


@given(
    name=st.sampled_from(NAMES),
    midnight=st.sampled_from(MIDNIGHTS),
    beside=st.integers(-40 * DAY, 40 * DAY),
    is_now=st.booleans(),
)
def test_slices_of_days_are_disjoint_complete_and_few(name: str, midnight: int, beside: int, is_now: bool) -> None:
    feature, instant = PLAN.feature(name).parts[0], Instant(midnight + beside, midnight + beside, is_now=is_now)
    slices = slices_of(feature, GROUP, instant)
    start, end = bounds_of(feature, instant.at_us)
    end = end if feature.lag_us else instant.end(GROUP.finest_us)
    assert all(part.from_us % part.level_us == 0 == part.to_us % part.level_us for part in slices)
    edges = [start, *(edge for part in slices for edge in (part.from_us, part.to_us)), end]
    assert edges[::2] == edges[1::2] if slices else start >= end
    days = (feature.window_us or 0) // DAY_US
    assert cell_count(slices) <= days + 2 * 23 + 2 * 3


def lone(window: CalendarDays) -> tuple[PlannedFeature, TileGroup, ViewPlan]:
    """The plan of a view of one window, with its feature and its group."""
    made = type("Lone", (FeaturePipeline,), {"owner": "a@b.c", "features": [orders.over(window)]})
    plan = plan_view(made.view)
    return plan.features[0], plan.groups[0], plan


@pytest.mark.parametrize("zone", [NEW_YORK, "America/St_Johns", "Antarctica/Troll"])
@pytest.mark.parametrize(("days", "lag"), [(1, 0), (1, 1), (30, 0), (90, 7)])
def test_the_tiles_of_days_are_kept_to_their_last_instant_and_for_late_rows(days: int, lag: int, zone: str) -> None:
    feature, group, plan = lone(CalendarDays(days, zone=zone, lag=lag))
    for midnight in [*MIDNIGHTS, LONGEST]:
        at_us = begin_us(day_of(midnight, zone) + 1, zone) - 1
        now_us = at_us + plan.source.max_delay_us + plan.source.allowed_lateness_us
        slices = slices_of(feature, group, Instant(at_us, at_us, is_now=False))
        assert slices
        assert not list(deleted_levels(slices, group, Instant(at_us, now_us, is_now=False))), midnight


def test_the_zone_is_of_the_view_and_not_of_its_tiles() -> None:
    (feature, group, plan), (_, other, elsewhere) = (lone(CalendarDays(1, zone=zone)) for zone in (NEW_YORK, SAO_PAULO))
    assert (group.fingerprint, plan.version != elsewhere.version) == (other.fingerprint, True)
    assert (feature.zone, feature.window_us, feature.tail_us) == (NEW_YORK, DAY, 5 * MINUTE)
    assert ViewPlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize(("days", "levels"), [(1, [5, 60]), (12, [5, 60]), (13, [5, 60, 24 * 60])])
def test_days_are_read_by_hours_and_many_by_days(days: int, levels: list[int]) -> None:
    _, group, _ = lone(CalendarDays(days, zone=NEW_YORK))
    assert [level // MINUTE for level in group.levels_us] == levels


@pytest.mark.parametrize("days", [1, 7, 30])
def test_no_read_of_days_has_more_cells_than_are_told(days: int) -> None:
    for zone in (NEW_YORK, "Asia/Kathmandu", "Australia/Lord_Howe"):
        feature, group, plan = lone(CalendarDays(days, zone=zone))
        (told,) = [step.what for step in planned(plan, feature) if step.step == "read"]
        instants_ = [midnight + number * 35 * MINUTE - 1 for midnight in MIDNIGHTS for number in range(42)]
        read = [slices_of(feature, group, Instant(at_us, at_us, is_now=True)) for at_us in instants_]
        assert max(map(cell_count, read)) <= int(re.findall(r"about (\d+) cells", told)[0])
