"""Feature values at the rows of a spine, in DuckDB SQL: what each entity looked like just before each row's time.

Events and spine rows of an entity are sorted together once, and every window is a frame over that order: no join per
key, whose cost would be quadratic where few keys have most of the events. What the newest event alone decides takes no
frame, but an ASOF join. A spine is a relation with `_row` (unique), `_t` (the row's time in µs; no event at or after it
counts) and the keys.

With `known_by="arrival"` a frame may hold an event that had not arrived. For the rows where it does, and for these
alone, the values are computed over a join instead.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from headrace.compiler.copies import place
from headrace.compiler.duckdb_days import Days, DayTables
from headrace.compiler.duckdb_known import known_by_sql, narrowed_sql
from headrace.compiler.duckdb_newest import is_read_again, names_of, newest_events_sql, number_of
from headrace.compiler.duckdb_scalar import DUCKDB, as_value
from headrace.compiler.duckdb_sql import (
    arguments_sql,
    feature_sql,
    floor_sql,
    judged_alone_sql,
    judged_sql,
    value_sql,
)
from headrace.compiler.lookups import words
from headrace.compiler.plan import PlannedFeature, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, Bounds, KeySet
from headrace.compiler.verdict import Verdict, judged, passes

#: What dates an event.
TIMES = ("_event_us", "_arrival_us")


def point_in_time_sql(keys: KeySet, spine: str, relation: str) -> str:
    """`_row`, `_seen_us` and a column for each feature, one row for each row of the spine.

    `_seen_us` is the newest event of the entity that the row may know; NULL, and all values with it, for an entity that
    is not known yet. `relation` has the columns of the archive.
    """
    if keys.known_by == "arrival":
        return _by_arrival(keys, spine, relation)
    newest = tuple(asked for asked in keys.asked if _is_newest(keys, asked))
    windowed = tuple(asked for asked in keys.asked if asked not in newest)
    events = _events(keys, relation)
    if not windowed:
        kept = "NOT MATERIALIZED" if is_read_again(keys.plan) else "MATERIALIZED"
        return f"WITH _events AS {kept} ({events})\n{_newest(keys, newest, spine, relation)}"
    framed = "WITH " + ",\n".join(
        [*_days(keys).tables, f"_events AS ({events})", f"_sorted AS ({_sorted(keys, spine)})"]
    )
    if not newest:
        return f"{framed}\n{_framed(keys, windowed, '_row IS NOT NULL')}"
    names = "".join(f", {DUCKDB.identifier(asked.name)}" for asked in keys.asked)
    return (
        f"{framed}\nSELECT _row, _framed._seen_us{names}\n"
        f"FROM ({_framed(keys, windowed, '_row IS NOT NULL')}) AS _framed\n"
        f"JOIN ({_newest(keys, newest, spine, relation)}) AS _newest USING (_row)"
    )


def evidence_sql(keys: KeySet, asked: AskedFeature, spine: str, relation: str) -> str:
    """The archive's rows behind a feature's value, after `_row`, for each row of the spine, in the order of events.

    None are behind a value that is too old to be one. What the feature looked up for each is beside its columns, as
    `Merchants.category(merchant)`. Those of a union have their topic, by which their source is known.
    """
    one = KeySet(keys.plan, (asked,), keys.known_by, keys.apart)
    columns = ", ".join(DUCKDB.identifier(column.name) for column in keys.plan.source.columns)
    within = " OR ".join(_within(one, part) for part in asked.parts)
    parts = [*_days(one).tables, f"_events AS ({_events(one, relation, '*')})", f"_known AS ({_known(one, spine)})"]
    order = ", ".join(place(keys.plan.source, DUCKDB).values())
    topic = "_src_topic, " if keys.plan.source.members else ""
    return (
        "WITH " + ",\n".join(parts) + "\n"
        f"SELECT _row, {columns}{_looked_up(keys, asked)}, {topic}_src_partition, _src_offset, "
        "make_timestamptz(_arrival_us) AS _arrival\n"
        f"FROM _known\nWHERE ({within}) AND {_holds(asked)}\nORDER BY _row, _event_us, {order}"
    )


def entities_sql(keys: KeySet, at_us: int, relation: str, sample: int | None = None) -> str:
    """A spine of all entities that are known before an instant (µs), at that instant, ordered by their keys.

    `sample`: of so many only, those whose keys have the least MD5.
    """
    names = ", ".join(names_of(keys))
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names_of(keys))
    chosen = "" if sample is None else f"\nORDER BY md5(concat_ws('/', {texts})), {names} LIMIT {sample}"
    return (
        f"SELECT row_number() OVER (ORDER BY {names}) - 1 AS _row, CAST({at_us} AS BIGINT) AS _t, {names}\n"
        f"FROM (SELECT DISTINCT {names} FROM ({_events(keys, relation)}) WHERE _event_us < {at_us}{chosen})"
    )


def covered_sql(plan: ViewPlan, spine: str, relation: str) -> str:
    """Whether some event is no later than the first row of the spine, so that no row is before the first event.

    Answered from a few rows where history has such an event and its files are in the order of time.
    """
    time = DUCKDB.identifier(plan.source.event_time)
    early = f"SELECT * FROM {relation} WHERE {time} <= make_timestamptz((SELECT min(_t) FROM {spine}))"
    accepted = DUCKDB.emit(judged(Verdict.ACCEPTED))
    return f"SELECT EXISTS (SELECT * FROM ({judged_alone_sql(plan, f'({early})')}) WHERE {accepted})"


def coverage_sql(plan: ViewPlan, spine: str, relation: str) -> str:
    """`_row` and why, of the spine's rows that are before the first event, or after `$end` (µs).

    Before the first event nothing is known of anybody, and of what happened after `$end` something may be missing.
    """
    accepted = DUCKDB.emit(judged(Verdict.ACCEPTED))
    first = f"SELECT min(_event_us) FROM ({judged_alone_sql(plan, relation)}) WHERE {accepted}"
    return (
        f"SELECT _row, CASE WHEN _t > $end THEN 'beyond the complete history' ELSE 'before the first event' END\n"
        f"FROM {spine} WHERE _t > $end OR coalesce(_t < ({first}), TRUE)\nORDER BY _row"
    )


def _events(keys: KeySet, relation: str, columns: str = "") -> str:
    """The rows that make an entity known, each with the arguments of all groups and whether it belongs to them."""
    position = (f"{sql} AS {name}" for name, sql in place(keys.plan.source, DUCKDB).items())
    chosen = columns or ", ".join([*names_of(keys), *TIMES, *position])
    groups = [(keys.plan.group(fingerprint), number) for fingerprint, number in keys.groups.items()]
    arguments = "".join(arguments_sql(group, f"_g{number}", alone=False) for group, number in groups)
    belongs = "".join(f",\n  {DUCKDB.emit(passes(group))} AS _in{number}" for group, number in groups)
    present = " AND ".join(f"{name} IS NOT NULL" for name in names_of(keys))
    known = known_by_sql(keys, f"{DUCKDB.emit(judged(Verdict.ACCEPTED))} AND {present}")
    return (
        f"SELECT {chosen}, _event_us AS _t{arguments}{belongs}\n"
        f"FROM ({judged_sql(keys.plan, narrowed_sql(keys, relation), keys.apart)})\nWHERE {known}"
    )


def _looked_up(keys: KeySet, asked: AskedFeature) -> str:
    """What a feature reads of dimensions, as columns after others."""
    groups = [keys.plan.group(part.feature.group) for part in asked.parts]
    partials = [
        group.partial(name) for group, part in zip(groups, asked.parts, strict=True) for name in part.feature.partials
    ]
    scalars = [*(group.filter for group in groups if group.filter), *(partial.argument for partial in partials)]
    found = dict.fromkeys(lookup for scalar in scalars for lookup in scalar.lookups())
    values = ((lookup, as_value(lookup.type, DUCKDB.emit(lookup))) for lookup in found)
    return "".join(f", {value} AS {DUCKDB.identifier(words(lookup))}" for lookup, value in values)


def _by_arrival(keys: KeySet, spine: str, relation: str) -> str:
    """Frames where they hold no event that had not arrived, and a join for the other rows."""
    ahead = "(SELECT * FROM _sorted WHERE _row IS NOT NULL AND _ahead)"
    parts = [f"_events AS ({_events(keys, relation)})", f"_sorted AS ({_sorted(keys, spine)})"]
    tables = ",\n".join([*_days(keys).tables, *parts, f"_known AS ({_known(keys, ahead)})"])
    framed = _framed(keys, keys.asked, "_row IS NOT NULL AND NOT _ahead")
    return f"WITH {tables}\n{framed}\nUNION ALL\n{_joined(keys)}"


def _is_newest(keys: KeySet, asked: AskedFeature) -> bool:
    """Whether the newest event before the row's time decides: not where a window ends earlier, or is of other days."""
    if asked.feature.function != "last" or asked.feature.zone is not None:
        return False
    bounds = keys.bounds(asked)
    return not bounds.lag_us and bounds.end_tile_us is None


