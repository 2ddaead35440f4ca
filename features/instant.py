"""Instants: datetimes with a zone, and the µs since 1970 that everything is computed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.errors import RequestError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant_us(instant: datetime) -> int:
    """Whole µs since 1970 of a datetime with a zone, exactly.

    >>> instant_us(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    1000000
    """
    passed = instant - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def instant_of(us: int) -> datetime:
    """The instant so many µs after 1970, in UTC.

    >>> instant_of(1_000_000)
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + timedelta(microseconds=us)


def asked_us(name: str, instant: datetime) -> int:
    """The µs of an instant that a caller asks for under a name; RequestError for a time without zone."""
    if instant.tzinfo is None:
        msg = f"{name}={instant.isoformat()}: has no time zone; expected for example {instant.isoformat()}+00:00"
        raise RequestError(msg)
    return instant_us(instant)
