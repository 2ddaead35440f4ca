"""The boundary between history and live: a pinned snapshot, and for every partition the offset after its last record.

Drawn up from facts alone, so that every refusal can be tested without a server. Nothing is ever reset silently: what
does not fit is an error that names the partition and the gap.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from headrace.connectors.foreign import Origin
from headrace.connectors.prefix import PartitionPrefix, TopicPartition
from headrace.errors import CutoverError, SettingsError


@dataclass(frozen=True)
class LogRange:
    """What a partition of the topic holds: offsets `start <= offset < end`."""

    start: int
    end: int


@dataclass(frozen=True)
class PartitionCut:
    """The boundary in one partition: history is `archived_from <= offset < start_offset`, live the rest.

    `topic` is the one that rows of history name. `log_start` and `log_end` are the topic's; without a topic those of
    the history.
    """

    topic: str
    partition: int
    archived: int
    archived_from: int
    start_offset: int
    log_start: int
    log_end: int

    @property
    def of(self) -> TopicPartition:
        """Which partition it is."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True)
class DimensionPin:
    """The table and snapshot of a dimension that a run joins.

    `until_us`: the time (µs) to which its versions are complete; of a look-up table when the snapshot was committed.
    """

    name: str
    table: str
    snapshot_id: int
    until_us: int

    def __str__(self) -> str:
        return f"dimension {self.name}: snapshot {self.snapshot_id} of {self.table}"


