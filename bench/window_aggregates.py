"""The aggregates that windows are measured with: as a view asks for them, and as DuckDB is asked for them by hand."""

# ruff: noqa: S608 (the names are ours)
from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import duckdb
import pyarrow as pa

from headrace.bench.outputs import TILE
from headrace.compiler.build import plan_view
from headrace.compiler.merge import merge_feature
from headrace.compiler.plan import ViewPlan
from headrace.features.load import load_views

VIEWS = Path(__file__).with_name("views")
#: The aggregate that the files of the views have, for which another one is put.
WRITTEN = "sum(cents)"


class AggregateName(StrEnum):
    """The aggregates by name."""

    SUM = "sum"
    STD = "std"
    LAST = "last"
    COUNT_DISTINCT = "count_distinct"
    QUANTILE = "quantile"


@dataclass(frozen=True)
class WindowAggregate:
    """An aggregate of cents in a view and in DuckDB, whose values of one tile agree within a share of DuckDB's."""

    called: str
    by_hand: str
    tolerance: float = 0.0


#: Quantiles are of numbers by their first seven binary digits. A deviation's last digits hang on the order of the rows.
AGGREGATES: Mapping[AggregateName, WindowAggregate] = {
    AggregateName.SUM: WindowAggregate(WRITTEN, WRITTEN),
    AggregateName.STD: WindowAggregate("std(cents)", "stddev_samp(cents)", 1e-9),
    AggregateName.LAST: WindowAggregate("last(cents)", "arg_max(cents, (us, _src_partition, _src_offset))"),
    AggregateName.COUNT_DISTINCT: WindowAggregate("count_distinct(cents)", "count(DISTINCT cents)"),
    AggregateName.QUANTILE: WindowAggregate("quantile(cents, 0.5)", "quantile_disc(cents, 0.5)", 1 / 128),
}


def planned(view: str, aggregate: WindowAggregate, folder: Path) -> ViewPlan:
    """The plan of a view of the folder `views` with this aggregate; its file is written into a folder of the caller."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(VIEWS / "cards.py", folder)
    file = folder / f"{view}.sql"
    file.write_text((VIEWS / file.name).read_text().replace(WRITTEN, aggregate.called))
    return plan_view(load_views(file).views[view])


def tile_values(connection: duckdb.DuckDBPyConnection, plan: ViewPlan, log: str) -> str:
    """The newest version of each tile in a log: a relation with the columns of a tile, `n`, and its `value`.

    The value is what an online read makes of this one cell.
    """
    newest = f"QUALIFY row_number() OVER (PARTITION BY {TILE} ORDER BY n DESC) = 1"
    tiles = connection.sql(f"SELECT {TILE}, n, cell FROM {log} {newest}").to_arrow_table()
    (part,) = plan.features[0].parts
    values = [merge_feature(part, [cell]) for cell in tiles["cell"].to_pylist()]
    # Cents stay whole numbers in a float: no tile holds 2^53 of them.
    found = tiles.drop_columns(["cell"]).append_column("value", pa.array(values, pa.float64()))
    connection.register("tile_values", found)
    return "tile_values"


def by_hand(rows: str, aggregate: WindowAggregate, levels_us: Sequence[int]) -> str:
    """The same of some rows by DuckDB: one GROUP BY a level."""
    read = f"(SELECT *, epoch_us(ts) AS us FROM {rows})"
    tiles = [
        f"SELECT cc_num, {level}::BIGINT AS level, us - us % {level} AS tile_start,"
        f" count(*) AS n, {aggregate.by_hand}::DOUBLE AS value FROM {read} GROUP BY ALL"
        for level in levels_us
    ]
    return f"({' UNION ALL '.join(tiles)})"


def within(found: str, expected: str, tolerance: float) -> str:
    """The found tiles, each with the expected value where its own is within a share of that."""
    near = f"abs(f.value - e.value) <= {tolerance} * abs(e.value)"
    columns = "f.cc_num, f.level, f.tile_start, f.n"
    value = f"CASE WHEN {near} THEN e.value ELSE f.value END AS value"
    return f"(SELECT {columns}, {value} FROM {found} AS f LEFT JOIN {expected} AS e USING ({TILE}))"
