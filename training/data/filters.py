"""Which rows belong to a split: by comparison, by time, by a share of the entities. Values that say what they keep."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from headrace.errors import ColumnTypeError, DefinitionError, UnknownColumnError, did_you_mean
from headrace.features.duration import UNITS_US
from headrace.features.instant import asked_us, instant_of
from headrace.training.data.comparisons import of_type
from headrace.training.data.hashing import hash_rows

Bools = npt.NDArray[np.bool_]
#: Shares are cut from the upper 32 bits of a hash: finer than any share that a person writes.
SHARE_BITS = 32
#: What entities are hashed with for a split, so that it has nothing to do with the buckets of an encoder.
SPLIT_SALT = "split"
#: Sums of decimal shares such as 0.7 + 0.2 + 0.1 miss 1 by less than this.
SHARE_SLACK = 1e-9
#: What a column is compared with: values that JSON has, so that a version can keep them, and instants and dates.
VALUES = (str, int, float, bool, date)

OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


@runtime_checkable
class RowFilter(Protocol):
    """Rows that belong. Its text says which they are."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it looks at."""

    def expression(self, schema: pa.Schema) -> Any:
        """What holds of every row that is kept, as an Arrow expression for statistics; None where nothing does.

        Raises ColumnTypeError when the columns are of types that it cannot judge.
        """

    def keeps(self, rows: pa.Table) -> Bools:
        """Which of the rows are kept."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows where a column compares so with a value; a row whose column is NULL is left out.

    A value of NumPy is taken for the plain value that it equals, an instant of it, which has no zone, for one in UTC.
    Numbers are compared exactly, whatever the column's type holds; a float beside decimals is the one that it is
    written as. NaN differs from every number, and is none of them.

    Raises DefinitionError for an operator that there is not, and a value that no column can have; RequestError for an
    instant without a zone.

    >>> str(Condition("amt", ">=", np.int64(3)))
    'amt >= 3'
    >>> str(Condition("day", "<", date(2013, 9, 1)))
    'day < 2013-09-01'
    >>> Condition("at", "<", np.datetime64("2013-09-01T00:00")).value
    datetime.datetime(2013, 9, 1, 0, 0, tzinfo=datetime.timezone.utc)
    """

    column: str
    operator: str
    value: str | int | float | bool | datetime | date

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", _plain(self.value))
        if self.operator not in OPERATORS:
            msg = (
                f"condition on {self.column!r}: no operator {self.operator!r}; {did_you_mean(self.operator, OPERATORS)}"
            )
            raise DefinitionError(msg)
        _check_value(self.column, self.value)

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def expression(self, schema: pa.Schema) -> Any:
        """The comparison itself; None where statistics tell nothing of it."""
        type_ = schema.field(self.column).type
        compared = self._compared(pc.field(self.column), type_)
        # Statistics leave NaN out, which differs from the one number that all others may be.
        return None if self.operator == "!=" and pa.types.is_floating(type_) else compared

    def keeps(self, rows: pa.Table) -> Bools:
        """Rows where the comparison holds."""
        values = rows[self.column]
        return _true(self._compared(values, values.type))

    def __str__(self) -> str:
        return f"{self.column} {self.operator} {self.value if _is_date(self.value) else repr(self.value)}"

    def _compared(self, values: Any, type_: pa.DataType) -> Any:
        """The comparison of values of a type; ColumnTypeError for one that the value does not compare with."""
        found = of_type(self.operator, self.value, type_)
        if found is None:
            msg = f"condition {self}: column {self.column!r} is {type_}, which does not compare with {self.value!r}"
            if isinstance(self.value, datetime) and pa.types.is_timestamp(type_):
                msg += "; its times have no zone, so that they are no instants: compare them with a date"
            raise ColumnTypeError(msg)
        operator, value = found
        return OPERATORS[operator](values, value)


