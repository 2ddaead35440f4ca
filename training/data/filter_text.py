"""Filters as text and back from it: what they print is what a command takes."""

from __future__ import annotations

import re
from ast import literal_eval
from datetime import UTC, date, datetime

from headrace.errors import DefinitionError, RequestError
from headrace.training.data.filters import (
    SPLIT_SALT,
    Condition,
    EntityShare,
    Present,
    RowFilter,
    TimeRange,
    before,
    from_,
)

_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_TERM = re.compile(
    rf"hash of (?P<keys>\w+(?:, *\w+)*)(?: salted (?P<salt>{_QUOTED}))? in \[(?P<low>[0-9.e-]+), *(?P<high>[0-9.e-]+)\)"
    r"|with (?P<present>\w+)"
    r"|(?P<timed>\w+) is there"
    rf"|(?P<column>\w+) *(?P<operator>==|!=|<=|>=|<|>) *(?P<value>{_QUOTED}|[^\s'\"]+)"
)
#: So many characters of a text are shown in an error: more than any filter that a person writes.
SHOWN = 500
_AND = " and "
_BOOLS = {"true": True, "false": False}
#: An instant without a quote begins so; a number does not.
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
#: How many characters a date has, which no instant has.
_DATE_LENGTH = 10
_TIMES = {">=": from_, "<": before}


def filters_of(text: str) -> tuple[RowFilter, ...]:
    """The filters that a text is: comparisons with a number, a quoted text, true, false, a date or an instant;
    shares; `with`.

    Raises RequestError for a text that is none.

    >>> [str(one) for one in filters_of("amt >= 3 and line != 'a and b' and at < 2013-09-01T00:00:00+00:00")]
    ['amt >= 3', "line != 'a and b'", 'at < 2013-09-01T00:00:00+00:00']
    >>> [str(one) for one in filters_of("hash of card salted 'own' in [0.8, 0.9) and with landed_at")]
    ["hash of card salted 'own' in [0.8, 0.9)", 'with landed_at']
    """
    found, rest = leading_filters(text)
    if rest:
        raise RequestError(_expected(text, rest))
    return found


def leading_filters(text: str) -> tuple[tuple[RowFilter, ...], str]:
    """The filters that a text begins with, and the rest of it; RequestError when it begins with none."""
    found: list[RowFilter] = []
    rest = _AND + text
    while rest.startswith(_AND):
        term = _TERM.match(rest, len(_AND))
        if term is None:
            raise RequestError(_expected(text, rest.removeprefix(_AND)))
        found.append(_filter(term))
        rest = rest[term.end() :]
    return tuple(found), rest


def _filter(term: re.Match[str]) -> RowFilter:
    if term["present"]:
        return Present(term["present"])
    if term["timed"]:
        return TimeRange(term["timed"], None, None)
    try:
        return _share(term) if term["keys"] else _comparison(term)
    except DefinitionError as error:
        msg = f"rows where {_short(term[0])}: {error}"
        raise RequestError(msg) from error


def _share(term: re.Match[str]) -> RowFilter:
    keys = tuple(key.strip() for key in term["keys"].split(","))
    salt = SPLIT_SALT if term["salt"] is None else str(_plain(term[0], term["salt"]))
    try:
        low, high = float(term["low"]), float(term["high"])
    except ValueError as error:
        raise RequestError(_expected(term[0], term[0])) from error
    return EntityShare(keys, low, high, salt)


def _comparison(term: re.Match[str]) -> RowFilter:
    column, operator, value = term["column"], term["operator"], term["value"]
    if not _DATE.match(value):
        return Condition(column, operator, _plain(term[0], value))
    if len(value) == _DATE_LENGTH:
        return Condition(column, operator, _date(term[0], value))
    if operator not in _TIMES:
        msg = f"rows where {term[0]!r}: an instant is compared by {' or '.join(_TIMES)}, found {operator!r}"
        raise RequestError(msg)
    try:
        return _TIMES[operator](column, _instant(value))
    except (ValueError, OverflowError) as error:
        msg = f"rows where {term[0]!r}: expected an instant in ISO 8601 with a zone, of the years 1 to 9999 in UTC, "
        msg += f"found {value!r}"
        raise RequestError(msg) from error


def _date(term: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        msg = f"rows where {term!r}: expected a date of the years 1 to 9999, found {value!r}"
        raise RequestError(msg) from error


def _instant(value: str) -> datetime:
    """An instant in UTC; one without a zone as it is. OverflowError when UTC has no such year."""
    found = datetime.fromisoformat(value)
    return found if found.tzinfo is None else found.astimezone(UTC)


def _plain(term: str, value: str) -> str | int | float | bool:
    """A text, a number or a boolean."""
    if value.lower() in _BOOLS:
        return _BOOLS[value.lower()]
    try:
        found = literal_eval(value)
    except (ValueError, SyntaxError) as error:
        msg = f"rows where {_short(term)}: expected a number, a quoted text, true, false, a date or an instant, found "
        msg += _short(value)
        raise RequestError(msg) from error
    if not isinstance(found, str | int | float):
        raise RequestError(_expected(term, value))
    return found


def _expected(text: str, found: str) -> str:
    return (
        f"rows where {_short(text)}: expected comparisons joined by 'and', such as \"at >= 2013-10-01T00:00:00Z and "
        f"line == 'a'\", found {_short(found)}"
    )


def _short(text: str) -> str:
    """A text as an error shows it, of a long one the beginning."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
