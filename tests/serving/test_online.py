from __future__ import annotations

import asyncio
import gc
import json
import random
import subprocess
import sys
import time
from collections import UserList
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from headrace.compiler.plan import ViewPlan
from headrace.compiler.served import Status
from headrace.compiler.tiles import window_bounds
from headrace.connectors.tile_store import Found, TileRead
from headrace.errors import NotFoundError, RequestError
from headrace.registry.store import Materialization, Pointer, Registry, ViewVersion
from headrace.serving import online
from headrace.serving.cache import CachedTiles
from headrace.serving.online import OnlineStore
from headrace.serving.result import OnlineFeatures

from .conftest import CountedTiles, Order, fill

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
# The midnight before the last noon: whatever the time of day, an hour before that noon is within every retention.
MIDNIGHT = (time.time_ns() // 1000 - 12 * HOUR) // DAY * DAY
NOON = MIDNIGHT + 12 * HOUR
At = Callable[[int], datetime]


def order(at_us: int, cents: int = 100, weight: float | None = 1.0, shop: str = "a", customer: int = 1) -> Order:
    return Order(shop, customer, cents, weight, at_us)


def test_every_window_equals_a_count_of_the_events(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    randomly = random.Random(7)
    orders = [order(NOON - randomly.randrange(21 * DAY), cents=randomly.randrange(2000)) for _ in range(600)]
    fill(tiles, plans["shops"], orders)
    names = ["orders_1h", "orders_3d", "orders_20d", "orders_1h_lag_1d", "orders_1h_lag_2m", "revenue_1h"]
    for _ in range(50):
        asked = NOON - randomly.randrange(12 * HOUR)
        served = store.get_online_features([f"shops:{name}" for name in names], [{"shop": "a"}], at=at(asked))
        for name in names:
            feature = plans["shops"].feature(name)
            finest = plans["shops"].group(feature.group).finest_us
            start, end = window_bounds(feature.window_us or 0, feature.tail_us or 0, finest, asked - feature.lag_us)
            inside = [one.cents for one in orders if start <= one.at_us < end]
            expected = len(inside) if name.startswith("orders") else (sum(inside) if inside else None)
            assert served.value(0, f"shops:{name}").value == expected


def test_null_zero_and_missing_are_told_apart(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - 10 * MINUTE, weight=None), order(NOON - 5 * HOUR, shop="b")])
    features = ["shops:orders_1h", "shops:revenue_1h", "shops:weight_1h", "shops:last_weight_1h"]
    served = store.get_online_features(features, [{"shop": "a"}, {"shop": "b"}, {"shop": "c"}], at=at(NOON))
    found = [[(value.value, value.status.value) for value in row] for row in served.rows]
    assert found == [
        [(1, "present"), (100, "present"), (None, "present"), (None, "present")],
        [(0, "empty_window"), (None, "empty_window"), (None, "empty_window"), (None, "expired")],
        [(None, "unknown_entity")] * 4,
    ]


def test_an_entity_that_a_filter_never_let_in_is_known_all_the_same(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE, cents=1)])
    found = store.get_online_features(["shops:dear_1h"], [{"shop": "a"}], at=at(NOON)).value(0, "shops:dear_1h")
    assert (found.value, found.status) == (0, Status.EMPTY_WINDOW)
    assert found.last_event_time == at(NOON - MINUTE)


