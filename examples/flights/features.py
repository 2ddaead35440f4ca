"""What a delay model looks at: punctuality of origins, carriers, routes and planes."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from headrace import FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation

# The US Department of Transportation counts a flight as late from 15 minutes on.
LATE_MINUTES = 15


class FlightEvents(Source):
    """Departures from and arrivals of flights out of New York; `delay` is in minutes against the schedule."""

    history = IcebergTable("raw.flight_events")
    live = KafkaTopic("flight_events")
    arrival_time = "reported_at"
    flight_id: int
    kind: Literal["departure", "arrival"]
    carrier: str
    tail: str
    origin: str
    dest: str
    delay: int
    at: datetime = event_time(max_delay="2m")
    reported_at: datetime


@transformation
def departure_delay_by_origin(flights: FlightEvents, wspec: WindowSpec):
    """Mean departure delay of an origin, in minutes."""
    return flights[flights.kind == "departure"].groupby("origin")["delay"].window(wspec).mean()


@transformation
def departures_by_origin(flights: FlightEvents, wspec: WindowSpec):
    """How many flights left an origin."""
    return flights[flights.kind == "departure"].groupby("origin").window(wspec).count()


@transformation
def departure_delay_by_carrier(flights: FlightEvents, wspec: WindowSpec):
    """Mean departure delay of a carrier, in minutes."""
    return flights[flights.kind == "departure"].groupby("carrier")["delay"].window(wspec).mean()


@transformation
def departures_by_carrier(flights: FlightEvents, wspec: WindowSpec):
    """How many flights a carrier sent off."""
    return flights[flights.kind == "departure"].groupby("carrier").window(wspec).count()


@transformation
def late_share(flights: FlightEvents, wspec: WindowSpec):
    """Share of a plane's arrivals that were late."""
    arrivals = flights[flights.kind == "arrival"]
    return arrivals.groupby("tail")[(arrivals.delay > LATE_MINUTES).cast("int64")].window(wspec).mean()


@transformation
def planes_on_route(flights: FlightEvents, wspec: WindowSpec):
    """How many different planes flew a route."""
    return flights[flights.kind == "departure"].groupby(["origin", "dest"])["tail"].window(wspec).count_distinct()


@transformation
def last_delay(flights: FlightEvents):
    """A plane's last known delay, departing or arriving."""
    return flights.groupby("tail")["delay"].last()


class FlightDelays(FeaturePipeline):
    """Punctuality around New York."""

    owner = "ops@example.com"
    # Events of 2013 are replayed today: nothing may expire by the wall clock.
    clock = "event"
    tile = "1h"
    features = [
        departure_delay_by_origin.over("1h", "24h", "7d"),
        departures_by_origin.over("1h", "24h", "7d"),
        departure_delay_by_carrier.over("1h", "24h", "7d"),
        departures_by_carrier.over("1h", "24h", "7d"),
        late_share.over("30d", tile="1d"),
        planes_on_route.over("24h"),
        last_delay.tiled("1d"),
    ]
