"""Features over the narrowest and the widest rolling windows that are promised: seconds, and ninety days."""

# ruff: noqa: RUF012 (as users write it)
from headrace import FeaturePipeline

from .events import BASE, DAY, SECOND, Row
from .every_aggregate import mean_weight, orders, revenue


class WideOrders(FeaturePipeline):
    """A shop's orders of the last seconds, in tiles of one, and of the last ninety days."""

    owner = "shop@example.com"
    features = [
        orders.over("30s", tile="1s"),
        mean_weight.over("30s", tile="1s"),
        orders.over("90d"),
        revenue.over("90d"),
    ]


#: Before `BASE`: the windows' old ends and what they are rounded to by the askers below, and the newest tile.
ENDS = (0, SECOND, 29 * SECOND, 30 * SECOND, 31 * SECOND, 89 * DAY, 90 * DAY, 91 * DAY)


def edge_orders() -> list[Row]:
    """Orders a microsecond before, at and after each end, each of which moves every sum and mean."""
    times = [BASE - before + jitter for before in ENDS for jitter in (-1, 0, 1)]
    return [
        {
            "shop": "a",
            "customer": 1,
            "status": "paid",
            "cents": 2**number,
            "weight": float(number),
            "express": True,
            "ordered_at": us,
            "_src_topic": "orders",
            "_src_partition": number % 2,
            "_src_offset": number,
            "_src_timestamp": us,
            "_raw": None,
            "_error": None,
        }
        for number, us in enumerate(times)
    ]


def edge_askers() -> list[Row]:
    """The shop around `BASE`, inside the tiles of a second and of a day."""
    times = [BASE, BASE + 1, BASE + SECOND // 2, BASE + SECOND, BASE - 1, BASE + DAY // 2]
    return [{"_row": number, "_t": us, "shop": "a", "customer": 1, "express": True} for number, us in enumerate(times)]
