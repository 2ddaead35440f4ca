"""Filters as text and back from it: what they print is what a command takes."""

from __future__ import annotations

import re
from ast import literal_eval
from datetime import datetime

from headrace.errors import RequestError
from headrace.training.data.filters import Condition, EntityShare, RowFilter, before, from_

_TERM = re.compile(
    r"hash of (?P<keys>\w+(?:, *\w+)*) in \[(?P<low>[0-9.]+), *(?P<high>[0-9.]+)\)"
    r"|(?P<column>\w+) *(?P<operator>==|!=|<=|>=|<|>) *(?P<value>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s'\"]+)"
)
_AND = " and "
_BOOLS = {"true": True, "false": False}
#: An instant without a quote begins so; a number does not.
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMES = {">=": from_, "<": before}


def filters_of(text: str) -> tuple[RowFilter, ...]:
    """The filters that a text is: comparisons with a number, a quoted text, true, false or an instant; and shares.

    Raises RequestError for a text that is none.

    >>> [str(one) for one in filters_of("amt >= 3 and line != 'a and b' and at < 2013-09-01T00:00:00+00:00")]
    ['amt >= 3', "line != 'a and b'", 'at < 2013-09-01T00:00:00+00:00']
    >>> str(filters_of("hash of card in [0.8, 0.9)")[0])
    'hash of card in [0.8, 0.9)'
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
        found.append(_share(term) if term["keys"] else _comparison(term))
        rest = rest[term.end() :]
    return tuple(found), rest


def _share(term: re.Match[str]) -> RowFilter:
    keys = tuple(key.strip() for key in term["keys"].split(","))
    try:
        return EntityShare(keys, float(term["low"]), float(term["high"]))
    except ValueError as error:
        raise RequestError(_expected(term[0], term[0])) from error


def _comparison(term: re.Match[str]) -> RowFilter:
    column, operator, value = term["column"], term["operator"], term["value"]
    if not _DATE.match(value):
        return Condition(column, operator, _plain(term[0], value))
    if operator not in _TIMES:
        msg = f"rows where {term[0]!r}: an instant is compared by {' or '.join(_TIMES)}, found {operator!r}"
        raise RequestError(msg)
    try:
        return _TIMES[operator](column, datetime.fromisoformat(value))
    except ValueError as error:
        msg = f"rows where {term[0]!r}: expected an instant in ISO 8601 with a zone, found {value!r}"
        raise RequestError(msg) from error


def _plain(term: str, value: str) -> str | int | float | bool:
    """A text, a number or a boolean."""
    if value.lower() in _BOOLS:
        return _BOOLS[value.lower()]
    try:
        found = literal_eval(value)
    except (ValueError, SyntaxError) as error:
        msg = f"rows where {term!r}: expected a number, a quoted text, true, false or an instant, found {value!r}"
        raise RequestError(msg) from error
    if not isinstance(found, str | int | float):
        raise RequestError(_expected(term, value))
    return found


def _expected(text: str, found: str) -> str:
    return (
        f"rows where {text!r}: expected comparisons joined by 'and', such as \"at >= 2013-10-01T00:00:00Z and "
        f"line == 'a'\", found {found!r}"
    )
