"""What a training set on Flink refuses, by name and before anything runs."""

from __future__ import annotations

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KnownBy, key_sets
from headrace.errors import UnsupportedError

from .local_days import ShopDays


def ask(plan: ViewPlan, feature: str, known_by: KnownBy = "event") -> None:
    sets = key_sets(plan, (AskedFeature(feature, plan.feature(feature)),), known_by)
    point_in_time_job(sets, PointInTimeBindings([{}], [{}], [{}]))


def test_calendar_days_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="orders_1cd: calendar days are not answered by Flink yet"):
        ask(plan_view(ShopDays.view), "orders_1cd")


def test_copies_are_refused_where_arrival_counts(plans: dict[str, ViewPlan]) -> None:
    ask(plans["unique_orders"], "orders_3d")
    with pytest.raises(UnsupportedError, match="rows with copies are not answered by Flink with known_by='arrival'"):
        ask(plans["unique_orders"], "orders_3d", "arrival")
