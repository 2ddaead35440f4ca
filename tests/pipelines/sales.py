"""Sales of two systems as one: the union has columns of a source's names, and other values in them."""

# ruff: noqa: RUF012 (as users write it)
from datetime import datetime

from headrace import FeaturePipeline, IcebergTable, Source, Union, WindowSpec, event_time, filled_by, transformation


class Till(Source):
    """Sales at a till, in euros."""

    history = IcebergTable("raw.till")
    k: str | None
    amt: float
    note: str | None
    ts: datetime = event_time(max_delay="1m")


class Web(Source):
    """Sales on the web, in cents."""

    history = IcebergTable("raw.web")
    k: str
    amt: float
    ts: datetime = event_time(max_delay="1m")


class Sales(Union):
    """Sales in cents, of whoever is known."""

    sources = [Till, Web]
    k: str
    amt: float = filled_by({Till: lambda tx: tx.amt * 100})
    ts: datetime = event_time()


@transformation
def turnover(tx: Sales, wspec: WindowSpec):
    """Cents."""
    return tx.groupby("k")["amt"].window(wspec).sum()


class SalesFeatures(FeaturePipeline):
    """What each customer spends."""

    owner = "shops@example.com"
    features = [turnover.over("1h")]
