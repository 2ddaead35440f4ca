"""`headrace label-join`: logged features joined with labels that come later, here or as a job that goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.errors import SettingsError
from headrace.jobs.boundary import tell_boundary
from headrace.jobs.inputs import loader, rows_or_history
from headrace.jobs.options import Engine, FileArgument, Format, FormatOption, Options, instant, options_of
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.compiler.label_join import LabelJoinPlan
    from headrace.pipelines.label_status import LabelStatus
    from headrace.pipelines.local_labels import LabelCounts, LabelRun
    from headrace.runtime.platform import Platform

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

JoinOption = Annotated[str, typer.Option(help="Which label join, where the file has several.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run, as `headrace label-join status` lists it.")]


@app.callback()
def label_join() -> None:
    """Logged rows joined with their labels, those that come late too.

    Example: headrace label-join start frauds.py
    """


@app.command()
def run(
    context: typer.Context,
    file: FileArgument,
    join: JoinOption = "",
    logged: Annotated[str, typer.Option(help="The logged rows: a file or a table; default: history.")] = "",
    labels: Annotated[str, typer.Option(help="The labels: a file or a table; default: history.")] = "",
    until: Annotated[
        str,
        typer.Option(
            help="An instant to which both are complete: what could be told by then; default: the newest time."
        ),
    ] = "",
    facts: Annotated[bool, typer.Option("--facts", help="All facts, not the last of each id alone.")] = False,
    letters: Annotated[bool, typer.Option("--letters", help="The rows that are joined with nothing, and why.")] = False,
    engine: Annotated[Engine, typer.Option(help="Flink runs in this process, without a server.")] = Engine.DUCKDB,
    format_: FormatOption = None,
) -> None:
    """Join what is there, on this machine; no server is needed.

    Example: headrace label-join run frauds.py --logged scored.csv --labels frauds.csv --facts
    """
    from headrace.jobs.definitions import label_join_plan

    options, plan = options_of(context), label_join_plan(file, join)
    ours, theirs = (
        rows_or_history(source, option, given)
        for source, option, given in ((plan.logged, "--logged", logged), (plan.labels, "--labels", labels))
    )
    found = ENGINES[engine](options, plan, ours, theirs, until)
    progress(_complete(found))
    for line in _counted(found.counts):
        progress(line)
    shown = found.letters if letters else found.facts if facts else found.final
    print_rows(shown.to_pylist(), options.chosen(format_))


def _on_duckdb(options: Options, plan: LabelJoinPlan, logged: str, labels: str, until: str) -> LabelRun:
    from headrace.pipelines.local_labels import join_locally

    load = loader(options, "--logged", "--labels")
    return join_locally(plan, logged, labels, load, until=instant("--until", until))


def _on_flink(options: Options, plan: LabelJoinPlan, logged: str, labels: str, until: str) -> LabelRun:
    from headrace.jobs.sigterm import ended_by_sigterm
    from headrace.pipelines.flink_labels import join_on_flink
    from headrace.runtime.local_flink import local_session

    if until:
        msg = f"--until {until}: what was told by an instant is asked of DuckDB; leave --until or --engine out"
        raise SettingsError(msg)
    with ended_by_sigterm():
        session = local_session(options.settings())
        return join_on_flink(plan, logged, labels, loader(options, "--logged", "--labels"), session)


ENGINES: Mapping[Engine, Callable[[Options, LabelJoinPlan, str, str, str], LabelRun]] = {
    Engine.DUCKDB: _on_duckdb,
    Engine.FLINK: _on_flink,
}


@app.command()
def start(
    context: typer.Context,
    file: FileArgument,
    join: JoinOption = "",
    idle: Annotated[
        str,
        typer.Option(
            help="How long a partition is silent until it holds back no missing label, such as 30s, or `never`; "
            "default: 1m where rows arrive by Kafka's clock, never where a column says when."
        ),
    ] = "",
    interval: Annotated[str, typer.Option(help="How often facts are committed, as a Flink duration.")] = "10 s",
) -> None:
    """Start a job that joins both histories and goes on in both topics; print its run.

    Facts go to the Iceberg table `labels.<join>`, rows that are joined with nothing to `labels.<join>_dead_letters`.

    Example: headrace label-join start frauds.py --idle 30s
    """
    from headrace.jobs.definitions import label_join_plan
    from headrace.pipelines.label_runs import start as start_run
    from headrace.pipelines.label_stream import LabelStreamPipeline

    platform, plan = _platform(context), label_join_plan(file, join)
    pipeline = LabelStreamPipeline(plan, platform, checkpoint_interval=interval, idle_after=idle or None)
    prepared = pipeline.prepare()
    tell_boundary(prepared.cutover)
    started = start_run(platform, prepared)
    progress(f"joining into {started.view} as job {started.job_id}; `headrace label-join status` shows it")
    typer.echo(started.run)


@app.command()
def status(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Default: all whose tables are there.")] = "",
    format_: FormatOption = None,
) -> None:
    """Show how label joins get on: their state, what became of all rows, and how many are not read yet.

    Example: headrace label-join status
    """
    from headrace.pipelines.label_runs import writing
    from headrace.pipelines.label_status import status_of

    platform = _platform(context)
    found = [status_of(platform, name) for name in ([run] if run else [one.run for one in writing(platform)])]
    if not found:
        progress("no runs; `headrace label-join start FILE` starts one")
    chosen = options_of(context).chosen(format_)
    for one in found if chosen is Format.TABLE else ():
        for line in _counted(one.counts):
            progress(f"{one.run}: {line}")
    print_rows([_line(one, counts=chosen is Format.JSON) for one in found], chosen)


@app.command()
def stop(context: typer.Context, run: RunArgument) -> None:
    """Stop a run after a savepoint; print the savepoint.

    Example: headrace label-join stop frauds-20260101-120000-1a2b
    """
    from headrace.pipelines.label_runs import stop as stop_run

    stopped = stop_run(_platform(context), run)
    progress(f"stopped; `headrace label-join resume {run}` goes on")
    typer.echo(stopped.savepoints[-1])


@app.command()
def resume(
    context: typer.Context,
    run: RunArgument,
    from_: Annotated[str, typer.Option("--from", help="A savepoint or checkpoint; `latest` is the newest.")] = "latest",
) -> None:
    """Resume a run that does not run, from its newest state; print Flink's job id.

    Example: headrace label-join resume frauds-20260101-120000-1a2b
    """
    from headrace.pipelines.label_runs import resume as resume_run

    resumed = resume_run(_platform(context), run, from_)
    progress(f"started from {resumed.started_from or 'its boundary'}; `headrace label-join status {run}` shows it")
    typer.echo(resumed.job_id)


@app.command()
def drop(
    context: typer.Context, join: Annotated[str, typer.Argument(help="A label join, by its name in the file.")]
) -> None:
    """Take the tables of a label join out of the catalog, so that it can be started anew; print their names.

    Their files stay where they are. Refused while a run writes to them.

    Example: headrace label-join drop frauds
    """
    from headrace.pipelines.label_runs import drop as drop_tables

    for table in drop_tables(_platform(context), join):
        typer.echo(table)


def _platform(context: typer.Context) -> Platform:
    from headrace.runtime.platform import Platform

    return Platform(options_of(context).settings())


def _line(status: LabelStatus, *, counts: bool) -> dict[str, Any]:
    """A run as one row, perhaps with its counts."""
    own = {name: value for name, value in asdict(status).items() if name != "counts"}
    return {**own, **(_all_counts(status.counts) if counts else {})}


def _complete(run: LabelRun) -> str:
    """To which instant a local run knows all."""
    complete = "no rows" if run.complete is None else f"complete to {run.complete.isoformat()}"
    return f"{complete}: of a row whose wait ends later no missing label is told; --until says another instant"


def _counted(found: LabelCounts) -> list[str]:
    """What became of all rows, in words."""
    n = {name: f"{count:,}" for name, count in _all_counts(found).items()}
    return [
        f"logged rows: {n['logged_read']} read, {n['logged_refused']} refused, {n['repeated']} repeated, "
        f"{n['labelled']} labelled, {n['corrected']} corrected, {n['never_labelled']} never labelled, "
        f"{n['logged_open']} open",
        f"labels: {n['labels_read']} read, {n['labels_refused']} refused, {n['duplicate']} duplicate, "
        f"{n['too_late']} too late, {n['orphan']} orphan, {n['labels_open']} open",
    ]


def _all_counts(found: LabelCounts) -> dict[str, int]:
    """What became of all rows, those that nothing was told of included."""
    return {**asdict(found), "logged_open": found.logged_open, "labels_open": found.labels_open}
