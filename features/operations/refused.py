"""What is refused for a reason that users should know; docs/expressions.md shows this table."""

from __future__ import annotations

import ibis.expr.operations as ops

_CLOCK = "a feature must have the same value in every run; subtract times of the row instead"
_CHANCE = "a feature must have the same value in every run"
_TIME = "there are no times of day, only instants and dates; use the fields of the time"
_INSTEAD = "take elements, length, contains, join, mins or maxs"
_LISTS = f"Flink's SQL has no such function of lists; {_INSTEAD}"
_MADE = "structs and lists come from the source only; compute with their parts"
_TEXT = "the engines' formats of times differ; use the fields of the time"
_FINITE = "a value that is no finite number is NULL in a feature; use isnull()"

REFUSED: dict[type, str] = {
    ops.Reverse: "DuckDB keeps a letter and its combining accent in order, Flink does not",
    ops.RegexSplit: "let the record have a list, `tags: list[str]`; or use re_extract",
    ops.StringSQLILike: "folding of case differs between engines; write x.lower().like('a%')",
    ops.StringSplit: "an empty text has no part on Flink and one on DuckDB; let the record have a list, "
    "`tags: list[str]`; or use contains, find or a slice",
    ops.IsNan: _FINITE,
    ops.IsInf: _FINITE,
    ops.Hash: "each engine hashes in its own way; isin and count_distinct need no hash",
    ops.TimestampNow: _CLOCK,
    ops.DateNow: _CLOCK,
    ops.RandomScalar: _CHANCE,
    ops.RandomUUID: _CHANCE,
    ops.Time: _TIME,
    ops.Strftime: _TEXT,
    ops.StringToDate: "a date is text as in ISO 8601, 2024-02-29: write x.cast('date')",
    ops.StringToTimestamp: "declare the column as datetime, and its text is read as a time at the source",
    ops.Array: _MADE,
    ops.StructColumn: _MADE,
    ops.ArraySlice: f"it was not tried on the edges of both engines; {_INSTEAD}",
    ops.ArraySum: _LISTS,
    ops.ArrayMean: _LISTS,
    ops.ArrayMode: _LISTS,
    ops.ArrayAny: _LISTS,
    ops.ArrayAll: _LISTS,
    ops.ArrayMap: _LISTS,
    ops.ArrayFilter: _LISTS,
    ops.ArrayPosition: f"of a value that the list lacks, and of NULL, the engines give different positions; {_INSTEAD}",
    ops.ArrayDistinct: f"the engines give the elements in different orders; {_INSTEAD}",
    ops.ArraySort: f"Flink sorts NULL first, DuckDB last; {_INSTEAD}",
    ops.DayOfWeekName: "names of days depend on the language; use day_of_week.index()",
}
