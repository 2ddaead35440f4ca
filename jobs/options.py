"""The options that every command shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headrace.errors import DefinitionError, SettingsError

if TYPE_CHECKING:
    from headrace.runtime.settings import Settings


class Format(StrEnum):
    """How data is printed on standard output."""

    TABLE = "table"
    JSON = "json"


class Engine(StrEnum):
    """The engines that compute features."""

    FLINK = "flink"
    DUCKDB = "duckdb"


@dataclass(frozen=True)
class Options:
    """The options in front of the command's name."""

    config: Path | None = None
    format: Format = Format.TABLE

    def settings(self, flags: Mapping[str, Any] | None = None) -> Settings:
        """The settings as these options have them; `flags` win over everything.

        Raises:
            SettingsError: a setting is unknown or has a wrong value.
        """
        from headrace.runtime.settings import load_settings

        return load_settings(config=self.config, flags=flags)

    def chosen(self, own: Format | None) -> Format:
        """The command's own format, else the one in front of it."""
        return own or self.format


#: Which feature of which view of which file: the file by itself, or behind the feature.
FileArgument = Annotated[Path, typer.Argument(help="A feature file.")]
FileOption = Annotated[Path, typer.Option(help="The feature file.")]
ViewOption = Annotated[str, typer.Option(help="Which of its views; needed when there are several.")]
FeatureArgument = Annotated[str, typer.Argument(help="A feature's name; `all` for the whole view.")]
FEATURES = Path("features.py")
FormatOption = Annotated[Format | None, typer.Option("--format", help="How to print the result.", show_default=False)]


OptimizeOption = Annotated[
    str, typer.Option(help="What the job is optimized for: cost, latency or correctness; before what the view says.")
]
FreshnessOption = Annotated[
    str, typer.Option(help="How old a value read online may be, 1s to 1d; before what the view says.")
]


def knob_flags(optimize: str, freshness: str) -> dict[str, Any]:
    """The settings that the knobs on a command line are; none where none is given.

    >>> knob_flags("cost", ""), knob_flags("", "")
    ({'flink': {'optimize': 'cost'}}, {})
    """
    given = {name: value for name, value in (("optimize", optimize), ("freshness", freshness)) if value}
    return {"flink": given} if given else {}


def options_of(context: typer.Context) -> Options:
    """The options in front of the command; the defaults when a command is run by itself in a test."""
    found = context.find_object(Options)
    return found if found is not None else Options()


def instant(option: str, text: str) -> datetime | None:
    """An option's instant; None where it is not given. One without a zone is refused by whoever uses it.

    >>> instant("--at", "2013-11-01T12:00:00Z")
    datetime.datetime(2013, 11, 1, 12, 0, tzinfo=datetime.timezone.utc)
    """
    from headrace.features.instant import instant_from

    return instant_from(option, text) if text else None


def pause_s(option: str, text: str) -> float:
    """An option's duration between two looks, in seconds; SettingsError for what is none, or none at all.

    >>> pause_s("--look", "500ms")
    0.5
    """
    from headrace.features.duration import UNITS_US, parse_duration

    try:
        found = parse_duration(text)
    except DefinitionError as error:
        msg = f"{option} {error}"
        raise SettingsError(msg) from error
    if not found:
        msg = f"{option} {text!r}: expected more than nothing, such as 30s; without a pause it would look all the time"
        raise SettingsError(msg)
    return found / UNITS_US["s"]


def store_flags(option: str, text: str) -> dict[str, Any]:
    """The settings that a store names: `cassandra`, `sqlite`, or `sqlite:PATH`; none where the option is not given.

    >>> store_flags("--store", "sqlite:demo.db"), store_flags("--store", "")
    ({'online': {'store': 'sqlite', 'file': 'demo.db'}}, {})
    """
    if not text:
        return {}
    kind, colon, path = text.partition(":")
    if kind not in {"cassandra", "sqlite"} or (colon and (not path or kind != "sqlite")):
        msg = f"{option} {text!r}: expected cassandra, sqlite or sqlite:PATH"
        raise SettingsError(msg)
    return {"online": {"store": kind, **({"file": path} if path else {})}}
