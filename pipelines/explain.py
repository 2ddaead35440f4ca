"""What a feature costs and runs with, in words: what its scan reads of history, its knobs, and Flink's own plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from headrace.compiler.explain import Step, columns_of_part, on_demand, planned, written
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, TileOptions
from headrace.compiler.lookups import dimensions_of, joins_of
from headrace.compiler.plan import PlannedOnDemand, SourcePlan, ViewPlan
from headrace.compiler.projection import read_columns
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import DEAD_LETTERS, LEDGER_NAMESPACE, OFFSET_TILES, archive_fields, tile_fields
from headrace.features.duration import readable_duration
from headrace.features.view import View
from headrace.pipelines.configuration import STATE_TTL, state_ttl_us, view_configuration
from headrace.pipelines.duckdb_scan import PART as ON_DUCKDB
from headrace.pipelines.duckdb_scan import duckdb_steps
from headrace.pipelines.explain_history import Seen, histories_seen, history_steps, known_sound, not_readable
from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.tuning import (
    CHECKPOINT_INTERVAL,
    FLUSH_INTERVAL,
    FUNCTION_BUNDLE,
    FUNCTION_BUNDLE_MS,
    MINI_BATCH_LATENCY,
    MINI_BATCH_ROWS,
    RESERVE_US,
    ChosenKnobs,
    knobs_for,
)
from headrace.runtime.checkpointing import Checkpointing
from headrace.runtime.platform import Platform
from headrace.runtime.session import FlinkSession
from headrace.runtime.settings import Settings

KNOBS = "knobs"
#: Tables of the job that is explained; they are empty, and gone afterwards.
LAKE, RAW, TILES = "lake", "raw", "tiles"
#: A store that is named, and never asked.
NOWHERE = {"contact-points": "127.0.0.1:9042", "local-datacenter": "datacenter1", "keyspace": "headrace"}
OPTIMIZED = "== Optimized Execution Plan =="


def explain(view: View, plan: ViewPlan, feature: str, platform: Platform) -> list[Step]:
    """The steps of a feature before and after rewriting, what its scan reads, and what its knobs come to.

    Raises:
        NotFoundError: the view has no such feature.
        SettingsError: the settings of Flink cannot meet the freshness.
    """
    found = plan.any_feature(feature)
    steps = _on_demand if isinstance(found, PlannedOnDemand) else _with_tiles
    return [*steps(view, plan, feature, histories_seen(plan, platform)), *knob_steps(plan, platform.settings)]


def physical(plan: ViewPlan, session: FlinkSession, platform: Platform) -> str:
    """What Flink's planner makes of the view's job over its history: the optimized plan, as text.

    Planned over empty tables in a folder that is gone afterwards, with what is known of the columns of the real ones:
    no cluster and no store is asked.

    Raises:
        JobError: the planner refuses the job.
    """
    with TemporaryDirectory(prefix="headrace-") as folder:
        settings, sound = platform.settings, known_sound(plan, histories_seen(plan, platform))
        job = flink_job(plan, _bindings(plan, IcebergCatalog.sqlite(LAKE, Path(folder)), sound))
        tuning, kept = knobs_for(plan, settings).tuning, f"file://{folder}"
        checkpointing = Checkpointing(kept, kept, flink_text(tuning.checkpoint_us))
        options = {**job.config, **view_configuration(plan, checkpointing, tuning, settings.flink.configuration)}
        return session.explain(job.statements, job.inserts, options).partition(OPTIMIZED)[2].strip() + "\n"


def _with_tiles(view: View, plan: ViewPlan, feature: str, seen: Mapping[str, Seen]) -> Iterator[Step]:
    """The steps of a feature that has tiles, but for its knobs."""
    found = plan.feature(feature)
    (own,) = [one for one in view.features if one.name == feature]
    yield from written(own, plan, view.source.where)
    sound = known_sound(plan, seen)
    yield from planned(plan, found, sound)
    for part in plan.source.parts:
        read = [column.name for column in read_columns(plan, part, sound[part.name])]
        yield from history_steps(plan, part, read, columns_of_part(plan, found, part), seen[part.name])
    yield from _on_duckdb(plan, feature, [(part, seen[part.name]) for part in plan.source.parts])


def _on_duckdb(plan: ViewPlan, feature: str, histories: Sequence[tuple[SourcePlan, Seen]]) -> list[Step]:
    """What DuckDB reads of histories that are there; nothing of a view that joins dimensions, which are not opened."""
    tables = [(part, one.table) for part, one in histories if one.table is not None and one.is_written]
    if joins_of(plan) or len(tables) < len(histories):
        return []
    unknown = [why for part, table in tables if (why := not_readable(part, table))]
    if unknown:
        return [Step(ON_DUCKDB, "projection", f"not known: {'; '.join(unknown)}")]
    return duckdb_steps(plan, feature, [table for _, table in tables if isinstance(table, IcebergTable)])


def _on_demand(view: View, plan: ViewPlan, feature: str, seen: Mapping[str, Seen]) -> Iterator[Step]:
    """The steps of a feature on demand, and after them those of each feature that it reads, under its name."""
    (found,) = [one for one in plan.on_demand if one.name == feature]
    yield from on_demand(found)
    for name in found.inputs:
        for step in _with_tiles(view, plan, name, seen):
            yield replace(step, part=f"{name}, {step.part}")


def knob_steps(plan: ViewPlan, settings: Settings) -> list[Step]:
    """What each knob comes to, and where its value is from."""
    chosen = knobs_for(plan, settings)
    tuning, extra = chosen.tuning, settings.flink.configuration
    bound = f"at most {flink_text(tuning.bound_us)}: {_waits(chosen)}, {flink_text(RESERVE_US)} for the rest of the way"
    resolved = {
        MINI_BATCH_LATENCY: flink_text(tuning.mini_batch_us),
        "table.exec.mini-batch.size": str(MINI_BATCH_ROWS),
        CHECKPOINT_INTERVAL: flink_text(tuning.checkpoint_us),
        STATE_TTL: readable_duration(state_ttl_us(plan, tuning)),
    }
    bundles = {FUNCTION_BUNDLE: (str(FUNCTION_BUNDLE_MS), "no knob")} if chosen.stages else {}
    overridden = {name: (extra[name], "flink.configuration") for name in resolved | bundles if name in extra}
    origin = _origin(chosen)
    options = {name: (value, origin) for name, value in resolved.items()} | bundles | overridden
    return [
        Step(KNOBS, "optimize", chosen.optimize.value, chosen.optimize.origin),
        Step(KNOBS, "freshness", chosen.freshness.value, chosen.freshness.origin),
        Step(KNOBS, "bound", bound, origin),
        Step(KNOBS, FLUSH_INTERVAL, flink_text(tuning.flush_us), origin),
        *(Step(KNOBS, name, value, place) for name, (value, place) in options.items()),
        Step(KNOBS, "state.backend.type", extra.get("state.backend.type", "the cluster's"), "no knob"),
        Step(KNOBS, "tiles, windows, sketches", "the definition's, under every knob", plan.where),
    ]


def _waits(chosen: ChosenKnobs) -> str:
    """Where an event waits for what a knob turns, and for the view's functions."""
    tuning = chosen.tuning
    calls = f"{flink_text(tuning.functions_us)} for functions in {chosen.stages} stages, " if chosen.stages else ""
    return (
        f"{calls}{flink_text(tuning.mini_batch_us)} in a mini-batch, {flink_text(tuning.flush_us)} in the sink's buffer"
    )


