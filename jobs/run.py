"""`headrace run`: a view computed on this machine, from a file or a table."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from headrace.errors import SettingsError
from headrace.jobs.options import Format, FormatOption, Options, instant, options_of
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.compiler.tiles import WindowMode
    from headrace.connectors.iceberg import IcebergTable

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def run(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A feature file.")],
    given: Annotated[
        str,
        typer.Option("--input", help="A .csv or .parquet file, a Delta folder, an Iceberg table; default: history."),
    ] = "",
    view: Annotated[str, typer.Option(help="Which of its views; needed when there are several.")] = "",
    feature: Annotated[list[str] | None, typer.Option(help="Only this feature; may be given again.")] = None,
    as_of: Annotated[str, typer.Option(help="An instant; default: just after the newest event.")] = "",
    windows: Annotated[str, typer.Option(help="exact, or tiled as served values are rounded.")] = "exact",
    sample: Annotated[int | None, typer.Option(min=1, help="Read only so many of the first rows.")] = None,
    format_: FormatOption = None,
) -> None:
    """Compute features of a file's rows with DuckDB; no server is needed.

    Example: headrace run features.py --input transactions.csv --as-of 2026-01-31T00:00:00Z
    """
    from headrace.jobs.definitions import view_plan
    from headrace.pipelines.local_run import run_locally

    options, plan = options_of(context), view_plan(file, view)
    history = plan.source.history
    if not given and history is None:
        msg = f"source {plan.source.name} has no history; name its rows: --input transactions.csv"
        raise SettingsError(msg)
    found = run_locally(
        plan,
        given or (history.name if history is not None else ""),
        lambda name: _load(options, name),
        features=feature or (),
        as_of=instant("--as-of", as_of),
        window_mode=cast("WindowMode", windows),
        sample=sample,
    )
    read = ", ".join(f"{count:,} {name}" for name, count in found.verdicts.items())
    progress(f"{found.view} as of {found.as_of.isoformat()}; rows: {read}")
    _print([rows.to_pylist() for rows in found.tables], options.chosen(format_))


def _load(options: Options, name: str) -> IcebergTable:
    """An Iceberg table of the configured catalog, by `namespace.table`."""
    from headrace.runtime.platform import Platform

    return Platform(options.settings()).iceberg.named(name)


def _print(tables: list[list[dict[str, Any]]], format_: Format) -> None:
    """One table below the other, or all rows as one JSON array."""
    for rows in [list(chain(*tables))] if format_ is Format.JSON else tables:
        print_rows(rows, format_)
