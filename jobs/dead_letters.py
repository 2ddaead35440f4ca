"""`headrace dead-letters`: the rows that a run did not use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.pipelines.dead_letters import DeadLetter

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def dead_letters(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="The run's id, as `headrace jobs` shows it.")],
    most: Annotated[int, typer.Option(min=1, help="How many at most; the first by position.")] = 100,
    format_: FormatOption = None,
) -> None:
    """Print the rows that a run refused or found late, whole, with the reason.

    Example: headrace dead-letters fraud-features-20260101-120000-1f2e
    """
    from headrace.pipelines.dead_letters import dead_letters_of
    from headrace.runtime.platform import Platform

    options = options_of(context)
    found = dead_letters_of(Platform(options.settings()), run, most)
    if not found:
        progress(f"run {run} has committed no dead letters")
    print_rows([_row(letter) for letter in found], options.chosen(format_))


def _row(letter: DeadLetter) -> dict[str, Any]:
    """A letter as it is printed; bytes that are no text are shown escaped."""
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "verdict": letter.verdict,
        "reason": letter.reason,
        "raw": None if letter.raw is None else letter.raw.decode(errors="backslashreplace"),
    }
