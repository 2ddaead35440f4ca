"""`headrace sql`: features as SQL."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def sql(
    feature: Annotated[str, typer.Argument(help="A feature's name; `all` for the whole view.")],
    file: Annotated[Path, typer.Option(help="The feature file.")] = Path("features.py"),
    view: Annotated[str, typer.Option(help="Which of its views; needed when there are several.")] = "",
) -> None:
    """Print a feature as the text of a .sql file, which is the same plan.

    Example: headrace sql late_share_30d --file examples/flights/features.py
    """
    from headrace.features.sql.text import view_sql
    from headrace.jobs.definitions import view_of

    found = view_of(file, view, None if feature == "all" else feature)
    typer.echo(view_sql(found, found.source.where.path), nl=False)
