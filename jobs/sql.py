"""`headrace sql`: features as SQL."""

from __future__ import annotations

from dataclasses import replace

import typer

from headrace.jobs.options import FEATURES, FeatureArgument, FileOption, ViewOption
from headrace.jobs.output import progress

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def sql(
    feature: FeatureArgument,
    file: FileOption = FEATURES,
    view: ViewOption = "",
) -> None:
    """Print a feature as the text of a .sql file, which is the same plan; of a view what is SQL over a source.

    Example: headrace sql late_share_30d --file examples/flights/features.py
    """
    from headrace.features.sql.text import view_sql
    from headrace.jobs.definitions import view_of

    found = view_of(file, view, None if feature == "all" else feature)
    if feature == "all" and found.on_demand:
        names = ", ".join(one.name for one in found.on_demand)
        progress(f"left out, for they are no SQL over a source: on-demand features {names}")
        found = replace(found, on_demand=())
    typer.echo(view_sql(found, found.source.where.path), nl=False)
