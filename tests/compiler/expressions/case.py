"""The shape of a case: an operation as a user writes it, and by hand what it must be on edge values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import ibis

from headrace.features.coercion import finite
from headrace.features.column import column_of
from headrace.features.expression import to_scalar
from headrace.features.place import Place as Line
from headrace.features.scalar import Scalar
from headrace.features.stream import ibis_type


@dataclass
class Place:
    """Where a device is."""

    lat: float | None
    seen: datetime | None
    built: date | None


class Device:
    """What a row was sent from."""

    os: str | None
    version: int | None
    ok: bool | None
    place: Place | None
    marks: list[int | None] | None


class Bag:
    """What somebody carried."""

    cents: int | None
    place: Place | None


#: The columns that every case may use: two of each type, a struct, and a list of each type.
HINTS: dict[str, Any] = {
    "s": str,
    "t": str,
    "i": int,
    "j": int,
    "x": float,
    "y": float,
    "b": bool,
    "c": bool,
    "at": datetime,
    "til": datetime,
    "day": date,
    "due": date,
    "d": Device,
    "tags": list[str | None],
    "ns": list[int | None],
    "xs": list[float | None],
    "bs": list[bool | None],
    "ats": list[datetime | None],
    "days": list[date | None],
    "bags": list[Bag | None],
}
COLUMNS = {name: column_of(name, hint | None, Line(__file__, 1), "case") for name, hint in HINTS.items()}
TABLE = ibis.table({name: ibis_type(column) for name, column in COLUMNS.items()}, name="tx")
NAMES = {"tx": TABLE, "ibis": ibis, "date": date, "datetime": datetime, "timedelta": timedelta, "UTC": UTC}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MIN, MAX = -(2**63), 2**63 - 1
#: Exponentials and the like differ in the last bits between engines: so much, relative to the value.
ROUNDING = 1e-15


@dataclass(frozen=True, slots=True)
class Case:
    """One operation: how it is written, what it means on edges, and rows of inputs, each with the value it must have.

    `reads` names the columns of the inputs. `within` is the relative difference that is allowed, 0 for none.
    """

    operation: str
    write: str
    meaning: str
    reads: str
    rows: tuple[tuple[Any, ...], ...]
    within: float = 0.0

    def expression(self) -> Any:
        """What is written, as ibis has it."""
        return expression_of(self.write)

    def scalar(self) -> Scalar:
        """What is written, as an aggregate reads it."""
        return finite(to_scalar(self.expression()))

    @property
    def is_plain(self) -> bool:
        """Whether it reads no struct and no list."""
        return not any(COLUMNS[name].fields for name in self.reads.split())

    def inputs(self) -> list[dict[str, Any]]:
        """The inputs of each row by column; columns that are not read are None."""
        names = self.reads.split()
        return [dict.fromkeys(COLUMNS) | dict(zip(names, row[:-1], strict=True)) for row in self.rows]

    def values(self) -> list[Any]:
        """What each row must give, as engines compute it."""
        return [held(row[-1]) for row in self.rows]


def expression_of(text: str) -> Any:
    """The ibis expression of a text as users write it."""
    return eval(text, NAMES)  # noqa: S307 (texts of this folder)


def held(value: Any) -> Any:
    """An instant as its µs, a date as its day, anything else as it is."""
    if isinstance(value, datetime):
        return micros(value)
    return value.toordinal() - EPOCH.toordinal() if isinstance(value, date) else value


def micros(instant: datetime) -> int:
    """Whole µs since 1970."""
    return (instant - EPOCH) // timedelta(microseconds=1)
