"""A view whose entities are known by filters alone, one of which reads a column that may be NULL."""

# ruff: noqa: RUF012 (as users write it)
from headrace import FeaturePipeline, WindowSpec, transformation

from .every_aggregate import Orders


@transformation
def heavy_orders(tx: Orders, wspec: WindowSpec):
    """How many heavy orders a shop had; of those without a weight nobody says that they are."""
    return tx[tx.weight > 1].groupby(["shop", "express"]).window(wspec).count()


@transformation
def failed_cents(tx: Orders, wspec: WindowSpec):
    """What orders would have brought that failed."""
    return tx[tx.status == "failed"].groupby(["shop", "express"])["cents"].window(wspec).sum()


class FilteredOrders(FeaturePipeline):
    """A shop's orders of two kinds."""

    owner = "shop@example.com"
    features = [heavy_orders.over("3d"), failed_cents.over("3d")]
