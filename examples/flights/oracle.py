"""What every feature of `FlightDelays` must be, recomputed by hand-written DuckDB SQL straight from the data set.

It shares nothing with the compiler, the job or the reader: no tile, no plan, no archive.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb

# A feature's name to the value it must have, by entity (join keys in the order of the feature's `groupby`).
Expected = Mapping[str, Mapping[tuple[str, ...], Any]]

# Every entity that the year knows, so that one without a row in a window is compared too.
_WINDOWED = """
SELECT {keys}, {columns}
FROM (SELECT DISTINCT {keys} FROM events WHERE kind = '{kind}') entities
LEFT JOIN (SELECT * FROM events WHERE kind = '{kind}' AND "at" < $at) e USING ({keys})
GROUP BY ALL
"""
_DELAY_AND_COUNT = """
avg(delay) FILTER (e.at >= $at - INTERVAL {span}) AS departure_delay_by_{what}_{window},
count(e.flight_id) FILTER (e.at >= $at - INTERVAL {span}) AS departures_by_{what}_{window}
"""
_SPANS = {"1h": "1 HOUR", "24h": "24 HOUR", "7d": "168 HOUR"}
_LATE_SHARE = "avg(CASE WHEN delay > 15 THEN 1 ELSE 0 END) FILTER (e.at >= $at - INTERVAL 720 HOUR) AS late_share_30d"
_PLANES = "count(DISTINCT tail) FILTER (e.at >= $at - INTERVAL 24 HOUR) AS planes_on_route_24h"
_LAST_DELAY = """
SELECT tail, arg_max(e.delay, (e.at, e.partition, e.position)) AS last_delay
FROM (SELECT DISTINCT tail FROM events) entities
LEFT JOIN (SELECT * FROM events WHERE "at" < $at) e USING (tail)
GROUP BY ALL
"""


def expected_features(connection: duckdb.DuckDBPyConnection, at: str) -> Expected:
    """All features of all entities at one instant.

    Args:
        connection: holds a relation `events` with the columns of `events.COLUMNS`, and `partition` and `position` (the
            offset) of each record in the topic; late and unreadable records are not in it.
        at: the instant, ISO 8601 with offset.
    """
    found: dict[str, Mapping[tuple[str, ...], Any]] = {}
    for sql, keys in _statements():
        found |= _by_feature(connection, sql, keys, at)
    return found


def _statements() -> list[tuple[str, int]]:
    """Each statement with the number of its key columns."""
    return [
        (_WINDOWED.format(keys="origin", kind="departure", columns=_delay_and_count("origin")), 1),
        (_WINDOWED.format(keys="carrier", kind="departure", columns=_delay_and_count("carrier")), 1),
        (_WINDOWED.format(keys="tail", kind="arrival", columns=_LATE_SHARE), 1),
        (_WINDOWED.format(keys="origin, dest", kind="departure", columns=_PLANES), 2),
        (_LAST_DELAY, 1),
    ]


def _delay_and_count(what: str) -> str:
    return ",".join(_DELAY_AND_COUNT.format(what=what, window=w, span=span) for w, span in _SPANS.items())


def _by_feature(connection: duckdb.DuckDBPyConnection, sql: str, keys: int, at: str) -> Expected:
    cursor = connection.execute(sql.replace("$at", f"TIMESTAMPTZ '{at}'"))
    names = [column[0] for column in cursor.description or []][keys:]
    rows = cursor.fetchall()
    return {name: {row[:keys]: row[keys + index] for row in rows} for index, name in enumerate(names)}
