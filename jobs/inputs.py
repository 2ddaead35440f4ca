"""Where the rows of a local run come from: the options that say so, for the commands that take them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.errors import SettingsError

if TYPE_CHECKING:
    from headrace.compiler.plan import ViewPlan
    from headrace.connectors.iceberg import IcebergTable
    from headrace.jobs.options import Options

FileArgument = Annotated[Path, typer.Argument(help="A feature file.")]
InputOption = Annotated[
    str, typer.Option("--input", help="A .csv or .parquet file, a Delta folder, an Iceberg table; default: history.")
]
ViewOption = Annotated[str, typer.Option(help="Which of its views; needed when there are several.")]
DimensionOption = Annotated[
    list[str] | None,
    typer.Option("--dimension", help="NAME=FILE: read a dimension from a file or table; may be given again."),
]
SampleOption = Annotated[int | None, typer.Option(min=1, help="Read only so many of the first rows.")]


def given_or_history(plan: ViewPlan, given: str) -> str:
    """The input that is named, else the source's history.

    Raises:
        SettingsError: there is neither.
    """
    if given:
        return given
    if plan.source.history is not None:
        return plan.source.history.name
    msg = f"source {plan.source.name} has no history; name its rows: --input transactions.csv"
    raise SettingsError(msg)


def dimensions_of(given: list[str] | None) -> dict[str, str]:
    """What is to be read for dimensions, by their names.

    Raises:
        SettingsError: a text is no `NAME=FILE`, or names a dimension twice.

    >>> dimensions_of(["Merchants=merchants.csv"])
    {'Merchants': 'merchants.csv'}
    """
    found: dict[str, str] = {}
    for text in given or ():
        name, _, table = text.partition("=")
        if not name or not table or name in found:
            msg = f"--dimension {text!r}: expected NAME=FILE, each name once, such as Merchants=merchants.csv"
            raise SettingsError(msg)
        found[name] = table
    return found


def loader(options: Options) -> Callable[[str], IcebergTable]:
    """What finds an Iceberg table of the configured catalog by `namespace.table`; connects on first use."""

    def load(name: str) -> IcebergTable:
        from headrace.runtime.platform import Platform

        return Platform(options.settings()).iceberg.named(name)

    return load
