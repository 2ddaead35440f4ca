"""Windows of calendar days in DuckDB SQL: a table of when days begin, made by Python's zoneinfo as is what is served.

DuckDB's own zones are of another edition of the database, so it is never asked about them.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: what is put into it are numbers)
from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from headrace.compiler.plan import PlannedFeature
from headrace.compiler.scalar_sql import text_literal
from headrace.features.local_day import DAY_US, END_DAY, begin_us, runs


class Days(NamedTuple):
    """So many days in a zone that end so many days before that of an instant; `at` is the instant's SQL, in µs."""

    zone: str
    days: int
    lag: int
    at: str

    @classmethod
    def of(cls, feature: PlannedFeature, at: str) -> Days | None:
        """The days of a feature's window; None where it has another one."""
        if feature.zone is None or feature.window_us is None:
            return None
        return cls(feature.zone, feature.window_us // DAY_US, feature.lag_us // DAY_US, at)


class DayTables:
    """The tables that a query needs for its windows of calendar days, one for all windows of a zone and an instant.

    No day before that of `earliest_us` is in them.
    """

    def __init__(self, windows: Iterable[Days | None], earliest_us: int) -> None:
        self._numbers = {window: number for number, window in enumerate(dict.fromkeys(filter(None, windows)), start=1)}
        self._earliest_us = earliest_us

    def bounds(self, window: Days) -> tuple[str, str]:
        """The columns that `dated` gives a relation: the window's first event time, and the first after it."""
        return f"_from{self._numbers[window]}", f"_to{self._numbers[window]}"

    @property
    def tables(self) -> list[str]:
        """The tables, each to stand after WITH: by `began_us`, when a day began, what windows hold in its course."""
        return [f"{name} AS ({self._table(zone, at)})" for (zone, at), name in self._names.items()]

    @property
    def before_select(self) -> str:
        """The tables with their WITH; nothing where there are none."""
        return f"WITH {joined}\n" if (joined := ",\n".join(self.tables)) else ""

    def dated(self, relation: str) -> str:
        """A query with the bounds of each window beside its rows; as it is where there are none."""
        if not self._numbers:
            return relation
        columns = "".join(f",\n  {each}" for window in self._numbers for each in self._columns(window))
        joins = "".join(f"\nASOF LEFT JOIN {name} ON {at} >= {name}.began_us" for (_, at), name in self._names.items())
        return f"SELECT _undated.*{columns}\nFROM ({relation}) AS _undated{joins}"

    @property
    def _names(self) -> dict[tuple[str, str], str]:
        """What the table of each zone and instant is called."""
        clocks = dict.fromkeys((window.zone, window.at) for window in self._numbers)
        return {clock: f"_days{number}" for number, clock in enumerate(clocks, start=1)}

    def _columns(self, window: Days) -> tuple[str, str]:
        """Both bounds; of an instant before all days, when nobody is known yet, those of an empty window."""
        first, end = self.bounds(window)
        name = self._names[window.zone, window.at]
        known = f"coalesce({name}.{first}, {window.at})"
        return f"{_until_the_end(window, known)} AS {first}", f"coalesce({name}.{end}, {window.at}) AS {end}"

    def _table(self, zone: str, at: str) -> str:
        """When each day began, and what each window holds in its course; the last of days that began together."""
        windows = [window for window in self._numbers if (window.zone, window.at) == (zone, at)]
        columns = "".join(f",\n  {each}" for window in windows for each in self._began(window))
        known = ", ".join(f"({run.first}, {run.stop}, {run.late_us})" for run in runs(zone, self._earliest_us))
        return (
            f"SELECT began_us{columns}\n"
            f"FROM (SELECT day, day * {DAY_US} + late_us AS began_us\n"
            "FROM (SELECT unnest(range(first, stop)) AS day, late_us\n"
            f"FROM (VALUES {known}) AS runs (first, stop, late_us)))\n"
            "QUALIFY lead(began_us) OVER (ORDER BY day) IS DISTINCT FROM began_us"
        )

    def _began(self, window: Days) -> tuple[str, str]:
        """When the first day of a window began, and the one after its last; without a lag that is still to come."""
        first, end = self.bounds(window)
        days, lag = window.days, window.lag
        ended = f"first_value(began_us) OVER (ORDER BY day ROWS {lag - 1} PRECEDING)" if lag else "CAST(NULL AS BIGINT)"
        began = f"first_value(began_us) OVER (ORDER BY day ROWS {lag + days - 1} PRECEDING)"
        return f"{began} AS {first}", f"{ended} AS {end}"


def _until_the_end(window: Days, sql: str) -> str:
    """A bound, or an error for an instant of which no day is listed."""
    what = text_literal(f"calendar days in {window.zone} are known until 2100 only")
    return f"CASE WHEN {window.at} < {begin_us(END_DAY, window.zone)} THEN {sql} ELSE error({what}) END"
