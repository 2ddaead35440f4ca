"""Orders so heavy that their weights add up to no float, and what their features are: the engines agree on it."""

from __future__ import annotations

from typing import Any, NamedTuple

from .events import BASE, MINUTE, Row


class Heavy(NamedTuple):
    """Weights in the order of time, two to a tile; their sum, and their sample variance."""

    weights: tuple[float, ...]
    sum: float | None
    var: float | None


CASES = {
    "of one sign": Heavy((1e308, 1e308), None, 0.0),
    "each tile infinite": Heavy((1e308, 1e308, -1e308, -1e308), None, None),
    "their sum is none, their mean would be one": Heavy((1e308, 5e307, 1e308, 5e307), None, None),
    "of both signs": Heavy((1e308, -1e308), 0.0, None),
    "their squares alone": Heavy((1e200, -1e200), 0.0, None),
    "one": Heavy((1e308, 0.5), 1e308, None),
    "apart from the greatest": Heavy((1e153, -1e153), 0.0, 2e306),
}


def orders(heavy: Heavy) -> list[Row]:
    """A shop's orders of the last hour, each of 100 cents."""
    times = [BASE - 50 * MINUTE + number // 2 * 30 * MINUTE + number % 2 for number in range(len(heavy.weights))]
    return [
        {
            "shop": "a",
            "customer": 1,
            "status": "paid",
            "cents": 100,
            "weight": weight,
            "express": False,
            "ordered_at": us,
            "_src_topic": "orders",
            "_src_partition": 0,
            "_src_offset": number,
            "_src_timestamp": us,
            "_raw": None,
            "_error": None,
        }
        for number, (weight, us) in enumerate(zip(heavy.weights, times, strict=True))
    ]


def values(heavy: Heavy) -> dict[str, Any]:
    """What the features of `every_aggregate` are at `BASE` that add weights up."""
    count = len(heavy.weights)
    return {
        "mean_weight_3d": None if heavy.sum is None else heavy.sum / count,
        "cents_by_weight_1h": 100 * count / heavy.sum if heavy.sum else None,
        "weight_var_3d": heavy.var,
        "weight_std_3d": None if heavy.var is None else heavy.var**0.5,
    }
