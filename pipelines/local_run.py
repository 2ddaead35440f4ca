"""A view computed on this machine, from a file or a table, without a server: what a feature is while it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, get_args

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_point_in_time import entities_sql, point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import judged_sql
from headrace.compiler.plan import Column, PlannedOnDemand, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet, key_sets
from headrace.compiler.tiles import WindowMode, ceil_to
from headrace.compiler.verdict import Verdict, judged, possible, reason
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.frame import html_table, nullable_frame
from headrace.errors import RequestError, did_you_mean
from headrace.features.instant import asked_us, instant_of
from headrace.pipelines.local_dimensions import open_dimensions
from headrace.pipelines.local_input import Given, Rows, open_input
from headrace.pipelines.on_demand import values_on_demand
from headrace.pipelines.options import one_of

if TYPE_CHECKING:
    import pandas as pd

    from headrace.connectors.iceberg import IcebergTable

#: How many reasons of dead letters are told.
REASONS = 3
#: What a reason says of a time that does not tell its instant, and what to do where no row does.
WITHOUT_OFFSET = "with an offset from UTC"
ZONE_HINT = "; set event_time(zone=...), the zone that such times are in"


@dataclass(frozen=True)
class LocalRun:
    """A view's values at one instant.

    Attributes:
        as_of: the instant; no event at or after it counts.
        verdicts: how many rows have each verdict.
        tables: for each kind of entity its keys and features, a row for each entity known by then.
        left_out: the features that no entity alone has a value of, with the reason.
        reasons: why rows are dead letters, and how many for each; the most frequent only.
        places: for each reason the first row by partition and offset, which in a file is the row from 0.
    """

    view: str
    as_of: datetime
    verdicts: Mapping[str, int]
    tables: tuple[pa.Table, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def read(self) -> str:
        """How many rows got which verdict, and why rows are dead letters, in words."""
        return rows_in_words(self.verdicts, self.reasons, self.places)

    def to_arrow(self, feature: str = "") -> pa.Table:
        """Keys and features as an Arrow table; where entities are of several kinds, the table that a feature is in.

        Raises:
            RequestError: entities are of several kinds and no feature is named, or one that was not computed.
        """
        found = [table for table in self.tables if not feature or feature in table.column_names]
        if len(found) == 1:
            return found[0]
        if found:
            wanted = ", ".join(repr(table.column_names[-1]) for table in found)
            msg = f"view {self.view}: entities are of {len(found)} kinds; name a feature of the wanted one, as {wanted}"
        else:
            names = [name for table in self.tables for name in table.column_names]
            msg = f"view {self.view}: no feature {feature!r} was computed; {did_you_mean(feature, names)}"
        raise RequestError(msg)

    def to_pandas(self, feature: str = "") -> pd.DataFrame:
        """The same as a DataFrame with nullable types, so that NULL is neither NaN nor 0; errors as `to_arrow`'s."""
        return nullable_frame(self.to_arrow(feature))

    def _repr_html_(self) -> str:
        """The tables as far as they fit on a page, and what is in none of them."""
        head = f"<p>{escape(self.view)} as of {escape(self.as_of.isoformat())}; rows: {escape(self.read)}</p>"
        without = "".join(f"<p>{escape(f'{name} is left out: it {why}')}</p>" for name, why in self.left_out.items())
        return head + without + "".join(map(html_table, self.tables))


def run_locally(
    plan: ViewPlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    window_mode: WindowMode = "exact",
    sample: int | None = None,
    dimensions: Mapping[str, Rows] = MappingProxyType({}),
) -> LocalRun:
    """Compute a view on DuckDB.

    Args:
        plan: the view.
        given: a .csv or .parquet file, a Delta table's folder or URL, or an Iceberg table `namespace.name`; of a union
            one for each source, by its name.
        load: finds an Iceberg table by its name.
        features: which of the view's features; by default all.
        as_of: the instant; by default that of `instant_of_run`.
        window_mode: `exact`, or `tiled` as served values are rounded.
        sample: how many of the first rows to read; by default all.
        dimensions: by name, rows, a file or a table to read instead of a dimension's own.

    Raises:
        NotFoundError: no such file, table or feature.
        SchemaMismatchError: the input lacks columns of the source.
        RequestError: no row is accepted, `as_of` has no zone, there is no such mode, or the file cannot be read.
        NumericOverflowError: a number is beyond its type.
    """
    with view_database(plan) as connection:
        open_input(connection, plan.source, given, load, sample)
        open_dimensions(connection, plan, dimensions, load)
        return run_in(connection, plan, features=features, as_of=as_of, window_mode=window_mode)


