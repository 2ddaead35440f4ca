"""Dimensions: tables of versions, of which an event sees the one that is in effect at its time, and look-up tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.errors import ColumnTypeError, DefinitionError, UnknownColumnError, did_you_mean
from headrace.features.column import SourceColumn, annotations_of, plain_column_of
from headrace.features.dimension_table import DimensionTable
from headrace.features.place import Place, calling_frame
from headrace.features.scalar import KEY_TYPES
from headrace.features.source import (
    DeltaTable,
    EventTime,
    IcebergTable,
    check_values,
    checked_option,
    duration_of,
    event_time_of,
)

OPTIONS = ("history", "key", "delay")


@dataclass(frozen=True, slots=True)
class DimensionSchema:
    """All that a dimension class declares, as values. `table` is what decides values."""

    name: str
    description: str
    columns: tuple[SourceColumn, ...]
    table: DimensionTable
    where: Place

    def column(self, name: str) -> SourceColumn:
        """The column `name`, which it has."""
        return next(column for column in self.columns if column.name == name)

    @property
    def keys(self) -> tuple[SourceColumn, ...]:
        """The columns by which it is joined."""
        return tuple(map(self.column, self.table.key))

    @property
    def looked_up(self) -> tuple[SourceColumn, ...]:
        """The columns that a join adds: all but the key."""
        return tuple(column for column in self.columns if column.name not in self.table.key)


class Dimension:
    """Base of all dimensions: annotate the columns, mark the time since when a row is valid, name the key.

    A row is a version of its key. Of versions of one key and time the last by position counts. A version of time v is
    in effect for events at or after v + `delay`, and is written before that: `delay` says how late versions may be
    written. DefinitionError for anything that cannot be meant.

    Without an event time it is a look-up table: one row for each key, which holds at all times. Events see the rows of
    the table as it was when a run, or a training set, pinned it.

    >>> from datetime import datetime
    >>> from headrace import event_time
    >>> class Merchants(Dimension):
    ...     history = IcebergTable("ref.merchants")
    ...     key = "merchant"
    ...     delay = "10m"
    ...     merchant: str
    ...     category: str
    ...     valid_from: datetime = event_time()
    >>> [column.name for column in Merchants.schema.looked_up], Merchants.schema.table.delay_us
    (['category', 'valid_from'], 600000000)

    >>> class Countries(Dimension):
    ...     history = IcebergTable("ref.countries")
    ...     key = "code"
    ...     code: str
    ...     continent: str
    >>> Countries.schema.table.is_versioned
    False
    """

    history: ClassVar[IcebergTable | DeltaTable]
    key: ClassVar[str | list[str]]
    delay: ClassVar[str] = "0s"
    schema: ClassVar[DimensionSchema]

    def __init_subclass__(cls) -> None:
        frame = calling_frame()
        where = Place(frame.f_code.co_filename, frame.f_lineno)
        at = f"{where}: dimension {cls.__name__}"
        cls.schema = _schema_of(cls, annotations_of(cls, frame, at), where, at)


def dimensions_in(names: Mapping[str, Any]) -> dict[str, type[Dimension]]:
    """The dimensions among the names of a module, by their own names in lower case."""
    found = (one for one in names.values() if isinstance(one, type) and issubclass(one, Dimension))
    return {one.__name__.lower(): one for one in found if one is not Dimension}


def _schema_of(cls: type[Dimension], hints: Mapping[str, Any], where: Place, at: str) -> DimensionSchema:
    """The checked schema of a dimension class."""
    _check_options(cls, hints, at)
    columns = tuple(plain_column_of(name, hint, where, at) for name, hint in hints.items())
    timed = _time_of(cls, columns, at)
    key = _key_of(cls, columns, at)
    if len(key) == len(columns):
        msg = f"{at}: has no column beside its key, so that joining it adds nothing"
        raise DefinitionError(msg)
    history = _history_of(cls, at)
    table = DimensionTable(
        name=cls.__name__,
        kind="delta" if isinstance(history, DeltaTable) else "iceberg",
        location=history.path if isinstance(history, DeltaTable) else history.name,
        key=key,
        event_time=timed[0] if timed else None,
        delay_us=duration_of(cls, "delay", at),
        zone=timed[1].zone if timed else None,
        unit=timed[1].unit if timed else None,
    )
    return DimensionSchema(cls.__name__, (cls.__dict__.get("__doc__") or "").strip(), columns, table, where)


def _check_options(cls: type[Dimension], hints: Mapping[str, Any], at: str) -> None:
    """Refuse misspelt options, options that are columns, and values for plain columns."""
    for name in (name for name in OPTIONS if name in hints):
        msg = f"{at}: {name!r} is an option of dimensions and cannot be a column; rename the column"
        raise DefinitionError(msg)
    check_values(cls, hints, OPTIONS, (EventTime,), at)


def _time_of(cls: type[Dimension], columns: tuple[SourceColumn, ...], at: str) -> tuple[str, EventTime] | None:
    """Name and settings of the event time; None of a look-up table, which has no `delay` either."""
    if any(isinstance(value, EventTime) for value in vars(cls).values()):
        return event_time_of(cls, columns, at)
    if "delay" in vars(cls):
        msg = (
            f"{at}: delay = {cls.delay!r} says how late versions may be written, and without an event time there are "
            "none: leave it out, or mark the column since when a row is valid (`since: datetime = event_time()`)"
        )
        raise DefinitionError(msg)
    return None


def _history_of(cls: type[Dimension], at: str) -> IcebergTable | DeltaTable:
    """Where the rows lie."""
    if getattr(cls, "history", None) is None:
        msg = f"{at}: no rows; set `history = IcebergTable(...)` or `history = DeltaTable(...)`"
        raise DefinitionError(msg)
    found: IcebergTable | DeltaTable = checked_option(cls, "history", (IcebergTable, DeltaTable), at)
    return found


def _key_of(cls: type[Dimension], columns: tuple[SourceColumn, ...], at: str) -> tuple[str, ...]:
    """The names of the key's columns."""
    given = getattr(cls, "key", None)
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or len(set(names)) != len(names):
        msg = f"{at}: key = {given!r}; expected a column's name, or a list of different ones"
        raise DefinitionError(msg)
    found = {column.name: column for column in columns}
    for name in names:
        if name not in found:
            msg = f"{at}: key {name!r} is no column; {did_you_mean(str(name), found)}"
            raise UnknownColumnError(msg)
        if found[name].type not in KEY_TYPES:
            msg = f"{at}: key {name!r} is {found[name].type}; a key must be {', '.join(sorted(KEY_TYPES))}"
            raise ColumnTypeError(msg)
    return tuple(names)
