"""`@transformation`: a function of a stream and a window, traced once into the aggregate it describes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Never, get_type_hints

from headrace.errors import DefinitionError, HeadraceError, did_you_mean
from headrace.features.aggregate import Aggregate, Ratio
from headrace.features.meaning import in_words, meaning_of
from headrace.features.names import check_name
from headrace.features.place import Place, calling_place, place_of_code, place_of_error
from headrace.features.source import Source, SourceSchema
from headrace.features.stream import Stream
from headrace.features.window import CalendarDays, Window, WindowSpec, positive_us

#: What those who look for the mode of a window would call it.
MODE_OPTIONS = frozenset({"mode", "windows", "window_mode", "exact", "tiled"})


@dataclass(frozen=True, slots=True)
class Windowed:
    """A transformation with its windows and its finest tile in µs; no windows: since ever."""

    transformation: Transformation
    windows: tuple[Window, ...]
    tile_us: int | None
    where: Place


class Transformation:
    """A user's function with its name, docstring and place: a feature as it is (since ever) or `.over(...)` windows."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.where = place_of_code(function.__code__)
        self.name = check_name(function.__name__, "transformation", self.where)
        self.description = inspect.getdoc(function) or ""
        self.__doc__ = function.__doc__
        self._aggregate: Aggregate | Ratio | None = None

    def __repr__(self) -> str:
        return f"<transformation {self.name} at {self.where}>"

    def over(self, *windows: str | WindowSpec | CalendarDays, tile: str | None = None, **unknown: Never) -> Windowed:
        """The transformation over one or more windows, each a feature `<name>_<width>`, or `<name>_<width>_lag_<lag>`.

        The width of n calendar days is `<n>cd`, whatever the zone.
        `tile` replaces the view's finest tile for these. DefinitionError for a bad duration, none, or one given twice,
        and for another option.
        """
        where = calling_place()
        for option in unknown:
            msg = f"{where}: {self.name}.over: no option {option!r}; {instead_of(option, ['tile'])}"
            raise DefinitionError(msg)
        found = [Window.of(given, f"{where}: {self.name}.over") for given in windows]
        if not found or len({(window.width_us, window.lag_us, window.zone) for window in found}) != len(found):
            msg = f"{where}: {self.name}.over{windows!r}: expected different windows, such as over('1h', '7d')"
            raise DefinitionError(msg)
        tile_us = None if tile is None else positive_us(tile, f"{where}: {self.name}.over(tile=...)")
        return Windowed(self, tuple(found), tile_us, where)

    def tiled(self, tile: str) -> Windowed:
        """What has no window, in tiles of this width instead of the view's finest: fewer tiles, coarser past times.

        DefinitionError for a bad duration.
        """
        where = calling_place()
        return Windowed(self, (), positive_us(tile, f"{where}: {self.name}.tiled"), where)

    @property
    def source(self) -> SourceSchema:
        """The source named by the annotation of the first parameter."""
        parameters = list(inspect.signature(self.function).parameters)
        try:
            annotated = get_type_hints(self.function).get(parameters[0]) if parameters else None
        except NameError as error:
            msg = f"{self.where}: {self.name}: the annotation of its stream is unknown: {error}"
            raise DefinitionError(msg) from error
        if not (isinstance(annotated, type) and issubclass(annotated, Source)) or len(parameters) > 2:
            msg = f"{self.where}: {self.name} must be written `def {self.name}(tx: YourSource, wspec: WindowSpec)`"
            raise DefinitionError(msg)
        return annotated.schema

    def aggregate(self) -> Aggregate | Ratio:
        """What the function describes, traced on first use; every error names the line that caused it."""
        if self._aggregate is None:
            self._aggregate = self._trace()
        return self._aggregate

    @property
    def takes_window(self) -> bool:
        """Whether the function has a second parameter, the window."""
        return len(inspect.signature(self.function).parameters) > 1

    def _trace(self) -> Aggregate | Ratio:
        """The aggregate that the function returns."""
        found = self._returned()
        if not isinstance(found, Aggregate | Ratio):
            example = "tx.groupby('key').window(wspec).count()"
            msg = f"{self.where}: {self.name} must return an aggregate such as {example}, found {in_words(found)}"
            raise DefinitionError(msg)
        return found

    def _returned(self) -> Any:
        """What the function gives for a stream and, if it takes one, a window."""
        arguments = [Stream.of(self.source), *([WindowSpec()] if self.takes_window else [])]
        try:
            return self.function(*arguments)
        except Exception as error:
            place = place_of_error(error, self.where.file) or self.where
            told = meaning_of(error)
            kind = type(told) if isinstance(told, HeadraceError) else DefinitionError
            msg = f"{place}: {self.name}: {told}{self._hidden()}"
            raise kind(msg) from error

    def _hidden(self) -> str:
        """How to write the source's columns that have the name of a method of streams, if the function reads one."""
        read = self.function.__code__.co_names
        hidden = [one.name for one in self.source.columns if one.name in read and hasattr(Stream, one.name)]
        stream = next(iter(inspect.signature(self.function).parameters))
        written = ", ".join(f"{stream}[{name!r}]" for name in hidden)
        return f"; a column that has the name of a method of streams is written {written}" if hidden else ""


def transformation(function: Callable[..., Any]) -> Transformation:
    """Mark a function of a stream (and a window) as a feature's definition."""
    return Transformation(function)


def instead_of(option: str, known: Iterable[str]) -> str:
    """What to do about an option that is none of the known ones: where windows are chosen to be exact, or its name.

    >>> instead_of("tiles", ["tile"])
    "did you mean 'tile'?"
    """
    if option in MODE_OPTIONS:
        return (
            "exact or tiled is chosen where a value is asked for, by windows= or --windows, and is no part of a "
            "definition (docs/knobs.md)"
        )
    return did_you_mean(option, known)
