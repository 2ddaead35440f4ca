"""Instants and dates: datetimes with a zone, and the µs and the days since 1970 that everything is computed in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from headrace.errors import RequestError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: The first and the last day that a date can be, counted from 1970-01-01: of the years 1 to 9999.
FIRST_DAY, LAST_DAY = ((end - EPOCH.date()).days for end in (date.min, date.max))


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


def day_number(day: date) -> int:
    """Whole days since 1970 of a date.

    >>> day_number(date(1970, 1, 2))
    1
    """
    return (day - EPOCH.date()).days


def date_of(number: int) -> date:
    """The date so many days after 1970-01-01; OverflowError beyond the years 1 to 9999.

    >>> date_of(-1)
    datetime.date(1969, 12, 31)
    """
    return EPOCH.date() + timedelta(days=number)


def instant_from(name: str, given: datetime | str) -> datetime:
    """An instant that a caller gives under a name, itself or as ISO 8601; RequestError for anything else.

    >>> instant_from("at", "1970-01-01T00:00:01Z")
    datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=datetime.timezone.utc)
    """
    if isinstance(given, datetime):
        return given
    try:
        return datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        msg = f"{name} {given!r}: expected an instant such as 2013-11-01T12:00:00Z"
        raise RequestError(msg) from error


def asked_us(name: str, given: datetime | str) -> int:
    """The µs of an instant that a caller asks for under a name, itself or as ISO 8601.

    >>> asked_us("at", "1970-01-01T00:00:01Z")
    1000000

    Raises:
        RequestError: a time without zone, or what is no instant.
    """
    instant = instant_from(name, given)
    if instant.tzinfo is None:
        msg = f"{name}={instant.isoformat()}: has no time zone; expected for example {instant.isoformat()}+00:00"
        raise RequestError(msg)
    return instant_us(instant)
