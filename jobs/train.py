"""`headrace train`: learn a model from a pinned snapshot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.deciding import decision_of
from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import print_rows, progress
from headrace.jobs.sigterm import ended_by_sigterm

if TYPE_CHECKING:
    from headrace.training.learning.events import Event, Subscriber
    from headrace.training.learning.pipeline import TrainingOutcome

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

ROWS = "namespace.table, namespace.table@SNAPSHOT or the id of a training set; default: what the file declares."


@app.command()
def train(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A Python file with a TrainingPipeline.")],
    rows: Annotated[str, typer.Option(help=ROWS)] = "",
    name: Annotated[str, typer.Option(help="Which training of the file; needed when there are several.")] = "",
    epochs: Annotated[int | None, typer.Option(min=0, help="How often each row is visited; before the file's.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of first weights, order and dropout.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint in the folder.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of the run; default: training/NAME in the home.")] = None,
    register: Annotated[bool, typer.Option(help="Keep the model in the store, as a version.")] = True,
    by: Annotated[str, typer.Option(help="Who registers it; default: the user of this process.")] = "",
    format_: FormatOption = None,
) -> None:
    """Learn a model and print its metrics and its address; the same rows, seed and versions give the same address.

    Example: headrace train flights_model.py --rows demo.flights@4059123 --epochs 3 --seed 7
    """
    from headrace.connectors.artifacts import address_of
    from headrace.runtime.platform import Platform
    from headrace.training.learning.pipeline import load_training
    from headrace.training.learning.registering import register as register_version
    from headrace.training.models.store import ModelStore

    settings = options_of(context).settings()
    # Who registers, and whether they can, is found out before hours are spent on learning.
    why = f"trained by `headrace train {file.name}`"
    decision = decision_of(why, by, "--no-register") if register else None
    store = ModelStore.at(settings) if register else None
    pipeline = load_training(file, name)(Platform(settings), epochs=epochs, seed=seed, device=device)
    folder = out or settings.home / "training" / pipeline.chosen.name
    with ended_by_sigterm():
        outcome = pipeline.train(rows, folder, resume=resume, subscribers=telling())
    _tell_end(outcome, folder)
    found: dict[str, str | float] = {"artifact": address_of(outcome.trained.files)}
    if decision is not None and store is not None:
        found["version"] = register_version(store, outcome, decision).name
    found |= {metric: round(value, 6) for metric, value in outcome.metrics.items()}
    print_rows([{"what": what, "value": value} for what, value in found.items()], options_of(context).chosen(format_))


def telling() -> dict[str, list[Subscriber]]:
    """What runs say while they go on: rows and rate, time left where it is known, and each evaluation."""
    from headrace.runtime.progress import Pace, Progress, counted

    shown, pace, total = Progress(), Pace(), 0

    def start(event: Event) -> None:
        # A schedule has one run after another, and each counts from 0.
        nonlocal pace, total
        pace, total = Pace(), event.rows * event.epochs

    def micro_batch(event: Event) -> None:
        done = event.counters.rows_visited
        shown.update(counted(done, total, pace.of(done)))

    def evaluate(event: Event) -> None:
        shown.line(f"epoch {event.epoch + 1}: {_words(event)}")

    return {"start": [start], "micro_batch": [micro_batch], "evaluate": [evaluate]}


def _words(event: Event) -> str:
    return ", ".join(f"{name} {value:.5f}" for name, value in event.values.items() if value is not None)


def _tell_end(outcome: TrainingOutcome, folder: Path) -> None:
    trained = outcome.trained
    refused = f", {trained.refused:,} of them refused: see refused.parquet" if trained.refused else ""
    epochs = "1 epoch" if trained.epochs == 1 else f"{trained.epochs} epochs"
    progress(f"{outcome.snapshot}: {trained.counters.rows_visited:,} rows visited in {epochs}{refused}")
    if trained.epoch != trained.epochs - 1:
        progress(f"kept epoch {trained.epoch + 1}, the best on the evaluation split")
    progress(f"artifact, scalars and plots in {folder}")
