"""A file's rows as an archive's, in DuckDB SQL: text to the types of a source, by the rules of the live stream.

A value that is no value of its column's type is NULL and the row carries the reason in `_error`, so that its verdict is
dead letter, as that of a record on Kafka would be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from headrace.compiler.duckdb_json import date_sql, value_sql, wrong_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.plan import Column, SourcePlan
from headrace.compiler.scalar_sql import text_literal
from headrace.features import scalar
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR, Scalar

#: A date and a time of day, and an offset from UTC, as ISO 8601 has them.
LOCAL = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
OFFSET = r"(Z|[+-][0-9]{2}(:?[0-9]{2})?)"
#: µs in each unit of numeric times, and how many digits such a time has at most: up to the year 33658.
UNITS = {"us": (1, 18), "ms": (1_000, 15), "s": (1_000_000, 12)}


def typed_sql(source: SourcePlan, relation: str, place: str) -> str:
    """The archive's columns from a relation whose columns are all text; columns that it lacks are NULL.

    `place` orders the rows. They arrived when they happened, but not later than now, unless the source names a column;
    now, where they say nothing of a time. No topic has them; the source's name stands for it.
    """
    values = [f"{_value(source, column)} AS {DUCKDB.identifier(column.name)}" for column in source.columns]
    wrong = [_wrong(source, column) for column in source.columns if column.type != STR]
    error = f"CASE {' '.join(wrong)} END" if wrong else "NULL"
    position = [
        f"{text_literal(source.name)} AS _src_topic",
        "0::INTEGER AS _src_partition",
        f"{place} AS _src_offset",
        f"{_arrived(source)} AS _src_timestamp",
        "NULL::BLOB AS _raw",
        f"{error} AS _error",
    ]
    return f"SELECT {', '.join([*values, *position])}\nFROM {relation}"


def with_offset_sql(text: str) -> str:
    """An instant from a text that has an offset from UTC; NULL of any other."""
    return f"CASE {_with_offset(text)} END"


def _arrived(source: SourcePlan) -> str:
    """When a row arrived."""
    times = [_value(source, one) for one in source.columns if one.name == source.event_time]
    return f"least({', '.join([*times, 'now()'])})"


def _value(source: SourcePlan, column: Column) -> str:
    """The value of a column, NULL where the text is none."""
    if column.fields:
        return value_sql(column, _json(column), partial(_instant, source))
    return VALUES[column.type](source, column.name)


def _wrong(source: SourcePlan, column: Column) -> str:
    """The branch of `_error` for a text that is no value of the column's type."""
    name = DUCKDB.identifier(column.name)
    wrong = "JSON" if column.fields else f"{column.type}{_more(source, column)}"
    found = _json(column) if column.fields else _value(source, column)
    reason = f"{text_literal(f'column {column.name}: ')} || {name} || {text_literal(f' is no {wrong}')}"
    return f"WHEN {name} IS NOT NULL AND {found} IS NULL THEN {reason}{_wrong_inside(source, column)}"


def _wrong_inside(source: SourcePlan, column: Column) -> str:
    """The branch of `_error` for JSON of which some part has another type than it should."""
    if not column.fields:
        return ""
    inside = wrong_sql(column, _json(column), column.name, partial(_instant, source))
    return f" WHEN ({inside}) IS NOT NULL THEN {inside}"


def _json(column: Column) -> str:
    """The JSON that the text of a column is, NULL where it is none."""
    return f"TRY_CAST({DUCKDB.identifier(column.name)} AS JSON)"


def _more(source: SourcePlan, column: Column) -> str:
    """What an instant needs."""
    return " with an offset from UTC" if column.type == DATETIME and source.zone is None else ""


def _instant(source: SourcePlan, text: str) -> str:
    """An instant from text with an offset, from local time of the source's zone, or from a number of its unit."""
    branches = [_with_offset(text)]
    if source.zone is not None:
        branches.append(f"WHEN {_matches(text, LOCAL)} THEN {_in_zone(f'TRY_CAST({text} AS TIMESTAMP)', source.zone)}")
    if source.unit is not None:
        micros, digits = UNITS[source.unit]
        number = f"make_timestamptz(TRY_CAST({text} AS BIGINT) * {micros})"
        branches.append(f"WHEN {_matches(text, f'-?[0-9]{{1,{digits}}}')} THEN {number}")
    return f"CASE {' '.join(branches)} END"


def _with_offset(text: str) -> str:
    """The branch for a text that has an offset."""
    return f"WHEN {_matches(text, LOCAL + OFFSET)} THEN TRY_CAST({text} AS TIMESTAMPTZ)"


def _in_zone(local: str, zone: str) -> str:
    """Local time as an instant; of an hour that is there twice the first, as the live stream has it."""
    text = text_literal(zone)
    hour_before = f"({local} - INTERVAL 1 HOUR) AT TIME ZONE {text} + INTERVAL 1 HOUR"
    return f"least({local} AT TIME ZONE {text}, {hour_before})"


def _matches(text: str, pattern: str) -> str:
    """Whether the whole of a text has a form."""
    return f"regexp_full_match({text}, {text_literal(pattern)})"


def _cast(type_: str) -> Callable[[SourcePlan, str], str]:
    """A number by the language's own cast, which is NULL of a text that is none."""
    return lambda source, name: DUCKDB.emit(Scalar("cast", type_, (scalar.column(name, STR),)))


def _truth(source: SourcePlan, name: str) -> str:
    """True or false, in words; DuckDB alone would take 1 and yes for true."""
    return f"CASE lower({DUCKDB.identifier(name)}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END"


VALUES: dict[str, Callable[[SourcePlan, str], str]] = {
    STR: lambda source, name: DUCKDB.identifier(name),
    INT: _cast(INT),
    FLOAT: _cast(FLOAT),
    BOOL: _truth,
    DATETIME: lambda source, name: _instant(source, DUCKDB.identifier(name)),
    DATE: lambda source, name: date_sql(DUCKDB.identifier(name)),
}
