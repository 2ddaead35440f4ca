"""What a session has shown so far: the views of the last half hour, all of them and those of one category."""

from __future__ import annotations

from datetime import datetime

from headrace import FeaturePipeline, Features, IcebergTable, Source, WindowSpec, event_time, on_demand, transformation


class Views(Source):
    """Items that users of a shop looked at."""

    history = IcebergTable("raw.views")
    user: int
    category: str
    at: datetime = event_time(max_delay="0s")


@transformation
def views(shop: Views, wspec: WindowSpec):
    """What a user looked at."""
    return shop.groupby("user").window(wspec).count()


@transformation
def views_of_category(shop: Views, wspec: WindowSpec):
    """What a user looked at in a category."""
    return shop.groupby(["user", "category"]).window(wspec).count()


@on_demand
def session_views(f: Features):
    """How many views the session has; none of a user whom nobody knows."""
    return f.views_30m.fill_null(0)


@on_demand
def session_share(f: Features):
    """The share of the session's views that were of the category; 0 before the first view."""
    return (f.views_of_category_30m / f.views_30m).fill_null(0.0)


class InSession(FeaturePipeline):
    """What a session has shown so far."""

    owner = "shop@example.com"
    clock = "event"
    features = [views.over("30m"), views_of_category.over("30m"), session_views, session_share]
