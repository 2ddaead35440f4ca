"""A small view whose values are easy to see, for the tests of serving."""

# ruff: noqa: RUF012 (a feature file declares its features as a list)

from datetime import datetime
from typing import Literal

import ibis

from headrace import (
    FeaturePipeline,
    Features,
    KafkaTopic,
    Request,
    Source,
    WindowSpec,
    event_time,
    on_demand,
    transformation,
)


class Orders(Source):
    """Orders of a shop."""

    live = KafkaTopic("orders")
    shop: str
    customer: int
    cents: int
    weight: float | None
    ordered_at: datetime = event_time(max_delay="5s")


@transformation
def orders(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop").window(wspec).count()


@transformation
def revenue(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).sum()


@transformation
def weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).mean()


@transformation
def dear(tx: Orders, wspec: WindowSpec):
    return tx[tx.cents > 1_000].groupby("shop").window(wspec).count()


@transformation
def last_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).last()


@transformation
def spent(tx: Orders, wspec: WindowSpec):
    return tx.groupby(["shop", "customer"])["cents"].window(wspec).max()


@transformation
def last_order(tx: Orders):
    return tx.groupby("customer")["cents"].last()


@transformation
def orders_ever(tx: Orders):
    return tx.groupby("customer").count()


@transformation
def newest_orders(tx: Orders):
    return tx.groupby("customer")["cents"].last_n(3)


@transformation
def cents_spread(tx: Orders):
    return tx.groupby("customer")["cents"].quantiles([0, 0.5, 1])


@transformation
def top_customers(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["customer"].window(wspec).top_k(2)


@transformation
def first_order(tx: Orders):
    return tx.groupby("customer")["cents"].first()


@transformation
def dear_share(tx: Orders, wspec: WindowSpec):
    return tx[tx.cents > 1_000].groupby("shop").window(wspec).count() / tx.groupby("shop").window(wspec).count()


class Basket(Request):
    """What a customer is about to order."""

    price: float
    asked_for: datetime | None
    channel: Literal["web", "shop"] | None


@on_demand
def dear_by_hand(f: Features):
    return f.dear_1h / f.orders_1h


@on_demand
def over_mean(basket: Basket, f: Features):
    return basket.price / f.mean_cents


@on_demand
def mean_cents(f: Features):
    return f.revenue_1h / f.orders_1h


@on_demand
def of_shop(f: Features):
    return f.spent_1h.fill_null(0) * 100 // f.revenue_1h


@on_demand
def lifted(f: Features):
    return f.orders_1h.fill_null(-1) + f.orders_3d.fill_null(-10)


@on_demand
def delivery(basket: Basket):
    return basket.asked_for + ibis.interval(days=1)


@on_demand
def from_afar(basket: Basket):
    return basket.channel == "web"


@on_demand
def huge(basket: Basket, f: Features):
    return basket.price.cast("int64") * f.orders_1h


class Shops(FeaturePipeline):
    """What a shop sells."""

    owner = "shop@example.com"
    features = [
        orders.over("1h", "3d", "20d", WindowSpec("1h", lag="1d"), WindowSpec("1h", lag="2m")),
        revenue.over("1h"),
        weight.over("1h"),
        dear.over("1h"),
        dear_share.over("1h", "3d"),
        last_weight.over("1h"),
        spent.over("1h"),
        last_order,
        orders_ever,
        first_order,
        newest_orders,
        cents_spread,
        top_customers.over("3d"),
        dear_by_hand,
        over_mean,
        mean_cents,
        of_shop,
        lifted,
        delivery,
        from_afar,
        huge,
    ]


class Replayed(FeaturePipeline):
    """Old orders: tiles never expire."""

    owner = "shop@example.com"
    clock = "event"
    features = [orders.over("1h")]
