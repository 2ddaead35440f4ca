"""Values recomputed from the rows of history, and the rows behind those that differ: the SQL of consistency.

The features' SQL is that of training sets. Where a value differs, the rows of its entity are gathered for that value
alone, each marked by what the store may not have known, so that any part of them can be left out.
"""

# ruff: noqa: S608 (emitting SQL is what this file does: names are the plan's, values are numbers)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa

from headrace.compiler.duckdb_point_in_time import coverage_sql, evidence_sql, point_in_time_sql
from headrace.compiler.duckdb_scalar import DUCKDB
from headrace.compiler.duckdb_sql import judged_columns, judged_sql
from headrace.compiler.plan import Column, ViewPlan
from headrace.compiler.point_in_time import AskedFeature, KeySet
from headrace.compiler.tiles import WindowMode
from headrace.compiler.verdict import Verdict, judged, passes
from headrace.connectors.prefix import TopicPartition
from headrace.features.instant import instant_of
from headrace.pipelines.served import Served

#: A value: the feature and the row.
Place = tuple[str, int]
#: The value to which a gathered row belongs.
CASE = Column("_case", "int")
#: So late that no row is late: for what is folded in although it was judged late.
NEVER_LATE_US = 1 << 60
COMMITS = pa.schema([("us", pa.int64()), ("topic", pa.string()), ("partition", pa.int64()), ("last", pa.int64())])
#: A row is known from when the log has it, whatever its own column of arrival says.
KNOWN_US = "greatest(_arrival_us, coalesce(epoch_us(_src_timestamp), _arrival_us))"


