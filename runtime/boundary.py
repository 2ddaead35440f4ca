"""One source of a run: its legs checked, the boundary between them drawn, and what Flink is told of each."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.compiler.plan import SourcePlan
from headrace.connectors.foreign import ForeignVersion, check_columns
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.kafka import TopicDescription
from headrace.connectors.prefix import PartitionPrefix
from headrace.connectors.schema import archive_fields, fields_of
from headrace.runtime.cutover import Cutover, LogRange, PartitionCut, draw_boundary, history_alone
from headrace.runtime.legs import check_archive_of, checked_topic, live_options, log_ranges, table_name_of
from headrace.runtime.platform import Platform


def check_legs(platform: Platform, source: SourcePlan, foreign: ForeignVersion | None) -> None:
    """The legs of a source exist, with the declared columns and times by which its rules can be judged.

    Raises:
        NotFoundError: its topic or its history does not exist.
        SchemaMismatchError: history has other columns.
        UnsupportedError: rows are late by Kafka's time, and the topic takes that from its producers' clocks.
    """
    if source.live is not None:
        checked_topic(platform, source)
    if foreign is not None:
        check_columns(foreign, fields_of(source.columns))
    elif source.history is not None:
        platform.iceberg.load(*table_name_of(source)).check_columns(archive_fields(source.columns))


def boundary_of(
    platform: Platform, source: SourcePlan, history: IcebergTable | None, foreign: ForeignVersion | None, run_id: str
) -> Cutover:
    """The boundary between history and topic of one source; the snapshot of history is tagged with the run.

    Args:
        platform: where they are.
        source: the source, as planned.
        history: the table that history is read from, an archive or a copy of the foreign version; None without.
        foreign: that version, if it is one.
        run_id: the run.

    Raises:
        NotFoundError: the topic does not exist.
        CutoverError: history and topic do not meet.
    """
    name = history.name if history is not None else None
    origin = foreign.origin if foreign is not None else None
    snapshot, tag = _pin(history, run_id)
    if source.live is None:
        return Cutover(name, snapshot, tag, None, None, history_alone(_prefixes(history, snapshot)), origin)
    topic = checked_topic(platform, source)
    cuts = cuts_behind(history, snapshot, topic, log_ranges(platform, topic.name))
    return Cutover(name, snapshot, tag, topic.name, topic.topic_id, cuts)


def cuts_behind(
    history: IcebergTable | None, snapshot: int | None, topic: TopicDescription, log: Mapping[int, LogRange]
) -> tuple[PartitionCut, ...]:
    """The boundary in every partition of a topic behind a snapshot of its archive; without one, where its log begins.

    Raises:
        CutoverError: the archive is another topic's or no contiguous prefix, or the log no longer reaches back to it.
        NotFoundError: the archive has no such snapshot.
    """
    if history is not None:
        check_archive_of(history, topic)
    return draw_boundary(topic.name, log, _prefixes(history, snapshot))


def history_leg(platform: Platform, cutover: Cutover) -> dict[str, str] | None:
    """The `WITH` options of history at the pinned snapshot; None when there is nothing archived."""
    if cutover.table is None or cutover.snapshot_id is None:
        return None
    namespace, _, table = cutover.table.rpartition(".")
    return platform.iceberg.flink_options(namespace, table, cutover.snapshot_id)


def live_leg(platform: Platform, source: SourcePlan, cutover: Cutover, run_id: str) -> dict[str, str] | None:
    """The `WITH` options of the topic from the boundary on; None without a live leg."""
    if cutover.topic is None:
        return None
    return live_options(platform, source, f"{platform.settings.project}-{run_id}", cutover.start_offsets)


def _prefixes(history: IcebergTable | None, snapshot: int | None) -> tuple[PartitionPrefix, ...]:
    """What a snapshot holds of each topic and partition; nothing where nothing is archived."""
    return () if history is None or snapshot is None else history.prefix(snapshot)


def _pin(history: IcebergTable | None, run_id: str) -> tuple[int | None, str | None]:
    """The newest snapshot and its tag; None where nothing is archived."""
    snapshot = history.current_snapshot_id() if history is not None else None
    if history is None or snapshot is None:
        return None, None
    tag = f"headrace-{run_id}"
    history.tag(tag, snapshot)
    return snapshot, tag
