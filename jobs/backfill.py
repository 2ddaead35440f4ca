"""`headrace backfill`: run a view over its history and on into the live stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.boundary import tell_boundary
from headrace.jobs.options import FileArgument, FreshnessOption, OptimizeOption, ViewOption, knob_flags, options_of
from headrace.jobs.output import progress

if TYPE_CHECKING:
    from headrace.pipelines.backfill import PreparedRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def backfill(
    context: typer.Context,
    file: FileArgument,
    view: ViewOption = "",
    generation: Annotated[int, typer.Option(min=1, help="A higher one starts new tables, for corrected data.")] = 1,
    optimize: OptimizeOption = "",
    freshness: FreshnessOption = "",
    interval: Annotated[
        str, typer.Option(help="How often state is saved, as a Flink duration; before what the knobs come to.")
    ] = "",
    history_version: Annotated[
        int | None, typer.Option(min=0, help="Of a foreign history: Delta's version, Iceberg's snapshot; else newest.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Prepare and record the run, submit nothing.")] = False,
) -> None:
    """Pin history, draw the boundary to the topic, submit the job; print the run's id.

    Example: headrace backfill examples/flights/features.py
    """
    from headrace.jobs.definitions import view_plan
    from headrace.pipelines.backfill import BackfillPipeline
    from headrace.pipelines.lifecycle import record_run, submit
    from headrace.runtime.platform import Platform

    platform = Platform(options_of(context).settings(knob_flags(optimize, freshness)))
    pipeline = BackfillPipeline(
        view_plan(file, view),
        platform,
        generation=generation,
        checkpoint_interval=interval or None,
        history_version=history_version,
    )
    prepared = pipeline.prepare()
    record_run(platform, prepared)
    _tell(prepared)
    progress(f"knobs: {pipeline.knobs.text}")
    if not dry_run:
        submit(platform, prepared.run_id)
        progress(f"submitted; `headrace jobs` shows it, `headrace ledger {prepared.run_id}` proves it")
    typer.echo(prepared.run_id)


def _tell(prepared: PreparedRun) -> None:
    progress(f"view {prepared.plan.name}, version {prepared.plan.version}, generation {prepared.generation}")
    tell_boundary(prepared.cutover)
