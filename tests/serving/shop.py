"""A small view whose values are easy to see, for the tests of serving."""

# ruff: noqa: RUF012 (a feature file declares its features as a list)

from datetime import datetime

from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation


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
    ]


class Replayed(FeaturePipeline):
    """Old orders: tiles never expire."""

    owner = "shop@example.com"
    clock = "event"
    features = [orders.over("1h")]
