"""What a column becomes: numbers, or an index into a table of categories. Each encoder is a value.

A number that is NULL, NaN, infinite or beyond float32 is 0, and 1 in a column beside it that says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple, Protocol, Self
from zoneinfo import available_timezones

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import ColumnTypeError, DefinitionError, did_you_mean
from headrace.training.data.columns import (
    BOOLEAN,
    DATE,
    INSTANT,
    INTEGER,
    NUMBERS,
    TEXT,
    Doubles,
    Floats,
    doubles,
    missing,
)
from headrace.training.data.hashing import hash_rows

Integers = npt.NDArray[np.int64]

#: The index of a category that is NULL, and in a vocabulary that of one that is not in it.
MISSING, UNSEEN = 0, 1
#: A day of the year is counted in years of this many days, the mean of the Gregorian calendar's leap cycle to 1 in 800.
DAYS_OF_YEAR = 365.25


class Encoded(NamedTuple):
    """What a column became: arrays [rows] of numbers, and int64 [rows] of categories.

    Attributes:
        numbers: in 32 or 64 bits; one that is missing is not finite.
        mask: whether behind each of them it is to be told which are missing.
    """

    numbers: Sequence[Floats | Doubles] = ()
    categories: Sequence[Integers] = ()
    mask: bool = False


class Fit(Protocol):
    """Looks at a column, batch by batch."""

    def add(self, values: pa.Array) -> None:
        """Take in some of the column."""

    def fitted(self, column: str) -> FittedEncoder:
        """What was found. Raises DatasetError, naming the column, when nothing can be made of it."""


class Encoder(Protocol):
    """A way to encode a column, not yet fitted."""

    takes: ClassVar[frozenset[str]]

    @property
    def name(self) -> str:
        """What the encoded columns are called, behind the column's name; one column has no two of a name."""

    def check(self, what: str, type_: pa.DataType) -> None:
        """ColumnTypeError, beginning with `what`, for a column of a kind that it takes and yet cannot encode."""

    def fit(self) -> Fit:
        """What looks at the column first."""


class FittedEncoder(Protocol):
    """A way to encode a column, with all that it needs."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """What each of its numbers is, such as `missing`; the number itself is the empty text."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many categories each of its indices may be."""

    def encode(self, values: pa.Array) -> Encoded:
        """Encode some of the column; NumPy may tell of numbers that are too great or none, which is no error."""


class AnyOfItsKinds:
    """An encoder that can encode all columns of the kinds that it takes."""

    def check(self, what: str, type_: pa.DataType) -> None:
        """All is well."""


class _AsItIs(AnyOfItsKinds):
    """An encoder for which nothing is to be found out: unfitted, fitting and fitted are one."""

    def fit(self) -> Self:
        """Itself."""
        return self

    def add(self, values: pa.Array) -> None:
        """Look at nothing."""

    def fitted(self, column: str) -> Self:
        """Itself."""
        return self


class _Numbers:
    """An encoder whose output is one number and, if wanted, whether it is missing."""

    mask: bool

    @property
    def numbers(self) -> tuple[str, ...]:
        """The number, and whether it is missing."""
        return ("", "missing") if self.mask else ("",)

    @property
    def sizes(self) -> tuple[int, ...]:
        """No categories."""
        return ()


@dataclass(frozen=True, slots=True)
class Raw(_AsItIs, _Numbers):
    """A number as it is.

    >>> Raw().encode(pa.array([2, None])).numbers[0].tolist()
    [2.0, nan]
    """

    takes: ClassVar[frozenset[str]] = NUMBERS
    name: ClassVar[str] = "raw"
    mask: bool = True

    def encode(self, values: pa.Array) -> Encoded:
        """The numbers."""
        return Encoded([doubles(values)], mask=self.mask)


@dataclass(frozen=True, slots=True)
class Flag(_AsItIs, _Numbers):
    """A boolean as 0 or 1.

    >>> Flag().encode(pa.array([True, None])).numbers[0].tolist()
    [1.0, nan]
    """

    takes: ClassVar[frozenset[str]] = frozenset({BOOLEAN})
    name: ClassVar[str] = "flag"
    mask: bool = True

    def encode(self, values: pa.Array) -> Encoded:
        """The flags."""
        return Encoded([doubles(values)], mask=self.mask)


@dataclass(frozen=True, slots=True)
class Standardized(_Numbers):
    """A number less the mean of the rows it was fitted on, in units of their deviation.

    >>> Standardized(mean=10.0, deviation=2.0, mask=False).encode(pa.array([14, None])).numbers[0].tolist()
    [2.0, nan]
    """

    mean: float
    deviation: float
    mask: bool

    def encode(self, values: pa.Array) -> Encoded:
        """The standardized numbers."""
        apart = doubles(values) - self.mean
        apart /= self.deviation
        return Encoded([apart], mask=self.mask)


