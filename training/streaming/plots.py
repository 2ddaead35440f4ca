"""The plots of a run of a streaming trainer, by what it has told and committed."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pyarrow as pa

from headrace.errors import NotFoundError
from headrace.runtime.platform import Platform
from headrace.training.learning.learner import Counters
from headrace.training.learning.plots import plot_run
from headrace.training.learning.scalars import SCHEMA, Rows, add_scalars
from headrace.training.streaming.runs import run_of
from headrace.training.streaming.tables import STEPS, told_of
from headrace.training.streaming.told import LearnedStep


def plots_of(platform: Platform, run: str) -> dict[str, bytes]:
    """A run's loss and metrics over the rows visited, as `run.svg` and `run.png`; equal steps give equal bytes.

    Raises:
        NotFoundError: there is no such run, or it has committed no micro-batch yet.
    """
    found = run_of(platform, run)
    steps = told_of(platform.iceberg, STEPS, run)
    if not steps:
        msg = f"run {run}: nothing to plot: no micro-batch is committed yet, as each is with the next checkpoint; "
        raise NotFoundError(msg + f"`headrace learn status {run}` shows when one is")
    return plot_run(scalars_of(steps), f"{found.model}, run {run}")


def scalars_of(steps: Iterable[LearnedStep]) -> pa.Table:
    """Loss and metrics of micro-batches as full training has them: step, rows visited, name (`train/loss`) and value.

    >>> told = LearnedStep("late-1", 3, 2, "learned", None, 0.5, '{"auc": null, "brier": 0.2}', 9, 8, 8, "{}", 7)
    >>> [(row["rows"], row["name"], row["value"]) for row in scalars_of([told]).to_pylist()]
    [(8, 'train/loss', 0.5), (8, 'train/brier', 0.2)]
    """
    rows = Rows(SCHEMA)
    for step in steps:
        at = Counters(rows_visited=step.visited, steps=step.step)
        add_scalars(rows, at, "train", {"loss": step.loss, **json.loads(step.metrics)})
    return rows.table()