def _newest(keys: KeySet, members: Sequence[AskedFeature], spine: str, relation: str) -> str:
    """The values that the newest event decides: of all events, and of those that the filter of a group lets in."""
    numbers = [number_of(keys, one.feature.group) for one in members]
    arguments = [_argument(keys, one) for one in members]
    joins = [
        f"\nLEFT JOIN ({newest_events_sql(keys, number, spine, relation)}) AS _n{number} USING (_row)"
        for number in sorted({0, *numbers})
    ]
    columns = [
        f", _n{number}.{argument} AS _value{place}, _n{number}._event_us AS _us{place}"
        for place, (argument, number) in enumerate(zip(arguments, numbers, strict=True))
    ]
    values = [_newest_value(keys, one, place) for place, one in enumerate(members)]
    return (
        f"SELECT _row, _seen_us{''.join(values)}\n"
        f"FROM (SELECT s._row, s._t, _n0._event_us AS _seen_us{''.join(columns)}\nFROM {spine} AS s{''.join(joins)})"
    )


def _argument(keys: KeySet, asked: AskedFeature) -> str:
    """The column of the events that a feature takes."""
    group = keys.group(asked)
    column = group.argument_columns[group.partial(asked.feature.partials[0]).argument.text()]
    return f"_g{keys.groups[group.fingerprint]}{column}"


