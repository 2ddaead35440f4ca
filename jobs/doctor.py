"""`headrace doctor`: what this machine lacks."""

from __future__ import annotations

from dataclasses import asdict

import typer

from headrace.jobs.options import FormatOption, options_of
from headrace.jobs.output import print_rows

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def doctor(context: typer.Context, format_: FormatOption = None) -> None:
    """Check this machine, and name the one command that mends each failure; exit status 1 when there is one.

    Example: headrace doctor --format json
    """
    from headrace.runtime.stack.doctor import FAILED, examine

    options = options_of(context)
    findings = list(examine(options.settings()))
    print_rows([asdict(finding) for finding in findings], options.chosen(format_))
    if any(finding.state == FAILED for finding in findings):
        raise typer.Exit(1)
