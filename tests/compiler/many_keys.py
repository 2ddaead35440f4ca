"""A view whose entities are named by three and by five columns, of every type that a key can have."""

# ruff: noqa: RUF012 (as users write it)
from headrace import FeaturePipeline, WindowSpec, transformation

from .every_aggregate import Orders

FIVE = ["shop", "customer", "status", "cents", "express"]
THREE = ["express", "shop", "status"]


@transformation
def orders_alike(tx: Orders, wspec: WindowSpec):
    """How often the same was ordered."""
    return tx.groupby(FIVE).window(wspec).count()


@transformation
def cents_alike(tx: Orders, wspec: WindowSpec):
    """What orders of one kind brought."""
    return tx.groupby(THREE)["cents"].window(wspec).sum()


class AlikeOrders(FeaturePipeline):
    """Orders that are alike."""

    owner = "shop@example.com"
    features = [orders_alike.over("3d"), cents_alike.over("3d")]
