"""Aggregates of numbers some of which are missing, in groups that keep a few numbers of each tile and nothing else.

Their filters and keys are those of groups of `every_aggregate`: beside that view's features they need no job more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from headrace import FeaturePipeline, WindowSpec, transformation

from .events import FUNCTIONS
from .every_aggregate import Orders


def failed(tx: Orders) -> Any:
    return tx[tx.status == "failed"].groupby("shop")


def paid(tx: Orders) -> Any:
    return tx[tx.status.isin(["paid", "it's open"]) & ~(tx.cents < 0)].groupby(["customer", "express"])


#: From a name of `events.NUMBERS` to its rows, and the windows and tile that these are asked with.
ROWS: Mapping[str, tuple[Callable[[Orders], Any], tuple[str, ...], dict[str, str]]] = {
    "failed": (failed, ("1h", "3d"), {}),
    "paid": (paid, ("3d", "20d"), {"tile": "1h"}),
}
NUMBERS: Mapping[str, Callable[[Orders], Any]] = {
    "cents": lambda tx: tx.cents.nullif(100),
    "weight": lambda tx: tx.weight,
    "express": lambda tx: tx.express,
}


def aggregated(rows: str, function: str, number: str) -> Any:
    """The transformation that the names make."""

    def found(tx: Orders, wspec: WindowSpec) -> Any:
        return getattr(ROWS[rows][0](tx)[NUMBERS[number](tx)].window(wspec), function)()

    found.__name__ = f"{rows}_{function}_{number}"
    return transformation(found)


class Numbers(FeaturePipeline):
    """Functions of numbers, of integers and of floats."""

    owner = "shop@example.com"
    features = tuple(
        aggregated(rows, function, number).over(*windows, **tile)
        for rows, (_, windows, tile) in ROWS.items()
        for number, functions in FUNCTIONS[rows].items()
        for function in functions
    )
