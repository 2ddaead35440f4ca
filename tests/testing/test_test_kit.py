"""The public test kit, used as users use it: values by hand, wrong rows told as the live stream tells them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from headrace import (
    Dimension,
    FeaturePipeline,
    Features,
    IcebergTable,
    KafkaTopic,
    Request,
    Source,
    Union,
    WindowSpec,
    event_time,
    filled_by,
    on_demand,
    transformation,
)
from headrace.errors import NotFoundError, RequestError, SchemaMismatchError
from headrace.testing import ARRIVES, CRASH, EOF, PAUSE, assert_feature_equal, evaluate

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Payments(Source):
    """Payments by card."""

    live = KafkaTopic("payments")
    card: str
    shop: int
    cents: int
    weight: float | None
    refund: bool | None
    at: datetime = event_time()


@transformation
def spent(payments: Payments, wspec: WindowSpec) -> Any:
    return payments.groupby("card")["cents"].window(wspec).sum()


@transformation
def weighed(payments: Payments, wspec: WindowSpec) -> Any:
    return payments.groupby(["card", "shop"])["weight"].window(wspec).mean()


class Checkout(Request):
    """What a card is about to pay."""

    cents: float


@on_demand
def share(req: Checkout, f: Features) -> Any:
    return req.cents / f.spent_1h


@on_demand
def by_weight(f: Features) -> Any:
    return f.spent_2h / f.weighed_1d


@on_demand
def grown(f: Features) -> Any:
    return f.spent_2h - f.spent_1h


class Cards(FeaturePipeline):
    """What cards spend."""

    owner = "risk@example.com"
    features = [spent.over("1h", "2h"), weighed.over("1d"), share, by_weight, grown]  # noqa: RUF012


def pay(at: str, cents: object = 10, **more: object) -> dict[str, object]:
    return {"card": "a", "shop": 1, "cents": cents, "at": f"2026-01-01T{at}Z", **more}


ROWS = [pay("11:00:00", 1), pay("10:59:59.999999", 2), pay("12:00:00", 4), pay("11:59:59.999999", 8), pay("11:30:00")]


def test_a_value_is_asserted_at_an_instant() -> None:
    assert_feature_equal(Cards, "spent_1h", 19, rows=ROWS, entity={"card": "a"}, at=NOON)
    assert_feature_equal(Cards.view, "spent_2h", 21, rows=ROWS, entity={"card": "a"}, at="2026-01-01T13:00:00+01:00")


def test_an_on_demand_feature_takes_the_request_from_the_entity() -> None:
    for cents, expected in [(38.0, 2.0), (19, 1.0)]:
        entity = {"card": "a", "cents": cents}
        assert_feature_equal(Cards, "share", expected, rows=ROWS, entity=entity, at=NOON)
    assert_feature_equal(Cards, "grown", 2, rows=ROWS, entity={"card": "a"}, at=NOON)
    assert_feature_equal(Cards, "grown", None, rows=ROWS, entity={"card": "b"}, at=NOON)
    weighed_rows = [pay("11:30:00", 10, weight=2.0), pay("11:31:00", 5, shop=2, weight=4.0)]
    for shop, expected in [(1, 7.5), (2, 3.75)]:
        entity = {"card": "a", "shop": shop}
        assert_feature_equal(Cards, "by_weight", expected, rows=weighed_rows, entity=entity, at=NOON)


def test_what_an_on_demand_feature_lacks_is_refused_by_column() -> None:
    found = evaluate(Cards, ROWS, NOON)
    with pytest.raises(RequestError, match="request column 'cents' of feature cards:share is missing"):
        found.value("share", {"card": "a"})
    with pytest.raises(RequestError, match="key 'shop' is missing"):
        found.value("by_weight", {"card": "a"})
    assert len(found.rows_behind("grown", {"card": "a"})) == 3 + 4


def test_a_run_shows_what_an_entity_alone_has_and_says_what_it_leaves_out() -> None:
    run = evaluate(Cards, ROWS, NOON).run
    assert [table.column_names for table in run.tables] == [
        ["card", "spent_1h", "spent_2h", "grown"],
        ["card", "shop", "weighed_1d"],
    ]
    assert run.left_out == {"share": "takes cents of a request", "by_weight": "is of entities of several kinds"}


def test_a_wrong_value_shows_the_rows_behind_it() -> None:
    with pytest.raises(AssertionError) as failed:
        assert_feature_equal(Cards, "spent_1h", 20, rows=[*ROWS, pay("x")], entity={"card": "a"}, at=NOON)
    lines = str(failed.value).splitlines()
    assert lines[:2] == [
        "cards:spent_1h of card='a' at 2026-01-01T12:00:00+00:00: expected 20, found 19",
        "rows given: 5 accepted, 0 late, 1 dead_letter (unparsable: column at: 2026-01-01TxZ is no datetime "
        f"with an offset from UTC (partition 0, offset {len(ROWS)})); rows behind the value: 3",
    ]
    assert [line.partition("cents=")[2].partition(",")[0] for line in lines[2:]] == ["1", "10", "8"]


def test_many_rows_behind_a_value_are_counted() -> None:
    with pytest.raises(AssertionError, match=r"rows behind the value: 25\n(  .*\n){20}  and 5 more$"):
        assert_feature_equal(Cards, "spent_1h", 0, rows=[pay("11:30:00")] * 25, entity={"card": "a"}, at=NOON)


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [(None, None, True), (None, 0, False), (0, None, False), (0.1 + 0.2, 0.3, True), (1.0, 1, True), (1.0, 1.1, False)],
)
def test_nothing_zero_and_floats_are_told_apart(value: float | None, expected: float | None, equal: bool) -> None:
    rows = [pay("11:00:00", weight=value)]
    asked = {"rows": rows, "entity": {"card": "a", "shop": 1}, "at": NOON}
    if equal:
        assert_feature_equal(Cards, "weighed_1d", expected, **asked)  # type: ignore[arg-type]
    else:
        with pytest.raises(AssertionError, match="expected"):
            assert_feature_equal(Cards, "weighed_1d", expected, **asked)  # type: ignore[arg-type]


def test_markers_among_rows_change_no_value() -> None:
    marked = [CRASH, *ROWS[:2], PAUSE, PAUSE, *ROWS[2:4], CRASH, *ROWS[4:], PAUSE]
    plain, found = evaluate(Cards, ROWS, NOON), evaluate(Cards, marked, NOON)
    assert found.run == plain.run
    assert found.rows_behind("spent_1h", {"card": "a"}) == plain.rows_behind("spent_1h", {"card": "a"})
    with pytest.raises(
        AssertionError, match=r"expected 20, found 19\nrows given: 5 accepted.*; rows behind the value: 3"
    ):
        assert_feature_equal(Cards, "spent_1h", 20, rows=marked, entity={"card": "a"}, at=NOON)
    assert evaluate(Cards, [CRASH, PAUSE], NOON).value("spent_1h", {"card": "a"}) is None


def test_the_end_of_a_source_may_be_written() -> None:
    assert evaluate(Cards, [*ROWS, EOF], NOON).run == evaluate(Cards, ROWS, NOON).run
    assert evaluate(Cards, [CRASH, EOF], NOON).inputs.rows == [CRASH]
    assert evaluate(Cards, (EOF,), NOON).value("spent_1h", {"card": "a"}) is None


@pytest.mark.parametrize("after", [ROWS[0], PAUSE, EOF])
def test_nothing_follows_the_end_of_a_source(after: Any) -> None:
    with pytest.raises(RequestError, match=rf"row 2: {re.escape(repr(after))} after EOF, where the source ends"):
        evaluate(Cards, [ROWS[0], EOF, after], NOON)


def test_an_entity_that_is_not_known_has_no_values() -> None:
    found = evaluate(Cards, ROWS, NOON)
    assert found.value("spent_1h", {"card": "b"}) is None
    assert evaluate(Cards, ROWS, "2026-01-01T10:00:00Z").value("spent_1h", {"card": "a"}) is None
    assert evaluate(Cards, ROWS, "2026-01-09T10:00:00Z").value("spent_1h", {"card": "a"}) is None
    assert evaluate(Cards, [], NOON).value("spent_1h", {"card": "a"}) is None


def test_windows_may_be_rounded_as_they_are_served() -> None:
    at = "2026-01-01T12:02:00Z"
    assert evaluate(Cards, ROWS, at).value("spent_1h", {"card": "a"}) == 22
    assert evaluate(Cards, ROWS, at, windows="tiled").value("spent_1h", {"card": "a"}) == 19


def test_a_row_that_arrives_too_late_is_late() -> None:
    rows = [pay("11:00:00"), pay("11:00:00", **{ARRIVES: "2026-01-02T11:00:00Z"})]
    found = evaluate(Cards, [*rows, pay("11:00:00", **{ARRIVES: "2026-01-02T11:00:00.000001Z"})], NOON)
    assert found.run.verdicts == {"accepted": 2, "late": 1, "dead_letter": 0}
    assert found.value("spent_1h", {"card": "a"}) == 20


def test_rows_may_lie_in_the_future() -> None:
    rows = [{**pay("11:00:00"), "at": "2126-01-01T00:00:00Z"}]
    assert evaluate(Cards, rows, "2126-01-01T00:30:00Z").value("spent_1h", {"card": "a"}) == 10


@pytest.mark.parametrize(
    "row",
    [
        pay("11:00:00", "ten"),
        pay("11:00:00", 1.5),
        pay("11:00:00", None),
        pay("25:00:00"),
        {**pay("11:00:00"), "at": datetime(2026, 1, 1, 11)},  # noqa: DTZ001
        pay("11:00:00", refund="maybe"),
        pay("11:00:00", weight=float("nan")),
        {name: value for name, value in pay("11:00:00").items() if name != "card"},
        pay("11:00:00", **{ARRIVES: "2025-12-31T10:59:59Z"}),
    ],
)
def test_a_row_that_the_stream_would_refuse_is_a_dead_letter(row: dict[str, object]) -> None:
    assert evaluate(Cards, [row], NOON).run.verdicts == {"accepted": 0, "late": 0, "dead_letter": 1}


def test_typing_errors_are_told_with_a_suggestion() -> None:
    with pytest.raises(
        RequestError, match=r"row 1: expected columns and their values, or PAUSE, CRASH or EOF .* 'PAUSE'"
    ):
        evaluate(Cards, [ROWS[0], "PAUSE"], NOON)  # type: ignore[list-item]
    with pytest.raises(RequestError, match=r"row 1: source Payments has no column 'cent'; did you mean 'cents'"):
        evaluate(Cards, [pay("11:00:00"), {"cent": 1}], NOON)
    with pytest.raises(NotFoundError, match=r"view cards: no feature 'spend_1h'; did you mean 'spent_1h'"):
        evaluate(Cards, ROWS, NOON).value("spend_1h", {"card": "a"})
    with pytest.raises(RequestError, match="key 'shop' is missing"):
        evaluate(Cards, ROWS, NOON).value("weighed_1d", {"card": "a"})
    with pytest.raises(RequestError, match=r"key 'card' is 1 \(int\), expected str"):
        evaluate(Cards, ROWS, NOON).value("spent_1h", {"card": 1})
    with pytest.raises(RequestError, match="at 'noon': expected an instant such as"):
        evaluate(Cards, ROWS, "noon")
    with pytest.raises(RequestError, match="as_of=2026-01-01T12:00:00: has no time zone"):
        evaluate(Cards, ROWS, "2026-01-01T12:00:00")
    with pytest.raises(RequestError, match=r"row 0: _arrives=.*: has no time zone"):
        evaluate(Cards, [pay("11:00:00", **{ARRIVES: "2026-01-01T12:00:00"})], NOON)
    with pytest.raises(RequestError, match="windows"):
        evaluate(Cards, ROWS, NOON, windows="sliced")  # type: ignore[arg-type]


def test_values_are_shown_in_a_notebook() -> None:
    shown = evaluate(Cards, ROWS, NOON)._repr_html_()
    assert "cards as of 2026-01-01T12:00:00+00:00; rows: 5 accepted, 0 late, 0 dead_letter" in shown
    assert "<td>19</td>" in shown


class Weights(Dimension):
    """What a card's payments count for."""

    history = IcebergTable("ref.weights")
    key = "card"
    delay = "1m"
    card: str
    factor: int
    note: str | None
    since: datetime = event_time()