@dataclass(frozen=True)
class Cutover:
    """The boundary of one run. Without history there is no table, snapshot and tag; without live there is no topic.

    `origin` is the version of a foreign table that `table` is the shadow of. `dimensions`: those that the view joins.
    Over a union it is nothing but these and `members`, a boundary for each source.
    """

    table: str | None
    snapshot_id: int | None
    tag: str | None
    topic: str | None
    topic_id: str | None
    partitions: tuple[PartitionCut, ...]
    origin: Origin | None = None
    dimensions: tuple[DimensionPin, ...] = ()
    members: tuple[Cutover, ...] = ()

    @classmethod
    def over(cls, parts: Sequence[Cutover], dimensions: tuple[DimensionPin, ...] = ()) -> Cutover:
        """The boundary of the parts of a source, the only one or those of a union, and what the view joins."""
        if len(parts) == 1:
            return replace(parts[0], dimensions=dimensions)
        return cls(None, None, None, None, None, (), dimensions=dimensions, members=tuple(parts))

    @property
    def parts(self) -> tuple[Cutover, ...]:
        """The boundary of each part of the source."""
        return self.members or (self,)

    @property
    def is_live(self) -> bool:
        """Whether any part of the source goes on in a topic."""
        return any(part.topic is not None for part in self.parts)

    @property
    def start_offsets(self) -> dict[int, int]:
        """For every partition the first live offset."""
        return {cut.partition: cut.start_offset for cut in self.partitions}

    @property
    def archived_rows(self) -> int:
        """Rows of the pinned snapshot."""
        return sum(cut.archived for part in self.parts for cut in part.partitions)

    @property
    def starts(self) -> dict[TopicPartition, int]:
        """For every partition of every topic the first live offset."""
        return {cut.of: cut.start_offset for part in self.parts for cut in part.partitions}

    def to_json(self) -> str:
        """This boundary as JSON text."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The boundary from `to_json`'s text; SettingsError for one that another version of headrace drew."""
        return cls.from_dict(json.loads(text))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The boundary from its plain values."""
        try:
            cuts = tuple(PartitionCut(**cut) for cut in data["partitions"])
        except TypeError as error:
            msg = f"the boundary was drawn by another version of headrace ({error}); backfill the view again"
            raise SettingsError(msg) from error
        origin = Origin(**data["origin"]) if data.get("origin") else None
        pins = tuple(DimensionPin(**pin) for pin in data.get("dimensions", ()))
        members = tuple(map(cls.from_dict, data.get("members", ())))
        parts = {"partitions": cuts, "origin": origin, "dimensions": pins, "members": members}
        return cls(**{**data, **parts})


def draw_boundary(
    topic: str, log: Mapping[int, LogRange], prefixes: Sequence[PartitionPrefix]
) -> tuple[PartitionCut, ...]:
    """The boundary in every partition of a topic.

    Args:
        topic: the topic that is read live.
        log: what each partition holds now.
        prefixes: what the pinned snapshot holds of each topic and partition; a partition without rows is absent.

    Raises:
        CutoverError: the snapshot is no contiguous prefix, holds another topic's rows, or partitions or offsets that
            the topic never had (it was deleted and made again), or the log no longer reaches back to the boundary.

    >>> draw_boundary("t", {0: LogRange(0, 9)}, [PartitionPrefix("t", 0, 5, 5, 0, 4)])[0].start_offset
    5
    """
    _check_topics({prefix.topic for prefix in prefixes}, f"rows of topic {topic!r} only", {topic})
    archived = {prefix.partition: prefix for prefix in prefixes}
    unknown = sorted(set(archived) - set(log))
    if unknown:
        msg = f"topic {topic!r}: the archive has rows of partition {unknown[0]}, the topic has none; was it made anew?"
        raise CutoverError(msg)
    return tuple(_cut(topic, partition, log[partition], archived.get(partition)) for partition in sorted(log))


def history_alone(prefixes: Sequence[PartitionPrefix]) -> tuple[PartitionCut, ...]:
    """The boundary of a history that nothing follows: it ends where its rows end.

    Raises:
        CutoverError: the snapshot is no contiguous prefix of one topic.

    >>> history_alone([PartitionPrefix("t", 0, 5, 5, 2, 6)])[0]
    PartitionCut(topic='t', partition=0, archived=5, archived_from=2, start_offset=7, log_start=2, log_end=7)
    """
    topics = {prefix.topic for prefix in prefixes}
    _check_topics(topics, "rows of one topic", set(sorted(topics)[:1]))
    for prefix in prefixes:
        _check_prefix(prefix.topic, prefix.partition, prefix)
    return tuple(
        PartitionCut(*one.of, one.rows, one.min_offset, one.next_offset, one.min_offset, one.next_offset)
        for one in prefixes
    )


def check_log_reaches(topic: str, wanted: Mapping[int, int], log: Mapping[int, LogRange]) -> None:
    """Refuse to start or resume where records that are needed have left the log.

    Args:
        topic: for the messages.
        wanted: the next offset that the job will read, by partition.
        log: what each partition holds now.

    Raises:
        CutoverError: a partition is gone, begins after the wanted offset, or ends before it.
    """
    for partition, offset in sorted(wanted.items()):
        if partition not in log:
            msg = f"topic {topic!r}: partition {partition} is gone; was the topic made anew?"
            raise CutoverError(msg)
        _check_reach(topic, partition, offset, log[partition])


#: What to do about a topic that was made anew, where its rows are copied to a table.
COPY_AGAIN = "name a new history table in the source, archive, and backfill or start anew"


def check_topic_id(topic: str, recorded: str | None, found: str | None, by: str, then: str = COPY_AGAIN) -> None:
    """Refuse a topic that was deleted and made again under its old name; an id that is not known is not compared.

    Args:
        topic: for the messages.
        recorded: the id of the topic whose offsets are recorded.
        found: the id that the cluster has now.
        by: who recorded the offsets.
        then: what to do about it.

    Raises:
        CutoverError: the ids differ.
    """
    if recorded and found and recorded != found:
        msg = f"topic {topic!r} was made anew: {by} recorded the topic with id {recorded}, the cluster has id {found}; "
        raise CutoverError(msg + then)


def _check_topics(found: set[str], expected: str, allowed: set[str]) -> None:
    if not found <= allowed:
        msg = (
            f"history: expected {expected}, found rows of {', '.join(map(repr, sorted(found)))}; "
            "each topic needs a history table of its own"
        )
        raise CutoverError(msg)


def _cut(topic: str, partition: int, log: LogRange, archived: PartitionPrefix | None) -> PartitionCut:
    if archived is None:
        _check_reach(topic, partition, 0, log)
        return PartitionCut(topic, partition, 0, 0, 0, log.start, log.end)
    _check_prefix(topic, partition, archived)
    start = archived.next_offset
    _check_reach(topic, partition, start, log)
    return PartitionCut(topic, partition, archived.rows, archived.min_offset, start, log.start, log.end)


def _check_prefix(topic: str, partition: int, archived: PartitionPrefix) -> None:
    where = f"archive of topic {topic!r}, partition {partition}"
    if archived.duplicates:
        msg = (
            f"{where}: {archived.duplicates} rows repeat an offset; expected each offset once; repair the archive first"
        )
        raise CutoverError(msg)
    if archived.missing:
        msg = (
            f"{where}: {archived.missing} offsets missing between {archived.min_offset} and {archived.max_offset}; "
            "expected a contiguous prefix; repair the archive (a compacted or transactional topic is no source yet)"
        )
        raise CutoverError(msg)


def _check_reach(topic: str, partition: int, offset: int, log: LogRange) -> None:
    if log.start > offset:
        msg = (
            f"topic {topic!r}, partition {partition}: needed from offset {offset}, but the log begins at {log.start}: "
            f"{log.start - offset} records are lost to retention; archive sooner or raise retention.ms, then plan again"
        )
        raise CutoverError(msg)
    if log.end < offset:
        msg = (
            f"topic {topic!r}, partition {partition}: needed from offset {offset}, but the log ends at {log.end}; "
            "the topic was made anew or truncated; plan again on a new archive"
        )
        raise CutoverError(msg)
