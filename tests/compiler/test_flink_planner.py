"""Every statement of a job goes through Flink's own planner, and its plan must be the one that was meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from headrace.compiler.flink_nested_tiles import nesting_of
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.flink_sql import archive_job, flink_job
from headrace.compiler.flink_tables import JobBindings, Legs, TileOptions
from headrace.compiler.plan import TileGroup, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets

DATAGEN = {"connector": "datagen"}
BLACKHOLE = {"connector": "blackhole"}
CASSANDRA = {
    "connector": "headrace-cassandra",
    "contact-points": "127.0.0.1:9042",
    "local-datacenter": "datacenter1",
    "keyspace": "headrace",
    "table": "tiles",
}


def inserts_of(planner: Callable[[], Any], job: Any, config: dict[str, str] | None = None) -> Any:
    """The statement set of all inserts together."""
    environment = planner()
    for key, value in {**job.config, **(config or {})}.items():
        environment.get_config().set(key, value)
    for statement in job.statements:
        environment.execute_sql(statement)
    inserts = environment.create_statement_set()
    for insert in job.inserts:
        inserts.add_insert_sql(insert)
    return inserts


def explained(planner: Callable[[], Any], job: Any) -> str:
    """The optimized plan of all inserts together."""
    return str(inserts_of(planner, job).explain()).partition("== Optimized Execution Plan ==")[2]


def states(group: TileGroup) -> int:
    """How many states a group's job has: of two levels that share theirs, of the other rolling ones, of each other."""
    nesting = nesting_of(group)
    alone = set(group.rolling_levels_us) - set(nesting or ())
    return (nesting is not None) + bool(alone) + len(group.lifetime_levels_us)


@pytest.mark.slow
def test_a_job_reads_once_and_keeps_each_group_once(plan: ViewPlan, planner: Callable[[], Any]) -> None:
    tiles = {group.fingerprint: TileOptions(CASSANDRA, BLACKHOLE) for group in plan.groups}
    bindings = JobBindings("p", "r", [Legs(DATAGEN, DATAGEN)] * len(plan.source.parts), tiles, BLACKHOLE, BLACKHOLE)
    text = explained(planner, flink_job(plan, bindings))
    assert text.count("TableSourceScan(") == 2 * len(plan.source.parts), "history and log are read once each"
    bands = sum(map(states, plan.groups))
    assert text.count("GroupAggregate(") == bands + 1, "one state for what each group keeps equally long, one more"
    assert text.count("OverAggregate(") == bool(plan.source.same_in), "one state for copies, where rows have any"
    assert "Materializer" not in text
    assert "Join(" not in text
    assert text.count("Sink(") == 2 * len(plan.groups) + 2


@pytest.mark.slow
def test_only_the_tiles_of_a_lifetime_stay_in_state_for_years(
    plans: dict[str, ViewPlan], planner: Callable[[], Any]
) -> None:
    plan = plans["shop_features"]
    tiles = {group.fingerprint: TileOptions(CASSANDRA, None) for group in plan.groups}
    job = flink_job(plan, JobBindings("p", "r", [Legs(DATAGEN, None)] * len(plan.source.parts), tiles))
    compiled = inserts_of(planner, job, {"table.exec.state.ttl": "3 d"})._j_statement_set.compilePlan().asJsonString()
    times = [state["ttl"] for node in json.loads(compiled)["nodes"] for state in node.get("state", ())]
    lasting = [f"{2 * days * 24 + 2} h" for group in plan.groups if group.lifetime_levels_us for days in (32, 1024)]
    assert len(lasting) == 4
    # Of the six groups two share the state of five minutes and hours, one of them has days by themselves beside it.
    assert sorted(times) == sorted(["3 d"] * 7 + lasting)
    assert sum(map(states, plan.groups)) == 7 + len(lasting)


@pytest.mark.slow
def test_a_point_in_time_job_joins_nothing_and_reads_history_once(
    plans: dict[str, ViewPlan], planner: Callable[[], Any]
) -> None:
    plan = plans["shop_features"]
    sets = key_sets(plan, tuple(AskedFeature(one.name, one) for one in plan.features))
    assert len(sets) == 3
    bindings = PointInTimeBindings([DATAGEN] * len(plan.source.parts), [DATAGEN] * len(sets), [BLACKHOLE] * len(sets))
    text = explained(planner, point_in_time_job(sets, bindings))
    assert text.count("TableSourceScan(") == 1 + len(sets), "history is read once, and each spine"
    assert text.count("ProcessTableFunction(") == len(sets)
    assert "Join(" not in text
    assert "Aggregate(" not in text


@pytest.mark.slow
def test_an_archive_job_is_planned(plans: dict[str, ViewPlan], planner: Callable[[], Any]) -> None:
    job = archive_job(plans["fraud_features"].source, DATAGEN, BLACKHOLE)
    assert "Calc" not in explained(planner, job)
