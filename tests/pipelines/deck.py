"""The worked example of point-in-time joins: card payments and logins of one day, and a spine of three rows."""

# ruff: noqa: RUF012 (as users write it)

from datetime import datetime
from typing import Literal

import ibis

from headrace import (
    FeaturePipeline,
    Features,
    IcebergTable,
    Request,
    Source,
    WindowSpec,
    event_time,
    on_demand,
    transformation,
)


class Payments(Source):
    """Payments by card."""

    history = IcebergTable("raw.payments")
    cc_num: int
    amount: float
    points: int
    ts: datetime = event_time(max_delay="5s")


class Logins(Source):
    """Logins by user."""

    history = IcebergTable("raw.logins")
    user_id: int
    ip: str
    ts: datetime = event_time(max_delay="5s")


@transformation
def tx_max(tx: Payments, wspec: WindowSpec):
    """A card's largest payment."""
    return tx.groupby("cc_num")["amount"].window(wspec).max()


@transformation
def tx_sum(tx: Payments, wspec: WindowSpec):
    """What a card paid."""
    return tx.groupby("cc_num")["amount"].window(wspec).sum()


@transformation
def points(tx: Payments, wspec: WindowSpec):
    """What a card earned."""
    return tx.groupby("cc_num")["points"].window(wspec).sum()


@transformation
def tx_count(tx: Payments, wspec: WindowSpec):
    """How often a card paid."""
    return tx.groupby("cc_num").window(wspec).count()


@transformation
def latest(tx: Payments, wspec: WindowSpec):
    """A card's newest payments."""
    return tx.groupby("cc_num")["amount"].window(wspec).last_n(3)


@transformation
def usual(tx: Payments, wspec: WindowSpec):
    """What a card usually pays, and what it rarely exceeds."""
    return tx.groupby("cc_num")["amount"].window(wspec).quantiles([0.5, 0.9])


@transformation
def user_top_ips(logins: Logins, wspec: WindowSpec):
    """The addresses that a user came from most often."""
    return logins.groupby("user_id")["ip"].window(wspec).top_k(2)


@transformation
def user_unique_ip(logins: Logins, wspec: WindowSpec):
    """From how many addresses a user came."""
    return logins.groupby("user_id")["ip"].window(wspec).count_distinct()


class Checkout(Request):
    """What is being paid."""

    paying: float
    note: str | None
    since: datetime | None
    channel: Literal["web", "shop"] | None


@on_demand
def tx_mean(f: Features):
    """What a card pays on average."""
    return f.tx_sum_1h / f.tx_count_1h


@on_demand
def over_mean(req: Checkout, f: Features):
    """How a payment compares with what the card pays on average."""
    return req.paying / f.tx_mean


@on_demand
def noted(req: Checkout):
    """Whether somebody wrote a note."""
    return ibis.ifelse(req.note.isnull(), "none", req.note)


@on_demand
def online(req: Checkout):
    """Whether it is paid from afar."""
    return req.channel == "web"


@on_demand
def later(req: Checkout):
    """An hour on."""
    return req.since + ibis.interval(hours=1)


@on_demand
def squared(f: Features):
    """Beyond BIGINT for a card with many points."""
    return f.points_1h * f.points_1h


class Cards(FeaturePipeline):
    """What a card did."""

    owner = "risk@example.com"
    features = [
        tx_max.over("1h"),
        tx_sum.over("1h"),
        points.over("1h"),
        tx_count.over("1h"),
        latest.over("1d"),
        usual.over("1d"),
        tx_mean,
        over_mean,
        noted,
        online,
        later,
        squared,
    ]


class Users(FeaturePipeline):
    """Where a user came from."""

    owner = "risk@example.com"
    features = [user_unique_ip.over("30d"), user_top_ips.over("30d")]
