"""Why a filter is asked of rows before their verdict, or after it."""

# ruff: noqa: RUF012 (as users write it)
from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from headrace import FeaturePipeline, WindowSpec, transformation
from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.known import why_behind_verdict
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets

from .as_of import AsOf, open_payments
from .events import BASE, LATENESS, MINUTE, events, verdict
from .every_aggregate import Orders
from .many_keys import orders_alike
from .test_duckdb_sql import connect
from .unique_orders import Orders as UniqueOrders
from .united import united


@transformation
def squared(tx: Orders, wspec: WindowSpec) -> Any:
    return tx[tx.cents * tx.cents > 100].groupby("shop").window(wspec).count()


@transformation
def failed_once(tx: UniqueOrders, wspec: WindowSpec) -> Any:
    return tx[tx.status == "failed"].groupby("shop").window(wspec).count()


class Squared(FeaturePipeline):
    """What a filter computes may be beyond the numbers."""

    owner = "shop@example.com"
    features = [squared.over("1h")]


@transformation
def failed(tx: Orders, wspec: WindowSpec) -> Any:
    return tx[tx.status == "failed"].groupby("shop").window(wspec).count()


@transformation
def express_of_customer(tx: Orders, wspec: WindowSpec) -> Any:
    return tx[tx.express & tx.customer.notnull()].groupby("customer").window(wspec).count()


class Filtered(FeaturePipeline):
    """Two kinds of entities, each known by what a filter lets in, and one by all that is sold there by anybody."""

    owner = "shop@example.com"
    features = [failed.over("1h"), express_of_customer.over("1h"), orders_alike.over("3d")]


class FailedOnce(FeaturePipeline):
    """Of copies one counts."""

    owner = "shop@example.com"
    features = [failed_once.over("1h")]


class OpenPayments(FeaturePipeline):
    """A filter that a dimension decides."""

    owner = "data@example.com"
    features = [open_payments.over("9d")]


#: A union whose sources say what their rows are unique by, but for one, and a union that says it itself.
BY_SOURCE, BY_UNION = (united("every_aggregate", "shop_features", ids) for ids in (("Tills", "Phone"), ("Orders",)))


def why(plan: ViewPlan, feature: str) -> str | None:
    """Why filters are asked behind the verdict, as far as those of one feature go."""
    return why_behind_verdict(plan, [plan.group(plan.feature(feature).group)])


@pytest.mark.parametrize(
    ("plan", "feature", "reason"),
    [
        (plan_view(Squared.view), "squared_1h", "multiply may fail of a row that is refused"),
        (plan_view(FailedOnce.view), "failed_once_1h", "which copy of a row counts (unique_by = 'number') is decided"),
        (BY_SOURCE, "paid_density_3d", "which copy of a row counts (unique_by = 'number' of Tills, 'number' of Phone)"),
        (BY_UNION, "paid_density_3d", "which copy of a row counts (unique_by = 'number') is decided before a filter"),
        (plan_view(AsOf.view), "open_payments_9d", "a function by Python may refuse a row, or fail, before"),
        (plan_view(OpenPayments.view), "open_payments_9d", "a filter reads what a dimension says"),
    ],
)
def test_what_is_asked_behind_the_verdict_has_a_reason(plan: ViewPlan, feature: str, reason: str) -> None:
    assert (why(plan, feature) or "").startswith(reason)


@pytest.mark.parametrize("mode", ["recomputed", "last_write"])
def test_what_a_filter_computes_is_asked_of_no_row_that_is_refused(mode: Any) -> None:
    """Within CASE: that DuckDB 2.0 would ask in this order anyway is chosen by cost, and not promised."""
    plan = plan_view(Squared.view)
    (good,) = [row for row in events(1, 200) if verdict(row) == "accepted" and row["shop"] == "a"][:1]
    good |= {"ordered_at": BASE, "_src_timestamp": BASE, "cents": 60, "_src_offset": 0}
    huge = good | {"cents": 2**62}
    refused = [
        huge | {"_src_offset": 1, "_src_timestamp": BASE + LATENESS + 1},
        huge | {"_src_offset": 2, "status": "stolen"},
    ]
    (keys,) = key_sets(plan, (AskedFeature("squared_1h", plan.feature("squared_1h"), mode),))
    connection = connect([good, *refused])
    connection.register("spine", pa.table({"_row": [0, 1], "_t": [BASE + MINUTE] * 2, "shop": ["a", "b"]}))
    sql = point_in_time_sql(keys, "spine", "archive")
    assert connection.sql(sql).order("_row").fetchall() == [(0, BASE, 1), (1, None, None)]
    assert 'IS NOT NULL THEN (("cents" * "cents") > CAST(100 AS BIGINT)) ELSE FALSE END' in sql


@pytest.mark.parametrize(
    ("features", "narrowed"),
    [
        (["failed_1h", "express_of_customer_1h"], "(`status` = 'failed') OR (`express` AND (`customer` IS NOT NULL))"),
        (["failed_1h", "orders_alike_3d"], None),
    ],
)
def test_flink_narrows_the_rows_that_several_keys_share_where_all_have_filters(
    features: list[str], narrowed: str | None
) -> None:
    plan = plan_view(Filtered.view)
    sets = key_sets(plan, tuple(AskedFeature(name, plan.feature(name)) for name in features))
    text = point_in_time_job(sets, PointInTimeBindings([{}], [{}, {}], [{}, {}])).text()
    found = text.partition("FROM `events`")[2].partition(";")[0].strip()
    assert found == ("" if narrowed is None else f"WHERE {narrowed}")
    assert text.count("THEN (`status` = 'failed') ELSE FALSE END") == 1
