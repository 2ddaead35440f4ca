"""Features as served: values with their status, and as dict, DataFrame, Arrow table or HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from headrace.compiler.served import ASKED_AT, EVENT_TIME, FRESHNESS, SERVED_AT, STATUS, VERSION, Status, version_text
from headrace.connectors.arrow_types import arrow_type
from headrace.connectors.frame import nullable_frame
from headrace.features.reference import Reference

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class FeatureValue(NamedTuple):
    """One value; NULL and 0 differ, and `status` says why.

    `last_event_time`: the entity's newest event, as far as the tables that the request read know of it: those of its
    features over the same keys, and where these hold nothing of it, all of the view's over these keys. None for an
    unknown entity.
    """

    value: Any
    status: Status
    last_event_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class ServedFeature:
    """A feature that was asked for, its type in the language, and the version and generation that served it."""

    reference: Reference
    type: str
    version: str
    generation: int

    @property
    def version_text(self) -> str:
        """Version and generation, as a log of what was served names them."""
        return version_text(self.version, self.generation)


@dataclass(frozen=True)
class OnlineFeatures:
    """The answer to one request: a row for each entity row, in order; a value for each feature, in order.

    `at` is the asked instant, in UTC; `served_at` when the answer was made.
    """

    features: tuple[ServedFeature, ...]
    entity_rows: tuple[Mapping[str, Any], ...]
    rows: tuple[tuple[FeatureValue, ...], ...]
    at: datetime
    served_at: datetime

    def value(self, row: int, feature: str) -> FeatureValue:
        """One value by row number and `view:feature`; KeyError for a feature that was not asked for."""
        return self.rows[row][self._names.index(feature)] if feature in self._names else _missing(feature, self._names)

    def freshness(self, value: FeatureValue) -> timedelta | None:
        """How long before the asked time the entity's newest event was.

        None for an unknown entity, and where the asked time is before that event.
        """
        seen = value.last_event_time
        return None if seen is None or seen > self.at else self.at - seen

    def to_dict(self, *, statuses: bool = False, times: bool = False, asked: bool = False) -> dict[str, list[Any]]:
        """Columns by name: the keys, then the features.

        With `statuses` also `<feature>__status` of each; with `times` also `<feature>__event_time`, when the newest
        event of the entity was, and `<feature>__freshness`, how long that was before the asked time; with `asked` also
        `asked_at`, `served_at`, and of each feature `<feature>__version`, the version and generation that served it.
        """
        columns = {key: [row[key] for row in self.entity_rows] for key in self._keys}
        if asked:
            columns |= {ASKED_AT: [self.at] * len(self.rows), SERVED_AT: [self.served_at] * len(self.rows)}
        for number, name in enumerate(self._names):
            values = [row[number] for row in self.rows]
            columns[name] = [value.value for value in values]
            if statuses:
                columns[f"{name}{STATUS}"] = [value.status.value for value in values]
            if asked:
                columns[f"{name}{VERSION}"] = [self.features[number].version_text] * len(values)
            if times:
                columns[f"{name}{EVENT_TIME}"] = [value.last_event_time for value in values]
                columns[f"{name}{FRESHNESS}"] = [self.freshness(value) for value in values]
        return columns

    def to_records(self) -> list[dict[str, Any]]:
        """For each row its entity, and for each feature value, status and times; plain values for JSON."""
        return [
            {
                "entity": {name: _plain(value) for name, value in entity.items()},
                "features": {name: self._plain(value) for name, value in zip(self._names, values, strict=True)},
            }
            for entity, values in zip(self.entity_rows, self.rows, strict=True)
        ]

    def to_arrow(self, *, statuses: bool = False, times: bool = False, asked: bool = False) -> pa.Table:
        """The columns of `to_dict` with their types; NULL stays NULL."""
        import pyarrow as pa

        types: dict[str, Any] = dict.fromkeys((ASKED_AT, SERVED_AT), pa.timestamp("us", "UTC"))
        for feature in self.features:
            name = str(feature.reference)
            types |= {name: arrow_type(feature.type)} | dict.fromkeys((name + STATUS, name + VERSION), pa.string())
            types |= {f"{name}__event_time": pa.timestamp("us", "UTC"), f"{name}__freshness": pa.duration("us")}
        columns = self.to_dict(statuses=statuses, times=times, asked=asked)
        return pa.table({name: pa.array(values, types.get(name)) for name, values in columns.items()})

    def to_pandas(self, *, statuses: bool = False, times: bool = False, asked: bool = False) -> pd.DataFrame:
        """The columns of `to_dict` as a DataFrame with nullable types, so that NULL is neither NaN nor 0."""
        return nullable_frame(self.to_arrow(statuses=statuses, times=times, asked=asked))

    def _repr_html_(self) -> str:
        """A table in which a value that is not `present` says so."""
        heads = "".join(f"<th>{escape(name)}</th>" for name in (*self._keys, *self._names))
        body = "".join(
            "<tr>"
            + "".join(f"<td>{escape(str(entity[key]))}</td>" for key in self._keys)
            + "".join(f"<td>{_html(value)}</td>" for value in values)
            + "</tr>"
            for entity, values in zip(self.entity_rows, self.rows, strict=True)
        )
        caption = f"<caption>at {escape(self.at.isoformat())}</caption>"
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"

    def _plain(self, value: FeatureValue) -> dict[str, Any]:
        """A value for JSON: instants in ISO 8601, freshness in seconds."""
        seen, freshness = value.last_event_time, self.freshness(value)
        return {
            "value": _plain(value.value),
            "status": value.status.value,
            "last_event_time": _plain(seen),
            "freshness_s": None if freshness is None else freshness.total_seconds(),
        }

    @property
    def _names(self) -> list[str]:
        """The references of the features."""
        return [str(feature.reference) for feature in self.features]

    @property
    def _keys(self) -> list[str]:
        """The names of the entity keys."""
        return list(self.entity_rows[0]) if self.entity_rows else []


def _plain(value: Any) -> Any:
    """A value for JSON: an instant or a date in ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


def _missing(feature: str, names: Sequence[str]) -> FeatureValue:
    """Raise KeyError for a feature that was not asked for."""
    msg = f"{feature!r} was not asked for; found {', '.join(names)}"
    raise KeyError(msg)


def _html(value: FeatureValue) -> str:
    """A value in a table."""
    shown = "NULL" if value.value is None else escape(str(value.value))
    return shown if value.status is Status.PRESENT else f"{shown} <small>({value.status.value})</small>"
