"""The Flink options of a job: what a pipeline's knobs resolve to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.pipelines.flink_duration import flink_text
from headrace.pipelines.tuning import (
    FUNCTION_BUNDLE,
    FUNCTION_BUNDLE_MS,
    MINI_BATCH_LATENCY,
    MINI_BATCH_ROWS,
    Tuning,
)
from headrace.runtime.checkpointing import Checkpointing

if TYPE_CHECKING:
    from headrace.compiler.plan import ViewPlan

#: The Flink option that says how long state lives.
STATE_TTL = "table.exec.state.ttl"
# Flink's largest parallelism without a change of state layout; 128 divides well and is the default up to 85 subtasks.
MAX_PARALLELISM = 128
# Rows that cross as one Arrow batch, and at most before the function has answered them all.
FUNCTION_BATCH_ROWS = 10_000


def archive_configuration(checkpointing: Checkpointing) -> dict[str, str]:
    """The options of an archive job."""
    return {**checkpointing.configuration, "pipeline.max-parallelism": str(MAX_PARALLELISM)}


def view_configuration(
    plan: ViewPlan, checkpointing: Checkpointing, tuning: Tuning, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The options of a view's job; `extra` comes from the settings and wins."""
    return {
        **checkpointing.configuration,
        "pipeline.max-parallelism": str(MAX_PARALLELISM),
        # Most tiles are new when they are looked up: without the filter each costs a search of the files on disk, and a
        # backfill a quarter more processor time.
        "state.backend.rocksdb.use-bloom-filter": "true",
        "table.exec.mini-batch.enabled": "true",
        MINI_BATCH_LATENCY: flink_text(tuning.mini_batch_us),
        "table.exec.mini-batch.size": str(MINI_BATCH_ROWS),
        STATE_TTL: flink_text(state_ttl_us(plan, tuning)),
        **calling(plan),
        **(extra or {}),
    }


def calling(plan: ViewPlan) -> dict[str, str]:
    """The options for the calls of a plan; none where it calls no function."""
    # Loaded where it is needed: commands that plan nothing read their defaults here.
    from headrace.compiler.calls import calls_of

    return function_configuration() if calls_of(plan) else {}


def function_configuration() -> dict[str, str]:
    """The options of a job that calls users' functions."""
    return {
        FUNCTION_BUNDLE: str(FUNCTION_BUNDLE_MS),
        "python.fn-execution.bundle.size": str(FUNCTION_BATCH_ROWS),
        "python.fn-execution.arrow.batch.size": str(FUNCTION_BATCH_ROWS),
    }


def state_ttl_us(plan: ViewPlan, tuning: Tuning) -> int:
    """How long a tile outlives its last event in state (processing time, µs), so that no late row finds it gone.

    Nor does a copy find gone what is known of the row that counted.

    Tiles of a lifetime, which stay open for years, have a time to live of their own in the job's SQL.
    """
    widest = max(group.rolling_levels_us[-1] for group in plan.groups)
    return max(widest + plan.allowed_lateness_us, plan.source.copies_within_us) + tuning.lag_us
