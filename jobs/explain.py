"""`headrace explain`: what becomes of a feature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headrace.jobs.options import (
    FEATURES,
    FileOption,
    Format,
    FormatOption,
    FreshnessOption,
    OptimizeOption,
    ViewOption,
    knob_flags,
    options_of,
)
from headrace.jobs.output import print_rows

if TYPE_CHECKING:
    from headrace.compiler.explain import Step

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def explain(
    context: typer.Context,
    feature: Annotated[str, typer.Argument(help="A feature's name.")],
    file: FileOption = FEATURES,
    view: ViewOption = "",
    physical: Annotated[
        bool, typer.Option("--physical", help="Print what Flink's planner makes of the view's job instead.")
    ] = False,
    optimize: OptimizeOption = "",
    freshness: FreshnessOption = "",
    format_: FormatOption = None,
) -> None:
    """Print a feature's plan before and after rewriting, what its scan reads, and what the knobs come to.

    Example: headrace explain late_share_30d --file examples/flights/features.py
    """
    from headrace.compiler.build import plan_view
    from headrace.jobs.definitions import view_of
    from headrace.pipelines.explain import explain as explained
    from headrace.pipelines.explain import physical as planned
    from headrace.runtime.local_flink import local_session
    from headrace.runtime.platform import Platform

    options, found = options_of(context), view_of(file, view)
    plan, platform = plan_view(found), Platform(options.settings(knob_flags(optimize, freshness)))
    if physical:
        plan.any_feature(feature)
        typer.echo(planned(plan, local_session(platform.settings), platform), nl=False)
        return
    steps, chosen = explained(found, plan, feature, platform), options.chosen(format_)
    if chosen is Format.JSON:
        print_rows(
            [{"part": one.part, "step": one.step, "what": one.what, "where": one.where} for one in steps], chosen
        )
    else:
        typer.echo(text(steps), nl=False)


def text(steps: list[Step]) -> str:
    """The steps under a head for each part, a line each."""
    lines: list[str] = []
    part = ""
    for one in steps:
        if one.part != part:
            lines, part = [*lines, *([""] if lines else []), one.part], one.part
        lines.append(f"  {one.step}: {one.what}" + (f"  ({one.where})" if one.where else ""))
    return "\n".join(lines) + "\n"
