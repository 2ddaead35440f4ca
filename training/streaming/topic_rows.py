"""Labelled rows of a topic: between which offsets a run reads them, and how Flink parses and judges them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from headrace.compiler.flink_rows import RAW, WHY, judged_rows
from headrace.compiler.plan import SourcePlan
from headrace.connectors.kafka import TopicDescription
from headrace.connectors.schema import POSITION, Field, fields_of
from headrace.errors import CutoverError, JobError, NotFoundError, UnsupportedError
from headrace.registry.model_facts import ModelVersion
from headrace.runtime.boundary import cuts_behind
from headrace.runtime.cutover import LogRange, check_log_reaches, check_topic_id
from headrace.runtime.legs import checked_topic, live_options, log_ranges, table_name_of, topic_of
from headrace.runtime.platform import Platform
from headrace.training.streaming.job import LearningJob, RowsRead, TopicOffsets
from headrace.training.streaming.positions import PositionColumns

#: Offsets by partition.
Offsets = Mapping[int, int]
#: Under which the training of a version keeps the id of the topic that it learned from.
TOPIC_ID = "topic_id"
#: What to do about a topic that was made anew: its offsets are not those that were learned.
LEARN_ALL = "start a new run without --offsets, which begins at the earliest record of this one"


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where in a topic a run begins: at the earliest record that is there, unless one of these says otherwise.

    Attributes:
        after: the snapshot of the source's archive behind which it begins.
        offsets: the first offset of each partition; one that is not named begins at its earliest record.
        behind: the version behind whose records it begins.
    """

    after: int | None = None
    offsets: Offsets | None = None
    behind: ModelVersion | None = None


class TopicRows:
    """The rows of a source's topic, each record one: what cannot be parsed, is refused or too late says why.

    Args:
        platform: where topic and archive are.
        source: the source, as planned.
        group: the consumer group, for metrics of lag; its offsets are never read.
        beginning: where to begin.
        follow: whether records that come later are read; else the run ends with what is there now.

    Attributes:
        added: columns beside the source's own: why a row is refused, and what is left of the bytes of such a one.
        placed: columns without which no row says where it came from.

    Raises:
        DefinitionError: the source has no topic, or is a union, or its rows have copies.
    """

    added: ClassVar[tuple[Field, ...]] = (Field(WHY, "string"), Field(RAW, "binary"))
    placed: ClassVar[tuple[str, ...]] = (PositionColumns().partition, PositionColumns().offset)

    def __init__(
        self, platform: Platform, source: SourcePlan, group: str, beginning: Beginning, *, follow: bool
    ) -> None:
        _check_source(source)
        self.platform = platform
        self.source = source
        self.group = group
        self.beginning = beginning
        self.follow = follow
        self.name = topic_of(source)

    @property
    def fields(self) -> tuple[Field, ...]:
        """The columns of a row: the source's, and where it lay in the topic."""
        own = {field.name for field in self.added}
        return (*fields_of(self.source.columns), *(field for field in POSITION if field.name not in {*own, "_error"}))

    def declare(self, columns: Sequence[Field]) -> tuple[tuple[str, ...], str]:
        """The statements that create what the query reads, and the query: all records, as rows with these columns."""
        options = live_options(self.platform, self.source, self.group, self.starts)
        if not self.follow:
            ends = sorted(self.ends.items())
            options |= {"end.offsets": ";".join(f"{partition}:{offset}" for partition, offset in ends)}
        return judged_rows(self.source, options, [column.name for column in columns])

    def read(self) -> RowsRead:
        """What is read."""
        ends = None if self.follow else _texts(self.ends)
        history = self.source.history
        archive = history.name if history is not None and history.kind == "iceberg" else None
        return RowsRead(self.name, topic=TopicOffsets(self.topic.topic_id, _texts(self.starts), ends, archive))

    @cached_property
    def topic(self) -> TopicDescription:
        """The topic as the cluster has it.

        Raises:
            NotFoundError: there is no such topic.
            UnsupportedError: rows are late by Kafka's time, and the topic takes that from its producers' clocks.
        """
        return checked_topic(self.platform, self.source)

    @cached_property
    def log(self) -> dict[int, LogRange]:
        """What every partition held when it was first asked for."""
        return log_ranges(self.platform, self.name)

    @property
    def ends(self) -> dict[int, int]:
        """For every partition the offset with which a bounded run ends. JobError where there is nothing to read."""
        found = {partition: log.end for partition, log in self.log.items()}
        if found == self.starts:
            msg = f"topic {self.name!r} has no records from {self.starts} on yet; nothing to learn from"
            raise JobError(msg)
        return found

    @cached_property
    def starts(self) -> dict[int, int]:
        """For every partition the offset with which the run begins.

        Raises:
            CutoverError: the log does not have them any more, or the archive is another topic's, or has gaps; or the
                version to begin behind learned from another topic of this name, or says nothing of a partition.
            NotFoundError: the archive or its snapshot is not there, or the version learned from none of the topic.
        """
        if self.beginning.after is not None:
            return self._after_archive(self.beginning.after)
        if self.beginning.behind is not None:
            return starts_behind(self.beginning.behind, self.topic, self.log)
        asked = dict(self.beginning.offsets or {})
        check_log_reaches(self.name, asked, self.log)
        return {partition: asked.get(partition, log.start) for partition, log in self.log.items()}

    def _after_archive(self, snapshot_id: int) -> dict[int, int]:
        """The cutover behind a snapshot of the source's archive, as views have it."""
        archive = self.platform.iceberg.load(*table_name_of(self.source))
        cuts = cuts_behind(archive, snapshot_id, self.topic, self.log)
        return {cut.partition: cut.start_offset for cut in cuts}


