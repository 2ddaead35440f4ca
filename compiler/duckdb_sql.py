"""From a plan to DuckDB SQL: the same verdict and the same features, for prototypes, recounts and tests.

A relation is any SQL that can stand after FROM and has the archive's columns, event time as TIMESTAMPTZ.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from collections.abc import Callable, Sequence

from headrace.compiler.calls import Call, calls_of, column_of, columns_of
from headrace.compiler.copies import contents, copied, place
from headrace.compiler.duckdb_days import Days, DayTables
from headrace.compiler.duckdb_lookups import joined_sql
from headrace.compiler.duckdb_scalar import DUCKDB, as_value
from headrace.compiler.duckdb_sketches import quantile_sql, quantiles_sql, top_k_sql
from headrace.compiler.lookups import joins_of
from headrace.compiler.plan import Column, PlannedFeature, TileGroup, ViewPlan
from headrace.compiler.scalar_sql import text_literal
from headrace.compiler.tables import BLOCK
from headrace.compiler.tiles import WindowMode
from headrace.compiler.verdict import Verdict, arrival_us, call_layers, event_us, folds, judged, passes, verdict
from headrace.features.coercion import finite
from headrace.features.function import FAIL
from headrace.features.scalar import FLOAT, INT, Scalar, element_type

#: The parameter `$at_us` as a column, where windows of calendar days need it.
AT = "_at_us"
#: Functions that add numbers or their squares up; all others give one of the values, rounded at most, or a count.
ADDING = frozenset({"sum", "mean", "std", "var"})


def judged_sql(plan: ViewPlan, relation: str, apart: Sequence[Column] = ()) -> str:
    """All rows of a relation with `_event_us`, `_arrival_us` and `_verdict`.

    Of copies, which agree in columns that set rows `apart` as well, the first to arrive is accepted.
    """
    alone = judged_alone_sql(plan, relation)
    if plan.source.unique_by is None:
        return alone
    same = [DUCKDB.identifier(one.name) for one in apart] + [DUCKDB.emit(one) for one in contents(plan.source)]
    order = f"PARTITION BY _verdict, {', '.join(same)} ORDER BY _arrival_us, _src_partition, _src_offset"
    again = f"{DUCKDB.emit(copied(plan.source, judged(Verdict.ACCEPTED)))} AND row_number() OVER ({order}) > 1"
    once = f"CASE WHEN {again} THEN {int(Verdict.DUPLICATE)} ELSE _verdict END AS _verdict"
    return f"SELECT * REPLACE ({once})\nFROM ({alone})"


def conflicts_sql(plan: ViewPlan, relation: str) -> str:
    """The ids of which accepted rows are no copies of one another, with how many different ones there are."""
    names = [f"_same{number}" for number, _ in enumerate(contents(plan.source))]
    same = ", ".join(f"{DUCKDB.emit(one)} AS {name}" for one, name in zip(contents(plan.source), names, strict=True))
    counted = DUCKDB.emit(copied(plan.source, judged(Verdict.ACCEPTED)))
    return (
        f"SELECT {names[0]} AS id, count(*) AS n\n"
        f"FROM (SELECT {same} FROM ({judged_sql(plan, relation)}) WHERE {counted})\n"
        "GROUP BY id HAVING count(*) > 1 ORDER BY id"
    )


def ordered_sql(plan: ViewPlan) -> str:
    """What follows `*` so that a row's position is what orders events of one time."""
    moved = {name: sql for name, sql in place(plan.source, DUCKDB).items() if sql != DUCKDB.identifier(name)}
    return f" REPLACE ({', '.join(f'{sql} AS {name}' for name, sql in moved.items())})" if moved else ""


def judged_alone_sql(plan: ViewPlan, relation: str) -> str:
    """All rows as of `judged_sql`, with the verdict that each has by itself: copies too are accepted."""
    event, arrival = DUCKDB.emit(event_us(plan.source)), DUCKDB.emit(arrival_us(plan.source))
    rows = f"SELECT *, {event} AS _event_us, {arrival} AS _arrival_us\nFROM {relation}"
    for join in joins_of(plan):
        rows = joined_sql(join, rows)
    for layer in call_layers(plan):
        calls = ",\n  ".join(f'{_call_sql(call, asked)} AS "{column_of(call)}"' for call, asked in layer.items())
        rows = f"SELECT *,\n  {calls}\nFROM ({rows})"
    return f"SELECT *, {DUCKDB.emit(verdict(plan))} AS _verdict\nFROM ({rows})"