def test_a_past_time_is_rounded_down_and_now_includes_the_open_tile(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    now = time.time_ns() // 1000
    fill(tiles, plans["shops"], [order(now - 1), order(NOON + MINUTE, shop="b")])
    name = "shops:orders_1h"
    assert store.get_online_features([name], [{"shop": "a"}]).value(0, name).value == 1
    assert store.get_online_features([name], [{"shop": "b"}], at=at(NOON + 4 * MINUTE)).value(0, name).value == 0
    assert store.get_online_features([name], [{"shop": "b"}], at=at(NOON + 5 * MINUTE)).value(0, name).value == 1


def test_a_ratio_is_merged_from_the_tiles_of_both_its_sides(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    cheap, dear = [order(NOON - MINUTE * age, cents=1) for age in (10, 20, 30)], order(NOON - 40 * MINUTE, cents=2_000)
    late = order(NOON - 5 * HOUR, shop="b")
    fill(tiles, plans["shops"], [*cheap, dear, late, order(NOON - 10 * MINUTE, shop="c")])
    name, rows = "shops:dear_share_1h", [{"shop": shop} for shop in "abcd"]
    found = store.get_online_features([name, "shops:dear_share_3d"], rows, at=at(NOON)).rows
    assert [(value.value, value.status.value) for value, _ in found] == [
        (0.25, "present"),
        (None, "empty_window"),
        (0.0, "present"),
        (None, "unknown_entity"),
    ]
    assert [value.value for _, value in found] == [0.25, 0.0, 0.0, None]
    alone = store.get_online_features([name], rows[:1], at=at(NOON)).value(0, name)
    assert (alone.value, alone.last_event_time) == (0.25, at(NOON - 10 * MINUTE))


def test_now_a_lagged_window_does_not_hold_what_came_after_its_end(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan]
) -> None:
    ended = time.time_ns() // 1000 - DAY
    fill(tiles, plans["shops"], [order(ended // (5 * MINUTE) * 5 * MINUTE), order(ended - 30 * MINUTE)])
    name = "shops:orders_1h_lag_1d"
    assert store.get_online_features([name], [{"shop": "a"}]).value(0, name).value == 1


def test_a_count_falls_without_a_further_event(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - 30 * MINUTE)])
    name = "shops:orders_1h"
    values = [
        store.get_online_features([name], [{"shop": "a"}], at=at(NOON + later)).value(0, name).value
        for later in (0, 25 * MINUTE, 40 * MINUTE)
    ]
    assert values == [1, 1, 0]


def test_an_as_of_value_is_the_newest_before_the_time(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - 300 * DAY, cents=7), order(NOON - HOUR, cents=8), order(NOON, cents=9)])
    name = "shops:last_order"
    found = [
        store.get_online_features([name], [{"customer": 1}], at=at(asked)).value(0, name)
        for asked in (NOON - 2 * HOUR, NOON, NOON + 5 * MINUTE, NOON - 301 * DAY)
    ]
    assert [value.value for value in found] == [7, 8, 9, None]
    assert found[-1].status is Status.EMPTY_WINDOW


