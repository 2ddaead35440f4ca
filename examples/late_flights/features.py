"""The weather at New York's airports, hour by hour: a flight sees the newest hour that was over when it left."""

from __future__ import annotations

from datetime import datetime

from headrace import FeaturePipeline, IcebergTable, Source, event_time, transformation


class Weather(Source):
    """What an airport measured in an hour, in US units; known when the hour is over."""

    history = IcebergTable("raw.weather")
    origin: str
    temp: float | None
    dewp: float | None
    wind_speed: float | None
    precip: float | None
    visib: float | None
    pressure: float | None
    over_at: datetime = event_time(max_delay="0s")


@transformation
def temp(weather: Weather):
    """Temperature in degrees Fahrenheit."""
    return weather.groupby("origin")["temp"].last()


@transformation
def dewp(weather: Weather):
    """Dew point in degrees Fahrenheit."""
    return weather.groupby("origin")["dewp"].last()


@transformation
def wind_speed(weather: Weather):
    """Wind speed in miles an hour."""
    return weather.groupby("origin")["wind_speed"].last()


@transformation
def precip(weather: Weather):
    """Rain and snow of the hour, in inches."""
    return weather.groupby("origin")["precip"].last()


@transformation
def visib(weather: Weather):
    """How far one sees, in miles."""
    return weather.groupby("origin")["visib"].last()


@transformation
def pressure(weather: Weather):
    """Pressure at sea level, in millibars."""
    return weather.groupby("origin")["pressure"].last()


class AirportWeather(FeaturePipeline):
    """The newest weather of an airport."""

    owner = "ops@example.com"
    clock = "event"
    features = [temp, dewp, wind_speed, precip, visib, pressure]
