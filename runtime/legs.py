"""The two legs of a source: names and facts that archive, backfill, ledger and trainers share."""

from __future__ import annotations

from headrace.compiler.plan import SourcePlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.kafka import TopicDescription
from headrace.errors import CutoverError, DefinitionError, UnsupportedError
from headrace.features.source import SRC_TIMESTAMP
from headrace.features.table_name import split_name
from headrace.runtime.cutover import LogRange, check_topic_id
from headrace.runtime.platform import Platform

#: What an archive notes in its table's properties: the id of the topic that it copies.
TOPIC_ID = "headrace.topic-id"


def topic_of(source: SourcePlan) -> str:
    """The source's topic.

    Raises:
        DefinitionError: the source has no live leg.
    """
    if source.live is None:
        msg = f"source {source.name}: has no live leg; set `live = KafkaTopic(...)`"
        raise DefinitionError(msg)
    return source.live.name


def table_name_of(source: SourcePlan) -> tuple[str, str]:
    """Namespace and name of the source's history table.

    Raises:
        DefinitionError: the source has no Iceberg table, or its name is not `namespace.table`.
    """
    if source.history is None or source.history.kind != "iceberg":
        msg = f"source {source.name}: has no Iceberg history; set `history = IcebergTable('raw.name')`"
        raise DefinitionError(msg)
    found = split_name(source.history.name)
    if found is None:
        msg = f"source {source.name}: history table {source.history.name!r}; expected 'namespace.table'"
        raise DefinitionError(msg)
    return found


def checked_topic(platform: Platform, source: SourcePlan) -> TopicDescription:
    """The source's topic as the cluster has it.

    Raises:
        NotFoundError: the topic does not exist.
        UnsupportedError: rows are late by Kafka's time, and the topic takes that from its producers' clocks.
    """
    with platform.kafka.admin() as admin:
        topic = admin.describe(topic_of(source))
    if source.arrival_time == SRC_TIMESTAMP and not topic.log_append_time:
        kind = topic.configs.get("message.timestamp.type")
        msg = (
            f"source {source.name}: topic {topic.name!r} has message.timestamp.type={kind}, so its times are those of "
            "the producers' clocks; expected LogAppendTime, by which rows are late. Name a column of the source "
            "(`arrival_time = ...`), or change the topic for the records to come: "
            f"kafka-configs.sh --bootstrap-server {platform.kafka.bootstrap_servers} --alter --entity-type topics "
            f"--entity-name {topic.name} --add-config message.timestamp.type=LogAppendTime"
        )
        raise UnsupportedError(msg)
    return topic


def check_archive_of(table: IcebergTable, topic: TopicDescription) -> None:
    """Refuse an archive with rows of another topic than this one, even of one with the same name.

    Raises:
        CutoverError: the topic was made anew since, or the table does not say which topic it copied.
    """
    if table.current_snapshot_id() is None:
        return
    copied = table.properties.get(TOPIC_ID)
    if copied is None:
        msg = f"history {table.name} has rows and does not say of which topic; archive into a new table"
        raise CutoverError(msg)
    check_topic_id(topic.name, copied, topic.topic_id, f"history {table.name}")


def log_ranges(platform: Platform, topic: str) -> dict[int, LogRange]:
    """What every partition of a topic holds now.

    Raises:
        NotFoundError: the topic does not exist.
    """
    with platform.kafka.admin() as admin:
        starts, ends = admin.start_offsets(topic), admin.end_offsets(topic)
    return {partition: LogRange(starts[partition], ends[partition]) for partition in starts}


def live_options(platform: Platform, source: SourcePlan, group: str, start_offsets: dict[int, int]) -> dict[str, str]:
    """The `WITH` options of a source's topic, read from exact offsets."""
    options = platform.kafka.flink_options(topic_of(source)) | {
        "group.id": group,
        "start.offsets": ";".join(f"{partition}:{offset}" for partition, offset in sorted(start_offsets.items())),
    }
    required = [path for column in source.columns for path in column.required_paths]
    optional = {"json.required": ";".join(required), "json.zone": source.zone, "json.time-unit": source.unit}
    return options | {key: value for key, value in optional.items() if value}
