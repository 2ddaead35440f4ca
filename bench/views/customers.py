"""What the benchmark of online reads serves: five aggregates over ten windows, fifty features of one entity."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation

WINDOWS = ("1h", "2h", "3h", "6h", "12h", "24h", "3d", "7d", "14d", "30d")


class Purchases(Source):
    """Generated purchases of customers."""

    live = KafkaTopic("purchases")
    customer: int
    cents: int
    at: datetime = event_time()


@transformation
def purchases(rows: Purchases, wspec: WindowSpec) -> Any:
    """How often a customer bought."""
    return rows.groupby("customer").window(wspec).count()


@transformation
def spent(rows: Purchases, wspec: WindowSpec) -> Any:
    """What a customer spent, in cents."""
    return rows.groupby("customer")["cents"].window(wspec).sum()


@transformation
def mean_price(rows: Purchases, wspec: WindowSpec) -> Any:
    """The mean of a customer's purchases, in cents."""
    return rows.groupby("customer")["cents"].window(wspec).mean()


@transformation
def dearest(rows: Purchases, wspec: WindowSpec) -> Any:
    """A customer's dearest purchase, in cents."""
    return rows.groupby("customer")["cents"].window(wspec).max()


@transformation
def cheapest(rows: Purchases, wspec: WindowSpec) -> Any:
    """A customer's cheapest purchase, in cents."""
    return rows.groupby("customer")["cents"].window(wspec).min()


class Customers(FeaturePipeline):
    """What customers buy."""

    owner = "bench@example.com"
    # Generated times are not those of today: nothing may expire by the wall clock.
    clock = "event"
    features = [each.over(*WINDOWS) for each in (purchases, spent, mean_price, dearest, cheapest)]  # noqa: RUF012 (as a user writes it)
