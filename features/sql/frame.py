"""Frames of windows: `RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW` over event time, to µs and back.

The current row is whoever asks. What happened at that very instant is not in the window: `EXCLUDE GROUP` says so, and
is meant where it is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from headrace.errors import DefinitionError, UnsupportedError
from headrace.features.duration import format_duration
from headrace.features.local_day import DAY_US
from headrace.features.operations.times import UNITS
from headrace.features.sql.rules.common import called, name_of, number
from headrace.features.sql.rules.times import whole
from headrace.features.sql.script import RefusalError, judged
from headrace.features.sql.syntax import DIALECT
from headrace.features.sql.units import unit_name
from headrace.features.window import CalendarDays, Window

#: Our function of a number and a zone: SQL has no such bound of a frame.
CALENDAR_DAYS = "calendar_days"
_EXPECTED_DAYS = "expected RANGE BETWEEN CALENDAR_DAYS(2, 'Europe/Paris') PRECEDING AND CURRENT ROW"
_EXPECTED = "expected RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND CURRENT ROW"
#: Units from which a width is written, the longest first; weeks are seven days.
_WRITTEN = sorted((us, name) for name, us in UNITS.items() if name != "week")[::-1]


def window_of(window: exp.Window, event_time: str) -> Window | None:
    """A window of SQL; None for all of the past. RefusalError for what is no such window."""
    _check_order(window, event_time)
    spec = window.args.get("spec")
    if spec is None:
        return None
    _check_bounds(window, spec)
    if _is_days(spec.args.get("start")):
        return _days_of(window, spec)
    start, lag_us = spec.args.get("start"), _lag_us(window, spec)
    if start == "UNBOUNDED" and spec.args.get("start_side") == "PRECEDING" and not lag_us:
        return None
    if not isinstance(start, exp.Interval) or spec.args.get("start_side") != "PRECEDING":
        raise RefusalError(window, UnsupportedError(f"the window begins at {_bound(spec, 'start')}; {_EXPECTED}"))
    width_us = _interval_us(start) - lag_us
    if width_us <= 0:
        raise RefusalError(start, DefinitionError("the window ends before it begins"))
    return Window(label_of(width_us, lag_us), width_us, lag_us)


def label_of(width_us: int, lag_us: int) -> str:
    """What a feature's name ends in.

    >>> label_of(3_600_000_000, 0), label_of(3_600_000_000, 86_400_000_000)
    ('1h', '1h_lag_1d')
    """
    return format_duration(width_us) + (f"_lag_{format_duration(lag_us)}" if lag_us else "")


def window_over(
    keys: list[str], event_time: str, width_us: int | None, lag_us: int = 0, zone: str | None = None
) -> exp.Window:
    """What stands around an aggregate: its keys, the order of time, and the frame, in calendar days of a zone if any.

    >>> window_over(["a"], "ts", 5_400_000_000).sql("duckdb").partition("RANGE ")[2]
    "BETWEEN INTERVAL '90' MINUTE PRECEDING AND CURRENT ROW EXCLUDE GROUP)"
    """
    spec = exp.WindowSpec(
        kind="RANGE",
        start="UNBOUNDED" if width_us is None else _distance(width_us + lag_us, zone),
        start_side="PRECEDING",
        end=_distance(lag_us, zone) if lag_us else "CURRENT ROW",
        end_side="PRECEDING" if lag_us else None,
        exclude=exp.var("GROUP"),
    )
    order = exp.Order(expressions=[exp.Ordered(this=exp.column(event_time), nulls_first=False)])
    return exp.Window(partition_by=[exp.column(key) for key in keys], order=order, spec=spec, over="OVER")


def interval_of(width_us: int) -> exp.Interval:
    """A width in the longest unit that it is a whole number of."""
    us, name = next((us, name) for us, name in _WRITTEN if width_us % us == 0)
    return exp.Interval(this=exp.Literal.string(str(width_us // us)), unit=exp.var(name.upper()))


def resolved(window: exp.Window, named: Mapping[str, exp.Window]) -> exp.Window:
    """The window itself, or the one of the WINDOW clause that it names."""
    alias = window.args.get("alias")
    if alias is None:
        return window
    if name_of(alias) not in named:
        msg = f"window {alias.name!r} is not in the WINDOW clause; it has: {', '.join(sorted(named)) or 'none'}"
        raise RefusalError(alias, DefinitionError(msg))
    if any(window.args.get(part) for part in ("partition_by", "order", "spec")):
        msg = f"a window is named or written, never both; write all of it in place of {alias.name!r}"
        raise RefusalError(alias, UnsupportedError(msg))
    return named[name_of(alias)]


def _check_order(window: exp.Window, event_time: str) -> None:
    """The order must be that of event time."""
    order = window.args.get("order")
    terms = order.expressions if order is not None else []
    column = terms[0].this if len(terms) == 1 else None
    if not isinstance(column, exp.Column) or name_of(column.this) != event_time or terms[0].args.get("desc"):
        found = "no ORDER BY" if order is None else order.sql(dialect=DIALECT)
        msg = f"a window is one of event time: expected ORDER BY {event_time}, found {found}"
        raise RefusalError(terms[0] if terms else window, DefinitionError(msg))


def _check_bounds(window: exp.Window, spec: exp.WindowSpec) -> None:
    """A frame of time that ends at the row that asks."""
    if spec.args.get("kind") != "RANGE":
        msg = f"{spec.args.get('kind')} counts rows; a feature's window is one of time: {_EXPECTED}"
        raise RefusalError(window, UnsupportedError(msg))
    exclude = spec.args.get("exclude")
    if exclude is not None and exclude.name != "GROUP":
        msg = f"EXCLUDE {exclude.name} counts what happened at the instant itself; write EXCLUDE GROUP, or nothing"
        raise RefusalError(window, UnsupportedError(msg))


def _is_days(bound: object) -> bool:
    """Whether a frame is bounded by calendar days."""
    return isinstance(bound, exp.Anonymous) and called(bound) == CALENDAR_DAYS


def _days_of(window: exp.Window, spec: exp.WindowSpec) -> Window:
    """A window of calendar days: from so many on, today being the last of them, to as many as it lags."""
    start, end = spec.args["start"], spec.args.get("end")
    days, zone = _days(window, spec, "start")
    lag, other = (0, zone) if end in (None, "CURRENT ROW") else _days(window, spec, "end")
    if zone != other:
        raise RefusalError(
            start, DefinitionError(f"the days of one window are of one zone, found {zone!r} and {other!r}")
        )
    return judged(start, lambda: Window.of(CalendarDays(days - lag, zone=zone, lag=lag), "calendar"))


def _days(window: exp.Window, spec: exp.WindowSpec, name: str) -> tuple[int, str]:
    """How many calendar days before the row that asks a window begins or ends, and where."""
    bound = spec.args[name]
    values = [number(one) if isinstance(one, exp.Literal) else None for one in getattr(bound, "expressions", [])]
    if not _is_days(bound) or spec.args.get(f"{name}_side") != "PRECEDING" or list(map(type, values)) != [int, str]:
        msg = f"a window of calendar days is bounded by {_bound(spec, name)}; {_EXPECTED_DAYS}"
        raise RefusalError(bound if isinstance(bound, exp.Expr) else window, UnsupportedError(msg))
    return int(bound.expressions[0].name), str(bound.expressions[1].name)


def _lag_us(window: exp.Window, spec: exp.WindowSpec) -> int:
    """How long before the row that asks a window ends."""
    end = spec.args.get("end")
    if end in (None, "CURRENT ROW"):
        return 0
    if not isinstance(end, exp.Interval) or spec.args.get("end_side") != "PRECEDING":
        raise RefusalError(window, UnsupportedError(f"the window ends at {_bound(spec, 'end')}; {_EXPECTED}"))
    return _interval_us(end)


def _bound(spec: exp.WindowSpec, name: str) -> str:
    """Where a frame begins or ends, as it was written."""
    bound = spec.args.get(name)
    text = bound.sql(dialect=DIALECT) if isinstance(bound, exp.Expr) else str(bound)
    return f"{text} {spec.args.get(f'{name}_side') or ''}".strip()


def _interval_us(interval: exp.Interval) -> int:
    """The µs of a frame's interval; RefusalError for months and years, for parts of a unit, and for nothing."""
    try:
        unit, count = unit_name(interval), whole(interval)
        if unit not in UNITS:
            msg = f"a window of {unit}s has no fixed length; write days"
            raise UnsupportedError(msg)
        if count <= 0:
            msg = f"a window of {interval.name} {unit}s is empty; expected a width above zero"
            raise DefinitionError(msg)
    except DefinitionError as error:
        raise RefusalError(interval, error) from error
    return count * UNITS[unit]


def _distance(us: int, zone: str | None) -> exp.Expr:
    """How long before the row that asks, in time or in calendar days of a zone."""
    if zone is None:
        return interval_of(us)
    days = exp.Literal.number(str(us // DAY_US))
    return exp.Anonymous(this=CALENDAR_DAYS.upper(), expressions=[days, exp.Literal.string(zone)])
