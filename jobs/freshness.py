"""`headrace freshness`: what fresh models are worth, by replaying history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.errors import SettingsError
from headrace.jobs.options import FormatOption, instant, options_of
from headrace.jobs.output import print_rows, progress
from headrace.jobs.sigterm import ended_by_sigterm

if TYPE_CHECKING:
    from headrace.runtime.platform import Platform
    from headrace.training.freshness.measuring import Told
    from headrace.training.freshness.points import Freshness, Point
    from headrace.training.learning.pipeline import TrainingPipeline

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

CADENCES = "static,monthly:full,monthly:window=60d,monthly:decay=30d,monthly,weekly,daily,hourly,500rows"
CADENCE = "monthly, weekly, daily, hourly, 500rows, drift; with :full, :window=60d or :decay=30d a new model each time."
ROWS = "namespace.table, namespace.table@SNAPSHOT or the id of a training set; default: those of the file or version."
MODEL = "A Python file with a TrainingPipeline; or MODEL, MODEL@NUMBER or MODEL@ALIAS of the store."


@app.command()
def freshness(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help=MODEL)],
    cadence: Annotated[str, typer.Option(help=f"With commas between: {CADENCE}")] = CADENCES,
    rows: Annotated[str, typer.Option(help=ROWS)] = "",
    name: Annotated[str, typer.Option(help="Which training of the file; needed when there are several.")] = "",
    from_: Annotated[str, typer.Option("--from", help="Where it begins; default: behind a fifth of the rows.")] = "",
    metric: Annotated[str, typer.Option(help="A metric of the model's task; default: log_loss, or rmse.")] = "",
    event_time: Annotated[str, typer.Option(help="The column that says when a row happened.")] = "",
    label_time: Annotated[str, typer.Option(help="The column that says when its label came.")] = "",
    seed: Annotated[int | None, typer.Option(min=0, help="Of first weights, orders and drawings.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Folder of tables and plot; default: freshness/NAME in the home.")
    ] = None,
    format_: FormatOption = None,
) -> None:
    """Replay history with models that learn at several cadences, each row tested before its label has come.

    Example: headrace freshness flights_model.py --cadence monthly:full,daily,500rows --from 2013-03-01T00:00:00Z
    """
    from headrace.features.instant import asked_us
    from headrace.runtime.platform import Platform
    from headrace.training.freshness.cadences import parse_cadences
    from headrace.training.freshness.folder import write_freshness
    from headrace.training.freshness.history import Times
    from headrace.training.freshness.measuring import Question, measure

    settings = options_of(context).settings()
    begins = instant("--from", from_)
    pipeline = _training(Platform(settings), model, name, seed, device)
    start_us = None if begins is None else asked_us("--from", begins)
    question = Question(parse_cadences(cadence), metric, start_us, Times(event_time, label_time))
    with ended_by_sigterm():
        found = measure(pipeline, question, rows, _telling())
    folder = out or settings.home / "freshness" / pipeline.chosen.name
    write_freshness(folder, found)
    _tell(found, folder)
    print_rows([_row(found.metric, point) for point in found.points], options_of(context).chosen(format_))


def _training(platform: Platform, model: str, name: str, seed: int | None, device: str) -> TrainingPipeline:
    """The training that a file declares, or that a version keeps. A name without an ending or folder is a model's.

    SettingsError where `name` is given beside a model of the store.
    """
    from headrace.training.freshness.of_version import training_of
    from headrace.training.learning.pipeline import load_training
    from headrace.training.models.store import ModelStore

    file = Path(model)
    if file.suffix or len(file.parts) > 1 or file.is_file():
        return load_training(file, name)(platform, seed=seed, device=device)
    if name:
        msg = f"--name {name} chooses a training of a file, and {model!r} names one of the store; leave it out"
        raise SettingsError(msg)
    return training_of(platform, ModelStore.at(platform.settings), model, seed, device)


def _telling() -> Told:
    """How far it is: rows, rate and time left."""
    from headrace.runtime.progress import Pace, Progress, counted

    shown, pace = Progress(), Pace()

    def told(cadence: str, done: int, total: int) -> None:
        # How often a cadence learns on drift is not known before.
        shown.update(f"{cadence}: {counted(done, total, pace.of(done))}")

    return told


def _tell(found: Freshness, folder: Path) -> None:
    from headrace.features.instant import instant_of

    progress(f"{found.snapshot}: {found.rows}")
    progress(
        f"from {instant_of(found.start_us).isoformat()} on {found.tested:,} rows of {len(found.days)} days were "
        f"tested, beginning with a model of {found.known:,} rows"
    )
    progress(f"tables and plot in {folder}")


def _row(metric: str, point: Point) -> dict[str, Any]:
    """A point as it is printed."""
    beside = point.difference
    per_point = point.cpu_s_per_point
    return {
        "cadence": point.cadence,
        metric: f"{point.metric.value:.5f}",
        "95 %": f"{point.metric.low:.5f} to {point.metric.high:.5f}",
        "less static": None if beside is None else f"{beside.value:+.5f}",
        "its 95 %": None if beside is None else f"{beside.low:+.5f} to {beside.high:+.5f}",
        "shown": None if beside is None else point.shown or "no difference shown",
        "updates": point.updates,
        "kept": point.kept,
        "row visits": f"{point.rows_visited:,}",
        "refused": point.refused,
        "cpu s": f"{point.cpu_s:.1f}",
        "cpu s a point": None if per_point is None else f"{per_point:.2f}",
    }