def starts_behind(version: ModelVersion, topic: TopicDescription, log: Mapping[int, LogRange]) -> dict[int, int]:
    """For every partition of a topic the offset behind what a version learned from.

    Raises:
        CutoverError: the topic was made anew since, the log does not have the offset any more, or the version says
            nothing of a partition: to begin at its earliest record could be to learn twice.
        NotFoundError: the version learned from none of the topic.
    """
    found = dict(offsets_after(version, topic.name))
    check_topic_id(topic.name, version.facts.training.get(TOPIC_ID), topic.topic_id, version.name, LEARN_ALL)
    missing = sorted(log.keys() - found.keys())
    if missing:
        asked = ",".join(f"{partition}:{found.get(partition, log[partition].start)}" for partition in sorted(log))
        msg = f"{version.name} says nothing of topic {topic.name!r}, partition {missing[0]}, so nothing begins behind "
        msg += f"it; name the offsets: --offsets {asked} learns all of "
        raise CutoverError(msg + ", ".join(map(str, missing)))
    check_log_reaches(topic.name, found, log)
    return found


def offsets_after(version: ModelVersion, topic: str) -> Offsets:
    """The offsets behind those of a topic that a version learned from. NotFoundError when it learned from none of it.

    >>> from headrace.registry.model_facts import Facts
    >>> facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64, offsets={"rides-0": (0, 7)})
    >>> offsets_after(ModelVersion("late", 1, facts, "ann"), "rides")
    {0: 7}
    """
    found = {partition: end for partition, (_, end) in spans_of(version, topic).items()}
    if not found:
        msg = f"{version.name} learned from no offsets of topic {topic!r}, so nothing begins behind them; it knows "
        raise NotFoundError(msg + (", ".join(sorted(version.facts.offsets)) or "none"))
    return found


def spans_of(version: ModelVersion, topic: str) -> dict[int, tuple[int, int]]:
    """By partition of a topic the first offset that a version learned from, and the one after the last.

    >>> from headrace.registry.model_facts import Facts
    >>> facts = Facts(artifact="0" * 64, code="1" * 64, environment="2" * 64, offsets={"rides-0": (3, 7)})
    >>> spans_of(ModelVersion("late", 1, facts, "ann"), "rides")
    {0: (3, 7)}
    """
    named = {key.rpartition("-"): span for key, span in version.facts.offsets.items()}
    return {int(partition): (first, end) for (name, _, partition), (first, end) in named.items() if name == topic}


def check_still_there(platform: Platform, job: LearningJob, arrived: Offsets) -> None:
    """Refuse to go on with a topic that was made anew, or has lost records that the run has not read.

    `arrived`: the offset behind the last that the run has told of, by partition.

    Raises:
        CutoverError: it is so.
        NotFoundError: there is no such topic any more.
    """
    if job.topic is None:
        return
    check_same_topic(platform, job)
    wanted = {int(partition): offset for partition, offset in job.topic.starts.items()} | dict(arrived)
    check_log_reaches(job.source, wanted, log_ranges(platform, job.source))


def check_same_topic(platform: Platform, job: LearningJob) -> None:
    """Raise CutoverError when the topic of a job was made anew, NotFoundError when it is gone."""
    if job.topic is None:
        return
    with platform.kafka.admin() as admin:
        found = admin.describe(job.source).topic_id
    check_topic_id(job.source, job.topic.topic_id, found, f"run {job.run}", LEARN_ALL)


def unread(platform: Platform, topic: str, offsets: TopicOffsets, arrived: int) -> int:
    """How many records of a topic, from its run's first offsets on, have not arrived."""
    log = log_ranges(platform, topic)
    ends = {str(partition): one.end for partition, one in log.items()} if offsets.ends is None else offsets.ends
    return sum(end - offsets.starts.get(partition, 0) for partition, end in ends.items()) - arrived


def _texts(offsets: Offsets) -> dict[str, int]:
    """Partitions as text, which JSON keeps."""
    return {str(partition): offset for partition, offset in offsets.items()}


def _check_source(source: SourcePlan) -> None:
    """Refuse sources of which a row is not simply a record."""
    if source.members:
        msg = f"source {source.name}: a trainer reads one topic, and this is a union; name one of its sources"
        raise UnsupportedError(msg)
    if source.unique_by is not None:
        msg = (
            f"source {source.name}: rows are unique by {source.unique_by!r}, and a trainer keeps no ids to know copies "
        )
        raise UnsupportedError(msg + "by; follow a table without copies, or leave out `unique_by` to learn from each")