@transformation
def weighed_cents(payments: Payments, wspec: WindowSpec) -> Any:
    joined = payments.asof_join(Weights)
    return joined.groupby("card")[joined.cents * joined.factor].window(wspec).sum()


class Weighed(FeaturePipeline):
    """Payments by the versions of a dimension."""

    owner = "tests@headrace.test"
    features = [weighed_cents.over("1h")]  # noqa: RUF012 (as users write it)


VERSIONS = [
    {"card": "a", "factor": 100, "since": "2026-01-01T11:29:00Z"},
    {"card": "a", "factor": 2, "since": "2026-01-01T11:00:00Z"},
    {"card": "a", "factor": 3, "since": "2026-01-01T11:00:00Z", "note": "the last of one time"},
]


def test_rows_see_the_versions_of_a_test() -> None:
    """The version of 11:29 is in effect a minute later; what no feature reads may be there, or not."""
    rows = [pay("11:29:59", cents=1), pay("11:30:00", cents=10)]
    given: dict[str, Any] = {"rows": rows, "entity": {"card": "a"}, "at": NOON}
    assert_feature_equal(Weighed, "weighed_cents_1h", 1003, **given, dimensions={"Weights": VERSIONS})
    assert_feature_equal(Weighed, "weighed_cents_1h", None, **given, dimensions={"Weights": []})
    with pytest.raises(AssertionError, match=r"expected 1, found 1003\n.*behind the value: 2\n.*factor\(card\)=3"):
        assert_feature_equal(Weighed, "weighed_cents_1h", 1, **given, dimensions={"Weights": VERSIONS})


