"""`headrace run`: a view computed on this machine, from a file or a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from headrace.errors import SettingsError
from headrace.jobs.inputs import (
    DimensionOption,
    InputOption,
    SampleOption,
    dimensions_of,
    given_or_history,
    loader,
)
from headrace.jobs.options import (
    Engine,
    FileArgument,
    Format,
    FormatOption,
    Options,
    ViewOption,
    instant,
    options_of,
    store_flags,
)
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.compiler.plan import ViewPlan
    from headrace.compiler.tiles import WindowMode
    from headrace.pipelines.local_input import Given
    from headrace.pipelines.local_run import LocalRun

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def run(
    context: typer.Context,
    file: FileArgument,
    given: InputOption = None,
    view: ViewOption = "",
    feature: Annotated[list[str] | None, typer.Option(help="Only this feature; may be given again.")] = None,
    as_of: Annotated[str, typer.Option(help="An instant; default: when the newest event counts.")] = "",
    engine: Annotated[Engine, typer.Option(help="Flink runs in this process, without a server.")] = Engine.DUCKDB,
    windows: Annotated[str, typer.Option(help="exact (DuckDB's default), or tiled as served values are.")] = "",
    sample: SampleOption = None,
    dimension: DimensionOption = None,
    to_store: Annotated[str, typer.Option(help="Write tiles to an online store instead: sqlite or sqlite:PATH.")] = "",
    format_: FormatOption = None,
) -> None:
    """Compute features of a file's rows on this machine; no server is needed.

    Example: headrace run features.py --input transactions.csv --as-of 2026-01-31T00:00:00Z
    """
    from headrace.jobs.definitions import view_plan

    options, plan = options_of(context), view_plan(file, view)
    rows = given_or_history(plan, given)
    if to_store:
        if engine is Engine.FLINK:
            msg = "--engine flink: --to-store is filled by DuckDB; `headrace backfill` fills a store by Flink"
            raise SettingsError(msg)
        chosen = [name for name, set_ in (("--feature", feature), ("--as-of", as_of), ("--windows", windows)) if set_]
        _fill(options, plan, rows, dimensions_of(dimension), to_store, sample, chosen, format_)
        return
    asked = {
        "features": feature or (),
        "as_of": instant("--as-of", as_of),
        "sample": sample,
        "dimensions": dimensions_of(dimension),
    }
    found = ENGINES[engine](options, plan, rows, windows, asked)
    progress(f"{found.view} as of {found.as_of.isoformat()}; rows: {found.read}")
    if not any(table.num_rows for table in found.tables):
        before = found.as_of.isoformat()
        progress(f"no entity is known before {before}: no older row is let in by a feature; --as-of a later instant")
    for name, reason in found.left_out.items():
        progress(f"{name} is left out: it {reason}")
    _print([table.to_pylist() for table in found.tables], options.chosen(format_))


def _on_duckdb(options: Options, plan: ViewPlan, given: Given, windows: str, asked: Mapping[str, Any]) -> LocalRun:
    from headrace.pipelines.local_run import run_locally

    mode = cast("WindowMode", windows or "exact")
    return run_locally(plan, given, loader(options), window_mode=mode, **asked)


def _on_flink(options: Options, plan: ViewPlan, given: Given, windows: str, asked: Mapping[str, Any]) -> LocalRun:
    from headrace.jobs.flink_engine import flink_engine
    from headrace.pipelines.flink_run import ONLY_TILED, run_on_flink

    if windows not in {"", "tiled"}:
        msg = f"--windows {windows}: {ONLY_TILED}"
        raise SettingsError(msg)
    with flink_engine(options) as engine:
        return run_on_flink(plan, given, loader(options), engine, **asked)


ENGINES: Mapping[Engine, Callable[[Options, ViewPlan, Given, str, Mapping[str, Any]], LocalRun]] = {
    Engine.DUCKDB: _on_duckdb,
    Engine.FLINK: _on_flink,
}


def _fill(
    options: Options,
    plan: ViewPlan,
    given: Given,
    dimensions: Mapping[str, str],
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
            plan, given, loader(options), store, project=settings.project, sample=sample, dimensions=dimensions
        )
    expired = f"; {found.expired:,} tiles had expired" if found.expired else ""
    progress(
        f"{found.view} version {found.version} in {settings.online.file}; rows: {_counted(found.verdicts)}{expired}"
    )
    print_rows([{"table": table, "tiles": count} for table, count in found.tiles.items()], options.chosen(format_))


def _counted(verdicts: Mapping[str, int]) -> str:
    """How many rows got which verdict, in words."""
    return ", ".join(f"{count:,} {name}" for name, count in verdicts.items())


def _print(tables: list[list[dict[str, Any]]], format_: Format) -> None:
    """One table below the other, or all rows as one JSON array."""
    for rows in [list(chain(*tables))] if format_ is Format.JSON else tables:
        print_rows(rows, format_)