@dataclass(frozen=True, slots=True)
class Hash(_AsItIs):
    """A category as one of `buckets` indices by a stable hash, so that unseen ones need no place; 0 is missing.

    >>> Hash(1000).encode(pa.array(["AA", None, "AA"])).categories[0].tolist()
    [940, 0, 940]
    """

    takes: ClassVar[frozenset[str]] = frozenset({TEXT, INTEGER, BOOLEAN, DATE})
    buckets: int
    salt: str = ""

    def __post_init__(self) -> None:
        at_least_one(self, buckets=self.buckets)

    @property
    def name(self) -> str:
        """Two hashes of one column differ by their buckets or their salt."""
        return "_".join(["hash", str(self.buckets), *([self.salt] if self.salt else [])])

    @property
    def numbers(self) -> tuple[str, ...]:
        """No numbers."""
        return ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The buckets, and missing."""
        return (self.buckets + 1,)

    def encode(self, values: pa.Array) -> Encoded:
        """The indices; of equal values the hash is computed once."""
        encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        hashes = hash_rows([encoded.dictionary], self.salt) % np.uint64(self.buckets) + np.uint64(1)
        indices = np.append(hashes.astype(np.int64), MISSING)
        places = pc.fill_null(encoded.indices, len(encoded.dictionary)).to_numpy(zero_copy_only=False)
        return Encoded(categories=[indices[places]])


@dataclass(frozen=True)
class Known:
    """A category as its index among known values from 2 on; 0 is missing, 1 is any other.

    >>> Known(("AA", "UA")).encode(pa.array(["UA", None, "ZZ"])).categories[0].tolist()
    [3, 0, 1]
    """

    values: tuple[str, ...] | tuple[int, ...]

    @property
    def numbers(self) -> tuple[str, ...]:
        """No numbers."""
        return ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """The values, missing and unseen."""
        return (len(self.values) + UNSEEN + 1,)

    def encode(self, values: pa.Array) -> Encoded:
        """The indices."""
        plain = values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
        places = pc.index_in(plain, value_set=self._as(plain.type))
        found = pc.fill_null(pc.add(places, UNSEEN + 1), UNSEEN).to_numpy(zero_copy_only=False).astype(np.int64)
        found[missing(plain)] = MISSING
        return Encoded(categories=[found])

    def _as(self, type_: pa.DataType) -> pa.Array:
        """The values as a column of a type has them; NULL stands for one that is too great for it, and never met."""
        found = self._set.cast(type_, safe=False)
        if not pa.types.is_integer(type_):
            return found
        return pc.if_else(pc.equal(found.cast(self._set.type, safe=False), self._set), found, None)

    @cached_property
    def _set(self) -> pa.Array:
        text = not self.values or isinstance(self.values[0], str)
        return pa.array(self.values, pa.large_string() if text else pa.int64())


#: What a time is told by: how many of it make a cycle.
PARTS: Mapping[str, float] = {"hour": 24.0, "day_of_week": 7.0, "day_of_year": DAYS_OF_YEAR}


@dataclass(frozen=True, slots=True)
class Dates(_AsItIs):
    """A time on the circles of day, week and year: a sine and a cosine each, in the local time of a zone.

    The hour counts its minutes as parts. Weeks begin on Monday. Dates have no hour. A missing time is 0 on all circles,
    which no time is.

    >>> from datetime import UTC, datetime
    >>> six = pa.array([datetime(2013, 1, 1, 6, tzinfo=UTC)])
    >>> [round(float(one[0]), 3) for one in Dates(parts=("hour",)).encode(six).numbers]
    [1.0, 0.0]
    """

    takes: ClassVar[frozenset[str]] = frozenset({INSTANT, DATE})
    name: ClassVar[str] = "dates"
    zone: str = "UTC"
    parts: tuple[str, ...] = tuple(PARTS)

    def __post_init__(self) -> None:
        for what, known, given in (("part", PARTS, self.parts), ("zone", available_timezones(), (self.zone,))):
            for one in given:
                if one not in known:
                    msg = f"Dates: no {what} {one!r}; {did_you_mean(one, known)}"
                    raise DefinitionError(msg)

    def check(self, what: str, type_: pa.DataType) -> None:
        """ColumnTypeError for the hour of a date."""
        if pa.types.is_date(type_) and "hour" in self.parts:
            msg = f"{what}: a date has no hour; name parts without it, such as {tuple(PARTS)[1:]!r}"
            raise ColumnTypeError(msg)

    @property
    def numbers(self) -> tuple[str, ...]:
        """A sine and a cosine of each part."""
        return tuple(f"{part}_{function}" for part in self.parts for function in ("sin", "cos"))

    @property
    def sizes(self) -> tuple[int, ...]:
        """No categories."""
        return ()

    def encode(self, values: pa.Array) -> Encoded:
        """The places on the circles."""
        local = values.cast(pa.timestamp("us", self.zone)) if pa.types.is_timestamp(values.type) else values
        angles = [2 * np.pi * self._counted(part, local) / PARTS[part] for part in self.parts]
        found = [function(angle) for angle in angles for function in (np.sin, np.cos)]
        return Encoded([np.nan_to_num(one, nan=0.0).astype(np.float32) for one in found])

    def _counted(self, part: str, local: pa.Array) -> Doubles:
        """How many of a part have passed since its cycle began."""
        if part == "hour":
            return doubles(pc.hour(local)) + doubles(pc.minute(local)) / 60
        if part == "day_of_week":
            return doubles(pc.day_of_week(local))
        return doubles(pc.day_of_year(local)) - 1


def at_least_one(encoder: object, **given: int) -> None:
    """DefinitionError, naming the encoder, unless every count is 1 or more."""
    for name, count in given.items():
        if count < 1:
            msg = f"{type(encoder).__name__}: expected {name} of 1 or more; found {count!r}"
            raise DefinitionError(msg)
