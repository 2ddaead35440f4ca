"""The rows that models learn from: each view with what its session had shown just before it."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import Field, fields_of
from headrace.examples.late_flights.history import filled
from headrace.examples.session.model import NAMESPACE, TABLE
from headrace.examples.session.shop import FIRST_DAY, offered, shop_views
from headrace.pipelines.defined_views import view_plans
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.registry.store import ViewVersion
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform

FEATURES = ("session_views", "session_share")
FIELDS = (
    Field("view", "bigint"),
    Field("user", "bigint"),
    Field("at", "timestamp"),
    Field("category", "string"),
    Field("viewed", "boolean"),
    Field("session_views", "bigint"),
    Field("session_share", "double"),
)
#: The views of the first day are history only, as nothing is known of what was before them.
BEGIN = FIRST_DAY + timedelta(days=1)


@cache
def in_session() -> ViewPlan:
    """The view of the feature file."""
    return view_plans(Path(__file__).with_name("features.py"))["in_session"]


def write(platform: Platform, seed: int) -> IcebergTable:
    """The table of the rows, made with the views of a shop where it is not there."""
    table = platform.iceberg.create_table(NAMESPACE, TABLE, FIELDS)
    if table.current_snapshot_id() is not None:
        return table
    seen, view = shop_views(seed), in_session()
    filled(platform.iceberg.create_table(*table_name_of(view.source), fields_of(view.source.columns)), seen)
    platform.registry.add_version(ViewVersion(platform.settings.project, view.name, view.version, view.to_dict()))
    spine = offered(seen[seen["at"] >= BEGIN])
    made = TrainingSetPipeline(platform, {view.name: view}).build(spine, FEATURES, event_time="at")
    return filled(table, made.to_pandas())
