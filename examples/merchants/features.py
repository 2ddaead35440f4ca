"""Card payments by what was known of the merchant when they were made: an as-of join to a dimension."""

from datetime import datetime

from headrace import Dimension, FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation


class Transactions(Source):
    """Card transactions."""

    history = IcebergTable("raw.transactions")
    tid: str
    cc_num: int
    merchant: str
    amt: float
    ts: datetime = event_time()


class Merchants(Dimension):
    """What the risk office says of merchants, written within ten minutes."""

    history = IcebergTable("ref.merchants")
    key = "merchant"
    delay = "10m"
    merchant: str
    category: str
    risk: float
    valid_from: datetime = event_time()


@transformation
def spent_at_risk(tx: Transactions, wspec: WindowSpec):
    """What was paid, weighed by the merchant's risk."""
    joined = tx.asof_join(Merchants)
    return joined.groupby("cc_num")[joined.amt * joined.risk].window(wspec).sum()


@transformation
def risky_payments(tx: Transactions, wspec: WindowSpec):
    """Payments to merchants that were thought more dangerous than not."""
    return tx[tx.asof_join(Merchants)["risk"] > 0.5].groupby("cc_num").window(wspec).count()


class MerchantRisk(FeaturePipeline):
    """Payments by what was known of the merchant when they were made."""

    owner = "risk@example.com"
    features = [spent_at_risk.over("7d"), risky_payments.over("7d")]
