"""`headrace ledger`: what a run read and what became of it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headrace.jobs.options import Format, FormatOption, options_of

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def ledger(
    context: typer.Context,
    run: Annotated[str, typer.Argument(help="The run's id, as `headrace jobs` shows it.")],
    format_: FormatOption = None,
) -> None:
    """Draw up the ledger of a run from what it committed; exit status 1 when a check does not hold.

    Example: headrace ledger fraud-features-20260101-120000-1f2e
    """
    from headrace.pipelines.label_ledger import label_ledger_of
    from headrace.pipelines.ledger import ledger_of
    from headrace.pipelines.run_words import is_label_run
    from headrace.runtime.platform import Platform

    options = options_of(context)
    platform = Platform(options.settings())
    draw = label_ledger_of if is_label_run(platform.registry.run(run)) else ledger_of
    drawn = draw(platform, run)
    as_json = options.chosen(format_) is Format.JSON
    sys.stdout.write(drawn.to_json() + "\n" if as_json else drawn.to_text())
    if not drawn.holds:
        raise typer.Exit(1)
