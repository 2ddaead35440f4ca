"""On-demand features of a request: computed from what was read of the store, and from what the request brings.

The SQL is that of training sets, run by DuckDB in this process: an expression has one meaning, not one for each reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

import duckdb

from headrace.compiler.duckdb_on_demand import columns_read, over_lists_sql
from headrace.compiler.plan import PlannedOnDemand, ViewPlan
from headrace.connectors.duckdb_files import in_utc
from headrace.errors import NumericOverflowError
from headrace.features.instant import instant_of, instant_us
from headrace.features.reference import Reference
from headrace.features.scalar import DATETIME, FLOAT
from headrace.serving.answering import AskedFeature, ServedView
from headrace.serving.request import RequestColumn
from headrace.serving.result import FeatureValue
from headrace.serving.windows import status_of

#: Kept statements: a caller asks for few sets of features, again and again.
STATEMENTS = 256
#: What DuckDB says of a number, or an instant, that is beyond its type.
BEYOND = (duckdb.OutOfRangeException, duckdb.ConversionException)
#: What DuckDB takes in another form than callers give it.
CONVERTED: Mapping[str, Callable[[Any], Any]] = {DATETIME: instant_us, FLOAT: float}

Rows = Sequence[Mapping[str, Any]]
Columns = Mapping[Reference, Sequence[FeatureValue]]


@dataclass(frozen=True, slots=True)
class AskedOnDemand:
    """An on-demand feature of a request, and the features with tiles that it reads."""

    reference: Reference
    view: ServedView
    feature: PlannedOnDemand
    inputs: tuple[AskedFeature, ...]

    @classmethod
    def of(cls, reference: Reference, view: ServedView) -> AskedOnDemand:
        """An on-demand feature of a view."""
        feature = view.on_demand[reference.feature]
        places = [Reference(reference.view, name) for name in feature.inputs]
        return cls(reference, view, feature, tuple(AskedFeature.of(place, view) for place in places))

    @property
    def request(self) -> list[RequestColumn]:
        """What the request must bring."""
        return [RequestColumn(column, str(self.reference)) for column in self.feature.request]


def read_for(asked: Iterable[AskedFeature | AskedOnDemand]) -> list[AskedFeature]:
    """What must be read of the store, each feature once."""
    found = (part for one in asked for part in (one.inputs if isinstance(one, AskedOnDemand) else (one,)))
    return list({one.reference: one for one in found}.values())


class OnDemandValues:
    """Computes on-demand features. Safe to share between threads; DuckDB starts with the first value."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._statements: dict[tuple[str, ...], duckdb.Statement] = {}

    def of(self, asked: Sequence[AskedOnDemand], read: Columns, rows: Rows) -> dict[Reference, list[FeatureValue]]:
        """Each feature with its value for each entity row, from what was read.

        Raises:
            NumericOverflowError: a number or an instant is beyond its type; the message names the feature.
        """
        found: dict[Reference, list[FeatureValue]] = {}
        for view in {one.reference.view: one.view for one in asked}.values():
            members = [one for one in asked if one.reference.view == view.plan.name]
            values = self.values(view.plan, [one.feature for one in members], _lists(members, read, rows))
            found |= {one.reference: list(_valued(one, each, read)) for one, each in zip(members, values, strict=True)}
        return found

    def values(
        self, plan: ViewPlan, features: Sequence[PlannedOnDemand], lists: Mapping[str, Sequence[Any]]
    ) -> list[list[Any]]:
        """The values of features of one view, from the values of each column that they read, in the same order."""
        with self._lock:
            try:
                rows = self._executed(plan, features, lists)
            except BEYOND as error:
                raise self._named(plan, features, lists) or error from error
        columns = zip(*rows, strict=True)
        return [_typed(plan.name, one, column) for one, column in zip(features, columns, strict=True)]

    def _executed(
        self, plan: ViewPlan, features: Sequence[PlannedOnDemand], lists: Mapping[str, Sequence[Any]]
    ) -> list[tuple[Any, ...]]:
        """A row of values for each row."""
        types = columns_read(plan, features)
        if self._connection is None:
            self._connection = in_utc()
            # Most of the time goes into planning: threads and optimizing cost more than a request has work for.
            self._connection.execute("SET threads = 1")
            self._connection.execute("PRAGMA disable_optimizer")
        place = (plan.name, plan.version, *(one.name for one in features))
        if place not in self._statements:
            if len(self._statements) >= STATEMENTS:
                self._statements.clear()
            self._statements[place] = self._connection.extract_statements(over_lists_sql(features, types))[0]
        given = [_plain(lists[name], type_) for name, type_ in types.items()]
        return self._connection.execute(self._statements[place], given).fetchall()

    def _named(
        self, plan: ViewPlan, features: Sequence[PlannedOnDemand], lists: Mapping[str, Sequence[Any]]
    ) -> NumericOverflowError | None:
        """The error of the first feature that has one by itself."""
        for one in features:
            try:
                self._executed(plan, [one], lists)
            except BEYOND as error:
                return NumericOverflowError(f"feature {plan.name}:{one.name}: {error}")
        return None


def _lists(asked: Sequence[AskedOnDemand], read: Columns, rows: Rows) -> dict[str, list[Any]]:
    """The values of each column that features read: what the store gave, and what the request brought."""
    places = dict.fromkeys(part.reference for one in asked for part in one.inputs)
    names = dict.fromkeys(column.name for one in asked for column in one.feature.request)
    found = {place.feature: [value.value for value in read[place]] for place in places}
    return found | {name: [row[name] for row in rows] for name in names}


def _valued(one: AskedOnDemand, values: Sequence[Any], read: Columns) -> Iterator[FeatureValue]:
    """Values with the status that their inputs give them; as fresh as the stalest of these."""
    inputs = [read[part.reference] for part in one.inputs]
    for row, value in enumerate(values):
        parts = [column[row] for column in inputs]
        yield FeatureValue(value, status_of(part.status for part in parts), _stalest(parts))


def _stalest(parts: Sequence[FeatureValue]) -> datetime | None:
    """The oldest of the newest events; None where there is none, or of one entity nothing is known."""
    times = [part.last_event_time for part in parts]
    known = [time for time in times if time is not None]
    return min(known) if known and len(known) == len(times) else None


def _plain(values: Sequence[Any], type_: str) -> list[Any]:
    """Values as a list for DuckDB: instants as µs, and floats that a request gives as integers as floats."""
    convert = CONVERTED.get(type_)
    return list(values) if convert is None else [None if value is None else convert(value) for value in values]


def _typed(view: str, feature: PlannedOnDemand, column: Sequence[Any]) -> list[Any]:
    """Values of DuckDB as those of the language."""
    if feature.type != DATETIME:
        return list(column)
    try:
        return [None if us is None else instant_of(us) for us in column]
    except OverflowError as error:
        msg = f"feature {view}:{feature.name}: an instant is beyond the years 1 to 9999"
        raise NumericOverflowError(msg) from error
