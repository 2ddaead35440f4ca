"""What of some rows a model has learned from, as its lineage tells: they prove nothing of how it does on others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headrace.connectors.iceberg import IcebergTable
from headrace.errors import DatasetError, DefinitionError, NotFoundError, UnsupportedError
from headrace.registry.model_facts import Facts
from headrace.training.data.changes import appended_between
from headrace.training.data.fact_conditions import FACT_FILTERS, filters_where
from headrace.training.data.filter_json import filter_of
from headrace.training.data.filters import Condition, RowFilter
from headrace.training.data.last_facts import taken_as
from headrace.training.data.rows import PinnedRows
from headrace.training.data.snapshot import Snapshot
from headrace.training.learning.definition import TRAIN
from headrace.training.learning.definition_json import FACTS
from headrace.training.models.made_again import FULL, LEARNED_ON, STREAM
from headrace.training.streaming.learned_before import WHERE

#: The steps of a training that choose its rows: what one of a user's own chose is not kept.
CHOOSING = frozenset({"snapshot", "rows", "appended"})
#: What is raised of snapshots, columns and filters that are gone, or never were of this table.
GONE = (NotFoundError, DatasetError, DefinitionError, UnsupportedError)
#: Why nothing is known of what somebody registered by hand.
UNRECORDED = "how it was trained is not recorded"


@dataclass(frozen=True)
class Learned:
    """What versions learned of some rows.

    Attributes:
        rows: for each version that learned from any of them, how many; at most, where it took the last fact of each id
            and these rows have others: superseded ones of them count, though it did not learn from these.
        unknown: for each version of which that is not known, why.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def evidence(self) -> dict[str, Any]:
        """What a gate shows of it: nothing where nothing was learned, and all is known."""
        found = {"learned_rows": dict(self.rows), "learned_unknown": dict(self.unknown)}
        return {name: value for name, value in found.items() if value}


def learned_of(rows: PinnedRows, table: IcebergTable, line: Iterable[tuple[str, Facts]]) -> Learned:
    """What each version of a line, by its name, has learned of rows of a table.

    Rows are the same where they are in one table: by the snapshots and filters of full trainings, by the offsets of
    streams. A training and those that went on from it, each on what had been appended, are told of by the name of the
    last. Reads the columns of filters only.
    """
    counts: dict[str, int] = {}
    unknown: dict[str, str] = {}
    for name, facts in _merged(line):
        try:
            counts[name] = sum(_count(part) for part in _parts(rows, table, facts))
        except GONE as error:
            unknown[name] = str(error)
    return Learned({name: count for name, count in counts.items() if count}, unknown)


def shared(rows: PinnedRows, others: PinnedRows, table: IcebergTable) -> int:
    """How many of some rows of a table are among others, of it or of another table, at another snapshot or at the same.

    At most, where the others are the last facts of their ids and the rows are not: superseded ones count, too.

    Raises NotFoundError where the two snapshots have nothing to do with each other, DatasetError where rows were
    changed or taken away between them.
    """
    if rows.snapshot.table != others.snapshot.table:
        return 0
    parts = _there_at(rows.where(*others.filters), table, others.snapshot.snapshot_id)
    # What was appended after the others' snapshot may be more than the rows are: then none was there.
    return max(0, sum(map(_count, parts)))


def filters_of(training: Mapping[str, Any]) -> list[RowFilter]:
    """What the rows of a training have in common; NotFoundError where it is not known which they were."""
    overridden, filters, chosen = _choice(training)
    own = sorted(CHOOSING & set(overridden))
    if own:
        msg = f"its class overrides {', '.join(own)}, which is not recorded"
        raise NotFoundError(msg)
    found = [filter_of(one) for one in filters]
    return [*found, *(one for one in FACT_FILTERS.get(chosen, ()) if one not in found)]


def facts_chosen(training: Mapping[str, Any]) -> str:
    """Which facts of a label join a training took; empty where it made no choice."""
    return str(recorded(training, "definition").get(FACTS, ""))


def of_offsets(rows: PinnedRows, facts: Facts) -> Iterator[PinnedRows]:
    """The rows of a table at positions that a stream had and of its condition, a part for each of its partitions.

    Raises NotFoundError where the stream was of a topic or another table, or its rows had no positions.
    """
    source = table_of(facts.training)
    if source != rows.snapshot.table:
        msg = f"it learned from {source}, which may have the same rows as {rows.snapshot.table}"
        raise NotFoundError(msg)
    chosen = rows.where(*filters_where(str(facts.training.get(WHERE, ""))))
    for name, (first, end) in facts.offsets.items():
        yield chosen.where(*_within(facts.training, int(name.rpartition("-")[2]), first, end))


