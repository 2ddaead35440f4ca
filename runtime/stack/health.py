"""Whether a service works, found out by using it: a record produced and found, a query, slots, a namespace."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from headrace.errors import StackError
from headrace.runtime.stack.cql import query
from headrace.runtime.stack.plan import CASSANDRA, FLINK, ICEBERG, KAFKA, StackPlan
from headrace.runtime.stack.ports import is_open

#: One question to a healthy server of this machine takes milliseconds, the first of its life a second or two.
ANSWER_TIMEOUT_S = 10.0
CHECK_TOPIC = "headrace.stack.check"
CHECK_NAMESPACE = "headrace_stack_check"
CATALOG_NAME = "headrace"

Check = Callable[[Mapping[str, Any], StackPlan], str]


def check_kafka(settings: Mapping[str, Any], _plan: StackPlan) -> str:
    """Produce one record to a topic of its own and find it at the end of the log.

    Raises:
        StackError: nobody listens, or the log's end is elsewhere. Errors of the connector pass through.
    """
    from headrace.connectors.kafka import KafkaConnection

    connection = KafkaConnection(settings["kafka"]["bootstrap_servers"])
    # The client answers a closed port with pauses of seconds; a start is awaited faster by asking the port.
    if not is_open(int(connection.bootstrap_servers.rpartition(":")[2])):
        msg = f"Kafka does not listen on {connection.bootstrap_servers} yet"
        raise StackError(msg)
    topic = f"{CHECK_TOPIC}.{uuid.uuid4().hex}"
    with connection.admin() as admin:
        admin.ensure_topic(topic, 1, replication=1)
        with connection.producer(topic) as producer:
            producer.send([b"check"])
        end = admin.end_offsets(topic)
        admin.delete_topic(topic)
    if end != {0: 1}:
        msg = f"Kafka at {connection.bootstrap_servers}: after one record the log ends at {end}, expected {{0: 1}}"
        raise StackError(msg)
    return "took a record"


def check_cassandra(settings: Mapping[str, Any], _plan: StackPlan) -> str:
    """Run a query.

    Raises:
        StackError, OSError: the query failed, or got no answer.
    """
    host, _, port = settings["cassandra"]["contact_points"][0].rpartition(":")
    query(host, int(port), "SELECT release_version FROM system.local", ANSWER_TIMEOUT_S)
    return "answered a query"


def check_flink(settings: Mapping[str, Any], plan: StackPlan) -> str:
    """Count the registered task managers and their slots.

    Raises:
        StackError: some have not registered yet. OSError when the job manager does not answer.
    """
    overview = rest_answer(settings["flink"]["rest_address"], "/overview")
    expected = plan.task_managers * plan.slots
    # A task manager registers first and reports its slots a moment later.
    if overview["slots-total"] < expected:
        msg = f"{overview['taskmanagers']} of {plan.task_managers} task managers, {overview['slots-total']} slots"
        raise StackError(msg)
    return f"{overview['slots-available']} of {overview['slots-total']} slots free"


def check_iceberg(_settings: Mapping[str, Any], plan: StackPlan) -> str:
    """Create a namespace in the local catalog unless it is there, and list its tables.

    Errors of the connector pass through.
    """
    from headrace.connectors.iceberg import IcebergCatalog

    catalog = IcebergCatalog.sqlite(CATALOG_NAME, iceberg_folder(plan))
    catalog.create_namespace(CHECK_NAMESPACE)
    catalog.tables(CHECK_NAMESPACE)
    return "keeps a namespace"


def iceberg_folder(plan: StackPlan) -> Path:
    """The folder of the local catalog and its warehouse; made when it is missing."""
    folder = plan.folder / "iceberg"
    (folder / "warehouse").mkdir(parents=True, exist_ok=True)
    return folder


def rest_answer(address: str, path: str) -> Any:
    """What Flink's REST interface answers, as JSON values. Raises OSError when it does not answer."""
    with urlopen(f"http://{address}{path}", timeout=ANSWER_TIMEOUT_S) as response:
        return json.load(response)


CHECKS: dict[str, Check] = {
    KAFKA: check_kafka,
    CASSANDRA: check_cassandra,
    FLINK: check_flink,
    ICEBERG: check_iceberg,
}
