"""What proves that no row knows its future: features made again of what had been reported, labels beside departures.

The SQL is written by hand and shares nothing with the compiler; it reads only events that had been reported when the
flight left. A feature that needs anything else differs.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from headrace.connectors.duckdb_files import in_utc
from headrace.examples.flights.checks import SHOWN, Comparison
from headrace.examples.late_flights.departures import AHEAD, FEATURES, LATE_MINUTES

#: So many rows are made again, drawn by a seed.
SAMPLE, SEED = 2_000, 7

_KNOWN = "reported_at <= departed_at AND e.at < asked_at"
# Windows as they are served: whole hours, or days for what is kept by day. An entity that nothing is known of has NULL.
_FEATURES = f"""
SELECT flight_id, {", ".join(FEATURES)} FROM (
  SELECT flight_id, avg(e.delay) AS departure_delay_by_origin_1h,
    CASE WHEN any_value(begins) < any_value(asked_at) THEN count(e.delay) END AS departures_by_origin_1h
  FROM asked LEFT JOIN events e ON e.origin = asked.origin AND kind = 'departure' AND {_KNOWN}
    AND e.at >= hour - INTERVAL 1 HOUR AND e.at < hour
  GROUP BY flight_id
) JOIN (
  SELECT flight_id, avg(e.delay) AS departure_delay_by_carrier_1h
  FROM asked LEFT JOIN events e ON e.carrier = asked.carrier AND kind = 'departure' AND {_KNOWN}
    AND e.at >= hour - INTERVAL 1 HOUR AND e.at < hour
  GROUP BY flight_id
) USING (flight_id) JOIN (
  SELECT flight_id, CASE WHEN count(e.kind) > 0 THEN
    count(DISTINCT e.tail) FILTER (kind = 'departure' AND e.at >= hour - INTERVAL 24 HOUR AND e.at < hour)
    END AS planes_on_route_24h
  FROM asked LEFT JOIN events e ON e.origin = asked.origin AND e.dest = asked.dest AND {_KNOWN}
  GROUP BY flight_id
) USING (flight_id) JOIN (
  SELECT flight_id,
    avg((e.delay > {LATE_MINUTES})::INT) FILTER (kind = 'arrival' AND e.at >= day - INTERVAL 720 HOUR)
      AS late_share_30d,
    arg_max(e.delay, (e.at, e.place)) AS last_delay
  FROM asked LEFT JOIN events e ON e.tail = asked.tail AND e.at < day AND {_KNOWN}
  GROUP BY flight_id
) USING (flight_id) JOIN (
  SELECT flight_id, w.* EXCLUDE (origin, over_at)
  FROM asked LEFT JOIN hours w
    ON w.origin = asked.origin AND w.over_at < asked_at AND w.over_at >= asked_at - INTERVAL 3 HOUR
  QUALIFY row_number() OVER (PARTITION BY flight_id ORDER BY w.over_at DESC) = 1
) USING (flight_id)
ORDER BY flight_id
"""  # noqa: S608 (all of it is written here)
_ASKED = f"""
CREATE TABLE asked AS SELECT flight_id, carrier, tail, origin, dest, departed_at::TIMESTAMPTZ AS departed_at,
  departed_at::TIMESTAMPTZ - INTERVAL {AHEAD.total_seconds():.0f} SECOND AS asked_at,
  date_trunc('hour', asked_at) AS hour, date_trunc('day', asked_at) AS day, begins
FROM given JOIN (SELECT origin, min("at") AS begins FROM events GROUP BY origin) USING (origin)
"""  # noqa: S608 (all of it is written here)
_EVENTS = """
CREATE TABLE events AS
SELECT * EXCLUDE (flight_id) REPLACE ("at"::TIMESTAMPTZ AS "at", reported_at::TIMESTAMPTZ AS reported_at) FROM reports
"""
_HOURS = "CREATE TABLE hours AS SELECT * REPLACE (over_at::TIMESTAMPTZ AS over_at) FROM measured"


def features_of_the_past(rows: pd.DataFrame, events: pd.DataFrame, weather: pd.DataFrame) -> Comparison:
    """Features of a sample of rows against those made of nothing but what had been reported when the flight left.

    Args:
        rows: with the columns of `departures.COLUMNS`.
        events: all events, in the order in which they were reported.
        weather: all hours, with the columns of the table of the weather.
    """
    sample = rows.sample(min(SAMPLE, len(rows)), random_state=SEED).sort_values("flight_id")
    with in_utc() as connection:
        _register(connection, sample, events, weather)
        found = connection.execute(_FEATURES).df()
    differences = [
        f"{name} of flight {flight}: trained on {left!r}, of the past {right!r}"
        for name in FEATURES
        for flight, left, right in _different(sample["flight_id"].tolist(), sample[name], found[name])
    ]
    return Comparison(len(sample) * len(FEATURES), len(differences), tuple(differences[:SHOWN]))


def labels_of_the_future(rows: pd.DataFrame, events: pd.DataFrame) -> Comparison:
    """Labels against arrivals: each is that of its own arrival, known when this was reported, after the flight left."""
    arrivals = events[events["kind"] == "arrival"].set_index("flight_id").loc[rows["flight_id"].tolist()]
    known = _instants(rows["known_at"])
    wrong = rows["late"].to_numpy(int) != (arrivals["delay"].to_numpy() > LATE_MINUTES)
    wrong |= known != _instants(arrivals["reported_at"])
    wrong |= known <= _instants(rows["departed_at"])
    examples = rows.loc[wrong, ["flight_id", "departed_at", "late", "known_at"]].head(SHOWN)
    return Comparison(len(rows), int(wrong.sum()), tuple(map(str, examples.itertuples(index=False))))


def _instants(column: pd.Series) -> NDArray[np.int64]:
    """Instants as numbers, which compare a hundred times as fast as pandas' own."""
    return np.asarray(column.astype("int64"), np.int64)


def _register(
    connection: duckdb.DuckDBPyConnection, sample: pd.DataFrame, events: pd.DataFrame, weather: pd.DataFrame
) -> None:
    """The relations `asked`, `events` and `hours`, in µs."""
    connection.register("given", sample)
    connection.register("reports", events.assign(place=range(len(events))))
    connection.register("measured", weather)
    for statement in (_EVENTS, _ASKED, _HOURS):
        connection.execute(statement)


def _different(flights: Sequence[int], left: pd.Series, right: pd.Series) -> list[tuple[int, object, object]]:
    """The flights whose two values differ; a missing one equals a missing one."""
    one, other = left.astype("Float64").reset_index(drop=True), right.astype("Float64")
    differ = (one.isna() != other.isna()) | (one != other).fillna(value=False)
    return [(flights[place], one[place], other[place]) for place in differ[differ].index]