class Shops(Dimension):
    """What a shop's payments count for, at all times."""

    history = IcebergTable("ref.shops")
    key = "shop"
    shop: int
    factor: int


@transformation
def cents_by_shop(payments: Payments, wspec: WindowSpec) -> Any:
    joined = payments.lookup(Shops)
    return joined.groupby("card")[joined.cents * joined.factor].window(wspec).sum()


class ByShop(FeaturePipeline):
    """Payments by a look-up table."""

    owner = "tests@headrace.test"
    features = [cents_by_shop.over("1h")]  # noqa: RUF012 (as users write it)


class Refunds(Source):
    """What comes back, by the shop that pays it."""

    live = KafkaTopic("refunds")
    card: str
    payer: int
    cents: int
    at: datetime = event_time()


class Money(Union):
    """Both ways."""

    sources = [Payments, Refunds]  # noqa: RUF012 (as users write it)
    card: str
    shop: int = filled_by({Refunds: "payer"})
    cents: int
    at: datetime = event_time()


@transformation
def money_by_shop(money: Money, wspec: WindowSpec) -> Any:
    joined = money.lookup(Shops)
    return joined.groupby("card")[joined.cents * joined.factor].window(wspec).sum()


class BothWays(FeaturePipeline):
    """A union's rows by a look-up table."""

    owner = "tests@headrace.test"
    features = [money_by_shop.over("1h")]  # noqa: RUF012 (as users write it)


