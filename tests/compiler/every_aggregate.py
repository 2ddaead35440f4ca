"""A view with every aggregate, several levels and computed columns: what golden files and oracles are made from."""

# ruff: noqa: RUF012 (as users write it)
from datetime import datetime
from typing import Literal

import ibis

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation


class Orders(Source):
    """Orders of a shop."""

    history = IcebergTable("raw.orders")
    live = KafkaTopic("orders")
    allowed_lateness = "2h"
    shop: str
    customer: int | None
    status: Literal["paid", "failed", "it's open"]
    cents: int
    weight: float | None
    express: bool
    ordered_at: datetime = event_time(max_delay="5s")


@transformation
def orders(tx: Orders, wspec: WindowSpec):
    """All orders of a shop."""
    return tx.groupby("shop").window(wspec).count()


@transformation
def weighed(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).count()


@transformation
def revenue(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).sum()


@transformation
def mean_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).mean()


@transformation
def mean_cents(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).mean()


@transformation
def least_cents(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).min()


@transformation
def newest_order(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["ordered_at"].window(wspec).max()


@transformation
def weight_std(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).std()


@transformation
def weight_var(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).var()


@transformation
def last_weights(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).last_n(3)


@transformation
def last_statuses(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["status"].window(wspec).last_n(5)


@transformation
def last_cents_ever(tx: Orders):
    return tx.groupby("customer")["cents"].last_n(2)


@transformation
def last_express(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["express"].window(wspec).last_n(100)


@transformation
def first_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).first()


@transformation
def first_status(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["status"].window(wspec).first()


@transformation
def customers(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["customer"].window(wspec).count_distinct()


@transformation
def middle_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).median()


@transformation
def dear_cents(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).quantile(0.99)


@transformation
def cents_spread_ever(tx: Orders):
    return tx.groupby("customer")["cents"].quantiles([0, 0.25, 0.700001, 1])


@transformation
def top_statuses(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["status"].window(wspec).top_k(2)


@transformation
def top_cents(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).top_k(3)


@transformation
def top_express_ever(tx: Orders):
    return tx.groupby("customer")["express"].top_k(100)


@transformation
def last_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).last()


@transformation
def last_status(tx: Orders):
    return tx.groupby("customer")["status"].last()


@transformation
def orders_ever(tx: Orders):
    return tx.groupby("customer").count()


@transformation
def revenue_ever(tx: Orders):
    return tx.groupby("customer")["cents"].sum()


@transformation
def weight_mean_ever(tx: Orders):
    return tx.groupby("customer")["weight"].mean()


@transformation
def weight_var_ever(tx: Orders):
    return tx.groupby("customer")["weight"].var()


@transformation
def least_weight_ever(tx: Orders):
    return tx.groupby("customer")["weight"].min()


@transformation
def shops_ever(tx: Orders):
    return tx.groupby("customer")["shop"].count_distinct()


@transformation
def first_shop(tx: Orders):
    return tx.groupby("customer")["shop"].first()


@transformation
def express_fee(tx: Orders, wspec: WindowSpec):
    fee = ibis.ifelse(tx.express, tx.cents * 2 + 5, tx.cents - 1)
    priced = tx.assign(fee=fee, density=tx.weight / tx.cents)
    return priced[(priced.density > 0.001) | priced.weight.isnull()].groupby("shop")["fee"].window(wspec).sum()


@transformation
def failed_share(tx: Orders, wspec: WindowSpec):
    failed = tx[tx.status == "failed"].groupby("shop").window(wspec).count()
    return failed / tx.groupby("shop").window(wspec).count()


@transformation
def cents_by_weight(tx: Orders, wspec: WindowSpec):
    shops = tx.groupby("shop")
    return shops["cents"].window(wspec).sum() / shops["weight"].window(wspec).sum()


@transformation
def heavy_share_ever(tx: Orders):
    heavy = tx[tx.weight > 1].groupby("customer")["cents"].sum()
    return heavy / tx.groupby("customer")["cents"].sum()


@transformation
def paid_density(tx: Orders, wspec: WindowSpec):
    paid = tx[tx.status.isin(["paid", "it's open"]) & ~(tx.cents < 0)]
    return paid.groupby(["customer", "express"])[paid.weight / paid.cents].window(wspec).max()


class ShopFeatures(FeaturePipeline):
    """Every aggregate over several levels; tiles expire by the clock."""

    owner = "shop@example.com"
    features = [
        orders.over("1h", "3d", "20d", WindowSpec("1h", lag="1d")),
        weighed.over("1h"),
        revenue.over("90m", "20d", WindowSpec("90m", lag="7m"), WindowSpec("3d", lag="17d")),
        mean_weight.over("3d"),
        mean_cents.over("3d"),
        least_cents.over("1h"),
        newest_order.over("1h"),
        weight_std.over("3d"),
        weight_var.over("3d"),
        first_weight.over("1h", "3d"),
        first_status.over("20d"),
        last_weights.over("1h", "3d"),
        last_statuses.over("20d"),
        last_cents_ever,
        last_express.over("1h"),
        customers.over("3d"),
        middle_weight.over("3d"),
        dear_cents.over("1h", "20d"),
        cents_spread_ever,
        top_statuses.over("3d", "20d"),
        top_cents.over("1h"),
        top_express_ever,
        last_weight.over("1h", WindowSpec("3d", lag="1s")),
        last_status,
        orders_ever,
        revenue_ever,
        weight_mean_ever,
        weight_var_ever,
        least_weight_ever,
        shops_ever,
        first_shop,
        express_fee.over("1h"),
        failed_share.over("1h", "3d", WindowSpec("3d", lag="17d")),
        cents_by_weight.over("1h"),
        heavy_share_ever,
        paid_density.over("3d", tile="1h"),
    ]


class ReplayedShopFeatures(FeaturePipeline):
    """The clock is the events': tiles never expire."""

    owner = "shop@example.com"
    clock = "event"
    tile = "1m"
    features = [revenue.over("10m")]
