"""What DuckDB's own plan reads of a history's files for a feature at rows of a spine: columns, and filters on them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.explain import Step, filter_texts
from headrace.compiler.known import filters_of
from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.point_in_time import KeySet
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.iceberg import IcebergTable
from headrace.pipelines.local_run import asked_sets
from headrace.pipelines.source_rows import use_archives

PART = "on DuckDB"
#: DuckDB takes a condition into a scan that is on one column, or several such as all hold.
BESIDE = "asked right behind the scan, before the verdict: DuckDB takes none of it into the scan"


@dataclass(frozen=True, slots=True)
class FileScan:
    """A scan of files in DuckDB's plan: the columns that it reads, and the filters that it applies to them itself."""

    columns: tuple[str, ...]
    filters: tuple[str, ...]


def duckdb_steps(plan: ViewPlan, feature: str, histories: Sequence[IcebergTable]) -> list[Step]:
    """What DuckDB reads of the newest snapshots of a source's parts, for one feature in a training set or a local run.

    DuckDB leaves out the rules that the files' own statistics settle, and the columns that nothing else needs. In a
    scan an `optional` condition skips row groups, and is asked again behind it.
    """
    found = plan.feature(feature)
    with view_database(plan) as connection:
        use_archives(connection, plan.source, (history.relation(connection) for history in histories))
        (asked,) = asked_sets(plan, (feature,), "exact")
        connection.execute(f"CREATE TABLE spine AS {_one_row(asked.keys.keys)}")
        scans = file_scans(connection, point_in_time_sql(asked.keys, "spine", "archive"))
    read = [
        Step(PART, "projection", f"pushed into the scan: {len(scan.columns)} columns: {', '.join(scan.columns)}")
        for scan in scans
    ]
    pushed = dict.fromkeys(one for scan in scans for one in scan.filters if _is_of_filter(one, asked.keys))
    whole = f"pushed into the scan: {', '.join(pushed)}" if pushed else BESIDE
    return [*read, *(Step(PART, "filter", text) for text in filter_texts(plan, found, whole))]


def _is_of_filter(text: str, keys: KeySet) -> bool:
    """Whether a condition of a scan is of features' filters, and not that keys are there or rows are sound."""
    read = {name for one in filters_of(keys.deciding) for name in one.columns()}
    names = read - {key.name for key in keys.keys} or read
    return any(name in re.findall(r"\w+", text) for name in names)


def file_scans(
    connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any] | None = None
) -> list[FileScan]:
    """The scans of Parquet files in the plan of a query, in the plan's order."""
    ((_, text),) = connection.execute(f"EXPLAIN (FORMAT json) {query}", dict(parameters or {})).fetchall()
    return [
        FileScan(_texts(node, "Projections"), _texts(node, "Filters"))
        for root in json.loads(text)
        for node in _nodes(root)
        if node["extra_info"].get("Function") == "PARQUET_SCAN"
    ]


def _one_row(keys: Sequence[Column]) -> str:
    """A spine to plan for, of which nothing is asked."""
    names = "".join(f", CAST(NULL AS {DUCKDB.type_of(key)}) AS {DUCKDB.identifier(key.name)}" for key in keys)
    return f"SELECT CAST(0 AS BIGINT) AS _row, CAST(0 AS BIGINT) AS _t{names}"


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A node of a plan and all below it."""
    yield node
    for child in node["children"]:
        yield from _nodes(child)


def _texts(node: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """What a node tells under a name: one text, several, or nothing."""
    found = node["extra_info"].get(name, [])
    return (found,) if isinstance(found, str) else tuple(found)
