"""The fraud example: two features of card transactions, over history and the live stream."""

# ruff: noqa: D103 (the transformations are the mission's own snippets, verbatim)
from datetime import datetime

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation


class Transactions(Source):
    """Card transactions: archived in Iceberg, live on Kafka."""

    history = IcebergTable("raw.transactions")
    live = KafkaTopic("transactions")
    tid: str
    cc_num: int
    account_id: str
    merchant: str
    status: str
    amt: float
    ts: datetime = event_time(max_delay="5s")


@transformation
def transaction_count(tx: Transactions, wspec: WindowSpec):
    return tx[tx.status == "failed"].groupby("account_id").window(wspec).count()


@transformation
def average_transaction_amount_by_merchant(tx: Transactions, wspec: WindowSpec):
    return tx.groupby(["cc_num", "merchant"])["amt"].window(wspec).mean()


class FraudFeatures(FeaturePipeline):
    """What the fraud model looks at."""

    owner = "risk@example.com"
    features = [transaction_count.over("1h", "7d"), average_transaction_amount_by_merchant.over("30d")]