def test_a_lifetime_equals_a_loop_over_all_events(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    randomly = random.Random(8)
    orders = [order(NOON - randomly.randrange(randomly.choice([DAY, 100 * DAY, 3000 * DAY])), n) for n in range(300)]
    fill(tiles, plans["shops"], orders)
    features = ["shops:orders_ever", "shops:first_order", "shops:last_order", "shops:newest_orders"]
    for _ in range(30):
        asked = NOON - randomly.randrange(12 * HOUR)
        served = store.get_online_features(features, [{"customer": 1}], at=at(asked))
        known = [one for one in orders if one.at_us < asked // (5 * MINUTE) * 5 * MINUTE]
        cents = [one.cents for one in sorted(known, key=lambda one: one.at_us)]
        assert [value.value for value in served.rows[0]] == [len(known), cents[0], cents[-1], cents[:-4:-1]]
        assert {value.status for value in served.rows[0]} == {Status.PRESENT}


def test_quantiles_are_values_of_the_events_within_one_part_in_128(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    randomly = random.Random(10)
    orders = [order(NOON - randomly.randrange(900 * DAY), randomly.randrange(1, 10**6)) for _ in range(200)]
    fill(tiles, plans["shops"], orders)
    cents = sorted(one.cents for one in orders)
    served = store.get_online_features(["shops:cents_spread"], [{"customer": 1}], at=at(NOON))
    (value,) = served.rows[0]
    assert value.value == pytest.approx([cents[0], cents[99], cents[199]], rel=1 / 128)


def test_the_most_frequent_values_come_first_and_of_equals_the_least(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    ages = {5: [HOUR, 2 * DAY], 4: [7 * MINUTE, DAY], 3: [9 * DAY, 8 * DAY, 7 * DAY, HOUR], 9: [HOUR, HOUR + 1, DAY]}
    fill(tiles, plans["shops"], [order(NOON - age, customer=one) for one in ages for age in ages[one]])
    served = store.get_online_features(["shops:top_customers_3d"], [{"shop": "a"}, {"shop": "x"}], at=at(NOON))
    assert [row[0].value for row in served.rows] == [[9, 4], None]


def test_a_list_is_a_list_in_every_form(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - HOUR, cents=7), order(NOON - 2 * HOUR, cents=8)])
    name, rows = "shops:newest_orders", [{"customer": 1}, {"customer": 2}]
    served = store.get_online_features([name], rows, at=at(NOON))
    assert served.to_dict()[name] == [[7, 8], None]
    assert served.to_arrow().schema.field(name).type == pa.list_(pa.int64())
    assert [None if value is None else list(value) for value in served.to_pandas()[name]] == [[7, 8], None]
    assert "[7, 8]" in served._repr_html_()


def test_kept_tiles_give_the_values_of_every_kind_of_feature(
    store: OnlineStore, registry: Registry, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    randomly = random.Random(9)
    fill(tiles, plans["shops"], [order(NOON - randomly.randrange(5 * DAY), cents=n) for n in range(100)])
    keeping = OnlineStore(store.project, registry, CachedTiles(tiles, 60, 1_000))
    features = [f"shops:{feature.name}" for feature in plans["shops"].features]
    for later in (0, 0, 7 * MINUTE, -HOUR):
        asked = (features, [{"shop": "a", "customer": 1}, {"shop": "x", "customer": 2}])
        kept = keeping.get_online_features(*asked, at=at(NOON + later))
        assert kept.rows == store.get_online_features(*asked, at=at(NOON + later)).rows


def test_a_lifetime_at_a_time_whose_fine_tiles_are_gone_is_expired(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - 300 * DAY)])
    features = ["shops:orders_ever", "shops:last_order"]
    served = store.get_online_features(features, [{"customer": 1}], at=at(NOON - 200 * DAY + 7 * MINUTE))
    found = [(value.value, value.status) for value in served.rows[0]]
    assert found == [(None, Status.EXPIRED), (100, Status.PRESENT)]


def test_a_time_beyond_retention_is_expired_and_never_a_wrong_count(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    long_ago = NOON - 60 * DAY
    fill(tiles, plans["shops"], [order(long_ago)])
    fill(tiles, plans["replayed"], [order(long_ago)])
    asked = at(long_ago + 10 * MINUTE)
    wall = store.get_online_features(["shops:orders_1h"], [{"shop": "a"}], at=asked).rows[0][0]
    event = store.get_online_features(["replayed:orders_1h"], [{"shop": "a"}], at=asked).rows[0][0]
    assert (wall.value, wall.status) == (None, Status.EXPIRED)
    assert (event.value, event.status) == (1, Status.PRESENT)


def test_one_request_is_one_wave(store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At) -> None:
    ages = (MINUTE, 10 * MINUTE, DAY + 10 * MINUTE)
    fill(tiles, plans["shops"], [order(NOON - age, cents=2_000, shop=shop) for shop in "abcdef" for age in ages])
    features = [f"shops:{feature.name}" for feature in plans["shops"].features]
    rows = [{"shop": shop, "customer": 1} for shop in "abcdef"]
    served = store.get_online_features(features, rows, at=at(NOON))
    assert len(tiles.waves) == 1
    assert {value.status for row in served.rows for value in row} == {Status.PRESENT}


class WatchedCell(tuple[Any, ...]):
    """A cell that notes, whenever a field of it is read, whether garbage is collected meanwhile."""

    collecting: ClassVar[list[bool]] = []

    def __getitem__(self, place: Any) -> Any:
        self.collecting.append(gc.isenabled())
        return super().__getitem__(place)


class WatchedTiles(CountedTiles):
    """Tiles whose cells are watched."""

    def read(self, reads: Sequence[TileRead]) -> list[list[Found]]:
        return [[self._watched(one) for one in answer] for answer in super().read(reads)]

    def _watched(self, found: Found) -> Found:
        return found._replace(tiles={start: WatchedCell(cell) for start, cell in found.tiles.items()})


def test_no_garbage_is_collected_while_values_are_merged(
    registry: Registry, plans: dict[str, ViewPlan], at: At
) -> None:
    """A hundred entities by fifty features take three times as long otherwise."""
    with WatchedTiles() as tiles:
        for plan in plans.values():
            fill(tiles, plan, [])
        fill(tiles, plans["shops"], [order(NOON - MINUTE)])
        store = OnlineStore("demo", registry, tiles)
        store.get_online_features(["shops:orders_1h", "shops:revenue_1h"], [{"shop": "a"}], at=at(NOON))
    assert set(WatchedCell.collecting) == {False}
    assert gc.isenabled()


def test_a_second_wave_asks_only_for_entities_without_a_tile(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE), order(NOON - 5 * HOUR, shop="b")])
    rows = [{"shop": "a"}, {"shop": "b"}]
    served = store.get_online_features(["shops:orders_1h"], rows, at=at(NOON))
    assert [row[0].status for row in served.rows] == [Status.PRESENT, Status.EMPTY_WINDOW]
    groups_by_shop = [group for group in plans["shops"].groups if [key.name for key in group.keys] == ["shop"]]
    assert tiles.waves[1:] == [len(groups_by_shop)]


