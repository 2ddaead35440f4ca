"""`headrace learn`: run streaming trainers, see how they get on, stop and resume them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headrace.errors import SettingsError
from headrace.jobs.options import FormatOption, options_of, pause_s
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.runtime.platform import Platform
    from headrace.training.streaming.pipeline import StreamingTrainingPipeline
    from headrace.training.streaming.status import LearningStatus

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run, as `headrace learn status` lists it.")]


@app.callback()
def learn() -> None:
    """A model that learns from labelled rows as they arrive, each once.

    Example: headrace learn start late_flights.py
    """


@app.command()
def start(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Python file with a subclass of StreamingTrainingPipeline.")],
    name: Annotated[str, typer.Option(help="The model, where the file declares several.")] = "",
    after: Annotated[
        int | None, typer.Option(help="Learn from what came after this snapshot, of a topic's archive; default: all.")
    ] = None,
    offsets: Annotated[
        str,
        typer.Option(help="Of a topic: 0:120,1:95, or `parent`: behind what --from learned; default: earliest."),
    ] = "",
    from_: Annotated[
        str, typer.Option("--from", help="A version to start from, of any model: model@3, model@champion.")
    ] = "",
    follow: Annotated[bool, typer.Option(help="Go on with rows that are appended later.")] = True,
    again: Annotated[bool, typer.Option("--again", help="With --from: learn rows again that it has learned.")] = False,
) -> None:
    """Start a trainer on the cluster; print its run.

    Example: headrace learn start late_flights.py --from late_flights@champion --after 7051612345678901234
    """
    from headrace.training.streaming.remarks import remarks_on
    from headrace.training.streaming.runs import start as start_run

    platform = _platform(context)
    asked, kind = offsets_of(offsets), pipeline_in(file, name)
    trainer = kind(platform, after=after, follow=follow, start=from_ or None, offsets=asked, again=again)
    job = trainer.prepare()
    for said in remarks_on(trainer, job):
        progress(said)
    made = start_run(platform, job)
    progress(f"learning {made.model} from {job.source} as job {made.job_id}; `headrace learn status` shows it")
    typer.echo(made.run)


@app.command()
def status(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="[RUN]", help="Default: all runs.")] = "",
    format_: FormatOption = None,
) -> None:
    """Show how trainers get on: rows visited, rate, rows that still wait, seconds left, the last candidate.

    Of a run whose topic or tables are gone it shows the rest, and what is gone as a remark.

    Example: headrace learn status
    """
    from headrace.training.streaming.runs import runs, unreadable
    from headrace.training.streaming.status import status_of

    platform = _platform(context)
    for why in () if run else unreadable(platform).values():
        progress(str(why))
    names = [run] if run else [one.run for one in runs(platform)]
    if not names:
        progress("no runs; `headrace learn start FILE` starts one")
    print_rows([_line(status_of(platform, one)) for one in names], options_of(context).chosen(format_))


@app.command()
def plot(
    context: typer.Context,
    run: Run,
    out: Annotated[Path | None, typer.Option(help="Folder of the plots; default: plots/ of the run, at home.")] = None,
) -> None:
    """Draw loss and metrics of a run over its rows, as of its newest checkpoint; print the files, an SVG and a PNG.

    Example: headrace learn plot late-flights-20260101-120000-1a2b --out plots
    """
    from headrace.training.learning.durable import write_whole
    from headrace.training.streaming.plots import plots_of

    platform = _platform(context)
    drawn, folder = plots_of(platform, run), out or platform.run_folder(run) / "plots"
    for name, content in drawn.items():
        write_whole(folder / name, content)
        typer.echo(folder / name)


@app.command()
def stop(context: typer.Context, run: Run) -> None:
    """Stop a trainer after a savepoint; print the savepoint.

    Example: headrace learn stop late-flights-20260101-120000-1a2b
    """
    from headrace.training.streaming.runs import stop as stop_run

    stopped = stop_run(_platform(context), run)
    progress(f"stopped; `headrace learn resume {run}` goes on")
    typer.echo(stopped.savepoint)


@app.command()
def resume(
    context: typer.Context,
    run: Run,
    from_: Annotated[str, typer.Option("--from", help="A savepoint or checkpoint; default: the newest.")] = "",
) -> None:
    """Resume a trainer that does not run, from its newest state; print Flink's job id.

    Example: headrace learn resume late-flights-20260101-120000-1a2b
    """
    from headrace.training.streaming.runs import resume as resume_run

    resumed = resume_run(_platform(context), run, from_ or None)
    progress(f"started from {resumed.started_from or 'its beginning'}; `headrace learn status {run}` shows it")
    typer.echo(resumed.job_id)


@app.command()
def register(
    context: typer.Context,
    run: Run,
    follow: Annotated[bool, typer.Option(help="Go on until the run is over.")] = False,
    every: Annotated[str, typer.Option(help="How often --follow looks, as a duration.")] = "10s",
) -> None:
    """Keep a run's candidates in the model store, those that Flink has committed; print their artifacts.

    With --follow those that the store did not have, as they come. Those that Flink has not committed whole are named.

    Example: headrace learn register late-flights-20260101-120000-1a2b --follow --every 30s
    """
    from headrace.training.models.store import ModelStore
    from headrace.training.streaming.candidates import follow_committed, left_out, register_committed, unready
    from headrace.training.streaming.runs import job_of

    between_s, platform = pause_s("--every", every), _platform(context)
    store, job = ModelStore.at(platform.settings), job_of(platform, run)
    if follow:
        found = follow_committed(platform, store, run, between_s)
    else:
        found = iter(register_committed(platform.iceberg, store, job))
    count = 0
    # To be interrupted is how one stops to follow.
    with suppress(KeyboardInterrupt):
        for one in found:
            typer.echo(one.facts.artifact)
            count += 1
    for said in (left_out(platform.iceberg, job), unready(platform.iceberg, job)):
        if said:
            progress(said)
    progress(f"{count} candidates; `headrace model list --candidates` shows them")


def offsets_of(text: str) -> dict[int, int] | Literal["parent"] | None:
    """Offsets as the command is given them; None where it is given none.

    Raises:
        SettingsError: the text is none.

    >>> offsets_of("0:120,1:95")
    {0: 120, 1: 95}
    """
    if text in ("", "parent"):
        return "parent" if text else None
    found = re.findall(r"(\d+):(\d+)(?:,|$)", text)
    if ",".join(f"{partition}:{offset}" for partition, offset in found) != text:
        msg = f"--offsets {text!r}: expected the first offset by partition, such as 0:120,1:95, or 'parent'"
        raise SettingsError(msg)
    return {int(partition): int(offset) for partition, offset in found}


def pipeline_in(file: Path, name: str) -> type[StreamingTrainingPipeline]:
    """The trainer that a file declares, or the one of its trainers with a name.

    Raises:
        DefinitionError: the file is wrong, has none, no such one, two of one name, or several and none was named.
    """
    from headrace.features.module import class_in
    from headrace.training.streaming.pipeline import StreamingTrainingPipeline

    return class_in(file, StreamingTrainingPipeline, lambda kind: kind.name, "trainer", name)


def _platform(context: typer.Context) -> Platform:
    from headrace.runtime.platform import Platform

    return Platform(options_of(context).settings())


def _line(status: LearningStatus) -> dict[str, Any]:
    row, candidate = asdict(status), status.candidate
    told = {"candidate": candidate and candidate.candidate, "artifact": candidate and candidate.artifact}
    # The longest is the last.
    remark = {"remark": row.pop("remark")}
    left_s = None if status.left_s is None else round(status.left_s)
    return {**row, "per_s": round(status.per_s), "left_s": left_s, **told, **remark}
