"""`headrace config`: the settings as they hold here."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headrace.jobs.options import Format, FormatOption, options_of
from headrace.jobs.output import print_rows

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def config() -> None:
    """Show the settings and where each comes from.

    Example: headrace config show --origin
    """


@app.command()
def show(
    context: typer.Context,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    format_: FormatOption = None,
) -> None:
    """Print every setting; a secret is shown as the reference that it is.

    Example: headrace config show --origin --format json
    """
    options = options_of(context)
    chosen = options.chosen(format_)
    rows = []
    for name, (value, place) in options.settings().origins().items():
        row: dict[str, Any] = {"setting": name, "value": _shown(value, chosen)}
        rows.append({**row, "origin": place} if origin else row)
    print_rows(rows, chosen)


def _shown(value: Any, format_: Format) -> Any:
    """Values as text where a person reads them; JSON keeps what JSON has."""
    if format_ is Format.JSON:
        return value if isinstance(value, int | float | list | dict | None) else _text(value)
    return _text(value) or "-"


def _text(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return ",".join(str(item) for item in value)
    return "" if value is None or value == {} else str(value)