@dataclass
class Values:
    """Values by feature and row, and which of them are of entities that history does not know."""

    unknown: set[Place] = field(default_factory=set)
    features: dict[str, dict[int, Any]] = field(default_factory=dict)

    def add(self, found: pa.Table) -> None:
        """Take in rows of `point_in_time_sql`."""
        columns = found.to_pydict()
        rows = columns.pop("_row")
        unknown = [row for row, seen_us in zip(rows, columns.pop("_seen_us"), strict=True) if seen_us is None]
        for name, values in columns.items():
            self.unknown.update((name, row) for row in unknown)
            self.features.setdefault(name, {}).update(zip(rows, values, strict=True))


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of history: how many, where they lie in the log, and when they arrived."""

    count: int
    places: Sequence[tuple[str, int | None, int | None]]
    first_arrival_us: int
    last_arrival_us: int

    def __str__(self) -> str:
        places = "; ".join(f"{part}, offset {_range(first, last)}" for part, first, last in self.places)
        arrived = _range(*(instant_of(us).isoformat() for us in (self.first_arrival_us, self.last_arrival_us)))
        return f"{self.count:,} row{'s' if self.count > 1 else ''} ({places}; arrived {arrived})"


@dataclass(frozen=True, slots=True)
class Marks:
    """Which marks gathered rows have: arrived afterwards, judged late, and the most that were not committed."""

    after: bool
    late: bool
    uncommitted: int


@dataclass(frozen=True)
class Part:
    """A part of the gathered rows: the condition of those that are in it, and whether late ones are folded in."""

    condition: str
    with_late: bool = False


class History:
    """The rows of history (`archive`) and of what was served (`spine`) in one database.

    Args:
        connection: a database with the view `archive`.
        plan: the version of the view that served.
        served: what entities got.
        names: features with tiles, of one kind of entity.
        beside: the keys of the other kinds of entity that the same values are computed of.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        plan: ViewPlan,
        served: Served,
        names: Sequence[str],
        beside: Sequence[tuple[Column, ...]] = (),
    ) -> None:
        self._connection, self._plan, self.names, self._beside = connection, plan, tuple(names), tuple(beside)
        self._keys = plan.keys_of(plan.feature(names[0]))
        self._now = sorted(set(served.spine["_now"].to_pylist()))
        connection.register("spine", served.spine)

    def outside(self, until_us: int) -> list[tuple[int, str]]:
        """Rows that history does not cover, with the reason."""
        return self._connection.execute(coverage_sql(self._plan, "spine", "archive"), {"end": until_us}).fetchall()

    def values(self, windows: WindowMode) -> Values:
        """All features at all rows."""
        return self._computed(self._plan, self.names, windows, "spine", "archive")

    def known_later(self, rows: Sequence[int]) -> set[int]:
        """Those rows whose entity the store knew, when it was served, by a row at or after the asked time."""
        self._choose(rows)
        return self._let_in("TRUE")

    def known_later_by_commits(self) -> set[int]:
        """Those of the rows that were gathered for of which that holds by rows that the job had committed."""
        return self._let_in(
            "EXISTS (SELECT * FROM commits AS p\n"
            "WHERE p.us = s._served_us AND p.topic = e._src_topic AND p.partition = e._src_partition\n"
            "  AND e._src_offset <= p.last)"
        )

    def gather(self, rows: Sequence[int], commits: Mapping[int, Mapping[TopicPartition, int]]) -> Marks:
        """Gather the rows behind some values, and mark them.

        Args:
            rows: of what was served.
            commits: for each time (µs) at which one of them was served, the last committed offset by partition; without
                an entry nothing is known of it.
        """
        self._choose(rows)
        self._connection.register("commits", _table_of(commits))
        self._connection.execute(
            "CREATE OR REPLACE TABLE cases AS SELECT *, _row AS _case FROM spine JOIN chosen USING (_row)"
        )
        self._connection.execute(f"CREATE OR REPLACE TABLE evidence AS {self._evidence()}")
        marks = "coalesce(bool_or(_after), FALSE), coalesce(bool_or(_late), FALSE), coalesce(max(_rank), 0)"
        return Marks(*self._connection.execute(f"SELECT {marks} FROM evidence").fetchall()[0])

    def again(self, names: Sequence[str], windows: WindowMode, part: Part) -> Values:
        """Features at the rows that were gathered for, of a part of the gathered rows."""
        relation = f"(SELECT * FROM evidence WHERE {part.condition})"
        return self._computed(self._judging(part), names, windows, "cases", relation, (CASE,))

    def rows_behind(self, name: str, windows: WindowMode, part: Part) -> dict[int, Rows]:
        """For each row that was gathered for, the rows of a part that lie in a feature's window."""
        plan = self._judging(part)
        found: dict[int, Rows] = {}
        for now in self._now:
            asked = AskedFeature(name, plan.feature(name), window_mode=windows, open_end=now)
            keys = KeySet(plan, (asked,), apart=(CASE,))
            behind = evidence_sql(keys, asked, _of(now, "cases"), f"(SELECT * FROM evidence WHERE {part.condition})")
            found |= {row: Rows(*rest) for row, *rest in self._connection.execute(self._places(behind)).fetchall()}
        return found

    def _let_in(self, condition: str) -> set[int]:
        """Of the chosen rows those whose entity had a row, not before the asked time, that meets a condition.

        A filter let it in, and the log had it when the answer was made.
        """
        found = self._connection.execute(
            f"SELECT DISTINCT s._row FROM spine AS s JOIN ({judged_sql(self._plan, 'archive')}) AS e\n"
            f"ON {_same('s', 'e', self._keys)} AND e._event_us >= s._t AND {KNOWN_US} < s._served_us\n"
            f"WHERE s._row IN (SELECT _row FROM chosen) AND ({self._passes()}) AND ({condition})"
        )
        return {row for (row,) in found.fetchall()}

    def _passes(self) -> str:
        """The condition that one of the filters over these keys lets a row in."""
        groups = [group for group in self._plan.groups if group.keys == self._keys]
        return " OR ".join(DUCKDB.emit(passes(group)) for group in groups)

    def _computed(
        self,
        plan: ViewPlan,
        names: Sequence[str],
        windows: WindowMode,
        spine: str,
        relation: str,
        apart: tuple[Column, ...] = (),
    ) -> Values:
        """Features at rows. What was asked for at now held the open tile too."""
        found = Values()
        for now in self._now:
            asked = [AskedFeature(name, plan.feature(name), window_mode=windows, open_end=now) for name in names]
            sql = point_in_time_sql(KeySet(plan, tuple(asked), apart=apart), _of(now, spine), relation)
            found.add(self._connection.sql(sql).to_arrow_table())
        return found

    def _judging(self, part: Part) -> ViewPlan:
        """The plan by which a part of the rows is judged."""
        if not part.with_late:
            return self._plan
        return replace(self._plan, source=self._plan.source.allowing(NEVER_LATE_US))

    def _places(self, behind: str) -> str:
        """For each row how many rows are behind it, where, and when they arrived; topics are told where many are."""
        topic = "concat('topic ', chr(39), _src_topic, chr(39), ', ')" if self._plan.source.members else "''"
        return (
            "SELECT _row, sum(n)::BIGINT, list((place, first, last) ORDER BY _src_partition, place),\n"
            "  min(began), max(ended)\n"
            f"FROM (SELECT _row, _src_partition, concat({topic}, 'partition ', _src_partition) AS place,\n"
            "  count(*) AS n, min(_src_offset) AS first, max(_src_offset) AS last,\n"
            f"  min(epoch_us(_arrival)) AS began, max(epoch_us(_arrival)) AS ended FROM ({behind}) GROUP BY ALL)\n"
            "GROUP BY _row"
        )

    def _evidence(self) -> str:
        """Every row of an entity before the asked time of a value, once for each such value.

        And of the other entities that it is computed of: a job takes rows in by one order, of whatever entity they are.
        """
        kinds = (self._keys, *self._beside)
        each = (self._marked(keys, kinds[:number]) for number, keys in enumerate(kinds))
        rank = "row_number() OVER (PARTITION BY _case, _late, _later ORDER BY _known_us, _src_partition, _src_offset)"
        return (
            f"SELECT * EXCLUDE ({', '.join(judged_columns(self._plan))}),\n"
            f"  CASE WHEN _later AND NOT _late THEN {rank} ELSE 0 END AS _rank\n"
            f"FROM ({' UNION ALL '.join(each)})"
        )

    def _marked(self, keys: tuple[Column, ...], before: Sequence[tuple[Column, ...]]) -> str:
        """The rows of one kind of entity, with their marks, but for those of kinds before."""
        late = DUCKDB.emit(judged(Verdict.LATE))
        rows = f"SELECT *, {late} AS _late, {KNOWN_US} AS _known_us FROM ({judged_sql(self._plan, 'archive')})"
        others = (f"NOT coalesce({_same('e', 'c', other)}, FALSE)" for other in before)
        same = " AND ".join([_same("e", "c", keys), *others])
        later = "coalesce(m.us IS NOT NULL AND e._src_offset > coalesce(p.last, -1), FALSE)"
        return (
            f"SELECT e.*, c._case, e._known_us >= c._served_us AS _after, {later} AS _later\n"
            f"FROM ({rows}) AS e JOIN cases AS c ON {same} AND e._event_us < c._t\n"
            "LEFT JOIN commits AS m ON m.us = c._served_us AND m.topic IS NULL\n"
            "LEFT JOIN commits AS p ON p.us = c._served_us\n"
            "  AND p.topic = e._src_topic AND p.partition = e._src_partition"
        )

    def _choose(self, rows: Sequence[int]) -> None:
        """Let `chosen` be some rows."""
        self._connection.register("chosen", pa.table({"_row": pa.array(rows, pa.int64())}))


def _same(left: str, right: str, keys: Sequence[Column]) -> str:
    """Whether two rows are of one entity."""
    names = [DUCKDB.identifier(key.name) for key in keys]
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in names)


def _of(now: bool, spine: str) -> str:
    """The rows that were asked for at now, or the others."""
    return f"(SELECT * FROM {spine} WHERE _now = {now})"


def _range(first: Any, last: Any) -> str:
    """From the first to the last, or the only one."""
    return str(first) if first == last else f"{first} to {last}"


def _table_of(commits: Mapping[int, Mapping[TopicPartition, int]]) -> pa.Table:
    """Time, topic, partition and last offset; a row without a topic says that something is known of the time at all."""
    known = [(us, None, None, None) for us in commits]
    found = [(us, *of, last) for us, offsets in commits.items() for of, last in offsets.items()]
    columns = zip(*known, *found, strict=True) if known else ([] for _ in COMMITS)
    return pa.table([pa.array(values, one.type) for values, one in zip(columns, COMMITS, strict=True)], COMMITS)
