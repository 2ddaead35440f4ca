"""What a transformation ends in: an aggregate of one column per entity, or the ratio of two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from headrace.errors import ColumnTypeError, DefinitionError
from headrace.features.column import SourceColumn
from headrace.features.fraction import MILLION
from headrace.features.scalar import BOOL, FLOAT, INT, NUMERIC, STR, TIMES, Scalar, list_of

ANY = frozenset({STR, INT, FLOAT, BOOL}) | TIMES

#: Which arguments each function takes, and the type of its value (None: the argument's).
FUNCTIONS: dict[str, tuple[frozenset[str], str | None]] = {
    "count": (ANY, INT),
    "sum": (NUMERIC, None),
    "mean": (NUMERIC, FLOAT),
    "min": (NUMERIC | TIMES, None),
    "max": (NUMERIC | TIMES, None),
    "std": (NUMERIC, FLOAT),
    "var": (NUMERIC, FLOAT),
    "first": (ANY, None),
    "last": (ANY, None),
    "last_n": (frozenset({STR, INT, FLOAT, BOOL}), None),
    "count_distinct": (frozenset({STR, INT, BOOL}) | TIMES, INT),
    "quantile": (NUMERIC, FLOAT),
    "quantiles": (NUMERIC, FLOAT),
    "top_k": (frozenset({STR, INT, BOOL}), None),
}
#: Functions whose value is a list.
LISTS = frozenset({"last_n", "quantiles", "top_k"})
RATIO = "ratio"
#: A list has so many values at most: more belong in a table.
LIST_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Written:
    """The ibis expressions of an aggregate as its user wrote them: its conditions, all of which hold, and argument."""

    conditions: tuple[Any, ...] = ()
    argument: Any = None


AS_IT_IS = Written()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """What a transformation describes: `function` of `argument` per key, over rows that pass `filter`.

    `argument` None counts rows; `size` is the n of `last_n` and the k of `top_k`, `per_million` the shares of quantiles
    in millionths. `windowed` False is over all that happened since ever. `a / b` is a `Ratio`. `written` is for people,
    and decides nothing.
    """

    function: str
    keys: tuple[SourceColumn, ...]
    filter: Scalar | None
    argument: Scalar | None
    windowed: bool
    size: int = 0
    per_million: tuple[int, ...] = ()
    written: Written = field(default=AS_IT_IS, compare=False, repr=False)

    @property
    def type(self) -> str:
        """The type of its value."""
        type_ = FUNCTIONS[self.function][1] or (self.argument.type if self.argument else INT)
        return list_of(type_) if self.function in LISTS else type_

    @property
    def constants(self) -> list[Any]:
        """What its verb was called with.

        >>> Aggregate("quantiles", (), None, None, True, per_million=(500_000, 990_000)).constants
        [[0.5, 0.99]]
        """
        shares: list[Any] = [share / MILLION for share in self.per_million]
        if shares and self.function in LISTS:
            return [shares]
        return shares or ([self.size] if self.size else [])

    @property
    def parts(self) -> tuple[Aggregate, ...]:
        """The aggregates that its value is made of."""
        return (self,)

    @property
    def scalars(self) -> tuple[Scalar, ...]:
        """Its filter and its argument, as far as it has them."""
        return tuple(scalar for scalar in (self.filter, self.argument) if scalar is not None)

    def __truediv__(self, other: Any) -> Ratio:
        return _ratio(self, other)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One aggregate by another of the same entity: a float; NULL where either is NULL or the denominator is 0."""

    numerator: Aggregate
    denominator: Aggregate
    type = FLOAT
    function = RATIO

    @property
    def keys(self) -> tuple[SourceColumn, ...]:
        """What names the entity."""
        return self.numerator.keys

    @property
    def windowed(self) -> bool:
        """Whether both are over the windows of `.over(...)`."""
        return self.numerator.windowed

    @property
    def parts(self) -> tuple[Aggregate, ...]:
        """The aggregates that its value is made of."""
        return (self.numerator, self.denominator)


def _ratio(numerator: Aggregate, denominator: Any) -> Ratio:
    """The checked ratio."""
    if not isinstance(denominator, Aggregate):
        msg = f"{numerator.function}() / {denominator!r}: expected another aggregate; scale the column instead"
        raise DefinitionError(msg)
    what = f"{numerator.function}() / {denominator.function}()"
    names = [[key.name for key in aggregate.keys] for aggregate in (numerator, denominator)]
    if names[0] != names[1]:
        msg = f"{what}: grouped by {names[0]} and by {names[1]}; a ratio is of one entity"
        raise DefinitionError(msg)
    if numerator.windowed != denominator.windowed:
        msg = f"{what}: one has a window and the other has none; write .window(wspec) in both or in neither"
        raise DefinitionError(msg)
    for aggregate in (numerator, denominator):
        if aggregate.type not in NUMERIC:
            msg = f"{what}: {aggregate.function}() is {aggregate.type}; a ratio is of numbers"
            raise ColumnTypeError(msg)
    return Ratio(numerator, denominator)