def run_in(
    connection: duckdb.DuckDBPyConnection,
    plan: ViewPlan,
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    window_mode: WindowMode = "exact",
) -> LocalRun:
    """Compute a view in a database that has the relation `archive`; arguments and errors are `run_locally`'s."""
    one_of("windows", window_mode, get_args(WindowMode))
    verdicts, newest_us = verdicts_of(connection, plan)
    at_us = instant_of_run(connection, plan, as_of, (verdicts, newest_us), window_mode)
    tables = tuple(_values(connection, asked, at_us) for asked in asked_sets(plan, features, window_mode))
    told = reasons_of(connection, plan, verdicts)
    return LocalRun(plan.name, instant_of(at_us), verdicts, tables, left_out(plan, features), *told)


@dataclass(frozen=True, slots=True)
class AskedSet:
    """Features of a run that describe the same kind of entity.

    Attributes:
        keys: what is computed of events: those with tiles, and what those on demand read.
        names: the features, in the order asked.
    """

    keys: KeySet
    names: tuple[str, ...]

    @property
    def on_demand(self) -> list[PlannedOnDemand]:
        """Those that are computed of the others."""
        return [one for one in self.keys.plan.on_demand if one.name in self.names]

    def parts(self, name: str) -> list[AskedFeature]:
        """What is computed of events for a feature: itself, or what it reads."""
        read = self.keys.plan.tiled_inputs(name)
        return [one for one in self.keys.asked if one.name in read]


def asked_sets(plan: ViewPlan, features: Sequence[str], window_mode: WindowMode) -> list[AskedSet]:
    """The features of a run, by the keys of their entities: by default all that each entity has a value of.

    Raises:
        NotFoundError: there is no such feature.
        RequestError: a feature that is named has no value of an entity alone.
    """
    reasons = left_out(plan, ())
    for name in features:
        plan.any_feature(name)
        if name in reasons:
            msg = f"view {plan.name}: feature {name!r} {reasons[name]}; ask a training set or an online read for it"
            raise RequestError(msg)
    kinds: dict[tuple[Column, ...], list[str]] = {}
    for name in features or [name for name in plan.names if name not in reasons]:
        kinds.setdefault(plan.keys_of(plan.any_feature(name)), []).append(name)
    return [_asked_set(plan, tuple(names), window_mode) for names in kinds.values()]


def left_out(plan: ViewPlan, features: Sequence[str]) -> dict[str, str]:
    """The features that a run of all leaves out, with the reason; none where features are named."""
    if features:
        return {}
    found: dict[str, str] = {}
    for one in plan.on_demand:
        if one.request:
            found[one.name] = f"takes {', '.join(column.name for column in one.request)} of a request"
        elif len({plan.keys_of(plan.feature(name)) for name in one.inputs}) > 1:
            found[one.name] = "is of entities of several kinds"
    return found


def _asked_set(plan: ViewPlan, names: tuple[str, ...], window_mode: WindowMode) -> AskedSet:
    """Features of one kind of entity, with what they read."""
    read = [each for name in names for each in plan.tiled_inputs(name)]
    asked = [AskedFeature(name, plan.feature(name), window_mode=window_mode) for name in dict.fromkeys(read)]
    (keys,) = key_sets(plan, tuple(asked))
    return AskedSet(keys, names)


def verdicts_of(connection: duckdb.DuckDBPyConnection, plan: ViewPlan) -> tuple[dict[str, int], int | None]:
    """How many rows have each verdict, and the newest accepted event in µs."""
    columns = "_verdict, count(*) AS n, max(_event_us) AS newest_us"
    found = connection.sql(judged_sql(plan, "archive")).aggregate(columns, "_verdict").fetchall()
    counts = {code: count for code, count, _ in found}
    newest = next((event_us for code, _, event_us in found if code == Verdict.ACCEPTED), None)
    return {verdict.label: counts.get(verdict, 0) for verdict in possible(plan.source)}, newest


