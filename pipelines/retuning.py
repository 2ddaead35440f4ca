"""A recorded job with its knobs turned: the same operators and the same state, other waits."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from headrace.compiler.plan import ViewPlan
from headrace.compiler.verdict import call_layers
from headrace.errors import JobError
from headrace.pipelines.configuration import STATE_TTL, state_ttl_us
from headrace.pipelines.flink_duration import flink_text, flink_us
from headrace.pipelines.tuning import (
    CHECKPOINT_INTERVAL,
    FLUSH_INTERVAL,
    MINI_BATCH_LATENCY,
    MS_US,
    ChosenKnobs,
    choose,
)
from headrace.runtime.job_spec import JobSpec

# How a compiled plan spells the latency of its mini-batches, in ms.
MINI_BATCHES = "miniBatchInterval"
_FLUSH = re.compile(rf"('{re.escape(FLUSH_INTERVAL)}' = )'[^']*'")


def retuned(job: JobSpec, plan: ViewPlan, knobs: ChosenKnobs) -> JobSpec:
    """The job with other waits, as these knobs have them; what its plan calls its operators, and so its state, stays.

    Raises:
        JobError: the state would have to live for another time, which a compiled plan has in each of its operators.
    """
    tuning, lives_us = knobs.tuning, flink_us(job.configuration[STATE_TTL], STATE_TTL)
    option = knobs.options.get(STATE_TTL)
    wanted_us = state_ttl_us(plan, tuning) if option is None else flink_us(option, STATE_TTL)
    if lives_us != wanted_us:
        msg = (
            f"run {job.name}: its state lives for {lives_us / 3.6e9:.0f} h and would have to live for "
            f"{wanted_us / 3.6e9:.0f} h; that is compiled into the run, so backfill the view anew with these options"
        )
        raise JobError(msg)
    waits = {
        MINI_BATCH_LATENCY: flink_text(tuning.mini_batch_us),
        CHECKPOINT_INTERVAL: flink_text(tuning.checkpoint_us),
    }
    return replace(
        job,
        plan=_with_mini_batches(job.plan, tuning.mini_batch_us // MS_US),
        declarations=tuple(_FLUSH.sub(rf"\1'{flink_text(tuning.flush_us)}'", text) for text in job.declarations),
        configuration={**job.configuration, **waits},
        knobs=knobs.recorded,
    )


def recorded_knobs(job: JobSpec, plan: ViewPlan) -> ChosenKnobs:
    """The knobs that a job has recorded, over the waits that it has, whatever the settings are by now."""
    chosen = choose(plan.knobs, plan.where, job.knobs)
    return replace(chosen, options=job.configuration, stages=len(call_layers(plan)))


def _with_mini_batches(plan: str, latency_ms: int) -> str:
    """A compiled plan whose mini-batches are so long, and say so."""
    compiled: dict[str, Any] = json.loads(plan)
    for node in compiled["nodes"]:
        if MINI_BATCHES in node:
            node["description"] = re.sub(r"interval=\[\d+ms\]", f"interval=[{latency_ms}ms]", node["description"])
            node[MINI_BATCHES] = {**node[MINI_BATCHES], "interval": latency_ms}
    return json.dumps(compiled, indent=2)
