"""Structs and lists of a file from text: JSON, by the rules of the live stream, in DuckDB SQL.

Each part has a value, NULL where the JSON has none of its type, and a reason, NULL where nothing is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable

from headrace.compiler.plan import Column
from headrace.compiler.scalar_sql import DATE_TEXT, text_literal
from headrace.features.scalar import BOOL, DATE, DATETIME, FLOAT, INT, STR, STRUCT, is_list

#: By type of the language: what DuckDB calls JSON of that type. It knows integers beyond BIGINT too.
KINDS = {
    STR: ("VARCHAR",),
    INT: ("BIGINT", "UBIGINT"),
    FLOAT: ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "DOUBLE"),
    BOOL: ("BOOLEAN",),
    DATETIME: ("VARCHAR", "BIGINT", "UBIGINT"),
    DATE: ("VARCHAR",),
    STRUCT: ("OBJECT",),
}
LIST = ("ARRAY",)
#: The SQL of an instant, NULL where there is none, from the SQL of a text.
Instant = Callable[[str], str]


def date_sql(text: str) -> str:
    """The date that a text is as in ISO 8601, NULL where it is none."""
    return f"CASE WHEN regexp_full_match({text}, {text_literal(DATE_TEXT)}) THEN TRY_CAST({text} AS DATE) END"


def value_sql(column: Column, json: str, instant: Instant) -> str:
    """The value of a column, or of a part of one, from the SQL of its JSON."""
    return f"CASE WHEN {_is_kind(column, json)} THEN {_value(column, json, instant)} END"


def wrong_sql(column: Column, json: str, path: str, instant: Instant) -> str:
    """What is wrong with a column, or with a part of one, from the SQL of its JSON; its path and the reason."""
    expected = text_literal(f"column {path}: ")
    found = f"{expected} || {json} || {text_literal(f' is no {_called(column)}')}"
    missing = f"coalesce(json_type({json}), 'NULL') = 'NULL'"
    return f"CASE WHEN {missing} THEN NULL {_branch(column, json, path, instant)} ELSE {found} END"


def _branch(column: Column, json: str, path: str, instant: Instant) -> str:
    """What is wrong with JSON of the right type: nothing, or something with its parts."""
    if column.type == STRUCT:
        parts = [wrong_sql(field, _field(json, field), f"{path}.{field.name}", instant) for field in column.fields]
        return f"WHEN {_is_kind(column, json)} THEN coalesce({', '.join([*parts, 'NULL'])})"
    if is_list(column.type):
        part = wrong_sql(column.fields[0], "element", f"{path}[]", instant)
        found = f"[reason FOR reason IN [{part} FOR element IN {_elements(json)}] IF reason IS NOT NULL]"
        return f"WHEN {_is_kind(column, json)} THEN {found}[1]"
    return f"WHEN {value_sql(column, json, instant)} IS NOT NULL THEN NULL"


def _value(column: Column, json: str, instant: Instant) -> str:
    """The value of JSON of the right type."""
    if column.type == STRUCT:
        # A field may have the name of a word of SQL.
        fields = (f'"{field.name}" := {value_sql(field, _field(json, field), instant)}' for field in column.fields)
        return f"struct_pack({', '.join(fields)})"
    if is_list(column.type):
        return f"[{value_sql(column.fields[0], 'element', instant)} FOR element IN {_elements(json)}]"
    return VALUES[column.type](f"({json} ->> '$')", instant)


VALUES: dict[str, Callable[[str, Instant], str]] = {
    STR: lambda text, instant: text,
    INT: lambda text, instant: f"TRY_CAST({text} AS BIGINT)",
    FLOAT: lambda text, instant: f"TRY_CAST({text} AS DOUBLE)",
    BOOL: lambda text, instant: f"({text} = 'true')",
    DATETIME: lambda text, instant: instant(text),
    DATE: lambda text, instant: date_sql(text),
}


def _is_kind(column: Column, json: str) -> str:
    """Whether JSON has the type of a column."""
    kinds = LIST if is_list(column.type) else KINDS[column.type]
    return f"json_type({json}) IN ({', '.join(map(text_literal, kinds))})"


def _called(column: Column) -> str:
    """What a type is called in a reason."""
    return "list" if is_list(column.type) else column.type


def _field(json: str, field: Column) -> str:
    """The JSON of a field."""
    return f"json_extract({json}, '$.{field.name}')"


def _elements(json: str) -> str:
    """The JSON of each element."""
    return f"CAST({json} AS JSON[])"