def _newest_value(keys: KeySet, asked: AskedFeature, number: int) -> str:
    """A feature's column: its newest value, unless that is older than the window, or the entity's than its ttl."""
    start = _start(keys, asked)
    within = "" if start is None else f" AND _us{number} >= {start}"
    value = as_value(asked.feature.type, f"_value{number}")
    return f",\n  CASE WHEN {_holds(asked)}{within} THEN {value} END AS {DUCKDB.identifier(asked.name)}"


def _sorted(keys: KeySet, spine: str) -> str:
    """Events and spine rows, each with the newest event before it, and whether one before it arrived later."""
    names = ", ".join(names_of(keys))
    before = f"OVER (PARTITION BY {names} ORDER BY _t RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    return _days(keys).dated(
        f"SELECT *, max(_event_us) {before} AS _seen_us,\n"
        f"  coalesce(max(_arrival_us) {before} >= _t, FALSE) AS _ahead\n"
        f"FROM (SELECT _row, _t, {names} FROM {spine} UNION ALL BY NAME SELECT * FROM _events)"
    )


def _framed(keys: KeySet, members: Sequence[AskedFeature], condition: str) -> str:
    """The values over frames, of the rows that meet a condition."""
    names = ", ".join(names_of(keys))

    def over(part: AskedFeature) -> str:
        frame = f"PARTITION BY {names} ORDER BY _t RANGE BETWEEN {_frame(keys, part)}"
        return f"FILTER (_in{keys.groups[part.feature.group]}) OVER ({frame})"

    values = [_value(keys, asked, over) for asked in members]
    return f"SELECT _row, _seen_us{''.join(values)}\nFROM _sorted\nQUALIFY {condition}"


def _frame(keys: KeySet, part: AskedFeature) -> str:
    """The frame of a window: constant where the window is exact and ends at the row's time, which is faster."""
    bounds = keys.bounds(part)
    to_the_us = bounds.start_tile_us is None and bounds.end_tile_us is None
    if to_the_us and not bounds.of_write and part.feature.zone is None:
        first = "UNBOUNDED" if bounds.before_us is None else bounds.before_us
        return f"{first} PRECEDING AND {bounds.lag_us + 1} PRECEDING"
    start, end = _start(keys, part), _end(keys, part)
    first = "UNBOUNDED" if start is None else f"(_t - {start})"
    return f"{first} PRECEDING AND (_t - {end} + 1) PRECEDING"


