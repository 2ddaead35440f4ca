"""Every statement of a job goes through Flink's own planner, and its plan must be the one that was meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headrace.compiler.flink_sql import archive_job, flink_job
from headrace.compiler.flink_tables import JobBindings, TileOptions
from headrace.compiler.plan import ViewPlan

DATAGEN = {"connector": "datagen"}
BLACKHOLE = {"connector": "blackhole"}
CASSANDRA = {
    "connector": "headrace-cassandra",
    "contact-points": "127.0.0.1:9042",
    "local-datacenter": "datacenter1",
    "keyspace": "headrace",
    "table": "tiles",
}


def explained(planner: Callable[[], Any], job: Any) -> str:
    """The optimized plan of all inserts together."""
    environment = planner()
    for key, value in job.config.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    inserts = environment.create_statement_set()
    for insert in job.inserts:
        inserts.add_insert_sql(insert)
    return str(inserts.explain()).partition("== Optimized Execution Plan ==")[2]


@pytest.mark.slow
def test_a_job_reads_once_and_keeps_each_group_once(plan: ViewPlan, planner: Callable[[], Any]) -> None:
    tiles = {group.fingerprint: TileOptions(CASSANDRA, BLACKHOLE) for group in plan.groups}
    bindings = JobBindings("p", "r", DATAGEN, DATAGEN, tiles, BLACKHOLE, BLACKHOLE)
    text = explained(planner, flink_job(plan, bindings))
    assert text.count("TableSourceScan(") == 2, "history and log are read once each"
    assert text.count("GroupAggregate(") == len(plan.groups) + 1, "one state for each group, one for the ledger"
    assert "Materializer" not in text
    assert "Join(" not in text
    assert text.count("Sink(") == 2 * len(plan.groups) + 2


@pytest.mark.slow
def test_an_archive_job_is_planned(plans: dict[str, ViewPlan], planner: Callable[[], Any]) -> None:
    job = archive_job(plans["fraud_features"].source, DATAGEN, BLACKHOLE)
    assert "Calc" not in explained(planner, job)