def table_of(training: Mapping[str, Any]) -> str:
    """The table whose rows a stream had; NotFoundError where it was a topic, or rows had no positions to tell them."""
    source = recorded(training, "source")
    if training.get("topic"):
        msg = f"it learned from topic {source}, whose rows may be in a table as well"
        raise NotFoundError(msg)
    if recorded(training, "places") is None:
        msg = f"the rows of {source} that it learned from had no positions"
        raise NotFoundError(msg)
    return str(source)


def recorded(training: Mapping[str, Any], *path: str) -> Any:
    """What is kept of a training; NotFoundError where it is not, as whoever registers by hand may keep anything."""
    found: Any = training
    for name in path:
        if not isinstance(found, Mapping) or name not in found:
            msg = f"{UNRECORDED}: its {'.'.join(path)} is missing"
            raise NotFoundError(msg)
        found = found[name]
    return found


def _merged(line: Iterable[tuple[str, Facts]]) -> list[tuple[str, Facts]]:
    """A line in which a training and those that went on from it are one, so that a long one is counted at once."""
    found: list[tuple[str, Facts]] = []
    for name, facts in line:
        if found and _goes_on(found[-1][1], facts):
            found[-1] = name, replace(found[-1][1], snapshots=facts.snapshots)
        else:
            found.append((name, facts))
    return found


def _goes_on(before: Facts, facts: Facts) -> bool:
    """Whether a training took just what was appended since another, by the same filters."""
    one, other = before.training, facts.training
    if one.get("kind") not in (FULL, LEARNED_ON) or other.get("kind") != LEARNED_ON:
        return False
    try:
        same = _choice(one) == _choice(other) and before.snapshots.keys() == facts.snapshots.keys()
        return same and recorded(other, "after") in before.snapshots.values()
    except NotFoundError:
        # Each is told of by itself, and why it is not known.
        return False


def _choice(training: Mapping[str, Any]) -> tuple[Any, Any, str]:
    """The steps that a class overrides, the filters of its rows, and which facts of a label join they are."""
    overridden, filters = recorded(training, "overridden"), recorded(training, "definition", "splits", TRAIN)
    return overridden, filters, facts_chosen(training)


def _parts(rows: PinnedRows, table: IcebergTable, facts: Facts) -> Iterator[tuple[int, PinnedRows]]:
    """The rows learned from, each part to be added (1) or taken away (-1); NotFoundError where that is not known."""
    training, source = facts.training, rows.snapshot.table
    kind = training.get("kind")
    if kind == STREAM:
        yield from ((1, part) for part in of_offsets(rows, facts))
        return
    if kind not in (FULL, LEARNED_ON):
        raise NotFoundError(UNRECORDED)
    filters = filters_of(training)
    if source not in facts.snapshots:
        msg = f"it learned from {', '.join(facts.snapshots) or 'no table'}, which may have the same rows as {source}"
        raise NotFoundError(msg)
    chosen = rows.where(*filters)
    yield from _there_at(chosen, table, facts.snapshots[source])
    if kind == LEARNED_ON:
        yield from ((-sign, part) for sign, part in _there_at(chosen, table, recorded(training, "after")))


def _there_at(rows: PinnedRows, table: IcebergTable, snapshot_id: int) -> Iterator[tuple[int, PinnedRows]]:
    """The rows that were there at a snapshot: all of them, but those that were appended after it."""
    yield 1, rows
    if rows.snapshot.snapshot_id == snapshot_id:
        return
    try:
        later = appended_between(table, snapshot_id, rows.snapshot)
    except NotFoundError:
        # The other way round all were there, unless the two snapshots have nothing to do with each other.
        appended_between(table, rows.snapshot.snapshot_id, Snapshot.of(table, snapshot_id))
        return
    yield -1, taken_as(later.where(*rows.filters), rows)


def _within(training: Mapping[str, Any], partition: int, first: int, end: int) -> tuple[RowFilter, ...]:
    of_partition, offset = (recorded(training, "places", name) for name in ("partition", "offset"))
    return Condition(of_partition, "==", partition), Condition(offset, ">=", first), Condition(offset, "<", end)


def _count(part: tuple[int, PinnedRows]) -> int:
    sign, rows = part
    return sign * rows.count().kept