@pytest.mark.parametrize(
    "rows",
    [
        {"shop": ["a", "b"]},
        {"shop": np.array(["a", "b"])},
        pd.DataFrame({"shop": ["a", "b"]}, index=[7, 8]),
        pa.table({"shop": ["a", "b"]}),
        pa.record_batch({"shop": ["a", "b"]}),
        ({"shop": "a"}, {"shop": "b"}),
        UserList([{"shop": "a"}, {"shop": "b"}]),
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_entities_are_taken_as_rows_as_columns_and_as_a_table(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At, rows: Any
) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE, shop="b")])
    name = "shops:orders_1h"
    found = store.get_online_features([name], rows, at=at(NOON)).to_dict()
    assert found == {"shop": ["a", "b"], name: [None, 1]}
    later = asyncio.run(store.get_online_features_async([name], rows, at=at(NOON)))
    assert later.to_dict() == found


def test_what_is_missing_in_a_data_frame_is_none(store: OnlineStore) -> None:
    with pytest.raises(RequestError, match=r"entity row 1: key 'shop' is None \(NoneType\), expected str"):
        store.get_online_features(["shops:orders_1h"], pd.DataFrame({"shop": ["a", None]}))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, r"entity_rows is None \(NoneType\); expected a list of rows such as .* a DataFrame"),
        ("a", r"entity_rows is 'a' \(str\); expected a list of rows"),
        ({}, r"entity_rows is \{\} \(dict\); expected a list of rows"),
        ({"shop": "a"}, r"gives 'shop' as 'a' \(str\), expected a list.*: \[\{'shop': 'a'\}\]"),
        ({"shop": ["a"], "customer": [1, 2]}, r"several lengths: \{'shop': 1, 'customer': 2\}"),
        (["a"], r"entity row 0 is 'a' \(str\), expected \{key: value\}"),
        (pa.table([["a"], ["b"]], ["shop", "shop"]), "two columns 'shop'"),
        (pd.DataFrame({"shop": ["a", 1]}), "a DataFrame, cannot be read as a table: .*Expected bytes"),
        (pa.chunked_array([["a"]]), "a ChunkedArray, cannot be read as a table"),
    ],
)
def test_what_are_no_entities_is_refused(store: OnlineStore, rows: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        store.get_online_features(["shops:orders_1h"], rows)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("shops:orders_1h", r"features is 'shops:orders_1h' \(str\), expected a list such as \['view:feature'\]"),
        (None, r"features is None \(NoneType\), expected a list"),
        ([], "features is empty; expected at least one"),
        (["shops:orders_1h", 7], r"features\[1\] is 7 \(int\), expected text"),
        ([["shops:orders_1h"]], r"features\[0\] is \['shops:orders_1h'\] \(list\), expected text"),
    ],
    ids=["one text", "no list", "none", "a number", "a list in a list"],
)
def test_what_names_no_features_is_refused(store: OnlineStore, features: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        store.get_online_features(features, [{"shop": "a"}])


def test_the_asked_time_may_be_text(store: OnlineStore, at: At) -> None:
    asked = at(NOON)
    rows = [{"shop": "a"}]
    assert store.get_online_features(["shops:orders_1h"], rows, at=asked.isoformat()).at == asked
    assert store.get_online_features(["shops:orders_1h"], rows, at=f"{asked:%Y-%m-%dT%H:%M:%S}Z").at == asked


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("2026-01-01T00:00:00", r"at=2026-01-01T00:00:00: has no time zone; expected for example .*\+00:00"),
        ("soon", "at 'soon': expected an instant such as"),
        (1767225600, "at 1767225600: expected an instant such as"),
        (datetime(2026, 1, 1, tzinfo=UTC).date(), r"at datetime.date\(2026, 1, 1\): expected an instant"),
    ],
)
def test_what_is_no_time_is_refused(store: OnlineStore, at: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        store.get_online_features(["shops:orders_1h"], [{"shop": "a"}], at=at)


@pytest.mark.parametrize(
    ("features", "rows", "error", "message"),
    [
        (["shop:orders_1h"], [{"shop": "a"}], NotFoundError, "did you mean 'shops'"),
        (["shops:order_1h"], [{"shop": "a"}], NotFoundError, "did you mean 'orders_1h'"),
        (["orders_1h"], [{"shop": "a"}], RequestError, "expected 'view:feature'"),
        (["shops:orders_1h"], [{"shop": "a"}, {}], RequestError, "entity row 1: key 'shop' is missing"),
        (["shops:orders_1h"], [{"shop": "a", "shp": 1}], RequestError, "entity row 0: unknown key 'shp'"),
        (["shops:orders_1h"], [{"shop": 1}], RequestError, r"row 0: key 'shop' is 1 \(int\), expected str"),
        (["shops:orders_1h"], [{"shop": None}], RequestError, "is None"),
        (["shops:last_order"], [{"customer": True}], RequestError, "is True"),
        (["shops:last_order"], [{"customer": 2**63}], RequestError, "expected int"),
    ],
)
def test_a_wrong_request_says_what_and_where(
    store: OnlineStore, features: list[str], rows: list[dict[str, object]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        store.get_online_features(features, rows)


def test_a_time_without_zone_is_refused(store: OnlineStore) -> None:
    with pytest.raises(RequestError, match="no time zone"):
        store.get_online_features(["shops:orders_1h"], [], at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_the_answer_in_every_form(store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE), order(NOON - 5 * HOUR, shop="<b>")])
    features = ["shops:orders_1h", "shops:revenue_1h"]
    served = store.get_online_features(features, [{"shop": "a"}, {"shop": "<b>"}], at=at(NOON))
    assert served.to_dict(statuses=True) == {
        "shop": ["a", "<b>"],
        "shops:orders_1h": [1, 0],
        "shops:orders_1h__status": ["present", "empty_window"],
        "shops:revenue_1h": [100, None],
        "shops:revenue_1h__status": ["present", "empty_window"],
    }
    frame = served.to_pandas()
    assert str(frame["shops:revenue_1h"].dtype) == "Int64"
    assert frame["shops:revenue_1h"].isna().tolist() == [False, True]
    assert served.to_arrow()["shops:orders_1h"].to_pylist() == [1, 0]
    assert "&lt;b&gt;" in served._repr_html_()
    assert "NULL <small>(empty_window)" in served._repr_html_()
    assert json.loads(json.dumps(served.to_records()))[1]["features"]["shops:orders_1h"]["status"] == "empty_window"


def test_event_time_and_freshness_in_every_form(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE), order(NOON + 1, shop="later")])
    rows = [{"shop": "a"}, {"shop": "later"}, {"shop": "nobody"}]
    served = store.get_online_features(["shops:orders_1h"], rows, at=at(NOON))
    seen, later = at(NOON - MINUTE), at(NOON + 1)
    assert served.to_dict(times=True) == {
        "shop": ["a", "later", "nobody"],
        "shops:orders_1h": [1, 0, None],
        "shops:orders_1h__event_time": [seen, later, None],
        "shops:orders_1h__freshness": [timedelta(minutes=1), None, None],
    }
    table = served.to_arrow(times=True, statuses=True)
    assert table.to_pydict() == served.to_dict(times=True, statuses=True)
    assert str(table.schema.field("shops:orders_1h__freshness").type) == "duration[us]"
    frame = served.to_pandas(times=True)
    assert frame["shops:orders_1h__freshness"].isna().tolist() == [False, True, True]
    assert frame["shops:orders_1h__event_time"][0] == seen
    records = [record["features"]["shops:orders_1h"] for record in served.to_records()]
    assert [record["freshness_s"] for record in records] == [60.0, None, None]


