"""What is refused for a reason that users should know; docs/expressions.md shows this table."""

from __future__ import annotations

import ibis.expr.operations as ops

_PATTERNS = "the engines' regular expressions differ; use like, contains, startswith or endswith"
_CLOCK = "a feature must have the same value in every run; subtract times of the row instead"
_CHANCE = "a feature must have the same value in every run"
_DATE = "there are no dates and times of day, only instants; use truncate('D') or the fields of the time"
_ARRAY = "there are no arrays; use contains, find or a slice"
_TEXT = "the engines' formats of times differ; use the fields of the time"
_FINITE = "a value that is no finite number is NULL in a feature; use isnull()"

REFUSED: dict[type, str] = {
    ops.Reverse: "DuckDB keeps a letter and its combining accent in order, Flink does not",
    ops.RegexSearch: _PATTERNS,
    ops.RegexExtract: _PATTERNS,
    ops.RegexReplace: _PATTERNS,
    ops.RegexSplit: _PATTERNS,
    ops.StringSQLILike: "folding of case differs between engines; write x.lower().like('a%')",
    ops.StringSplit: _ARRAY,
    ops.IsNan: _FINITE,
    ops.IsInf: _FINITE,
    ops.Hash: "each engine hashes in its own way; isin and count_distinct need no hash",
    ops.TimestampNow: _CLOCK,
    ops.DateNow: _CLOCK,
    ops.RandomScalar: _CHANCE,
    ops.RandomUUID: _CHANCE,
    ops.Date: _DATE,
    ops.Time: _DATE,
    ops.Strftime: _TEXT,
    ops.StringToTimestamp: "declare the column as datetime, and its text is read as a time at the source",
    ops.DayOfWeekName: "names of days depend on the language; use day_of_week.index()",
}
