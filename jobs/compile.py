"""`headrace compile`: the SQL of a feature, for one engine."""

from __future__ import annotations

from typing import Annotated

import typer

from headrace.jobs.options import FEATURES, Engine, FeatureArgument, FileOption, ViewOption

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command(name="compile")
def compile_command(
    feature: FeatureArgument,
    file: FileOption = FEATURES,
    view: ViewOption = "",
    engine: Annotated[Engine, typer.Option(help="Which engine's SQL.")] = Engine.FLINK,
) -> None:
    """Print the SQL that computes a feature.

    Example: headrace compile late_share_30d --file examples/flights/features.py --engine duckdb
    """
    from headrace.compiler.compile import compile_feature
    from headrace.jobs.definitions import view_plan

    typer.echo(compile_feature(view_plan(file, view), engine.value, None if feature == "all" else feature))