def judged_columns(plan: ViewPlan) -> tuple[str, ...]:
    """The columns that `judged_sql` adds to a relation's."""
    joined = [name for join in joins_of(plan) for name in join.columns]
    return ("_event_us", "_arrival_us", *joined, *map(column_of, calls_of(plan)), "_verdict")


def _call_sql(call: Scalar, asked: Scalar) -> str:
    """A call by its name, with whether it is made, its columns and, where it may fail, the row's place."""
    made = Call.of(call)
    places = ["_src_partition", "_src_offset"] if made.function.on_error == FAIL else []
    return f"{made.name}({', '.join([*map(DUCKDB.emit, (asked, *columns_of(call))), *places])})"


def offset_tiles_sql(plan: ViewPlan, relation: str) -> str:
    """The ledger recounted: by topic, partition and block, with the columns of `offset_tiles`."""
    accepted, late, dead, duplicate = (DUCKDB.emit(judged(each)) for each in Verdict)
    folded = DUCKDB.emit(folds(plan))
    return (
        f"SELECT _src_topic AS topic, _src_partition AS partition, _src_offset // {BLOCK} AS block, count(*) AS n,\n"
        "  min(_src_offset) AS min_offset, max(_src_offset) AS max_offset, sum(_src_offset) AS sum_offset,\n"
        f"  sum((_src_offset % {BLOCK}) * (_src_offset % {BLOCK})) AS sum_sq,\n"
        f"  count(*) FILTER ({accepted}) AS accepted, count(*) FILTER ({late}) AS late,\n"
        f"  count(*) FILTER ({dead}) AS dead_lettered, count(*) FILTER ({duplicate}) AS duplicate,\n"
        f"  count(*) FILTER ({accepted} AND _folded = 0) AS filtered,\n"
        "  CAST(sum(_folded) AS BIGINT) AS folded\n"
        f"FROM (SELECT *, {folded} AS _folded FROM ({judged_sql(plan, relation)}))\n"
        "GROUP BY topic, partition, block"
    )


def recount_sql(plan: ViewPlan, relation: str) -> str:
    """Rows folded into each group: `group_fingerprint, n`; `n` is what the group's finest tiles must sum to."""
    judged = judged_sql(plan, relation)
    counts = [
        f"SELECT '{group.fingerprint}' AS group_fingerprint, count(*) AS n\nFROM judged\nWHERE {_passes(group)}"
        for group in plan.groups
    ]
    return f"WITH judged AS ({judged})\n" + "\nUNION ALL\n".join(counts)


def features_sql(plan: ViewPlan, group: TileGroup, relation: str, mode: WindowMode = "exact") -> str:
    """The features of a group at the parameter `$at_us`, one row for every key seen before it.

    Mode `exact`: `at - window <= event_time < at`. Mode `tiled`: what the tiles hold, `at` rounded down to the finest.
    A ratio may read a second group over the same keys; then a key that either has seen has a row.
    """
    features = plan.features_of(group)
    read = [plan.group(name) for name in dict.fromkeys(part.group for one in features for part in one.parts)]
    days = DayTables((Days.of(part, AT) for one in features for part in one.parts), plan.source.earliest_us)

    def part_sql(part: PlannedFeature) -> str:
        return _value(plan, read, part, mode, days)

    values = [f"{feature_sql(one, part_sql)} AS {DUCKDB.identifier(one.name)}" for one in features]
    keys = _keys(group)
    columns = ",\n  ".join([keys, *values])
    return (
        f"{days.before_select}SELECT {columns}\n"
        f"FROM ({days.dated(_rows(plan, read, relation, asked=bool(days.tables)))})\n"
        f"WHERE _event_us < {_end(group, mode)}\n"
        f"GROUP BY {keys}"
    )


