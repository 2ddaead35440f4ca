"""Kafka of the local stack: one KRaft process that is broker and controller."""

from __future__ import annotations

import json
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path

from headrace.errors import StackError
from headrace.runtime.stack.java import COMMON, QUICK_START, class_path, heap, jars_in, temporary
from headrace.runtime.stack.plan import KAFKA, StackPlan
from headrace.runtime.stack.ports import LOOPBACK, PortChooser
from headrace.runtime.stack.process import ProcessSpec
from headrace.runtime.stack.service import Service, write_configuration

NODE_ID = 1
#: Writing a few kilobytes of metadata takes a second; a minute means that it hangs.
FORMAT_TIMEOUT_S = 60.0
#: Internal topics of one local broker: a few partitions do, and each costs files and start time.
INTERNAL_PARTITIONS = 4

LOG4J = """\
Configuration:
  status: warn
  Appenders:
    Console:
      name: out
      PatternLayout:
        pattern: "%d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c{1} %m%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: out
    Logger:
      - name: kafka.server.KafkaRaftServer
        level: INFO
"""


def kafka_service(plan: StackPlan, ports: PortChooser) -> Service:
    """Kafka, formatted on its first start.

    Raises:
        PreflightError: a configured port is taken, or the JARs are missing.
        StackError: its folder cannot be formatted.
    """
    port, controller = plan.port("kafka", ports), plan.port("kafka_controller", ports)
    data = plan.folder / "kafka" / "data"
    properties = server_properties(port, controller, data)
    configuration = write_configuration(
        plan.folder / "kafka" / "conf",
        {"server.properties": _properties_text(properties), "log4j2.yaml": LOG4J},
    )
    _format_once(plan, configuration, data)
    spec = ProcessSpec(
        name=KAFKA,
        arguments=(*_java(plan, configuration), "kafka.Kafka", str(configuration / "server.properties")),
        log=plan.log_of(KAFKA),
        scratch=plan.scratch_of(KAFKA),
        port=port,
    )
    return Service(KAFKA, (spec,), {"kafka": {"bootstrap_servers": f"{LOOPBACK}:{port}"}})


def server_properties(port: int, controller: int, data: Path) -> dict[str, str]:
    """The broker's configuration. Retention stays at Kafka's seven days, and timestamps of events are not refused."""
    single = {
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": INTERNAL_PARTITIONS,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": INTERNAL_PARTITIONS,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "share.coordinator.state.topic.num.partitions": INTERNAL_PARTITIONS,
        "group.initial.rebalance.delay.ms": 0,
        # There is no other broker to hand the leadership to.
        "controlled.shutdown.enable": "false",
    }
    small = {
        "num.network.threads": 2,
        "num.io.threads": 4,
        # Kafka's default of 128 MiB would be a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
    }
    own = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        # Static voters are read from here at every start, so the controller's port may change.
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": data,
        # A topic that a typo made is worse than an error.
        "auto.create.topics.enable": "false",
    }
    return {key: str(value) for key, value in {**own, **single, **small}.items()}


def _properties_text(properties: Mapping[str, str]) -> str:
    return "".join(f"{key}={value}\n" for key, value in properties.items())


def _java(plan: StackPlan, configuration: Path) -> tuple[str, ...]:
    return (
        str(plan.java),
        *heap(plan.memory.kafka_heap, min(128, plan.memory.kafka_heap)),
        *QUICK_START,
        *COMMON,
        *temporary(plan.scratch_of(KAFKA)),
        f"-Dlog4j2.configurationFile={configuration / 'log4j2.yaml'}",
        "-cp",
        class_path(jars_in(plan.jars / KAFKA)),
    )


def _format_once(plan: StackPlan, configuration: Path, data: Path) -> None:
    if (data / "meta.properties").is_file():
        return
    plan.scratch_of(KAFKA).mkdir(parents=True, exist_ok=True)
    cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # One argument: an id may begin with a dash, and would be taken for an option.
    arguments = ("format", f"--cluster-id={cluster_id}", "--config", str(configuration / "server.properties"))
    try:
        run = subprocess.run(
            (*_java(plan, configuration), "kafka.tools.StorageTool", *arguments),
            capture_output=True,
            text=True,
            timeout=FORMAT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        msg = f"Kafka: formatting {data} took more than {FORMAT_TIMEOUT_S:.0f} s"
        raise StackError(msg) from error
    if run.returncode != 0:
        msg = f"Kafka: {data} cannot be formatted: {json.dumps((run.stderr or run.stdout).strip()[-500:])}"
        raise StackError(msg)
