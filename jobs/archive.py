"""`headrace archive`: copy a source's topic into its history table, for as long as the job runs."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.jobs.options import FileArgument, options_of
from headrace.jobs.output import progress
from headrace.pipelines.intervals import ARCHIVE_INTERVAL

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def archive(
    context: typer.Context,
    file: FileArgument,
    source: Annotated[str, typer.Option(help="Which of its sources; needed when there are several.")] = "",
    interval: Annotated[
        str, typer.Option(help="How often rows become visible, as a Flink duration.")
    ] = ARCHIVE_INTERVAL,
    take_over: Annotated[
        bool, typer.Option("--take-over", help="Go on although the cluster of the table's last archive job is gone.")
    ] = False,
) -> None:
    """Submit the job that archives a source's topic; print Flink's job id.

    Stopped and started again, it goes on after the last record in the table.

    Example: headrace archive examples/flights/features.py
    """
    from headrace.jobs.definitions import source_plan
    from headrace.pipelines.archive import ArchivePipeline
    from headrace.runtime.platform import Platform

    platform = Platform(options_of(context).settings())
    pipeline = ArchivePipeline(source_plan(file, source), platform, checkpoint_interval=interval, take_over=take_over)
    job = pipeline.submit()
    progress(f"{pipeline.name}: submitted; `headrace jobs` shows it")
    typer.echo(job)