@dataclass(frozen=True, slots=True)
class Present:
    """Rows whose column is not NULL.

    >>> str(Present("landed_at"))
    'with landed_at'
    """

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        """The column."""
        return (self.column,)

    def expression(self, schema: pa.Schema) -> Any:
        """That it is valid."""
        del schema  # any type will do
        return pc.field(self.column).is_valid()

    def keeps(self, rows: pa.Table) -> Bools:
        """Rows that have a value."""
        found: Bools = rows[self.column].is_valid().to_numpy()
        return found

    def __str__(self) -> str:
        return f"with {self.column}"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Rows with `from_us <= time < before_us`, in µs of event time; a row without a time is left out.

    The column holds instants, or whole µs since 1970, or dates, each of which stands for the midnight (UTC) at which it
    begins. `before` and `from_` make it of datetimes.

    >>> str(TimeRange("ts", None, 1_000_000))
    'ts < 1970-01-01T00:00:01+00:00'
    """

    column: str
    from_us: int | None
    before_us: int | None

    def __post_init__(self) -> None:
        for name in ("from_us", "before_us"):
            object.__setattr__(self, name, _plain(getattr(self, name)))

    @property
    def columns(self) -> tuple[str, ...]:
        """The column of times."""
        return (self.column,)

    def expression(self, schema: pa.Schema) -> Any:
        """Both bounds, as the column has them."""
        type_ = schema.field(self.column).type
        known = type_ in (pa.int64(), pa.date32())
        if not known and not (pa.types.is_timestamp(type_) and type_.tz):
            msg = f"split {self}: column {self.column!r} is {type_}; expected instants with a zone, dates, or bigint µs"
            raise ColumnTypeError(msg)
        found = pc.field(self.column).is_valid()
        for name, us in self._bounds():
            found &= OPERATORS[name](pc.field(self.column), _instant(us, type_))
        return found

    def keeps(self, rows: pa.Table) -> Bools:
        """Rows within the bounds."""
        times = rows[self.column]
        found: Bools = times.is_valid().to_numpy()
        for name, us in self._bounds():
            found = found & _true(OPERATORS[name](times, _instant(us, times.type)))
        return found

    def __str__(self) -> str:
        bounds = [f"{self.column} {name} {instant_of(us).isoformat()}" for name, us in self._bounds()]
        return " and ".join(bounds) or f"{self.column} is there"

    def _bounds(self) -> list[tuple[str, int]]:
        return [(name, us) for name, us in ((">=", self.from_us), ("<", self.before_us)) if us is not None]


@dataclass(frozen=True, slots=True)
class EntityShare:
    """Rows of a share of the entities: those whose hash lies from `low` to below `high`, as parts of 1.

    An entity has all its rows in one share, in every process and on every platform, and whatever rows come later.
    NULL keys are an entity. `entity_split` makes the shares of a split.

    Raises DefinitionError for edges between which nothing lies.
    """

    keys: tuple[str, ...]
    low: float
    high: float
    salt: str = SPLIT_SALT

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            object.__setattr__(self, name, _plain(getattr(self, name)))
        if not 0 <= self.low < self.high <= 1:
            msg = f"{self}: expected 0 <= low < high <= 1, found {self.low!r} and {self.high!r}"
            raise DefinitionError(msg)

    @property
    def columns(self) -> tuple[str, ...]:
        """The keys."""
        return self.keys

    def expression(self, schema: pa.Schema) -> Any:
        """None: statistics tell nothing of hashes."""
        try:
            hash_rows([pa.array([], schema.field(key).type) for key in self.keys])
        except TypeError as error:
            msg = f"split {self}: {error}"
            raise ColumnTypeError(msg) from error
        return None

    def keeps(self, rows: pa.Table) -> Bools:
        """Rows whose entity is in the share."""
        hashes = hash_rows([rows[key].combine_chunks() for key in self.keys], self.salt) >> np.uint64(SHARE_BITS)
        low, high = (round(edge * 2**SHARE_BITS) for edge in (self.low, self.high))
        found: Bools = (hashes >= low) & (hashes < high)
        return found

    def __str__(self) -> str:
        salted = "" if self.salt == SPLIT_SALT else f" salted {self.salt!r}"
        return f"hash of {', '.join(self.keys)}{salted} in [{_edge(self.low)}, {_edge(self.high)})"


def before(column: str, instant: datetime) -> TimeRange:
    """Rows before an instant; RequestError for one without a zone.

    >>> from datetime import UTC
    >>> str(before("ts", datetime(2013, 9, 1, tzinfo=UTC)))
    'ts < 2013-09-01T00:00:00+00:00'
    """
    return TimeRange(column, None, asked_us(column, instant))


def from_(column: str, instant: datetime) -> TimeRange:
    """Rows at an instant or later; RequestError for one without a zone."""
    return TimeRange(column, asked_us(column, instant), None)


def entity_split(keys: Sequence[str], shares: Mapping[str, float]) -> dict[str, EntityShare]:
    """Shares of entities that have no entity in common; what they lack of 1 belongs to none.

    Raises DefinitionError for no keys, a share that is not above 0, and shares of more than 1 in all.

    >>> [str(one) for one in entity_split(["card"], {"train": 0.8, "valid": 0.1, "test": 0.1}).values()]
    ['hash of card in [0, 0.8)', 'hash of card in [0.8, 0.9)', 'hash of card in [0.9, 1)']
    """
    total = math.fsum(shares.values())
    if not keys or not all(share > 0 for share in shares.values()) or not total <= 1 + SHARE_SLACK:
        msg = (
            f"entity split by {list(keys)!r}: expected keys, and shares above 0 that add to 1 at most; found {shares!r}"
        )
        raise DefinitionError(msg)
    edges = [min(1.0, round(math.fsum(list(shares.values())[:count]), 9)) for count in range(len(shares) + 1)]
    return {name: EntityShare(tuple(keys), edges[place], edges[place + 1]) for place, name in enumerate(shares)}


def check_columns(what: str, columns: Sequence[str], schema: pa.Schema) -> None:
    """UnknownColumnError, with a suggestion, unless all columns are there."""
    for name in columns:
        if name not in schema.names:
            msg = f"{what}: no column {name!r}; {did_you_mean(name, schema.names)}"
            raise UnknownColumnError(msg)


def _plain(value: Any) -> Any:
    """A value of NumPy as the plain one that it equals; as it is where there is none, such as of a nanosecond."""
    if not isinstance(value, np.generic):
        return value
    found = value.item()
    if isinstance(found, datetime):
        return found.replace(tzinfo=UTC)
    return value if isinstance(value, np.datetime64 | np.timedelta64) and not isinstance(found, date) else found


def _is_date(value: object) -> bool:
    """Whether a value is a date, and no instant."""
    return isinstance(value, date) and not isinstance(value, datetime)


def _check_value(column: str, value: object) -> None:
    """DefinitionError for a value that no column can have, such as a number beyond 64 bits, or that JSON cannot say.

    RequestError for an instant without a zone.
    """
    if isinstance(value, datetime):
        asked_us(column, value)
    try:
        pa.scalar(value)
        sound = isinstance(value, VALUES) and (not isinstance(value, float) or math.isfinite(value))
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):
        sound = False
    if not sound:
        msg = f"condition on {column!r}: expected a finite number of at most 64 bits, a text of Unicode, a boolean, a "
        raise DefinitionError(msg + f"date or an instant, found {reprlib.repr(value)}")


def _edge(share: float) -> str:
    """The edge of a share, as short as can be without being another."""
    short = f"{share:.9g}"
    return short if float(short) == share else repr(share)


def _instant(us: int, type_: pa.DataType) -> pa.Scalar:
    """A bound as the column has it: of dates the first that begins then or later."""
    if type_ == pa.date32():
        return pa.scalar(-(-us // UNITS_US["d"]), pa.int32()).cast(type_)
    return pa.scalar(us, type_)


def _true(compared: Any) -> Bools:
    """Where a comparison holds; NULL does not."""
    found: Bools = pc.fill_null(compared, False).to_numpy()
    return found
