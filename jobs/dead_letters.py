"""`headrace dead-letters`: the rows that a run did not use, be it of a view or of a streaming trainer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.pipelines.dead_letters import DeadLetter
    from headrace.runtime.platform import Platform
    from headrace.training.streaming.letters import LearningLetter

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def dead_letters(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="The run's id, as `headrace jobs` or `headrace learn status` shows it.")],
    most: Annotated[int, typer.Option(min=1, help="How many at most; the first by position, or that came.")] = 100,
    format_: FormatOption = None,
) -> None:
    """Print the rows that a run refused or found late, or did not learn from, whole, with the reason.

    Example: headrace dead-letters fraud-features-20260101-120000-1f2e
    """
    from headrace.runtime.platform import Platform

    options = options_of(context)
    found = _letters(Platform(options.settings()), run, most)
    if not found:
        progress(f"run {run} has committed no dead letters")
    print_rows(found, options.chosen(format_))


def _letters(platform: Platform, run: str, most: int) -> list[dict[str, Any]]:
    """The letters of a run of either kind; that of a trainer is known by its file."""
    from headrace.pipelines.dead_letters import dead_letters_of
    from headrace.training.streaming.letters import letters_of
    from headrace.training.streaming.runs import RECORD_FILE

    if (platform.run_folder(run) / RECORD_FILE).exists():
        return [_learning_row(letter) for letter in letters_of(platform, run, most)]
    return [_row(letter) for letter in dead_letters_of(platform, run, most)]


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


def _learning_row(letter: LearningLetter) -> dict[str, Any]:
    """A letter of a trainer in the columns of the others; all of its own reasons make a row a dead letter."""
    return {
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "verdict": "dead_letter",
        "reason": letter.reason,
        "raw": letter.content,
    }
