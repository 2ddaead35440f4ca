"""A view computed on this machine, from a file or a table, without a server: what a feature is while it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, get_args

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_point_in_time import entities_sql, point_in_time_sql
from headrace.compiler.duckdb_sql import judged_sql
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet, key_sets
from headrace.compiler.tiles import WindowMode, ceil_to
from headrace.compiler.verdict import Verdict, possible
from headrace.connectors.duckdb_files import database
from headrace.connectors.frame import html_table
from headrace.errors import RequestError
from headrace.features.instant import asked_us, instant_of
from headrace.pipelines.local_input import open_input
from headrace.pipelines.options import one_of

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable


@dataclass(frozen=True)
class LocalRun:
    """A view's values at one instant.

    Attributes:
        as_of: the instant; no event at or after it counts.
        verdicts: how many rows have each verdict.
        tables: for each kind of entity its keys and features, a row for each entity known by then.
    """

    view: str
    as_of: datetime
    verdicts: Mapping[str, int]
    tables: tuple[pa.Table, ...]

    def _repr_html_(self) -> str:
        """The tables as far as they fit on a page."""
        read = ", ".join(f"{count:,} {name}" for name, count in self.verdicts.items())
        head = f"<p>{escape(self.view)} as of {escape(self.as_of.isoformat())}; rows: {escape(read)}</p>"
        return head + "".join(map(html_table, self.tables))


def run_locally(
    plan: ViewPlan,
    given: str,
    load: Callable[[str], IcebergTable],
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    window_mode: WindowMode = "exact",
    sample: int | None = None,
) -> LocalRun:
    """Compute a view on DuckDB.

    Args:
        plan: the view.
        given: a .csv or .parquet file, the folder of a Delta table, or an Iceberg table `namespace.name`.
        load: finds an Iceberg table by its name.
        features: which of the view's features; by default all.
        as_of: the instant; by default that of `instant_of_run`.
        window_mode: `exact`, or `tiled` as served values are rounded.
        sample: how many of the first rows to read; by default all.

    Raises:
        NotFoundError: no such file, table or feature.
        SchemaMismatchError: the input lacks columns of the source.
        RequestError: no row is accepted, `as_of` has no zone, there is no such mode, or the file cannot be read.
        NumericOverflowError: a number is beyond its type.
    """
    with database(f"view {plan.name}") as connection:
        open_input(connection, plan.source, given, load, sample)
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
    at_us = instant_of_run(plan, as_of, newest_us, window_mode)
    tables = tuple(_values(connection, keys, at_us) for keys in asked_sets(plan, features, window_mode))
    return LocalRun(plan.name, instant_of(at_us), verdicts, tables)


def asked_sets(plan: ViewPlan, features: Sequence[str], window_mode: WindowMode) -> list[KeySet]:
    """The features of a run, all of the view when none is named, by the keys of their entities."""
    names = features or [feature.name for feature in plan.features]
    return key_sets(plan, tuple(AskedFeature(name, plan.feature(name), window_mode=window_mode) for name in names))


def verdicts_of(connection: duckdb.DuckDBPyConnection, plan: ViewPlan) -> tuple[dict[str, int], int | None]:
    """How many rows have each verdict, and the newest accepted event in µs."""
    columns = "_verdict, count(*) AS n, max(_event_us) AS newest_us"
    found = connection.sql(judged_sql(plan, "archive")).aggregate(columns, "_verdict").fetchall()
    counts = {code: count for code, count, _ in found}
    newest = next((event_us for code, _, event_us in found if code == Verdict.ACCEPTED), None)
    return {verdict.label: counts.get(verdict, 0) for verdict in possible(plan.source)}, newest


def instant_of_run(plan: ViewPlan, as_of: datetime | None, newest_us: int | None, window_mode: WindowMode) -> int:
    """The instant in µs: the asked one, else the first at which the newest accepted event counts.

    That is just after it; in mode `tiled`, where an instant is rounded down, the end of its tile.
    """
    if as_of is not None:
        return asked_us("as_of", as_of)
    if newest_us is None:
        msg = f"view {plan.name}: no row of {plan.source.name} is accepted, so there is nothing to compute"
        raise RequestError(msg)
    tile_us = max(group.finest_us for group in plan.groups) if window_mode == "tiled" else 1
    return ceil_to(newest_us + 1, tile_us)


def values_of(connection: duckdb.DuckDBPyConnection, keys: KeySet) -> pa.Table:
    """Keys and features of every row of the table `spine`, in its order."""
    values = connection.sql(point_in_time_sql(keys, "spine", "archive"))
    rows = connection.table("spine").join(values, "_row").order("_row").to_arrow_table()
    return rows.select([*(key.name for key in keys.keys), *(one.name for one in keys.asked)])


def _values(connection: duckdb.DuckDBPyConnection, keys: KeySet, at_us: int) -> pa.Table:
    """Keys and features of every entity."""
    connection.execute(f"CREATE OR REPLACE TABLE spine AS {entities_sql(keys, at_us, 'archive')}")
    return values_of(connection, keys)
