"""What the benchmark of functions computes, as a user writes it: the same charge as an expression and as a function."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc

from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation, udf


class CardTransactions(Source):
    """Generated card transactions; history only, so that the job ends."""

    history = IcebergTable("raw.card_transactions")
    tid: int
    cc_num: int
    merchant: str
    cents: int
    ts: datetime = event_time(max_delay="5s")


@udf(returns=int)
def charge(cents: pa.Array) -> pa.Array:
    """Large payments cost three times as much, others 7 % more."""
    large = pc.multiply(cents, 3)
    small = pc.divide(pc.multiply(cents, 107), 100)
    return pc.if_else(pc.greater(cents, 50_000), large, small)


@transformation
def written(tx: CardTransactions, wspec: WindowSpec) -> Any:
    """The charge as an expression."""
    charged = ibis.ifelse(tx.cents > 50_000, tx.cents * 3, tx.cents * 107 // 100)
    return tx.groupby("cc_num")[charged].window(wspec).sum()


@transformation
def called(tx: CardTransactions, wspec: WindowSpec) -> Any:
    """The charge as a function."""
    return tx.groupby("cc_num")[charge(tx.cents)].window(wspec).sum()


class Charges(FeaturePipeline):
    """The same twice."""

    owner = "bench@example.com"
    clock = "event"
    features = [written.over("1h"), called.over("1h")]  # noqa: RUF012 (as a user writes it)
