"""Where the rows of a local run come from: the options that say so, for the commands that take them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from headrace.errors import RequestError, SettingsError
from headrace.jobs.local_rows import history_of, tables_of

if TYPE_CHECKING:
    from headrace.compiler.plan import SourcePlan, ViewPlan
    from headrace.connectors.iceberg import IcebergTable
    from headrace.jobs.options import Options
    from headrace.pipelines.local_input import Given

InputOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        help="A .csv or .parquet file, a Delta folder or URL, an Iceberg table; default: history. "
        "Of a union: SOURCE=INPUT, once for each.",
    ),
]
DimensionOption = Annotated[
    list[str] | None,
    typer.Option("--dimension", help="NAME=FILE: read a dimension from a file or table; may be given again."),
]
SampleOption = Annotated[int | None, typer.Option(min=1, help="Read only so many of the first rows.")]


def given_or_history(plan: ViewPlan, given: Sequence[str] | None) -> Given:
    """The input that is named, else the source's history; of a union, for each source by its name.

    Raises:
        SettingsError: there is neither, or several for one source.
    """
    if plan.source.members:
        named = _by_name("--input", given, "SOURCE=INPUT, each source once, such as CardPayments=cards.csv")
        _check_sources(plan.source, named)
        return {
            part.name: named.get(part.name) or _history(part, f"{part.name}=rows.csv") for part in plan.source.parts
        }
    if given and len(given) > 1:
        msg = f"--input {given[1]}: {plan.source.name} is no union; expected one input"
        raise SettingsError(msg)
    return given[0] if given else _history(plan.source, "transactions.csv")


def rows_or_history(source: SourcePlan, option: str, given: str) -> str:
    """What an option names as the rows of a source, else its history.

    Raises:
        SettingsError: there is neither.
    """
    return given or _history(source, "rows.csv", option)


def _check_sources(source: SourcePlan, named: Mapping[str, str]) -> None:
    """Refuse an input for what is no source of a union."""
    from headrace.pipelines.source_rows import check_sources

    try:
        check_sources(source, named)
    except RequestError as error:
        msg = f"--input: {error}"
        raise SettingsError(msg) from error


def _history(source: SourcePlan, example: str, option: str = "--input") -> str:
    """The history of a source."""
    return history_of(source, f"name its rows: {option} {example}", SettingsError)


def dimensions_of(given: list[str] | None) -> dict[str, str]:
    """What is to be read for dimensions, by their names.

    Raises:
        SettingsError: a text is no `NAME=FILE`, or names a dimension twice.

    >>> dimensions_of(["Merchants=merchants.csv"])
    {'Merchants': 'merchants.csv'}
    """
    return _by_name("--dimension", given, "NAME=FILE, each name once, such as Merchants=merchants.csv")


def versions_of(given: list[str] | None) -> dict[str, str]:
    """Which version is to be taken of views, by their names.

    Raises:
        SettingsError: a text is no `VIEW=VERSION`, or names a view twice.

    >>> versions_of(["merchant_risk=1fb2df17"])
    {'merchant_risk': '1fb2df17'}
    """
    return _by_name("--view-version", given, "VIEW=VERSION, each view once, such as merchant_risk=1fb2df17")


def loader(options: Options, *inputs: str) -> Callable[[str], IcebergTable]:
    """What finds an Iceberg table of the configured catalog by `namespace.table`; connects on first use.

    `inputs`: the options that name rows elsewhere, for whoever has no such table; by default those of an event's rows
    and of dimensions.
    """
    named = inputs or ("--input", "--dimension")
    otherwise = f"{' or '.join(named)} reads rows from elsewhere, such as {named[0]} rows.csv"
    return tables_of(options.settings, otherwise)


def _by_name(option: str, texts: Sequence[str] | None, expected: str) -> dict[str, str]:
    """What follows each name in the texts of an option."""
    found: dict[str, str] = {}
    for text in texts or ():
        name, _, given = text.partition("=")
        if not name or not given or name in found:
            msg = f"{option} {text!r}: expected {expected}"
            raise SettingsError(msg)
        found[name] = given
    return found
