"""`headrace label-join`: logged features joined with labels that come later, on this machine."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.inputs import loader, rows_or_history
from headrace.jobs.options import FileArgument, FormatOption, instant, options_of
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.pipelines.local_labels import LabelRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def label_join(
    context: typer.Context,
    file: FileArgument,
    join: Annotated[str, typer.Option(help="Which label join, where the file has several.")] = "",
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
    format_: FormatOption = None,
) -> None:
    """Join logged rows with their labels, those that come late too; no server is needed.

    Example: headrace label-join frauds.py --logged scored.csv --labels frauds.csv --facts
    """
    from headrace.jobs.definitions import label_join_plan
    from headrace.pipelines.local_labels import join_locally

    options, plan = options_of(context), label_join_plan(file, join)
    ours, theirs = (
        rows_or_history(source, option, given)
        for source, option, given in ((plan.logged, "--logged", logged), (plan.labels, "--labels", labels))
    )
    run = join_locally(plan, ours, theirs, loader(options, "--logged", "--labels"), until=instant("--until", until))
    for line in _counted(run):
        progress(line)
    shown = run.letters if letters else run.facts if facts else run.final
    print_rows(shown.to_pylist(), options.chosen(format_))


def _counted(run: LabelRun) -> list[str]:
    """What became of all rows, in words."""
    counts = {**asdict(run.counts), "logged_open": run.counts.logged_open, "labels_open": run.counts.labels_open}
    n = {name: f"{count:,}" for name, count in counts.items()}
    complete = "no rows" if run.complete is None else f"complete to {run.complete.isoformat()}"
    return [
        f"{complete}: of a row whose wait ends later no missing label is told; --until says another instant",
        f"logged rows: {n['logged_read']} read, {n['logged_refused']} refused, {n['repeated']} repeated, "
        f"{n['labelled']} labelled, {n['corrected']} corrected, {n['never_labelled']} never labelled, "
        f"{n['logged_open']} open",
        f"labels: {n['labels_read']} read, {n['labels_refused']} refused, {n['duplicate']} duplicate, "
        f"{n['too_late']} too late, {n['orphan']} orphan, {n['labels_open']} open",
    ]
