"""The tiles of one group in DuckDB SQL, with their whole cells: what fills a store without Flink.

A relation is one of `duckdb_sql`. A tile says of its entity the newest event time that it folds, as the job's tiles do.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import arguments_sql, judged_sql
from headrace.compiler.plan import Partial, TileGroup, ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.verdict import passes
from headrace.features.scalar import INT

#: The newest event time, in µs, that a tile folds.
NEWEST = "_last_event_us"


def cells_sql(plan: ViewPlan, group: TileGroup, relation: str) -> str:
    """The tiles of a group, all levels: keys, `level`, `tile_start`, the fields of the cell, `_last_event_us`.

    A distinct set is a list of the different values, of which `fold.sketch_of` makes what a cell holds.
    """
    keys = ", ".join(DUCKDB.identifier(key.name) for key in group.keys)
    levels = ", ".join(f"CAST({level} AS BIGINT)" for level in group.levels_us)
    fields = [f"{sql} AS {DUCKDB.identifier(name)}" for name, sql in _fields(plan, group)]
    columns = ",\n  ".join(
        [f"{keys}, level, _event_us - _event_us % level AS tile_start", *fields, f"max(_event_us) AS {NEWEST}"]
    )
    return (
        f"SELECT {columns}\n"
        f"FROM (SELECT *{arguments_sql(group)}\n"
        f"FROM ({judged_sql(plan, relation)})\n"
        f"WHERE {DUCKDB.emit(passes(group))}), (SELECT unnest([{levels}]) AS level)\n"
        f"GROUP BY {keys}, level, tile_start"
    )


def _fields(plan: ViewPlan, group: TileGroup) -> list[tuple[str, str]]:
    """Name and SQL of every field of the cell, in order."""
    found = [("n", "count(*)")]
    for partial in group.partials:
        argument = group.argument_columns[partial.argument.text()]
        values = PARTIALS[partial.kind](argument, partial, f"view {plan.name}: the sum {partial.name}")
        found += zip((field.name for field in partial.fields), values, strict=True)
    return found


def _sum(x: str, partial: Partial, label: str) -> tuple[str]:
    """A sum; of integers an error when it leaves BIGINT."""
    if partial.value_type != INT:
        return (f"sum({x})",)
    message = text_literal(f"{label} is beyond BIGINT")
    fits = f"sum({x}) BETWEEN -9223372036854775808 AND 9223372036854775807"
    return (
        f"CASE WHEN sum({x}) IS NULL THEN NULL WHEN {fits} THEN CAST(sum({x}) AS BIGINT) ELSE error({message}) END",
    )


def _last(x: str, partial: Partial, label: str) -> tuple[str, ...]:
    """The newest row: its value and its place."""
    place = "{'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': " + x + "}"
    return tuple(f"max({place}).{part}" for part in ("value", "us", "partition", "offset"))


Fields = Callable[[str, Partial, str], tuple[str, ...]]
#: SQL of the fields of each kind of partial: from the argument, the partial and the label of an overflow.
PARTIALS: dict[str, Fields] = {
    "count": lambda x, partial, label: (f"count({x})",),
    "sum": _sum,
    "min": lambda x, partial, label: (f"min({x})",),
    "max": lambda x, partial, label: (f"max({x})",),
    "moments": lambda x, partial, label: (f"count({x})", f"avg({x})", f"var_pop({x}) * count({x})"),
    "last": _last,
    "distinct": lambda x, partial, label: (f"list(DISTINCT {x}) FILTER ({x} IS NOT NULL)",),
}
