"""On-demand features computed over tables: of training sets, and of runs on this machine."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_on_demand import over_relation_sql
from headrace.compiler.plan import PlannedOnDemand
from headrace.connectors.duckdb_files import errors_of


def values_on_demand(
    connection: duckdb.DuckDBPyConnection, view: str, feature: PlannedOnDemand, read: pa.Table
) -> pa.ChunkedArray:
    """The values of a feature, a value for each row of the columns that it reads, in order.

    `connection` goes by UTC, and its `read` is replaced. To open one takes many times as long as a feature of few rows.

    Raises:
        NumericOverflowError: a number is beyond its type.
    """
    rows = read.append_column("_row", pa.array(range(read.num_rows), pa.int64()))
    with errors_of(f"feature {view}:{feature.name}"):
        connection.register("read", rows)
        return connection.sql(f"{over_relation_sql(feature, 'read')} ORDER BY _row").to_arrow_table()[feature.name]
