"""Kafka: connection, topics and offsets. The only file that imports kafka-python; producing is `kafka_producer`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from kafka import KafkaAdminClient, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource

from headrace.connectors.closing import Closing
from headrace.connectors.kafka_producer import KafkaProducer
from headrace.connectors.kafka_properties import python_names
from headrace.errors import ConnectorError, NotFoundError, did_you_mean

T = TypeVar("T")
#: Ten seconds in all is what a user waits for a clear error; two are left for the call behind the connection.
CONNECT_TIMEOUT_MS = 8_000
REQUEST_TIMEOUT_MS = 10_000
EARLIEST, LATEST = -2, -1


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """How to reach a cluster: addresses, and Kafka's own client properties (`security.protocol`, …), opaque to us.

    Flink gets the properties untouched; the Python client gets those it knows by its own names. They are never printed.

    >>> KafkaConnection("broker:9092").flink_options("clicks")["topic"]
    'clicks'
    """

    bootstrap_servers: str
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)

    def flink_options(self, topic: str) -> dict[str, str]:
        """Options of a Flink table over the topic, without offsets and group: those belong to a run."""
        own = {"connector": "headrace-kafka", "topic": topic, "bootstrap.servers": self.bootstrap_servers}
        return own | {f"properties.{name}": value for name, value in self.properties.items()}

    def admin(self) -> KafkaAdmin:
        """A connected client for topics and offsets; use it in a `with`. Raises ConnectorError within ten seconds."""
        return KafkaAdmin(self)

    def producer(self, topic: str) -> KafkaProducer:
        """An idempotent producer for one topic; use it in a `with`. Raises ConnectorError, NotFoundError."""
        with self.admin() as admin:
            partitions = admin.describe(topic).partitions
        return KafkaProducer(self.bootstrap_servers, self.properties, topic, partitions)


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as the cluster has it. `retention_ms`, `retention_bytes`: None for unlimited."""

    name: str
    topic_id: str | None
    partitions: tuple[int, ...]
    retention_ms: int | None
    retention_bytes: int | None
    log_append_time: bool
    configs: Mapping[str, str] = field(repr=False)


@contextmanager
def translated(connection: KafkaConnection) -> Iterator[None]:
    """Errors of kafka-python as ConnectorError, naming the address."""
    try:
        yield
    except kafka_errors.KafkaTimeoutError as error:
        msg = f"Kafka at {connection.bootstrap_servers} did not answer ({error}); is it running, is the address right?"
        raise ConnectorError(msg) from error
    except kafka_errors.KafkaError as error:
        msg = f"Kafka at {connection.bootstrap_servers}: {type(error).__name__}: {error}"
        raise ConnectorError(msg) from error


def _limit(value: str | None) -> int | None:
    """A retention setting; Kafka writes -1 for unlimited."""
    return None if value in (None, "-1") else int(str(value))


