"""`headrace get-online`: feature values of one entity, as they are served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from headrace.errors import SettingsError
from headrace.jobs.options import Format, FormatOption, instant, options_of, store_flags
from headrace.jobs.output import print_rows

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def get_online(
    context: typer.Context,
    features: Annotated[list[str], typer.Argument(help="Features as view:feature.")],
    entity: Annotated[
        list[str] | None, typer.Option(help="A key of the entity as name=value; once for each key.")
    ] = None,
    request: Annotated[
        list[str] | None, typer.Option(help="What an on-demand feature takes, as name=value; once for each.")
    ] = None,
    store: Annotated[str, typer.Option(help="cassandra, sqlite or sqlite:PATH; default: the settings'.")] = "",
    at: Annotated[str, typer.Option(help="An instant such as 2013-11-01T12:00:00Z; default: now.")] = "",
    log: Annotated[Path | None, typer.Option(help="Append the answer to this .jsonl file too.")] = None,
    format_: FormatOption = None,
) -> None:
    """Show features of one entity with their status and the time of its newest event.

    Example: headrace get-online fraud_features:transaction_count_1h --entity account_id=a1
    """
    from headrace.serving.log import append_log
    from headrace.serving.tiles import online_store

    options = options_of(context)
    texts = {**texts_of("--entity", entity or ()), **texts_of("--request", request or ())}
    with online_store(options.settings(store_flags("--store", store))) as opened:
        row = opened.typed_row(features, texts)
        served = opened.get_online_features(features, [row], at=instant("--at", at))
    if log is not None:
        append_log(served, log)
    chosen = options.chosen(format_)
    print_rows(served.to_records() if chosen is Format.JSON else _lines(served.to_records()), chosen)


def texts_of(option: str, given: Sequence[str]) -> dict[str, str]:
    """The texts of an option's values by name; SettingsError for one that is not `name=value`.

    >>> texts_of("--entity", ["shop=a", "customer=7"])
    {'shop': 'a', 'customer': '7'}
    """
    return dict(_key_value(option, text) for text in given)


def _key_value(option: str, text: str) -> tuple[str, str]:
    """Name and text of a value."""
    name, equals, value = text.partition("=")
    if not (name and equals):
        msg = f"{option} {text!r}: expected name=value"
        raise SettingsError(msg)
    return name, value


def _lines(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One line for each feature."""
    return [{"feature": name, **value} for record in records for name, value in record["features"].items()]