def arguments_sql(group: TileGroup, prefix: str = "", *, alone: bool = True) -> str:
    """The arguments of the group's aggregates as columns to stand in a SELECT, each after a comma.

    Where the group is not `alone`, rows that its filter leaves out are there too, and of these nothing is computed: it
    might be beyond the numbers, which the filter may be there to prevent.
    """
    arguments: dict[str, Scalar] = {partial.argument.text(): partial.argument for partial in group.partials}
    names = group.argument_columns
    return "".join(
        f",\n  {_guarded(group, finite(argument), alone=alone)} AS {prefix}{names[text]}"
        for text, argument in arguments.items()
    )


def _guarded(group: TileGroup, argument: Scalar, *, alone: bool) -> str:
    """An argument, of the rows of its group only."""
    sql = DUCKDB.emit(argument)
    return sql if alone or group.filter is None else f"CASE WHEN {_passes(group)} THEN {sql} END"


def feature_sql(feature: PlannedFeature, part_sql: Callable[[PlannedFeature], str]) -> str:
    """A feature's value from the SQL of what it is made of: that itself, or the ratio of two."""
    values = [part_sql(part) for part in feature.parts]
    if not feature.operands:
        return values[0]
    return ratio_sql(*values, of_floats=any(part.type == FLOAT for part in feature.operands))


def ratio_sql(numerator: str, denominator: str, *, of_floats: bool) -> str:
    """One number by another; NULL where there is no finite quotient, which integers by integers always have."""
    quotient = f"CAST({numerator} AS DOUBLE) / NULLIF(CAST({denominator} AS DOUBLE), 0)"
    return finite_sql(quotient) if of_floats else quotient


def finite_sql(number: str) -> str:
    """A number; NULL where it is no finite one. DuckDB computes an aggregate that is written twice once."""
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def value_sql(plan: ViewPlan, feature: PlannedFeature, within: str, prefix: str = "") -> str:
    """An aggregate's value over the columns of `arguments_sql`; `within` follows each function (FILTER, OVER)."""
    group = plan.group(feature.group)
    argument = "*"
    if feature.partials:
        argument = prefix + group.argument_columns[group.partial(feature.partials[0]).argument.text()]
    sql = AGGREGATES[feature.function](argument, within, feature, plan)
    return as_value(feature.type, finite_sql(sql) if _may_leave_floats(feature, group) else sql)


def floor_sql(at: str, tile_us: int) -> str:
    """An instant rounded down to a tile; `%` alone would round up before 1970."""
    return f"(({at}) - ((({at}) % {tile_us}) + {tile_us}) % {tile_us})"


def _may_leave_floats(feature: PlannedFeature, group: TileGroup) -> bool:
    """Whether an aggregate of finite numbers may be none itself; integers would leave BIGINT before."""
    return feature.function in ADDING and group.partial(feature.partials[0]).value_type == FLOAT


def _keys(group: TileGroup) -> str:
    """The quoted key columns."""
    return ", ".join(DUCKDB.identifier(key.name) for key in group.keys)


def _passes(group: TileGroup) -> str:
    """Whether an accepted row belongs to the group."""
    return DUCKDB.emit(passes(group))


def _rows(plan: ViewPlan, read: list[TileGroup], relation: str, *, asked: bool) -> str:
    """The rows of some groups with the arguments of each; where it is `asked`, with the instant too."""
    arguments = "".join(arguments_sql(one, _prefix(read, one), alone=len(read) == 1) for one in read)
    members = "".join(f",\n  {_passes(one)} AS _in{number}" for number, one in enumerate(read) if len(read) > 1)
    at = f",\n  $at_us AS {AT}" if asked else ""
    return (
        f"SELECT *{ordered_sql(plan)}{arguments}{members}{at}\n"
        f"FROM ({judged_sql(plan, relation)})\n"
        f"WHERE {' OR '.join(map(_passes, read))}"
    )


def _prefix(read: list[TileGroup], group: TileGroup) -> str:
    """What the columns of a group's arguments begin with; nothing where no other group is read."""
    return f"_g{read.index(group)}" if len(read) > 1 else ""


