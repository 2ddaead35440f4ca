"""Values of what was served, recomputed: those with tiles from the rows of history, those on demand from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from headrace.compiler.equality import same
from headrace.compiler.plan import Column, PlannedOnDemand, ViewPlan
from headrace.compiler.tiles import WindowMode
from headrace.connectors.arrow_types import arrow_type
from headrace.connectors.prefix import TopicPartition
from headrace.errors import NumericOverflowError
from headrace.pipelines.consistency_history import History, Marks, Part, Place, Values
from headrace.pipelines.on_demand import values_on_demand
from headrace.pipelines.served import Served


def tiled_names(plan: ViewPlan, names: Iterable[str]) -> list[str]:
    """The features with tiles that features are, or are computed of, each once."""
    return list(dict.fromkeys(read for name in names for read in plan.tiled_inputs(name)))


def tiled_kinds(plan: ViewPlan, served: Served) -> dict[tuple[Column, ...], list[str]]:
    """The features with tiles behind what was served, by the keys of their entities; none behind requests alone."""
    kinds: dict[tuple[Column, ...], list[str]] = {}
    for name in tiled_names(plan, served.answers):
        kinds.setdefault(plan.keys_of(plan.feature(name)), []).append(name)
    return kinds


@dataclass(frozen=True)
class Recomputed:
    """What was served of one kind of entity, recomputed.

    Args:
        plan: the version of the view that served.
        served: what was served.
        histories: of each of `tiled_kinds`; several where a feature reads those of several kinds of entity.
        connection: where on-demand features are computed.
    """

    plan: ViewPlan
    served: Served
    histories: Sequence[History]
    connection: duckdb.DuckDBPyConnection

    def outside(self, until_us: int) -> list[tuple[int, str]]:
        """Rows that history does not cover, with the reason; requests alone need none."""
        return self.histories[0].outside(until_us) if self.histories else []

    def behind(self, name: str) -> list[str]:
        """The features with tiles that a feature is, or is computed of."""
        return tiled_names(self.plan, [name])

    def values(self, windows: WindowMode) -> Values:
        """All features at all rows."""
        return self._whole([history.values(windows) for history in self.histories], list(self.served.answers))

    def again(self, names: Sequence[str], windows: WindowMode, part: Part) -> Values:
        """Features at the rows that were gathered for, of a part of the gathered rows."""
        read = tiled_names(self.plan, names)
        chosen = [(history, [name for name in history.names if name in read]) for history in self.histories]
        return self._whole([history.again(own, windows, part) for history, own in chosen if own], names)

    def substituted(self, values: Values, changes: Mapping[Place, Any]) -> Values:
        """The values with others for some features with tiles, and what on demand is computed of these."""
        found = Values(values.unknown, {name: dict(column) for name, column in values.features.items()})
        for (name, row), value in changes.items():
            found.features[name][row] = value
        changed = {name for name, _ in changes}
        for one in self._on_demand(found.features):
            if changed.intersection(one.inputs):
                rows = {row for name, row in changes if name in one.inputs} & found.features[one.name].keys()
                found.features[one.name] |= self._computed(one, found, sorted(rows))
        return found

    def gather(self, rows: Sequence[int], commits: Mapping[int, Mapping[TopicPartition, int]]) -> Marks:
        """Gather the rows behind some values, of each kind of entity; the marks that any of them have."""
        marks = [history.gather(rows, commits) for history in self.histories]
        most = max((one.uncommitted for one in marks), default=0)
        return Marks(any(one.after for one in marks), any(one.late for one in marks), most)

    def known_later(self, rows: Sequence[int]) -> set[Place]:
        """Where the store knew the entity, when it was served, by a row at or after the asked time."""
        return {(name, row) for one in self.histories for row in one.known_later(rows) for name in one.names}

    def known_later_by_commits(self) -> set[Place]:
        """Where, of the rows that were gathered for, that holds by rows that the job had committed."""
        return {(name, row) for one in self.histories for row in one.known_later_by_commits() for name in one.names}

    def read_at(self, place: Place, values: Values) -> dict[str, Any]:
        """What an on-demand feature is computed of; nothing for one with tiles."""
        name, row = place
        found: dict[str, Any] = {}
        for one in self._on_demand([name]):
            found |= {each: self._as_served(each, row, values) for each in one.inputs}
            found |= {column: given[row] for column, given in self.served.requests[name].items()}
        return found

    def rows_behind(self, name: str, windows: WindowMode, part: Part) -> dict[int, str]:
        """For each row that was gathered for, the rows of a part that lie in the windows behind a feature."""
        found: dict[int, list[str]] = {}
        for read in self.behind(name):
            (history,) = [one for one in self.histories if read in one.names]
            for row, rows in history.rows_behind(read, windows, part).items():
                found.setdefault(row, []).append(f"{rows}" if read == name else f"{read}: {rows}")
        return {row: "; ".join(texts) for row, texts in found.items()}

    def _whole(self, parts: Sequence[Values], names: Sequence[str]) -> Values:
        """Values of all kinds of entities in one, and those on demand that are computed of them."""
        found = Values()
        for part in parts:
            found.unknown |= part.unknown
            found.features |= part.features
        for one in self._on_demand(names):
            found.features[one.name] = self._computed(one, found, self._rows(one, found))
        return found

    def _on_demand(self, names: Iterable[str]) -> list[PlannedOnDemand]:
        """The on-demand features among features."""
        known: Set[str] = set(names)
        return [one for one in self.plan.on_demand if one.name in known]

    def _rows(self, one: PlannedOnDemand, values: Values) -> list[int]:
        """The rows in which it was asked for, of which all that it reads is known."""
        asked = (row for row, answer in enumerate(self.served.answers[one.name]) if answer is not None)
        return [row for row in asked if all(row in values.features[name] for name in one.inputs)]

    def _computed(self, one: PlannedOnDemand, values: Values, rows: Sequence[int]) -> dict[int, Any]:
        """An on-demand feature at rows in which it was asked for."""
        if not rows:
            return {}
        read = {name: [self._as_served(name, row, values) for row in rows] for name in one.inputs}
        types = {name: self.plan.feature(name).type for name in read}
        requested = self.served.requests[one.name]
        read |= {column.name: [requested[column.name][row] for row in rows] for column in one.request}
        types |= {column.name: column.type for column in one.request}
        table = pa.table({name: pa.array(column, arrow_type(types[name])) for name, column in read.items()})
        values_there = values_on_demand(self.connection, self.plan.name, one, table)
        try:
            return dict(zip(rows, values_there.to_pylist(), strict=True))
        except (OverflowError, ValueError) as error:
            msg = f"feature {self.plan.name}:{one.name}: an instant is beyond the years 1 to 9999"
            raise NumericOverflowError(msg) from error

    def _as_served(self, name: str, row: int, values: Values) -> Any:
        """A value that is read: where it was served beside, and is equal, to the last bit.

        A difference of two sums of floats may hold nothing but their last bits, which hang on the order of adding.
        """
        value, answer = values.features[name].get(row), self.served.answer(name, row)
        return answer.value if answer is not None and same(answer.value, value) else value
