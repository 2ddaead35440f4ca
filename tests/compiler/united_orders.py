"""Orders that come from three sources, each with columns of its own: what tests of unions are made from."""

# ruff: noqa: RUF012 (as users write it)
from datetime import datetime
from typing import Literal

from headrace import (
    FeaturePipeline,
    IcebergTable,
    KafkaTopic,
    Source,
    Union,
    WindowSpec,
    event_time,
    filled_by,
    transformation,
)


class Tills(Source):
    """Orders at a till: they have the union's own columns."""

    history = IcebergTable("raw.tills")
    live = KafkaTopic("tills")
    allowed_lateness = "2h"
    number: str
    shop: str
    customer: int | None
    status: Literal["paid", "failed", "it's open"]
    cents: int
    weight: float | None
    express: bool
    ordered_at: datetime = event_time(max_delay="5s")


class Website(Source):
    """Orders on the web: everything has another name, another unit or another type."""

    history = IcebergTable("raw.website")
    live = KafkaTopic("website")
    allowed_lateness = "2h"
    number: str
    store: str
    client: str | None
    state: str
    half_cents: int
    quarters: float | None
    kind: str
    placed_at: datetime = event_time(max_delay="1m")


class Phone(Source):
    """Orders by phone: they are paid, and never express."""

    history = IcebergTable("raw.phone")
    live = KafkaTopic("phone")
    allowed_lateness = "2h"
    number: str
    shop: str
    customer: int | None
    cents: int
    weight: float | None
    called_at: datetime = event_time(max_delay="5s")


class Orders(Union):
    """Orders of a shop, wherever they were placed."""

    sources = [Tills, Website, Phone]
    number: str
    shop: str = filled_by({Website: "store"})
    customer: int | None = filled_by({Website: lambda tx: tx.client.cast("int64")})
    status: Literal["paid", "failed", "it's open"] = filled_by({Website: "state", Phone: lambda tx: "paid"})
    cents: int = filled_by({Website: lambda tx: tx.half_cents // 2})
    weight: float | None = filled_by({Website: lambda tx: tx.quarters / 4})
    express: bool = filled_by({Website: lambda tx: tx.kind == "express", Phone: False})
    ordered_at: datetime = event_time()


@transformation
def orders(tx: Orders, wspec: WindowSpec):
    """All orders of a shop."""
    return tx.groupby("shop").window(wspec).count()


@transformation
def paid(tx: Orders, wspec: WindowSpec):
    return tx[tx.status == "paid"].groupby("shop")["cents"].window(wspec).sum()


@transformation
def last_status(tx: Orders):
    return tx.groupby("customer")["status"].last()


class UnitedOrders(FeaturePipeline):
    """What a shop sells, at its tills, on the web and by phone."""

    owner = "shops@example.com"
    features = [orders.over("1h", "3d"), paid.over("1h"), last_status]
