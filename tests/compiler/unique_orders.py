"""A view of orders that may come more than once: what tests of copies are made from."""

# ruff: noqa: RUF012 (as users write it)
from datetime import datetime
from typing import Literal

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation


class Orders(Source):
    """Orders of a shop, which its tills send again when nobody answers."""

    history = IcebergTable("raw.orders")
    live = KafkaTopic("orders")
    allowed_lateness = "2h"
    unique_by = "number"
    number: str
    shop: str
    customer: int
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
def revenue(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).sum()


@transformation
def weight_var(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).var()


@transformation
def first_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).first()


@transformation
def last_weight(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).last()


@transformation
def last_weights(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["weight"].window(wspec).last_n(3)


@transformation
def top_cents(tx: Orders, wspec: WindowSpec):
    return tx.groupby("shop")["cents"].window(wspec).top_k(3)


@transformation
def failed_share(tx: Orders, wspec: WindowSpec):
    failed = tx[tx.status == "failed"].groupby("shop").window(wspec).count()
    return failed / tx.groupby("shop").window(wspec).count()


class UniqueOrders(FeaturePipeline):
    """What a shop sells, each order counted once."""

    owner = "shops@example.com"
    features = [
        orders.over("1h", "3d", WindowSpec("1h", lag="1d")),
        revenue.over("90m", "20d"),
        weight_var.over("3d"),
        first_weight.over("1h", "3d"),
        last_weight.over("1h"),
        last_weights.over("1h", "3d"),
        top_cents.over("1h"),
        failed_share.over("1h", "3d"),
    ]
