"""The SQL of a view, for people: `headrace compile`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from headrace.compiler.duckdb_on_demand import over_relation_sql
from headrace.compiler.duckdb_sql import features_sql
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, TileOptions
from headrace.compiler.lookups import dimensions_of
from headrace.compiler.plan import PlannedFeature, SourcePlan, TileGroup, ViewPlan, table_name
from headrace.compiler.tiles import WindowMode
from headrace.errors import UnsupportedError, did_you_mean


def compile_feature(plan: ViewPlan, engine: str = "flink", feature: str | None = None) -> str:
    """The SQL of one feature of a view, or of all: `flink` (the job, tables by name only) or `duckdb` (at `$at_us`).

    An on-demand feature is SQL for `duckdb` alone, over a relation `features`. UnsupportedError for an engine that is
    neither, NotFoundError for a feature that the view does not have.
    """
    if engine not in ENGINES:
        msg = f"no engine {engine!r}; {did_you_mean(engine, ENGINES)}"
        raise UnsupportedError(msg)
    on_demand = [one for one in plan.on_demand if one.name == feature]
    if on_demand and engine == "flink":
        msg = f"feature {plan.name}:{feature} is computed when it is asked for, by no job; --engine duckdb prints how"
        raise UnsupportedError(msg)
    if on_demand:
        return over_relation_sql(on_demand[0], "features") + ";\n"
    return ENGINES[engine](plan if feature is None else narrowed(plan, feature))


def narrowed(plan: ViewPlan, feature: str) -> ViewPlan:
    """The plan with one feature and its partials; keys of the other groups are not checked any more."""
    only = plan.feature(feature)
    groups = [plan.group(name) for name in dict.fromkeys(part.group for part in only.parts)]
    return replace(plan, features=(only,), on_demand=(), groups=tuple(_kept(group, only) for group in groups))


def _kept(group: TileGroup, feature: PlannedFeature) -> TileGroup:
    """A group with the partials that one feature reads."""
    names = {name for part in feature.parts if part.group == group.fingerprint for name in part.partials}
    return replace(group, partials=tuple(group.partial(name) for name in sorted(names)))


def sketch_bindings(plan: ViewPlan, project: str = "project") -> JobBindings:
    """Bindings that name tables without saying where they are: enough to read the SQL, not to run it."""
    tiles = {
        group.fingerprint: TileOptions(
            {"connector": "headrace-cassandra", "table": table_name(project, plan.name, group.fingerprint, 1)},
            {"connector": "iceberg", "catalog-table": table_name(project, plan.name, group.fingerprint, 1)},
        )
        for group in plan.groups
    }
    return JobBindings(
        project=project,
        run="run",
        legs=[_sketched_legs(part) for part in plan.source.parts],
        tiles=tiles,
        offset_tiles={"connector": "iceberg", "catalog-table": "offset_tiles"},
        dead_letters={"connector": "iceberg", "catalog-table": "dead_letters"},
        dimensions={one.name: DimensionOptions(_named(one)) for one in dimensions_of(plan)},
    )


def _named(dimension: SourcePlan) -> dict[str, str]:
    """A dimension's table by its name alone."""
    return {"catalog-table": dimension.history.name if dimension.history is not None else ""}


def _sketched_legs(source: SourcePlan) -> Legs:
    """The legs of a source by name only."""
    return Legs(
        {"connector": "iceberg", "catalog-table": source.history.name} if source.history else None,
        {"connector": "headrace-kafka", "topic": source.live.name} if source.live else None,
    )


def _duckdb(plan: ViewPlan) -> str:
    """Both modes of every group over a relation named `events`."""
    queries = [
        f"-- {mode}: {', '.join(feature.name for feature in plan.features_of(group))}\n"
        f"{features_sql(plan, group, 'events', mode)}"
        for group in plan.groups
        if plan.features_of(group)
        for mode in get_args(WindowMode)
    ]
    return ";\n\n".join(queries) + ";\n"


ENGINES: dict[str, Callable[[ViewPlan], str]] = {
    "flink": lambda plan: flink_job(plan, sketch_bindings(plan)).text(),
    "duckdb": _duckdb,
}
