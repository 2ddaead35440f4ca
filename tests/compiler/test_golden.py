import re
from collections.abc import Callable

from headrace.compiler.duckdb_sql import features_sql, offset_tiles_sql
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.flink_sql import archive_job, flink_job
from headrace.compiler.flink_tables import JobBindings, Legs
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets

Golden = Callable[[str, str], None]
Bind = Callable[[ViewPlan], JobBindings]


def test_flink_sql(plan: ViewPlan, bind: Bind, golden: Golden) -> None:
    golden(f"{plan.name}.flink.sql", flink_job(plan, bind(plan)).text())


def test_duckdb_sql(plan: ViewPlan, golden: Golden) -> None:
    queries = [features_sql(plan, group, "archive", mode) for group in plan.groups for mode in ("exact", "tiled")]
    golden(f"{plan.name}.duckdb.sql", ";\n\n".join([*queries, offset_tiles_sql(plan, "archive")]) + ";\n")


def test_point_in_time_sql(plans: dict[str, ViewPlan], golden: Golden) -> None:
    plan = plans["fraud_features"]
    asked = tuple(AskedFeature(one.name, one, "last_write", None, "tiled") for one in plan.features)
    sets = key_sets(plan, asked, "arrival")
    iceberg = {"connector": "iceberg"}
    job = point_in_time_job(sets, PointInTimeBindings([iceberg], [iceberg] * len(sets), [iceberg] * len(sets)))
    golden("fraud_features.point_in_time.flink.sql", job.text())


def test_plan_json(plan: ViewPlan, golden: Golden) -> None:
    golden(f"{plan.name}.plan.json", re.sub(r'"where": ".*"', '"where": ""', plan.to_json()) + "\n")


def test_archive_sql(plans: dict[str, ViewPlan], golden: Golden) -> None:
    source = plans["fraud_features"].source
    job = archive_job(source, {"connector": "headrace-kafka"}, {"connector": "iceberg"})
    golden("archive.flink.sql", job.text())


def test_a_job_without_history_reads_the_log_alone(plans: dict[str, ViewPlan], bind: Bind) -> None:
    plan = plans["fraud_features"]
    whole = bind(plan)
    live = JobBindings(whole.project, whole.run, [Legs(None, whole.legs[0].live)], whole.tiles)
    text = flink_job(plan, live).text()
    assert "history" not in text
    assert text.count("INSERT INTO") == 2 * len(plan.groups)
