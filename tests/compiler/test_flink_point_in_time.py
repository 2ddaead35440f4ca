"""What a training set on Flink is asked, and what it refuses, by name and before anything runs."""

from __future__ import annotations

import json

import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KnownBy, key_sets
from headrace.errors import UnsupportedError
from headrace.features.local_day import runs

from .local_days import KATHMANDU, ShopDays


def ask(plan: ViewPlan, feature: str, known_by: KnownBy = "event") -> str:
    sets = key_sets(plan, (AskedFeature(feature, plan.feature(feature)),), known_by)
    return point_in_time_job(sets, PointInTimeBindings([{}], [{}], [{}])).text()


def test_flink_is_told_when_days_begin() -> None:
    plan = plan_view(ShopDays.view)
    question = ask(plan, "revenue_1cd")
    days = {"zone": KATHMANDU, "runs": [run._asdict() for run in runs(KATHMANDU, plan.source.earliest_us)]}
    assert json.dumps({KATHMANDU: days}) in question
    assert f'"zone": "{KATHMANDU}"}}' in question
    assert '"days": {}' in ask(plan, "orders_3d")


def test_copies_are_refused_where_arrival_counts(plans: dict[str, ViewPlan]) -> None:
    ask(plans["unique_orders"], "orders_3d")
    with pytest.raises(UnsupportedError, match="rows with copies are not answered by Flink with known_by='arrival'"):
        ask(plans["unique_orders"], "orders_3d", "arrival")