def test_an_answer_without_rows_keeps_its_types(store: OnlineStore) -> None:
    table = store.get_online_features(["shops:weight_1h"], []).to_arrow(statuses=True, times=True)
    types = [str(field.type) for field in table.schema]
    assert types == ["double", "string", "timestamp[us, tz=UTC]", "duration[us]"]


def test_awaited_reads_give_the_same_and_raise_the_same(
    store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    fill(tiles, plans["shops"], [order(NOON - MINUTE), order(NOON - 5 * HOUR, shop="b")])
    features, rows = ["shops:orders_1h", "shops:last_weight_1h"], [{"shop": "a"}, {"shop": "b"}, {"shop": "c"}]

    async def together() -> list[OnlineFeatures]:
        asked = [store.get_online_features_async(features, rows, at=at(NOON)) for _ in range(8)]
        return list(await asyncio.gather(*asked))

    expected = store.get_online_features(features, rows, at=at(NOON))
    assert [found.rows for found in asyncio.run(together())] == [expected.rows] * 8
    with pytest.raises(RequestError, match="row 0: key 'shop' is 1"):
        asyncio.run(store.get_online_features_async(features, [{"shop": 1}]))


def test_the_pointer_decides_which_version_serves(
    registry: Registry, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At
) -> None:
    plan = plans["shops"]
    tables = {group.fingerprint: f"{group.fingerprint}_g2" for group in plan.groups}
    registry.add_materialization(Materialization("demo", plan.name, plan.version, tables, generation=2))
    for group in plan.groups:
        tiles.create(tables[group.fingerprint], group)
    before = Pointer("demo", plan.name, plan.version)
    registry.set_pointer(replace(before, generation=2), before)
    store = OnlineStore("demo", registry, tiles)
    served = store.get_online_features(["shops:orders_1h"], [{"shop": "a"}], at=at(NOON))
    assert served.features[0].generation == 2
    assert served.rows[0][0].status is Status.UNKNOWN_ENTITY


def test_a_store_that_is_kept_sees_a_promotion(
    registry: Registry, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, asked = plans["shops"], (["shops:orders_1h"], [{"shop": "a"}])
    tables = {group.fingerprint: f"{group.fingerprint}_g2" for group in plan.groups}
    registry.add_materialization(Materialization("demo", plan.name, plan.version, tables, generation=2))
    for group in plan.groups:
        tiles.create(tables[group.fingerprint], group)
    fill(tiles, plan, [order(NOON - MINUTE)])
    store = OnlineStore("demo", registry, tiles)
    monkeypatch.setattr(online, "POINTER_AGE_S", -1.0)
    statuses = [store.get_online_features(*asked, at=at(NOON)).rows[0][0].status for _ in range(2)]
    before = Pointer("demo", plan.name, plan.version)
    registry.set_pointer(replace(before, generation=2), before)
    served = store.get_online_features(*asked, at=at(NOON))
    assert statuses == [Status.PRESENT] * 2
    assert (served.features[0].generation, served.rows[0][0].status) == (2, Status.UNKNOWN_ENTITY)


def test_a_view_of_which_nothing_serves_says_so(registry: Registry, tiles: CountedTiles) -> None:
    registry.add_version(ViewVersion("demo", "fresh", "1", {}, datetime(2026, 1, 1, tzinfo=UTC)))
    with pytest.raises(NotFoundError, match="no version serves yet"):
        OnlineStore("demo", registry, tiles).get_online_features(["fresh:x"], [])


def test_online_reads_need_no_arrow() -> None:
    code = "import sys; sys.modules['pyarrow'] = None; import headrace.serving.online"
    assert subprocess.run([sys.executable, "-P", "-c", code], check=False).returncode == 0