def _known(keys: KeySet, spine: str) -> str:
    """Each row of the spine with every event that it may know."""
    names = names_of(keys)
    same = " AND ".join(f"s.{name} = e.{name}" for name in names)
    apart = f"e.* EXCLUDE (_t, {', '.join(names)}), {', '.join(f's.{name}' for name in names)}"
    arrived = " AND e._arrival_us < s._t" if keys.known_by == "arrival" else ""
    return _days(keys).dated(
        f"SELECT *, max(_event_us) OVER (PARTITION BY _row) AS _seen_us\nFROM (SELECT s._row, s._t, {apart}\n"
        f"FROM {spine} AS s LEFT JOIN _events AS e ON {same} AND e._event_us < s._t{arrived})"
    )


def _joined(keys: KeySet) -> str:
    """The values over the events that each row may know."""
    values = [_value(keys, asked, lambda part: f"FILTER ({_within(keys, part)})") for asked in keys.asked]
    return f"SELECT _row, _seen_us{''.join(values)}\nFROM _known\nGROUP BY _row, _t, _seen_us"


def _within(keys: KeySet, part: AskedFeature) -> str:
    """Whether an event beside a row of the spine lies in the window."""
    start = _start(keys, part)
    ends = [f"_event_us < {_end(keys, part)}", *([f"_event_us >= {start}"] if start else [])]
    return " AND ".join([f"_in{keys.groups[part.feature.group]}", *ends])


def _value(keys: KeySet, asked: AskedFeature, within: Callable[[AskedFeature], str]) -> str:
    """A feature's column: NULL of an entity that is not known, or whose newest event is too old."""

    def part_sql(part: PlannedFeature) -> str:
        return value_sql(keys.plan, part, within(replace(asked, feature=part)), f"_g{keys.groups[part.group]}")

    value = feature_sql(asked.feature, part_sql)
    return f",\n  CASE WHEN {_holds(asked)} THEN {value} END AS {DUCKDB.identifier(asked.name)}"


def _holds(asked: AskedFeature) -> str:
    """Whether a row has a value at all."""
    return f"_seen_us >= _t - {asked.ttl_us}" if asked.mode == "ttl" else "_seen_us IS NOT NULL"


def _at(bounds: Bounds) -> str:
    """The instant that a value is of: the row's time, or just after the entity's newest event before it.

    It is never NULL, not even of an entity that is not known: after a frame with a NULL bound DuckDB 2.0.0 now and then
    takes a wrong frame for the next row, when several threads share a partition.
    """
    return "coalesce(_seen_us + 1, _t)" if bounds.of_write else "_t"


def _start(keys: KeySet, part: AskedFeature) -> str | None:
    """The first event time in the window; None where it has no start."""
    bounds, days = keys.bounds(part), _days_of(part)
    if bounds.before_us is None:
        return None
    if days is not None:
        return _days(keys).bounds(days)[0]
    start = f"({_at(bounds)} - {bounds.before_us})"
    return start if bounds.start_tile_us is None else floor_sql(start, bounds.start_tile_us)


def _end(keys: KeySet, part: AskedFeature) -> str:
    """The first event time after the window."""
    bounds, days = keys.bounds(part), _days_of(part)
    if bounds.lag_us and days is not None:
        return _days(keys).bounds(days)[1]
    end = f"({_at(bounds)} - {bounds.lag_us})" if bounds.lag_us else _at(bounds)
    return end if bounds.end_tile_us is None else floor_sql(end, bounds.end_tile_us)


def _days(keys: KeySet) -> DayTables:
    """When the days begin that the features' windows are made of."""
    return DayTables((_days_of(part) for asked in keys.asked for part in asked.parts), keys.plan.source.earliest_us)


def _days_of(asked: AskedFeature) -> Days | None:
    """The days of a window, of the row's time or of the newest event itself: just after that it may be tomorrow."""
    return Days.of(asked.feature, "_t" if asked.mode == "recomputed" else "coalesce(_seen_us, _t)")
