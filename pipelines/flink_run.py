"""A view computed on this machine by Flink: its job over the rows at hand, and what would be served of the tiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_point_in_time import entities_sql
from headrace.compiler.plan import ViewPlan
from headrace.connectors.duckdb_functions import view_database
from headrace.features.instant import instant_of
from headrace.pipelines.flink_tiles import FlinkEngine, FlinkTiles, folded_by_flink
from headrace.pipelines.local_dimensions import open_dimensions
from headrace.pipelines.local_input import Given, Rows, open_input
from headrace.pipelines.local_run import (
    AskedSet,
    LocalRun,
    asked_sets,
    instant_of_run,
    left_out,
    reasons_of,
    verdicts_of,
)

if TYPE_CHECKING:
    from headrace.connectors.iceberg import IcebergTable

#: Why no exact windows can be asked for.
ONLY_TILED = "Flink keeps tiles, of which only windows in mode tiled can be had"


def run_on_flink(
    plan: ViewPlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    engine: FlinkEngine,
    *,
    features: Sequence[str] = (),
    as_of: datetime | None = None,
    sample: int | None = None,
    dimensions: Mapping[str, Rows] = MappingProxyType({}),
) -> LocalRun:
    """Compute a view on Flink, in mode `tiled`, which is all that tiles can be asked for.

    Arguments and errors are those of `local_run.run_locally`; also JobError. The entities are those that are known by
    the rows, as on DuckDB.
    """
    opened = folded_input(
        plan, given, load, engine, features=features, as_of=as_of, sample=sample, dimensions=dimensions
    )
    with opened as (connection, tiles, at_us):
        sets = asked_sets(plan, features, "tiled")
        tables = tuple(_served(connection, tiles, asked, at_us) for asked in sets)
        told, without = reasons_of(connection, plan, tiles.verdicts), left_out(plan, features)
        return LocalRun(plan.name, instant_of(at_us), tiles.verdicts, tables, without, *told)


@contextmanager
def folded_input(
    plan: ViewPlan,
    given: Given,
    load: Callable[[str], IcebergTable],
    engine: FlinkEngine,
    *,
    features: Sequence[str],
    as_of: datetime | None,
    sample: int | None,
    dimensions: Mapping[str, Rows],
) -> Iterator[tuple[duckdb.DuckDBPyConnection, FlinkTiles, int]]:
    """The input opened as the relation `archive`, its tiles by Flink, and the instant in µs.

    Arguments and errors as `run_on_flink`'s; what cannot be asked is refused before Flink starts.
    """
    asked_sets(plan, features, "tiled")
    with view_database(plan) as connection:
        open_input(connection, plan.source, given, load, sample)
        open_dimensions(connection, plan, dimensions, load)
        at_us = instant_of_run(connection, plan, as_of, verdicts_of(connection, plan), "tiled")
        with folded_by_flink(connection, plan, engine) as tiles:
            yield connection, tiles, at_us


def _served(connection: duckdb.DuckDBPyConnection, tiles: FlinkTiles, asked: AskedSet, at_us: int) -> pa.Table:
    """Keys and features of every entity that is known before the instant."""
    spine = connection.sql(entities_sql(asked.keys, at_us, "archive")).order("_row").to_arrow_table()
    entities = spine.select([key.name for key in asked.keys.keys])
    values = tiles.values(asked.names, entities.to_pylist(), instant_of(at_us))
    return pa.table({**_columns(entities), **_columns(values)})


def _columns(rows: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(rows.column_names, rows.columns, strict=True))
