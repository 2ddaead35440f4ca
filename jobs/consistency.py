"""`headrace consistency`: what is served beside the same values recomputed from history."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from headrace.errors import NotFoundError, SettingsError
from headrace.jobs.options import Format, FormatOption, instant, options_of, store_flags
from headrace.jobs.output import print_rows, progress

if TYPE_CHECKING:
    from headrace.compiler.tiles import WindowMode
    from headrace.pipelines.consistency import Consistency
    from headrace.runtime.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None)

SERVED = "A .jsonl, .parquet or .csv file of what was served, as `get-online --log` writes; default: read the store."


@app.command()
def consistency(
    context: typer.Context,
    view: Annotated[str, typer.Argument(help="A view that serves.")],
    served: Annotated[str, typer.Option(help=SERVED)] = "",
    at: Annotated[str, typer.Option(help="Read the store as of this instant; default: the newest closed.")] = "",
    sample: Annotated[
        int | None, typer.Option(min=1, help="Read so many entities of each kind; always the same.")
    ] = None,
    windows: Annotated[str, typer.Option(help="exact, which names what tiles round; or tiled.")] = "exact",
    store: Annotated[str, typer.Option(help="cassandra, sqlite or sqlite:PATH; default: the settings'.")] = "",
    format_: FormatOption = None,
) -> None:
    """Compare served values with history; exit status 1 when a difference is unexplained.

    Example: headrace consistency flight_delays --sample 100

    Example: headrace consistency flight_delays --served served.jsonl --format json
    """
    if served and (at or sample):
        msg = f"--served {served} says which entities were served and when; leave out --at and --sample"
        raise SettingsError(msg)
    options = options_of(context)
    settings = options.settings(store_flags("--store", store))
    mode = cast("WindowMode", windows)
    found = _of_file(settings, view, served, mode) if served else _of_store(settings, view, at, sample, mode)
    _print(found, options.chosen(format_))
    if not found.holds:
        raise typer.Exit(1)


def _of_file(settings: Settings, view: str, served: str, windows: WindowMode) -> Consistency:
    """What a file says was served."""
    from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
    from headrace.pipelines.served import read_served, version_in
    from headrace.runtime.online_store import store_registry
    from headrace.runtime.platform import Platform

    columns = read_served(served)
    version = version_in(columns, view, served)
    serving = serving_version(store_registry(settings), settings.project, view, version)
    check = ConsistencyCheck(Platform(settings), serving, windows=windows, said=progress)
    return check.compare([columns], served)


def _of_store(settings: Settings, view: str, at: str, sample: int | None, windows: WindowMode) -> Consistency:
    """What the store serves now."""
    from headrace.pipelines.consistency_check import ConsistencyCheck, serving_version
    from headrace.runtime.online_store import open_store
    from headrace.runtime.platform import Platform
    from headrace.serving.online import OnlineStore

    with open_store(settings) as opened:
        serving = serving_version(opened.registry, settings.project, view)
        check = ConsistencyCheck(Platform(settings), serving, windows=windows, said=progress)
        asked = instant("--at", at) or check.newest_closed()
        online = OnlineStore(settings.project, opened.registry, opened.tiles)

        def read() -> Iterator[dict[str, list[Any]]]:
            for each in check.entities(asked, sample):
                answer = online.get_online_features(each.features, each.rows, at=asked)
                yield answer.to_dict(statuses=True, asked=True)

        given = list(read())
    if not given:
        msg = f"view {view}: history knows no entity before {asked.isoformat()}"
        raise NotFoundError(msg)
    return check.compare(given, "store", whole=True)


def _print(found: Consistency, format_: Format) -> None:
    """The lines of the features between what was compared and what differs; JSON has every difference."""
    if format_ is Format.JSON:
        sys.stdout.write(found.to_json() + "\n")
        return
    for line in found.head():
        progress(line)
    print_rows([line.to_row() for line in found.features], format_)
    sys.stdout.write("\n".join(found.summary()) + "\n")
