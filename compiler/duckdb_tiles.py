"""The tiles of one group in DuckDB SQL, with their whole cells: what fills a store without Flink.

A relation is one of `duckdb_sql`. A tile says of its entity the newest event time that it folds, as the job's tiles do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial as bound
from typing import Any

from headrace.compiler import buckets, tally
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sketches import rounded_sql
from headrace.compiler.duckdb_sql import arguments_sql, checked_sql, judged_sql, ordered_sql, placed
from headrace.compiler.fold import sketch_of
from headrace.compiler.newest import packed
from headrace.compiler.plan import Partial, TileGroup, ViewPlan
from headrace.compiler.verdict import passes
from headrace.features.scalar import INT

Fields = Callable[[str, Partial, str], tuple[str, ...]]
#: A row as `placed` has it, in the order of `newest.Row`.
ROW = ("value", "us", "partition", "offset")
#: The newest event time, in µs, that a tile folds.
NEWEST = "_last_event_us"


def cells_sql(plan: ViewPlan, group: TileGroup, relation: str) -> str:
    """The tiles of a group, all levels: keys, `level`, `tile_start`, the fields of the cell, `_last_event_us`.

    Where a cell holds bytes there is a list or a map instead, of which `encoders` make them.
    """
    keys = ", ".join(DUCKDB.identifier(key.name) for key in group.keys)
    levels = ", ".join(f"CAST({level} AS BIGINT)" for level in group.levels_us)
    fields = [f"{sql} AS {DUCKDB.identifier(name)}" for name, sql in _fields(plan, group)]
    columns = ",\n  ".join([f"{keys}, _level AS level, _start AS tile_start", *fields, f"max(_event_us) AS {NEWEST}"])
    return (
        f"SELECT {columns}\n"
        f"FROM (SELECT *, _event_us - _event_us % _level AS _start\n"
        f"FROM (SELECT *{ordered_sql(plan)}{arguments_sql(group)}, unnest([{levels}]) AS _level\n"
        f"FROM ({judged_sql(plan, relation)})\n"
        f"WHERE {DUCKDB.emit(passes(group))}))\n"
        f"GROUP BY {keys}, _level, _start"
    )


def encoders(group: TileGroup) -> dict[int, Callable[[Any], bytes | None]]:
    """By the number of a cell's field, what makes its bytes of the list that `cells_sql` gives."""
    names = [field.name for field in group.cell]
    return {names.index(one.name): bound(LISTS[one.kind], one) for one in group.partials if one.kind in LISTS}


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
    return (checked_sql(f"sum({x})", label) if partial.value_type == INT else f"sum({x})",)


def _end(function: str) -> Fields:
    """The first or last row: its value and its place."""
    return lambda x, one, label: tuple(f"{function}({placed(x)}).{part}" for part in ROW)


def _newest(one: Partial, rows: list[Any] | None) -> bytes | None:
    """The newest rows as a cell holds them."""
    return packed([tuple(row[part] for part in ROW) for row in rows], one.value_type) if rows else None


def _buckets(one: Partial, counts: dict[float, int] | None) -> bytes | None:
    """Rounded numbers with their counts as a cell holds them."""
    return buckets.packed(buckets.merged([{buckets.bucket_of(number): n for number, n in (counts or {}).items()}]))


def _tally(one: Partial, counts: dict[Any, int] | None) -> bytes | None:
    """Values with their counts as a cell holds them."""
    return tally.packed(tally.merged([counts or {}], one.value_type), one.value_type)


#: SQL of the fields of each kind of partial: from the argument, the partial and the label of an overflow.
PARTIALS: dict[str, Fields] = {
    "count": lambda x, one, label: (f"count({x})",),
    "sum": _sum,
    "min": lambda x, one, label: (f"min({x})",),
    "max": lambda x, one, label: (f"max({x})",),
    "moments": lambda x, one, label: (f"count({x})", f"avg({x})", f"var_pop({x}) * count({x})"),
    "first": _end("min"),
    "last": _end("max"),
    "newest": lambda x, one, label: (f"max({placed(x)}, {one.size})",),
    "distinct": lambda x, one, label: (f"list(DISTINCT {x}) FILTER ({x} IS NOT NULL)",),
    "buckets": lambda x, one, label: (f"histogram({rounded_sql(x)})",),
    "tally": lambda x, one, label: (f"histogram({x})",),
}
#: What makes a cell's bytes of a list or a map, by the kind of partial.
LISTS: dict[str, Callable[[Partial, Any], bytes | None]] = {
    "newest": _newest,
    "distinct": lambda one, values: sketch_of(values),
    "buckets": _buckets,
    "tally": _tally,
}
