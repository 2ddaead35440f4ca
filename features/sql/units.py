"""Units and fields of time as SQL names them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import exp

from headrace.errors import UnsupportedError, did_you_mean

#: ibis's letter of each unit.
IBIS_UNITS = {
    "microsecond": "us",
    "millisecond": "ms",
    "second": "s",
    "minute": "m",
    "hour": "h",
    "day": "D",
    "week": "W",
    "month": "M",
    "quarter": "Q",
    "year": "Y",
}
#: Fields of a time: what EXTRACT and date_part name.
FIELDS: dict[str, Callable[[Any], Any]] = {
    "year": lambda at: at.year(),
    "quarter": lambda at: at.quarter(),
    "month": lambda at: at.month(),
    "day": lambda at: at.day(),
    "doy": lambda at: at.day_of_year(),
    "dayofyear": lambda at: at.day_of_year(),
    "isodow": lambda at: at.day_of_week.index() + 1,
    "dayofweekiso": lambda at: at.day_of_week.index() + 1,
    "week": lambda at: at.week_of_year(),
    "isoyear": lambda at: at.iso_year(),
    "hour": lambda at: at.hour(),
    "minute": lambda at: at.minute(),
    "second": lambda at: at.second(),
    "millisecond_of_second": lambda at: at.millisecond(),
    "microsecond_of_second": lambda at: at.microsecond(),
    "epoch": lambda at: at.epoch_seconds(),
}


def unit_name(node: exp.Expr) -> str:
    """The name of a node's unit, in the singular; UnsupportedError for one that is not known.

    >>> unit_name(exp.Interval(this=exp.Literal.string("2"), unit=exp.Var(this="HOURS")))
    'hour'
    """
    unit = node.args.get("unit")
    name = "" if unit is None else unit.name.lower()
    singular = name.removesuffix("s")
    if singular not in IBIS_UNITS:
        msg = f"unit {name!r} of time is not supported; {did_you_mean(singular, IBIS_UNITS)}"
        raise UnsupportedError(msg)
    return singular
