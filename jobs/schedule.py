"""`headrace schedule`: what a model's learning and evaluating schedules ask for, done when it is due."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.errors import ConnectorError, SettingsError
from headrace.jobs.deciding import decision_of
from headrace.jobs.options import FormatOption, instant, options_of, pause_s
from headrace.jobs.output import print_rows, progress
from headrace.jobs.sigterm import ended_by_sigterm

if TYPE_CHECKING:
    from headrace.registry.model_facts import Facts
    from headrace.runtime.platform import Platform
    from headrace.training.continual.judging import CandidateJudge
    from headrace.training.continual.scheduler import Outcome, Scheduler
    from headrace.training.models.gates import Gate

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="A Python file with a TrainingPipeline.")]
NameOption = Annotated[str, typer.Option(help="Which training of the file; needed when there are several.")]
ByOption = Annotated[str, typer.Option(help="Who; default: the user of this process.", show_default=False)]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
#: Rows are committed every few seconds to minutes; a look reads metadata only, unless drift is watched, or
#: a split is asked whether a row of it came.
LOOK = "30s"


@app.callback()
def schedule() -> None:
    """Retrain a model, judge it and let it serve, each when its own schedule says so.

    Example: headrace schedule run late_trips.py --for 1h
    """


@app.command()
def due(
    context: typer.Context,
    file: FileArgument,
    name: NameOption = "",
    now: Annotated[str, typer.Option(help="As of this instant, such as 2026-11-22T12:00:00Z; default: now.")] = "",
    format_: FormatOption = None,
) -> None:
    """Show what is due, and why; nothing is done.

    Example: headrace schedule due late_trips.py --now 2026-12-01T00:00:00Z
    """
    scheduler = _scheduler(context, file, name, "headrace schedule due", "cpu", instant("--now", now))
    rows = [{"task": str(one.task), "due": one.due, "why": one.why} for one in scheduler.look()]
    print_rows(rows, options_of(context).chosen(format_))


@app.command()
def run(
    context: typer.Context,
    file: FileArgument,
    name: NameOption = "",
    for_: Annotated[str, typer.Option("--for", help="Go on for so long, such as 1h; default: one step.")] = "",
    look: Annotated[str, typer.Option(help="How often it is looked whether something is due, with --for.")] = LOOK,
    again: Annotated[bool, typer.Option("--again", help="Forget failures: try at once what was given up.")] = False,
    by: ByOption = "",
    device: DeviceOption = "auto",
) -> None:
    """Do what is due: finish what was left, judge, train, judge. Exit status 1 when the last step failed.

    Of several processes one works at a time, and the others say so; what a process left that was killed, the next one
    finishes.

    Example: headrace schedule run late_trips.py --for 1h
    """
    from headrace.training.continual.scheduler import Outcome

    seconds, between_s = pause_s("--for", for_) if for_ else 0.0, pause_s("--look", look)
    scheduler = _scheduler(context, file, name, decision_of("schedule", by).who, device)
    if again:
        scheduler.forgive()
    with ended_by_sigterm():
        outcome = _steps(scheduler, seconds, between_s) if for_ else scheduler.step()
    if outcome is Outcome.FAILED:
        raise typer.Exit(1)


@app.command()
def judge(
    context: typer.Context,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run, as `headrace learn status` lists it.")],
    file: Annotated[Path, typer.Argument(help="A Python file with its StreamingTrainingPipeline.")],
    name: Annotated[str, typer.Option(help="The model, where the file declares several.")] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Go on until the run ends.")] = False,
    look: Annotated[str, typer.Option(help="How often it is looked for candidates, with --follow.")] = LOOK,
    by: ByOption = "",
) -> None:
    """Judge the candidates of a streaming trainer as they arrive, when its evaluating schedule says so.

    Candidates are kept in the model store first, those that Flink has committed. One that passes becomes a version, and
    serves where `promote=True` is declared; of one that does not the evidence is kept.

    Example: headrace schedule judge late-trips-20260101-120000-1a2b late_trips_stream.py --follow
    """
    from headrace.runtime.platform import Platform
    from headrace.training.streaming.candidates import left_out, register_committed
    from headrace.training.streaming.runs import job_of, job_status

    between_s, platform = pause_s("--look", look), Platform(options_of(context).settings())
    job = job_of(platform, run)
    judged = _judge(platform, job.model, run, file, name, decision_of("judge", by).who)
    with ended_by_sigterm():
        while True:
            # Asked before the candidates are: what was committed until then is judged.
            status = job_status(platform, run) if follow else None
            register_committed(platform.iceberg, judged.store, job)
            judged.step()
            if status is None or status.is_over:
                break
            time.sleep(between_s)
    if said := left_out(platform.iceberg, job):
        progress(said)


@app.command()
def cron(
    context: typer.Context,
    file: FileArgument,
    name: NameOption = "",
    look: Annotated[str, typer.Option(help="How often cron looks whether something is due.")] = "5m",
) -> None:
    """Print the line of a crontab that does what is due, from this folder, with this Python and this PYTHONPATH.

    Example: headrace schedule cron late_trips.py --look 15m
    """
    from headrace.training.continual.cron import crontab_line
    from headrace.training.learning.pipeline import load_training

    pipeline = load_training(file, name)
    log = options_of(context).settings().home / "logs" / f"schedule-{pipeline.model_name()}.log"
    typer.echo(crontab_line(look, Path.cwd(), file, name, log, os.environ.get("PYTHONPATH", "")))


def _scheduler(
    context: typer.Context, file: Path, name: str, by: str, device: str, at: datetime | None = None
) -> Scheduler:
    """The scheduler of a file's training."""
    from headrace.jobs.train import telling
    from headrace.registry.database import now
    from headrace.runtime.platform import Platform
    from headrace.training.continual.scheduler import Scheduler
    from headrace.training.learning.pipeline import load_training

    pipeline = load_training(file, name)(Platform(options_of(context).settings()), device=device)
    return Scheduler(pipeline, by, tell=_tell, subscribers=telling(), clock=now if at is None else lambda: at)


def _judge(platform: Platform, model: str, run: str, file: Path, name: str, by: str) -> CandidateJudge:
    """Who judges the candidates of a run; SettingsError when the file declares no such model, or no schedule for it."""
    from headrace.jobs.learn import pipeline_in
    from headrace.training.continual.judging import CandidateJudge
    from headrace.training.models.store import ModelStore

    kind, store = pipeline_in(file, name), ModelStore.at(platform.settings)
    if kind.name != model or kind.evaluating is None:
        msg = f"{file}: expected a trainer of model {model!r} with `evaluating = Evaluating(...)`, found "
        raise SettingsError(msg + f"{kind.__name__} of {kind.name!r} with {kind.evaluating!r}")

    def gates(facts: Facts) -> tuple[Gate, ...]:
        return kind.examination().bound(store, platform.settings, facts)

    return CandidateJudge(store, model, run, kind.evaluating, gates, by, tell=_tell)


def _steps(scheduler: Scheduler, seconds: float, between_s: float) -> Outcome:
    """Step after step until the time is over, and what became of the last; a system that is away is waited for."""
    from headrace.training.continual.scheduler import Outcome

    end = time.monotonic() + seconds
    while True:
        try:
            outcome = scheduler.step()
        except ConnectorError as error:
            _tell(f"{scheduler.model}: {error}")
            outcome = Outcome.FAILED
        left = end - time.monotonic()
        if left <= 0:
            return outcome
        time.sleep(min(between_s, left))


def _tell(text: str) -> None:
    progress(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")
