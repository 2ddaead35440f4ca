"""Filters as plain values for JSON, and back, exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from headrace.errors import DatasetError
from headrace.training.data.filters import Condition, EntityShare, Present, RowFilter, TimeRange

#: What every filter is called in JSON; a name is never given to another.
NAMES: Mapping[str, type[Any]] = {
    "condition": Condition,
    "entity_share": EntityShare,
    "present": Present,
    "time_range": TimeRange,
}
#: A filter of a user's own class, of which only the text is kept.
UNKNOWN = "unknown"


def filter_plain(one: RowFilter) -> dict[str, Any]:
    """A filter as plain values; of one of a user's own class, which nothing here can make again, its text.

    >>> filter_plain(Condition("amt", ">=", 3))
    {'is': 'condition', 'column': 'amt', 'operator': '>=', 'value': 3}
    """
    name = next((name for name, kind in NAMES.items() if type(one) is kind), None)
    if name is None:
        return {"is": UNKNOWN, "class": f"{type(one).__module__}.{type(one).__qualname__}", "text": str(one)}
    fields: dict[str, Any] = asdict(one)  # type: ignore[call-overload]
    return {"is": name, **{key: _written(value) for key, value in fields.items()}}


def filter_of(plain: Mapping[str, Any]) -> RowFilter:
    """The filter of plain values. DatasetError for one of a user's own class, and for what is none."""
    if plain.get("is") not in NAMES:
        msg = f"filter {plain.get('text', plain)!r}: of a class that headrace cannot make again, "
        raise DatasetError(msg + f"{plain.get('class', plain.get('is'))!r}; expected one of {', '.join(NAMES)}")
    try:
        made: RowFilter = NAMES[plain["is"]](**{key: _read(value) for key, value in plain.items() if key != "is"})
    except (KeyError, TypeError, ValueError) as error:
        msg = f"filter {plain!r}: is not what headrace writes: {error}"
        raise DatasetError(msg) from error
    return made


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"instant": value.isoformat()}
    return {"date": value.isoformat()} if isinstance(value, date) else value


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return date.fromisoformat(value["date"]) if "date" in value else datetime.fromisoformat(value["instant"])
    return tuple(value) if isinstance(value, list) else value
