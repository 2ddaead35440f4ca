"""The joins of a plan: which dimensions it reads, by which columns of the source, and what it takes of them.

Each is made once for a row, between the events and their verdict. It adds a column for each column of the dimension
that is read, and one that says whether the row is beyond what the pinned version of the dimension is complete to, which
no row is of a look-up table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headrace.compiler.plan import Column, Location, SourcePlan, ViewPlan, fingerprint_of
from headrace.features.dimension_table import DimensionTable
from headrace.features.scalar import BOOL, DATETIME, Scalar, column
from headrace.features.source import SRC_TIMESTAMP


@dataclass(frozen=True, slots=True)
class Join:
    """A join of the source by some of its columns; `lookups` are the different columns that are read."""

    dimension: DimensionTable
    keys: tuple[Scalar, ...]
    lookups: tuple[Scalar, ...]

    @property
    def beyond(self) -> Scalar:
        """Whether a row is later than what the dimension's version is complete to, and so without an answer."""
        return column(f"{_prefix(self.lookups[0])}_beyond", BOOL)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it adds to a row."""
        return (str(self.beyond.value), *map(column_of, self.lookups))


def joins_of(plan: ViewPlan) -> tuple[Join, ...]:
    """The different joins of a plan, in the order in which its groups read them."""
    found: dict[tuple[DimensionTable, tuple[Scalar, ...]], dict[Scalar, None]] = {}
    for lookup, dimension in _lookups(plan):
        found.setdefault((dimension, lookup.args), {})[lookup] = None
    return tuple(Join(dimension, keys, tuple(lookups)) for (dimension, keys), lookups in found.items())


def dimensions_of(plan: ViewPlan) -> tuple[SourcePlan, ...]:
    """The dimensions of a plan, each as a source of what is read of it: key, event time and the columns looked up."""
    by_table: dict[DimensionTable, list[Join]] = {}
    for join in joins_of(plan):
        by_table.setdefault(join.dimension, []).append(join)
    return tuple(_as_source(table, joins) for table, joins in by_table.items())


def table_of(plan: ViewPlan, dimension: str) -> DimensionTable:
    """The dimension of this name, which the plan joins."""
    return {table.name: table for _, table in _lookups(plan)}[dimension]


def column_of(lookup: Scalar) -> str:
    """The column of a row that holds what was looked up."""
    return f"{_prefix(lookup)}_{lookup.value}"


def words(lookup: Scalar) -> str:
    """A lookup as people read it, such as `Merchants.category(merchant)`."""
    name = lookup.dimension.name if lookup.dimension is not None else ""
    return f"{name}.{lookup.value}({', '.join(key.text() for key in lookup.args)})"


def _prefix(lookup: Scalar) -> str:
    """What the columns of one join begin with."""
    reference = lookup.dimension.reference if lookup.dimension is not None else ""
    return f"_of_{fingerprint_of([reference, [key.text() for key in lookup.args]])}"


def _lookups(plan: ViewPlan) -> Iterator[tuple[Scalar, DimensionTable]]:
    """All lookups in filters and arguments, each with its dimension."""
    for group in plan.groups:
        scalars: Iterable[Scalar | None] = (group.filter, *(partial.argument for partial in group.partials))
        for lookup in (lookup for scalar in scalars if scalar is not None for lookup in scalar.lookups()):
            if lookup.dimension is not None:
                yield lookup, lookup.dimension


def _as_source(table: DimensionTable, joins: Iterable[Join]) -> SourcePlan:
    """A dimension as a source without a live leg; rows of a look-up table have no time but that of their arrival."""
    columns = {} if table.event_time is None else {table.event_time: Column(table.event_time, DATETIME)}
    for join in joins:
        for name, key in zip(table.key, join.keys, strict=True):
            columns[name] = Column(name, key.type)
        for lookup in join.lookups:
            columns.setdefault(str(lookup.value), Column(str(lookup.value), lookup.type))
    return SourcePlan(
        name=table.name,
        columns=tuple(columns[name] for name in sorted(columns)),
        history=Location(table.kind, table.location),
        live=None,
        event_time=table.event_time or SRC_TIMESTAMP,
        arrival_time=SRC_TIMESTAMP,
        max_delay_us=0,
        allowed_lateness_us=0,
        earliest_us=0,
        max_future_us=0,
        zone=table.zone,
        unit=table.unit,
    )
