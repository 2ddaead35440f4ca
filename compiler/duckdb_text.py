"""A file's rows as an archive's, in DuckDB SQL: text to the types of a source, by the rules of the live stream.

A value that is no value of its column's type is NULL and the row carries the reason in `_error`, so that its verdict is
dead letter, as that of a record on Kafka would be.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.plan import Column, SourcePlan
from headrace.compiler.scalar_sql import text_literal
from headrace.features.scalar import BOOL, DATETIME, FLOAT, INT, STR

#: The end of an instant's text that says which zone it is in.
OFFSET = r"(Z|[+-]\d{2}(:?\d{2})?)$"
MICROS_PER_UNIT = {"us": 1, "ms": 1_000, "s": 1_000_000}


def typed_sql(source: SourcePlan, relation: str, place: str) -> str:
    """The archive's columns from a relation whose columns are all text; columns that it lacks are NULL.

    `place` orders the rows. They arrived when they happened, unless the source names a column of arrival.
    """
    values = [f"{_value(source, column)} AS {DUCKDB.identifier(column.name)}" for column in source.columns]
    wrong = [_wrong(source, column) for column in source.columns if column.type != STR]
    error = f"CASE {' '.join(wrong)} END" if wrong else "NULL"
    position = [
        "'file' AS _src_topic",
        "0::INTEGER AS _src_partition",
        f"{place} AS _src_offset",
        f"{_value(source, source.column(source.event_time))} AS _src_timestamp",
        "NULL::BLOB AS _raw",
        f"{error} AS _error",
    ]
    return f"SELECT {', '.join([*values, *position])}\nFROM {relation}"


def _value(source: SourcePlan, column: Column) -> str:
    """The value of a column, NULL where the text is none."""
    return VALUES[column.type](source, DUCKDB.identifier(column.name))


def _wrong(source: SourcePlan, column: Column) -> str:
    """The branch of `_error` for a text that is no value of the column's type."""
    name = DUCKDB.identifier(column.name)
    expected = text_literal(f" is no {column.type}{_more(source, column)}")
    reason = f"{text_literal(f'column {column.name}: ')} || {name} || {expected}"
    return f"WHEN {name} IS NOT NULL AND {_value(source, column)} IS NULL THEN {reason}"


def _more(source: SourcePlan, column: Column) -> str:
    """What an instant needs."""
    return " with an offset from UTC" if column.type == DATETIME and source.zone is None else ""


def _instant(source: SourcePlan, name: str) -> str:
    """An instant from text with an offset, from local time of the source's zone, or from a number of its unit."""
    if source.unit is not None:
        number = f"TRY_CAST({name} AS BIGINT)"
        return f"make_timestamptz({number} * {MICROS_PER_UNIT[source.unit]})"
    offset = f"CASE WHEN regexp_matches({name}, {text_literal(OFFSET)}) THEN TRY_CAST({name} AS TIMESTAMPTZ)"
    if source.zone is None:
        return f"{offset} END"
    return f"{offset} ELSE TRY_CAST({name} AS TIMESTAMP) AT TIME ZONE {text_literal(source.zone)} END"


VALUES: dict[str, Callable[[SourcePlan, str], str]] = {
    STR: lambda source, name: name,
    # DuckDB alone would round 1.5 to 2, and take 'yes' and '1' for true.
    INT: lambda source, name: f"CASE WHEN regexp_full_match({name}, '[+-]?[0-9]+') THEN TRY_CAST({name} AS BIGINT) END",
    FLOAT: lambda source, name: f"TRY_CAST({name} AS DOUBLE)",
    BOOL: lambda source, name: f"CASE lower({name}) WHEN 'true' THEN TRUE WHEN 'false' THEN FALSE END",
    DATETIME: _instant,
}