def test_rows_of_a_union_look_up_the_rows_of_a_test() -> None:
    refund = {"_source": "Refunds", "card": "a", "payer": 9, "cents": 1000, "at": "2026-01-01T11:30:00Z"}
    rows = [pay("11:30:00", cents=1, shop=7, _source="Payments"), refund, {**refund, "payer": 8}]
    shops = [{"shop": 7, "factor": 2}, {"shop": 9, "factor": 3}]
    found = evaluate(BothWays, rows, NOON, dimensions={"Shops": shops})
    assert found.value("money_by_shop_1h", {"card": "a"}) == 3002


def test_rows_look_up_the_rows_of_a_test() -> None:
    rows = [pay("11:30:00", cents=1, shop=7), pay("11:30:00", cents=10, shop=8), pay("11:30:00", cents=100, shop=9)]
    given: dict[str, Any] = {"rows": rows, "entity": {"card": "a"}, "at": NOON}
    shops = [{"shop": 7, "factor": 2}, {"shop": 9, "factor": 3}, {"shop": None, "factor": 4}]
    assert_feature_equal(ByShop, "cents_by_shop_1h", 302, **given, dimensions={"Shops": shops})
    twice = [*shops, {"shop": 9, "factor": 3}]
    with pytest.raises(SchemaMismatchError, match="dimension Shops: the test has 2 rows of shop 9; a look-up table"):
        assert_feature_equal(ByShop, "cents_by_shop_1h", 302, **given, dimensions={"Shops": twice})


@pytest.mark.parametrize(
    ("dimensions", "error", "message"),
    [
        ({}, RequestError, r"joins dimension Weights; give its rows: dimensions=\{'Weights': \[...\]\}"),
        ({"Weight": []}, RequestError, "joins no dimension 'Weight'; did you mean 'Weights'"),
        (
            {"Weights": [{"card": "a", "facto": 1, "since": "2026-01-01T11:00:00Z"}]},
            RequestError,
            "Weights: row 0 lacks column 'factor', which the view reads; did you mean 'facto'",
        ),
        (
            {"Weights": [*VERSIONS, {"card": "a", "factor": "two", "since": "2026-01-01T11:00:00Z"}]},
            SchemaMismatchError,
            "dimension Weights: row 3 cannot be read, column factor: two is no int",
        ),
    ],
)
def test_versions_that_cannot_be_meant_are_refused(
    dimensions: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        evaluate(Weighed, [pay("11:30:00")], NOON, dimensions=dimensions)