class KafkaAdmin(Closing):
    """Topics and offsets of a cluster. Every method raises ConnectorError (with the address) when the cluster fails."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.connection = connection
        with translated(connection):
            self.client = KafkaAdminClient(
                bootstrap_servers=connection.bootstrap_servers.split(","),
                bootstrap_timeout_ms=CONNECT_TIMEOUT_MS,
                request_timeout_ms=REQUEST_TIMEOUT_MS,
                **python_names(connection.properties, KafkaAdminClient.DEFAULT_CONFIG),
            )

    def close(self) -> None:
        """Close the connection."""
        self.client.close()

    def topics(self) -> list[str]:
        """The names of all topics."""
        return sorted(self._call(self.client.list_topics))

    def ensure_topic(
        self,
        topic: str,
        partitions: int,
        *,
        retention_ms: int = -1,
        replication: int = -1,
        configs: Mapping[str, str] | None = None,
    ) -> TopicDescription:
        """Create the topic unless it is there, with LogAppendTime, and describe it.

        `retention_ms`: -1 keeps records for ever; an existing topic keeps its own settings. Raises ConnectorError when
        it exists with another number of partitions.
        """
        wanted = {"message.timestamp.type": "LogAppendTime", "retention.ms": str(retention_ms), **(configs or {})}
        self._create(topic, {"num_partitions": partitions, "replication_factor": replication, "configs": wanted})
        found = self.describe(topic)
        if len(found.partitions) != partitions:
            msg = f"topic {topic!r} has {len(found.partitions)} partitions, expected {partitions}: keys would move"
            raise ConnectorError(msg)
        return found

    def _create(self, topic: str, options: Mapping[str, Any]) -> None:
        """Create the topic and wait until it has leaders; an existing one is left alone."""
        try:
            self._call(self.client.create_topics, {topic: dict(options)}, wait_for_metadata=True)
        except ConnectorError as error:
            if not isinstance(error.__cause__, kafka_errors.TopicAlreadyExistsError):
                raise

    def delete_topic(self, topic: str) -> None:
        """Delete the topic; NotFoundError when there is none."""
        self.describe(topic)
        self._call(self.client.delete_topics, [topic])

    def describe(self, topic: str) -> TopicDescription:
        """The topic's partitions, id and settings; NotFoundError with a suggestion when there is none."""
        found = self._metadata(topic)
        configs = self._configs(topic)
        return TopicDescription(
            name=topic,
            topic_id=found.get("topic_id"),
            partitions=tuple(sorted(partition["partition_index"] for partition in found["partitions"])),
            retention_ms=_limit(configs.get("retention.ms")),
            retention_bytes=_limit(configs.get("retention.bytes")),
            log_append_time=configs.get("message.timestamp.type") == "LogAppendTime",
            configs=configs,
        )

    def retention_ms(self, topic: str) -> int | None:
        """How long the topic keeps records, in ms; None: for ever. NotFoundError when there is no such topic."""
        return self.describe(topic).retention_ms

    def start_offsets(self, topic: str) -> dict[int, int]:
        """The log-start offset of every partition: the oldest record that is still there."""
        return self._offsets(topic, EARLIEST)

    def end_offsets(self, topic: str) -> dict[int, int]:
        """The end offset of every partition: that of the next record to come."""
        return self._offsets(topic, LATEST)

    def delete_records(self, topic: str, before: Mapping[int, int]) -> dict[int, int]:
        """Delete the records below an offset of each partition; returns the log-start offsets after it."""
        self._metadata(topic)
        wanted = {TopicPartition(topic, partition): offset for partition, offset in before.items()}
        answers = self._call(self.client.delete_records, wanted, timeout_ms=REQUEST_TIMEOUT_MS)
        return {key.partition: int(answer["low_watermark"]) for key, answer in answers.items()}

    def _offsets(self, topic: str, which: int) -> dict[int, int]:
        """The earliest or latest offset of every partition."""
        partitions = [partition["partition_index"] for partition in self._metadata(topic)["partitions"]]
        wanted = {TopicPartition(topic, partition): which for partition in sorted(partitions)}
        answers = self._call(self.client.list_partition_offsets, wanted, timeout_ms=REQUEST_TIMEOUT_MS)
        return {key.partition: int(answers[key].offset) for key in wanted}

    def _configs(self, topic: str) -> dict[str, str]:
        """All settings of the topic, defaults included."""
        answer = self._call(self.client.describe_configs, [ConfigResource("topic", topic)], config_filter="all")
        return {name: str(entry["value"]) for name, entry in answer["topic"][topic].items()}

    def _metadata(self, topic: str) -> dict[str, Any]:
        """What the cluster says of the topic; NotFoundError when there is none."""
        found: dict[str, Any] = self._call(self.client.describe_topics, [topic])[0]
        if found["error_code"] or not found["partitions"]:
            msg = f"no topic {topic!r} at {self.connection.bootstrap_servers}; {did_you_mean(topic, self.topics())}"
            raise NotFoundError(msg)
        return found

    def _call(self, method: Callable[..., T], *arguments: Any, **options: Any) -> T:
        """Call the client with its errors as ours."""
        with translated(self.connection):
            return method(*arguments, **options)
