"""What the benchmark of the knobs computes: a card's payments of the last hour, from a topic alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation


class LivePayments(Source):
    """Payments as they happen."""

    live = KafkaTopic("payments")
    card: int
    cents: int
    at: datetime = event_time(max_delay="5s")


@transformation
def payments(paid: LivePayments, wspec: WindowSpec) -> Any:
    """How often a card paid."""
    return paid.groupby("card").window(wspec).count()


@transformation
def spent(paid: LivePayments, wspec: WindowSpec) -> Any:
    """What a card paid in all, in cents."""
    return paid.groupby("card")["cents"].window(wspec).sum()


class LiveCards(FeaturePipeline):
    """What a card does now."""

    owner = "bench@example.com"
    features = [payments.over("1h", "24h"), spent.over("1h", "24h")]  # noqa: RUF012 (as a user writes it)
