"""The newest event before each row of a spine, in DuckDB SQL.

Entities and times alone are sorted; an event's other columns are looked up when it is found. Comparing times is half
the work of comparing places, and seldom are two events of one instant: only of those that are one is the newest by its
place in the source.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are checked, literals are quoted)
from __future__ import annotations

from collections.abc import Iterable

from headrace.compiler.calls import calls_of
from headrace.compiler.copies import place
from headrace.compiler.duckdb_known import narrowed_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import arguments_sql, judged_alone_sql
from headrace.compiler.lookups import joins_of
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import KeySet
from headrace.compiler.verdict import Verdict, event_us, judged, passes


def is_read_again(plan: ViewPlan) -> bool:
    """Whether events are read twice, to be sorted and to be found, which takes less memory than to keep them between.

    An event is found by its entity and time, and judged by itself then: not where copies count once, and not where that
    calls a function or looks something up.
    """
    return plan.source.unique_by is None and not calls_of(plan) and not joins_of(plan)


def newest_events_sql(keys: KeySet, number: int, spine: str, relation: str) -> str:
    """`_row`, `_event_us` and the arguments of the newest event before each row of the spine that has one.

    `number`: of which group only those events count that its filter lets in; 0: all events do. `_events` are those that
    count at all, `relation` is what they are read of.
    """
    if is_read_again(keys.plan):
        return _read_again(keys, number, spine, relation)
    events = f"SELECT * FROM _events WHERE {_counts(number)}"
    return (
        f"SELECT m._row, e.* FROM ({_moments(keys, number, spine)}) AS m\n"
        f"JOIN ({events}) AS e ON {_same(keys, 'm')} AND e._event_us = m._newest_us\n"
        f"QUALIFY {_is_first(place(keys.plan.source, DUCKDB))}"
    )


def number_of(keys: KeySet, fingerprint: str) -> int:
    """Which events a group's features are of: 0, all, or by its own number those that its filter lets in."""
    return 0 if keys.plan.group(fingerprint).filter is None else keys.groups[fingerprint]


def names_of(keys: KeySet) -> list[str]:
    """The keys, quoted."""
    return [DUCKDB.identifier(key.name) for key in keys.keys]


def _read_again(keys: KeySet, number: int, spine: str, relation: str) -> str:
    """The same of what is read again: the only event of its moment is known to count, of others it is asked now."""
    groups = [keys.plan.group(name) for name in keys.groups if number_of(keys, name) == number]
    arguments = "".join(arguments_sql(group, f"_g{keys.groups[group.fingerprint]}") for group in groups)
    counts = DUCKDB.emit(passes(groups[0]) if number else judged(Verdict.ACCEPTED))
    at = DUCKDB.emit(event_us(keys.plan.source))
    return (
        "WITH _found AS MATERIALIZED (\n"
        f"SELECT m._row, m._newest_us, e.* FROM ({_moments(keys, number, spine)}) AS m\n"
        f"JOIN {narrowed_sql(keys, relation)} AS e\nON {_same(keys, 'm')} AND {at} = m._newest_us),\n"
        "_crowded AS (SELECT _row FROM _found GROUP BY _row HAVING count(*) > 1),\n"
        "_together AS (SELECT * FROM _found SEMI JOIN _crowded USING (_row)),\n"
        f"_first AS (SELECT * FROM ({judged_alone_sql(keys.plan, '_together')}) WHERE {counts}\n"
        f"QUALIFY {_is_first(place(keys.plan.source, DUCKDB).values())})\n"
        f"SELECT _row, _newest_us AS _event_us{arguments}\n"
        "FROM (SELECT * FROM _found ANTI JOIN _crowded USING (_row) UNION ALL BY NAME\n"
        "SELECT * EXCLUDE (_event_us, _arrival_us, _verdict) FROM _first)"
    )


def _moments(keys: KeySet, number: int, spine: str) -> str:
    """`_row`, the keys and when (`_newest_us`) the newest event was, for each row of the spine that has one."""
    names = names_of(keys)
    entities = ", ".join(f"s.{name}" for name in names)
    events = f"SELECT {', '.join(names)}, _event_us FROM _events WHERE {_counts(number)}"
    return (
        f"SELECT s._row, {entities}, e._event_us AS _newest_us\n"
        f"FROM {spine} AS s ASOF JOIN ({events}) AS e ON {_same(keys, 's')} AND s._t > e._event_us"
    )


def _counts(number: int) -> str:
    """Whether an event is one of those that a number stands for."""
    return f"_in{number}" if number else "TRUE"


def _same(keys: KeySet, other: str) -> str:
    """Whether an event is of the entity of another row."""
    return " AND ".join(f"{other}.{name} = e.{name}" for name in names_of(keys))


def _is_first(place: Iterable[str]) -> str:
    """Whether an event is the last of its moment, in the order of the source."""
    latest = ", ".join(f"{column} DESC" for column in place)
    return f"row_number() OVER (PARTITION BY _row ORDER BY {latest}) = 1"
