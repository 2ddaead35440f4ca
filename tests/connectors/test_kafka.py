from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

from headrace.connectors.kafka import KafkaAdmin, KafkaConnection
from headrace.errors import ConnectorError, NotFoundError
from headrace.runtime.settings import Settings


def test_an_unreachable_cluster_is_named_within_ten_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(ConnectorError, match=r"127\.0\.0\.1:9 did not answer"):
        KafkaConnection("127.0.0.1:9").admin()
    assert time.monotonic() - began < 10


def test_properties_reach_flink_untouched_and_are_never_printed() -> None:
    connection = KafkaConnection("broker:9092", {"sasl.jaas.config": "env:KAFKA_JAAS"})
    assert connection.flink_options("t")["properties.sasl.jaas.config"] == "env:KAFKA_JAAS"
    assert "KAFKA_JAAS" not in repr(connection)


@pytest.fixture
def connection(stack_settings: Settings) -> KafkaConnection:
    return KafkaConnection(stack_settings.kafka.bootstrap_servers)


@pytest.fixture
def admin(connection: KafkaConnection) -> Iterator[KafkaAdmin]:
    with connection.admin() as opened:
        yield opened


@pytest.fixture
def topic(admin: KafkaAdmin) -> Iterator[str]:
    name = f"test-{uuid.uuid4().hex[:8]}"
    admin.ensure_topic(name, 3, retention_ms=3_600_000)
    yield name
    admin.delete_topic(name)


@pytest.mark.stack
def test_a_topic_is_made_once_with_log_append_time(admin: KafkaAdmin, topic: str) -> None:
    found = admin.ensure_topic(topic, 3)
    assert (found.partitions, found.log_append_time, found.retention_ms) == ((0, 1, 2), True, 3_600_000)
    assert found.topic_id
    with pytest.raises(ConnectorError, match="has 3 partitions, expected 4"):
        admin.ensure_topic(topic, 4)


@pytest.mark.stack
def test_an_unknown_topic_gets_a_suggestion(connection: KafkaConnection, admin: KafkaAdmin, topic: str) -> None:
    with pytest.raises(NotFoundError, match=f"did you mean '{topic}'"):
        admin.describe(f"{topic}x")
    with pytest.raises(NotFoundError):
        connection.producer(f"{topic}x")


@pytest.mark.stack
def test_every_offset_is_acknowledged(connection: KafkaConnection, admin: KafkaAdmin, topic: str) -> None:
    with connection.producer(topic) as producer:
        keyed = producer.send([{"n": number} for number in range(500)], [f"k{number % 7}" for number in range(500)])
        placed = producer.send([b"x", None, b"z"], keys=["k"] * 3, partitions=[2, 2, 0])
    assert admin.start_offsets(topic) == {0: 0, 1: 0, 2: 0}
    assert sum(admin.end_offsets(topic).values()) == 503
    assert placed.partitions == (2, 2, 0)
    assert placed.offsets[1] == placed.offsets[0] + 1
    assert len(set(zip(keyed.partitions, keyed.offsets, strict=True))) == 500
    assert len({(key % 7, partition) for key, partition in enumerate(keyed.partitions)}) == 7
    assert admin.end_offsets(topic) == {0: 0, 1: 0, 2: 0} | keyed.ends() | placed.ends()


@pytest.mark.stack
def test_deleted_records_move_the_log_start(connection: KafkaConnection, admin: KafkaAdmin, topic: str) -> None:
    with connection.producer(topic) as producer:
        producer.send([b"x"] * 10, partitions=1)
    assert admin.delete_records(topic, {1: 4}) == {1: 4}
    assert admin.start_offsets(topic) == {0: 0, 1: 4, 2: 0}
