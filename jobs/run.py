"""`headrace run`: a view computed on this machine, from a file or a table."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from headrace.errors import SettingsError
from headrace.jobs.options import Format, FormatOption, Options, instant, options_of, store_flags
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headrace.compiler.plan import ViewPlan
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
    to_store: Annotated[str, typer.Option(help="Write tiles to an online store instead: sqlite or sqlite:PATH.")] = "",
    format_: FormatOption = None,
) -> None:
    """Compute features of a file's rows with DuckDB; no server is needed.

    Example: headrace run features.py --input transactions.csv --as-of 2026-01-31T00:00:00Z
    """
    from headrace.jobs.definitions import view_plan
    from headrace.pipelines.local_run import run_locally

    options, plan = options_of(context), view_plan(file, view)
    if to_store:
        chosen = [name for name, set_ in (("--feature", feature), ("--as-of", as_of)) if set_]
        _fill(options, plan, _given(plan, given), to_store, sample, chosen, format_)
        return
    found = run_locally(
        plan,
        _given(plan, given),
        lambda name: _load(options, name),
        features=feature or (),
        as_of=instant("--as-of", as_of),
        window_mode=cast("WindowMode", windows),
        sample=sample,
    )
    progress(f"{found.view} as of {found.as_of.isoformat()}; rows: {_counted(found.verdicts)}")
    _print([rows.to_pylist() for rows in found.tables], options.chosen(format_))


def _given(plan: ViewPlan, given: str) -> str:
    """The input that is named, else the source's history."""
    history = plan.source.history
    if given or history is not None:
        return given or (history.name if history is not None else "")
    msg = f"source {plan.source.name} has no history; name its rows: --input transactions.csv"
    raise SettingsError(msg)


def _fill(
    options: Options,
    plan: ViewPlan,
    given: str,
    to_store: str,
    sample: int | None,
    chosen: list[str],
    format_: Format | None,
) -> None:
    """Write all tiles of the view to a store."""
    from headrace.pipelines.store_fill import fill_store
    from headrace.runtime.online_store import open_store

    if chosen:
        msg = f"{chosen[0]} does not go with --to-store, which writes the tiles of all features, for any time"
        raise SettingsError(msg)
    settings = options.settings(store_flags("--to-store", to_store))
    if settings.online.store != "sqlite":
        msg = f"--to-store {to_store!r}: expected sqlite or sqlite:PATH; Cassandra is filled by `headrace backfill`"
        raise SettingsError(msg)
    with open_store(settings, create=True) as store:
        found = fill_store(
            plan, given, lambda name: _load(options, name), store, project=settings.project, sample=sample
        )
    expired = f"; {found.expired:,} tiles had expired" if found.expired else ""
    progress(
        f"{found.view} version {found.version} in {settings.online.file}; rows: {_counted(found.verdicts)}{expired}"
    )
    print_rows([{"table": table, "tiles": count} for table, count in found.tiles.items()], options.chosen(format_))


def _counted(verdicts: Mapping[str, int]) -> str:
    """How many rows got which verdict, in words."""
    return ", ".join(f"{count:,} {name}" for name, count in verdicts.items())


def _load(options: Options, name: str) -> IcebergTable:
    """An Iceberg table of the configured catalog, by `namespace.table`."""
    from headrace.runtime.platform import Platform

    return Platform(options.settings()).iceberg.named(name)


def _print(tables: list[list[dict[str, Any]]], format_: Format) -> None:
    """One table below the other, or all rows as one JSON array."""
    for rows in [list(chain(*tables))] if format_ is Format.JSON else tables:
        print_rows(rows, format_)
