"""What the backfill benchmark computes, as a user writes it: three aggregates over four windows of a card."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation

WINDOWS = ("1h", "24h", "7d", "30d")


class CardTransactions(Source):
    """Generated card transactions; history only, so that the job ends."""

    history = IcebergTable("raw.card_transactions")
    tid: int
    cc_num: int
    merchant: str
    cents: int
    ts: datetime = event_time(max_delay="5s")


@transformation
def transactions(tx: CardTransactions, wspec: WindowSpec) -> Any:
    """How often a card paid."""
    return tx.groupby("cc_num").window(wspec).count()


@transformation
def spent(tx: CardTransactions, wspec: WindowSpec) -> Any:
    """What a card paid in all, in cents."""
    return tx.groupby("cc_num")["cents"].window(wspec).sum()


@transformation
def largest(tx: CardTransactions, wspec: WindowSpec) -> Any:
    """A card's largest payment, in cents."""
    return tx.groupby("cc_num")["cents"].window(wspec).max()


class CardFeatures(FeaturePipeline):
    """What a card did of late."""

    owner = "bench@example.com"
    # Generated times are not those of today: nothing may expire by the wall clock.
    clock = "event"
    features = [transactions.over(*WINDOWS), spent.over(*WINDOWS), largest.over(*WINDOWS)]  # noqa: RUF012 (as a user writes it)