def reasons_of(
    connection: duckdb.DuckDBPyConnection, plan: ViewPlan, verdicts: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, tuple[int, int]]]:
    """Why rows are dead letters, the most frequent reasons first, and partition and offset of the first row of each."""
    if not verdicts[Verdict.DEAD_LETTER.label]:
        return {}, {}
    why = f"{DUCKDB.emit(reason(plan))} AS why, (_src_partition, _src_offset) AS place"
    letters = connection.sql(judged_sql(plan, "archive")).filter(DUCKDB.emit(judged(Verdict.DEAD_LETTER)))
    counted = letters.project(why).aggregate("why, count(*) AS n, min(place) AS first", "why")
    found = counted.order("n DESC, why").limit(REASONS).fetchall()
    return {why: count for why, count, _ in found}, {why: place for why, _, place in found}


def rows_in_words(
    verdicts: Mapping[str, int], reasons: Mapping[str, int], places: Mapping[str, tuple[int, int]]
) -> str:
    """How many rows got which verdict, and why rows are dead letters, in brackets.

    >>> rows_in_words({"accepted": 1, "late": 0, "dead_letter": 2}, {"tid is missing": 2}, {"tid is missing": (0, 7)})
    '1 accepted, 0 late, 2 dead_letter (tid is missing (2, first partition 0, offset 7))'
    """
    counted = ", ".join(f"{count:,} {name}" for name, count in verdicts.items())
    told = "; ".join(_reason_in_words(why, count, *places[why]) for why, count in reasons.items())
    return counted + (f" ({told})" if told else "")


def instant_of_run(
    connection: duckdb.DuckDBPyConnection,
    plan: ViewPlan,
    as_of: datetime | None,
    judged_rows: tuple[Mapping[str, int], int | None],
    window_mode: WindowMode,
) -> int:
    """The instant in µs: the asked one, else the first at which the newest accepted event counts.

    That is just after it; in mode `tiled`, where an instant is rounded down, the end of its tile. `judged_rows` is what
    `verdicts_of` gives.

    Raises:
        RequestError: the instant has no zone; or none is asked and no row is accepted, with the reasons.
    """
    if as_of is not None:
        return asked_us("as_of", as_of)
    verdicts, newest_us = judged_rows
    if newest_us is None:
        reasons, places = reasons_of(connection, plan, verdicts)
        read = rows_in_words(verdicts, reasons, places)
        msg = (
            f"view {plan.name}: no row of {plan.source.name} is accepted, so there is nothing to compute; rows: {read}"
        )
        raise RequestError(msg + (ZONE_HINT if any(WITHOUT_OFFSET in why for why in reasons) else ""))
    tile_us = max(group.finest_us for group in plan.groups) if window_mode == "tiled" else 1
    return ceil_to(newest_us + 1, tile_us)


def values_of(connection: duckdb.DuckDBPyConnection, asked: AskedSet) -> pa.Table:
    """Keys and features of every row of the table `spine`, in its order."""
    keys = asked.keys
    values = connection.sql(point_in_time_sql(keys, "spine", "archive"))
    rows = connection.table("spine").join(values, "_row").order("_row").to_arrow_table()
    for one in asked.on_demand:
        read = rows.select(list(one.inputs))
        rows = rows.append_column(one.name, values_on_demand(connection, keys.plan.name, one, read))
    return rows.select([*(key.name for key in keys.keys), *asked.names])


def _reason_in_words(why: str, count: int, partition: int, offset: int) -> str:
    """A reason, how many rows have it, and where the first of them is."""
    place = f"partition {partition}, offset {offset}"
    return f"{why} ({count:,}, first {place})" if count > 1 else f"{why} ({place})"


def _values(connection: duckdb.DuckDBPyConnection, asked: AskedSet, at_us: int) -> pa.Table:
    """Keys and features of every entity."""
    connection.execute(f"CREATE OR REPLACE TABLE spine AS {entities_sql(asked.keys, at_us, 'archive')}")
    return values_of(connection, asked)