def _value(plan: ViewPlan, read: list[TileGroup], part: PlannedFeature, mode: WindowMode, days: DayTables) -> str:
    """The SQL of one aggregate over its window."""
    group, dated = plan.group(part.group), Days.of(part, AT)
    first, end = days.bounds(dated) if dated else (_start(part, mode), _end(group, mode, part.lag_us))
    bounds = [f"_in{read.index(group)}"] if len(read) > 1 else []
    if part.window_us is not None:
        bounds.append(f"_event_us >= {first}")
    if part.lag_us:
        bounds.append(f"_event_us < {end}")
    return value_sql(plan, part, f"FILTER ({' AND '.join(bounds) or 'TRUE'})", _prefix(read, group))


def _end(group: TileGroup, mode: WindowMode, lag_us: int = 0) -> str:
    """The first event time after a window that ends so long before `$at_us`."""
    end = f"($at_us - {lag_us})" if lag_us else "$at_us"
    return end if mode == "exact" else floor_sql(end, group.finest_us)


def _start(feature: PlannedFeature, mode: WindowMode) -> str:
    """The first event time that a window holds."""
    start = f"$at_us - {(feature.window_us or 0) + feature.lag_us}"
    return f"({start})" if mode == "exact" or feature.tail_us is None else floor_sql(start, feature.tail_us)


def _sum(x: str, within: str, feature: PlannedFeature, plan: ViewPlan) -> str:
    """A sum; of integers it is a HUGEINT first, and an error that names the feature when it is no BIGINT."""
    total = f"sum({x}) {within}"
    if feature.function == "sum" and feature.type != INT:
        return total
    return _checked(total, feature, plan)


def _checked(total: str, feature: PlannedFeature, plan: ViewPlan) -> str:
    """A feature's sum as BIGINT, or an error that names the feature."""
    return checked_sql(total, f"feature {plan.name}.{feature.name}: the sum")


def checked_sql(total: str, what: str) -> str:
    """A HUGEINT as BIGINT, or an error that says what is beyond it."""
    message = text_literal(f"{what} is beyond BIGINT")
    fits = f"{total} BETWEEN -9223372036854775808 AND 9223372036854775807"
    return f"CASE WHEN {total} IS NULL THEN NULL WHEN {fits} THEN CAST({total} AS BIGINT) ELSE error({message}) END"


def _mean(x: str, within: str, feature: PlannedFeature, plan: ViewPlan) -> str:
    """A mean: the checked sum by the count, both as DOUBLE."""
    partial = plan.group(feature.group).partial(feature.partials[0])
    total = f"sum({x}) {within}"
    total = _checked(total, feature, plan) if partial.value_type == INT else total
    return f"CAST({total} AS DOUBLE) / NULLIF(count({x}) {within}, 0)"


def placed(x: str) -> str:
    """A value behind its place, so that the greatest is the newest; `last(x ORDER BY ...)` takes no frame."""
    return f"{{'us': _event_us, 'partition': _src_partition, 'offset': _src_offset, 'value': {x}}}"


Aggregate = Callable[[str, str, PlannedFeature, ViewPlan], str]
AGGREGATES: dict[str, Aggregate] = {
    "count": lambda x, within, feature, plan: f"count({x}) {within}",
    "sum": _sum,
    "mean": _mean,
    "min": lambda x, within, feature, plan: f"min({x}) {within}",
    "max": lambda x, within, feature, plan: f"max({x}) {within}",
    "std": lambda x, within, feature, plan: f"stddev_samp({x}) {within}",
    "var": lambda x, within, feature, plan: f"var_samp({x}) {within}",
    "first": lambda x, within, feature, plan: f"(min({placed(x)}) {within}).value",
    "last": lambda x, within, feature, plan: f"(max({placed(x)}) {within}).value",
    "last_n": lambda x, within, feature, plan: f"[row.value FOR row IN max({placed(x)}, {feature.size}) {within}]",
    "count_distinct": lambda x, within, feature, plan: f"count(DISTINCT {x}) {within}",
    "quantile": lambda x, within, feature, plan: quantile_sql(x, within, *feature.per_million),
    "quantiles": lambda x, within, feature, plan: quantiles_sql(x, within, feature.per_million),
    "top_k": lambda x, within, feature, plan: top_k_sql(x, within, element_type(feature.type), feature.size),
}
