"""On-demand features as they are served: of which values, of whose request, with which status, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.served import Status
from headrace.errors import NotFoundError, NumericOverflowError, RequestError
from headrace.serving.on_demand import OnDemandValues
from headrace.serving.online import OnlineStore
from headrace.serving.request import RequestColumn, check_rows

from .conftest import CountedTiles, Order, fill
from .test_online import HOUR, MINUTE, NOON, At, order

ROW: dict[str, Any] = {"shop": "a", "price": 300.0}
Ask = Callable[..., Any]


@pytest.fixture
def ask(store: OnlineStore, tiles: CountedTiles, plans: dict[str, ViewPlan], at: At) -> Ask:
    """Features of rows at noon: shop a ordered for 100 and 2000 cents lately, b five hours ago, c never."""
    orders: list[Order] = [order(NOON - 10 * MINUTE), order(NOON - 20 * MINUTE, cents=2_000, customer=2)]
    fill(tiles, plans["shops"], [*orders, order(NOON - 5 * HOUR, shop="b")])
    tiles.waves.clear()

    def answer(names: list[str], *rows: dict[str, Any]) -> Any:
        return store.get_online_features([f"shops:{name}" for name in names], rows, at=at(NOON))

    return answer


def test_a_value_is_computed_of_the_entitys_features_and_of_its_own_request(ask: Ask) -> None:
    rows = [{"shop": shop, "price": price} for shop, price in [("a", 2100.0), ("b", 1.0), ("a", 525), ("c", 5.0)]]
    found = ask(["over_mean", "orders_1h", "mean_cents"], *rows)
    assert [[value.value for value in row] for row in found.rows] == [
        [2.0, 2, 1050.0],
        [None, 0, None],
        [0.5, 2, 1050.0],
        [None, None, None],
    ]
    assert found.to_dict()["price"] == [2100.0, 1.0, 525, 5.0]


def test_it_has_the_value_and_the_status_of_the_same_ratio(ask: Ask) -> None:
    rows = ask(["dear_by_hand", "dear_share_1h"], *({"shop": shop} for shop in "abc")).rows
    assert [value for value, _ in rows] == [ratio for _, ratio in rows]
    assert [value.status for value, _ in rows] == [Status.PRESENT, Status.EMPTY_WINDOW, Status.UNKNOWN_ENTITY]
    assert [value.value for value, _ in rows] == [0.5, None, None]


def test_the_status_is_that_of_what_it_reads_whatever_the_value(ask: Ask, at: At) -> None:
    rows = ask(["lifted"], *({"shop": shop} for shop in "abc")).rows
    assert [(value.value, value.status) for (value,) in rows] == [
        (4, Status.PRESENT),
        (1, Status.PRESENT),
        (-11, Status.UNKNOWN_ENTITY),
    ]
    assert [value.last_event_time for (value,) in rows] == [at(NOON - 10 * MINUTE), at(NOON - 5 * HOUR), None]


def test_it_may_be_of_entities_of_two_kinds_and_is_as_fresh_as_the_stalest(ask: Ask, at: At) -> None:
    pairs = [("a", 2), ("a", 1), ("b", 1)]
    found = ask(["of_shop"], *({"shop": shop, "customer": customer} for shop, customer in pairs)).rows
    assert [(value.value, value.status) for (value,) in found] == [
        (95, Status.PRESENT),
        (4, Status.PRESENT),
        (None, Status.EMPTY_WINDOW),
    ]
    assert found[0][0].last_event_time == at(NOON - 20 * MINUTE)


def test_what_reads_the_request_alone_is_present_and_reads_no_tile(ask: Ask, tiles: CountedTiles) -> None:
    instant = datetime(2024, 2, 28, 12, tzinfo=UTC)
    rows = [{"asked_for": instant, "channel": "web"}, {"asked_for": None, "channel": None}]
    found = ask(["delivery", "from_afar"], *rows)
    assert [[value.value for value in row] for row in found.rows] == [[instant + timedelta(days=1), True], [None, None]]
    assert {value.status for row in found.rows for value in row} == {Status.PRESENT}
    assert not tiles.waves
    types = found.to_arrow().schema
    assert types.field("shops:delivery").type == pa.timestamp("us", "UTC")


def test_what_features_share_is_read_once(ask: Ask, tiles: CountedTiles) -> None:
    ask(["orders_1h", "revenue_1h"], {"shop": "a"})
    plain = tiles.waves[:]
    tiles.waves.clear()
    ask(["mean_cents", "over_mean", "orders_1h"], ROW)
    assert tiles.waves == plain


def test_an_awaited_read_gives_the_same(store: OnlineStore, ask: Ask, at: At) -> None:
    names = ["shops:over_mean", "shops:mean_cents"]
    found = asyncio.run(store.get_online_features_async(names, [ROW], at=at(NOON)))
    assert found.rows == ask(["over_mean", "mean_cents"], ROW).rows


def test_threads_share_a_store_and_get_their_own_values(ask: Ask) -> None:
    def over_mean(price: int) -> Any:
        return ask(["over_mean"], {"shop": "a", "price": float(price)}).rows[0][0].value

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(over_mean, range(200))) == [price / 1050 for price in range(200)]


#: By what is wrong: features, a row, and what is said.
REFUSED: dict[str, tuple[list[str], dict[str, Any], str]] = {
    "missing": (["over_mean"], {"shop": "a"}, "row 0: request column 'price' of feature shops:over_mean is missing"),
    "text": (
        ["over_mean"],
        ROW | {"price": "3"},
        r"'price' of feature shops:over_mean is '3' \(str\), expected a finite",
    ),
    "NULL": (["over_mean"], ROW | {"price": None}, "is None"),
    "NaN": (["over_mean"], ROW | {"price": float("nan")}, "is nan .* expected a finite float"),
    "a truth": (["over_mean"], ROW | {"price": True}, r"is True \(bool\)"),
    "an integer that is no float": (["over_mean"], ROW | {"price": 2**53 + 1}, "expected a finite float"),
    "beyond all floats": (["over_mean"], ROW | {"price": 10**400}, "expected a finite float"),
    "naive": (
        ["delivery"],
        {"asked_for": datetime(2024, 1, 1)},  # noqa: DTZ001
        "'asked_for' of feature shops:delivery is .*, expected an instant with a zone or NULL",
    ),
    "no choice": (["from_afar"], {"channel": "post"}, "expected one of 'shop', 'web' or NULL"),
    "unknown": (["over_mean"], ROW | {"prise": 1.0}, "unknown key 'prise': .*; did you mean 'price'"),
    "of the same request, and not read": (
        ["over_mean"],
        ROW | {"channel": "web"},
        "unknown key 'channel': no feature asked for has such a key or reads such a request column",
    ),
    "not asked for": (["orders_1h"], ROW, "unknown key 'price'"),
}


@pytest.mark.parametrize("wrong", REFUSED)
def test_a_wrong_request_is_refused_before_anything_is_read(ask: Ask, tiles: CountedTiles, wrong: str) -> None:
    names, row, message = REFUSED[wrong]
    with pytest.raises(RequestError, match=message):
        ask(names, row)
    assert not tiles.waves


def test_an_unknown_feature_gets_a_suggestion_among_those_on_demand(ask: Ask) -> None:
    with pytest.raises(NotFoundError, match="no feature 'over_men'; did you mean 'over_mean'"):
        ask(["over_men"], ROW)


def test_an_overflow_names_the_feature(ask: Ask) -> None:
    with pytest.raises(NumericOverflowError, match="feature shops:huge"):
        ask(["mean_cents", "huge"], {"shop": "a", "price": 9e18})
    assert ask(["huge"], {"shop": "a", "price": 1.0}).rows[0][0].value == 2


def test_an_instant_beyond_those_of_python_names_the_feature(ask: Ask) -> None:
    with pytest.raises(NumericOverflowError, match="feature shops:delivery: an instant is beyond the years 1 to 9999"):
        ask(["from_afar", "delivery"], {"asked_for": datetime.max.replace(tzinfo=UTC), "channel": "web"})


def test_another_error_of_the_engine_is_not_called_an_overflow(plans: dict[str, ViewPlan]) -> None:
    plan = plans["shops"]
    feature = next(one for one in plan.on_demand if one.name == "over_mean")
    with pytest.raises(duckdb.Error) as refused:
        OnDemandValues().values(plan, [feature], {"price": [1.0], "revenue_1h": [1], "orders_1h": ["\ud800"]})
    assert not isinstance(refused.value, NumericOverflowError)


def test_a_text_of_a_request_is_one_that_utf_8_can_hold() -> None:
    note = RequestColumn(Column("note", "str"), "shops:noted")
    check_rows([{"note": "\0é"}], [], [note])
    with pytest.raises(RequestError, match=r"'note' of feature shops:noted is '\\ud800' \(str\), expected str"):
        check_rows([{"note": "\ud800"}], [], [note])


def test_records_of_a_request_with_an_instant_are_plain_values(ask: Ask) -> None:
    (record,) = ask(["delivery"], {"asked_for": datetime(2024, 1, 1, tzinfo=UTC)}).to_records()
    assert json.loads(json.dumps(record))["entity"] == {"asked_for": "2024-01-01T00:00:00+00:00"}


def test_no_rows_have_no_values(ask: Ask) -> None:
    assert ask(["over_mean"]).rows == ()


def test_texts_of_a_command_line_become_the_types_of_keys_and_requests(store: OnlineStore) -> None:
    texts = {"shop": "7", "price": "3.5", "asked_for": "2024-01-01T00:00:00Z", "channel": "web"}
    found = store.typed_row(["shops:over_mean", "shops:delivery"], texts)
    assert found == {"shop": "7", "price": 3.5, "asked_for": datetime(2024, 1, 1, tzinfo=UTC), "channel": "web"}
