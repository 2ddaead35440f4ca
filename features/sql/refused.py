"""What SQL has and features have not, with what to write instead; docs/sql.md shows this table.

A text means here what SQL engines make of it. Where all of them mean something else than a feature does, it is refused.
"""

from __future__ import annotations

_CLOCK = "a feature must have the same value in every run; subtract times of the row instead"
_MONDAY = "engines count it from other days; write EXTRACT(ISODOW FROM x), which is 1 on Mondays"
_STRIP = "SQL's trims spaces only; strip, lstrip and rstrip remove all whitespace"

REFUSED: dict[str, str] = {
    "%": "its sign is the dividend's in SQL; floor_mod(x, y) has the divisor's",
    "//": "it rounds towards zero in SQL; floor_div(x, y) rounds down",
    "trim": _STRIP,
    "concat": "engines differ on NULL; write a || b, which is NULL where one is",
    "concat_ws": "engines differ on NULL; write a || b, which is NULL where one is",
    "timestampdiff": "Flink's TIMESTAMPDIFF counts whole units; date_diff('hour', a, b) counts how many begin",
    "dayofweek": _MONDAY,
    "extract dow": _MONDAY,
    "extract dayofweek": _MONDAY,
    "extract millisecond": "SQL's holds the seconds too; write millisecond_of_second(x)",
    "extract microsecond": "SQL's holds the seconds too; write microsecond_of_second(x)",
    "now": _CLOCK,
    "current_timestamp": _CLOCK,
    "current_date": _CLOCK,
    "random": "a feature must have the same value in every run",
    "ilike": "folding of case differs between engines; write lower(x) LIKE 'a%'",
    "escape": "LIKE has no escape; use contains, starts_with or ends_with",
    "hash": "each engine hashes in its own way; IN and count(DISTINCT x) need no hash",
    "isnan": "a value that is no finite number is NULL in a feature; write x IS NULL",
    "strftime": "the engines' formats of times differ; use EXTRACT",
    "subquery": "a feature reads one row; write the expression in its place",
    "exists": "a feature reads one row of one source",
    "window": "a window stands around an aggregate only",
    "xor": "write a <> b for conditions",
}
