"""`headrace jobs`, `stop` and `start`: the runs of the project and the Flink jobs behind them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headrace.errors import JobError
from headrace.jobs.options import FormatOption, FreshnessOption, OptimizeOption, options_of
from headrace.jobs.output import print_rows, progress

RunId = Annotated[str, typer.Argument(help="A run, as `headrace jobs` lists it.")]

jobs_app = typer.Typer(add_completion=False, rich_markup_mode=None)
stop_app = typer.Typer(add_completion=False, rich_markup_mode=None)
start_app = typer.Typer(add_completion=False, rich_markup_mode=None)
promote_app = typer.Typer(add_completion=False, rich_markup_mode=None)


@jobs_app.command()
def jobs(
    context: typer.Context,
    view: Annotated[str, typer.Option(help="Only the runs of this view.")] = "",
    format_: FormatOption = None,
) -> None:
    """List runs and other jobs of the cluster, newest first, and note what became of them.

    Example: headrace jobs --view flight_delays
    """
    from headrace.pipelines.outcome import statuses, trouble_of
    from headrace.runtime.platform import Platform

    platform = Platform(options_of(context).settings())
    found = statuses(platform, view or None)
    rows = [_run_row(status) for status in found]
    known = {status.job.job_id for status in found if status.job}
    if not view:
        others = [job for job in platform.flink.jobs() if job.job_id not in known]
        rows += [_job_row(job, trouble_of(platform, job)) for job in others]
    if not rows:
        progress("no runs and no jobs; `headrace backfill FILE` starts one")
    print_rows(rows, options_of(context).chosen(format_))


@stop_app.command()
def stop(context: typer.Context, run: RunId) -> None:
    """Stop a run's job after a savepoint; print the savepoint.

    Example: headrace stop flight-delays-20260101-120000-1a2b
    """
    from headrace.pipelines.lifecycle import stop as stop_run
    from headrace.pipelines.run_words import resume_command
    from headrace.runtime.platform import Platform

    stopped = stop_run(Platform(options_of(context).settings()), run)
    progress(f"stopped; `{resume_command(stopped)}` resumes it")
    typer.echo(stopped.savepoints[-1])


@start_app.command()
def start(
    context: typer.Context,
    run: RunId,
    start_from: Annotated[
        str, typer.Option("--from", help="A savepoint or checkpoint; `latest` is the run's newest.")
    ] = "latest",
    optimize: OptimizeOption = "",
    freshness: FreshnessOption = "",
) -> None:
    """Resume a run that does not run, from its newest state; print Flink's job id. A knob turns it, for good.

    Example: headrace start flight-delays-20260101-120000-1a2b --from latest
    """
    from headrace.features.knobs import knobs_of
    from headrace.pipelines.lifecycle import knobs_text, new_partitions, resume
    from headrace.pipelines.run_words import is_label_run, resume_command
    from headrace.runtime.platform import Platform

    turn = knobs_of(optimize or None, freshness or None, "flag")
    platform = Platform(options_of(context).settings())
    recorded = platform.registry.run(run)
    if is_label_run(recorded):
        msg = f"run {run} is of a label join, which has no knobs: `{resume_command(recorded)}` resumes it"
        raise JobError(msg)
    started = resume(platform, run, start_from, turn)
    progress(f"knobs: {knobs_text(platform, started)}")
    progress(f"started from {started.started_from or 'its boundary'}; `headrace jobs` shows it")
    for partition in new_partitions(platform, started):
        progress(f"{partition} is new since the run was planned: read from offset 0")
    typer.echo(started.job_id)


@promote_app.command()
def promote(
    context: typer.Context,
    view: Annotated[str, typer.Argument(help="A view.")],
    version: Annotated[str, typer.Argument(help="One of its versions, as `headrace jobs` lists it.")],
    generation: Annotated[int, typer.Option(min=1, help="Which materialization of the version.")] = 1,
) -> None:
    """Let a version of a view serve from now on; readers see it within a second.

    Example: headrace promote flight_delays 7c94c2a1
    """
    from headrace.pipelines.lifecycle import promote as promote_version
    from headrace.runtime.platform import Platform

    promote_version(Platform(options_of(context).settings()), view, version, generation)
    progress(f"view {view}: version {version}, generation {generation} serves")


def _run_row(status: Any) -> dict[str, Any]:
    run, job = status.run, status.job
    return {
        "run": run.run,
        "view": run.view,
        "version": run.version,
        "generation": run.generation,
        "status": run.status,
        "job": run.job_id,
        "state": job.state if job else None,
        "uptime_s": job.duration_ms // 1000 if job else None,
        "detail": status.detail,
    }


def _job_row(job: Any, detail: str | None) -> dict[str, Any]:
    blank = dict.fromkeys(("view", "version", "generation", "status"))
    seen = {"job": job.job_id, "state": job.state, "uptime_s": job.duration_ms // 1000, "detail": detail}
    return {"run": job.name, **blank, **seen}