def _origin(chosen: ChosenKnobs) -> str:
    """What decided a resolved value."""
    return f"optimize {chosen.optimize.value}, freshness {chosen.freshness.value}"


def _bindings(plan: ViewPlan, lake: IcebergCatalog, sound: Mapping[str, frozenset[str]]) -> JobBindings:
    """Empty tables for every leg and sink of a job."""
    for number, part in enumerate(plan.source.parts):
        lake.create_table(RAW, f"{RAW}_{number}", archive_fields(part.columns))
    lake.create_table(LEDGER_NAMESPACE, "offset_tiles", OFFSET_TILES)
    lake.create_table(LEDGER_NAMESPACE, "dead_letters", DEAD_LETTERS)
    tiles = {}
    for group in plan.groups:
        lake.create_table(TILES, group.fingerprint, tile_fields(group.keys, group.cell))
        store = {"connector": "headrace-cassandra", "table": group.fingerprint, **NOWHERE}
        tiles[group.fingerprint] = TileOptions(store, lake.flink_options(TILES, group.fingerprint))
    ledger, dead = (lake.flink_options(LEDGER_NAMESPACE, name) for name in ("offset_tiles", "dead_letters"))
    legs = [
        Legs(lake.flink_options(RAW, f"{RAW}_{number}"), None, sound[part.name])
        for number, part in enumerate(plan.source.parts)
    ]
    dimensions = {one.name: DimensionOptions({}) for one in dimensions_of(plan)}
    return JobBindings("explained", "explained", legs, tiles, ledger, dead, dimensions)
