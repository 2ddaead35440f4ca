"""Cassandra of the local stack: one node, tuned to start fast and to survive being killed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headrace.runtime.stack.java import COMMON, class_path, compilers, heap, jars_in, temporary
from headrace.runtime.stack.plan import CASSANDRA, StackPlan
from headrace.runtime.stack.ports import LOOPBACK, PortChooser
from headrace.runtime.stack.process import ProcessSpec
from headrace.runtime.stack.service import Service, write_configuration

DATACENTER = "datacenter1"
#: One node has nobody to wait for: neither gossip, nor a ring, nor a second superuser.
WAIT_FOR_NOBODY = (
    "-Dcassandra.skip_wait_for_gossip_to_settle=0",
    "-Dcassandra.superuser_setup_delay_ms=0",
    "-Dcassandra.ring_delay_ms=100",
    "-Dcassandra-foreground=yes",
)
#: Cassandra's own list for Java 17: it reaches into these packages.
EXPORTS = (
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "java.base/java.lang.ref",
    "jdk.unsupported/sun.misc",
)
OPENS = (
    "java.base/java.lang.module",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.util.jar",
    "jdk.management/com.sun.management.internal",
    "java.base/sun.nio.ch",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.nio",
)

LOGBACK = """\
<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} %-5level %logger{0} %msg%n</pattern></encoder>
  </appender>
  <logger name="org.apache.cassandra.service.CassandraDaemon" level="INFO"/>
  <logger name="org.apache.cassandra.service.StorageService" level="INFO"/>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
"""


def cassandra_service(plan: StackPlan, ports: PortChooser) -> Service:
    """Cassandra with its configuration written.

    Raises:
        PreflightError: a configured port is taken, or the JARs are missing.
    """
    port, storage = plan.port("cassandra", ports), plan.port("cassandra_storage", ports)
    files = {"cassandra.yaml": cassandra_yaml(plan.folder / "cassandra", port, storage), "logback.xml": LOGBACK}
    configuration = write_configuration(plan.folder / "cassandra" / "conf", files)
    spec = ProcessSpec(
        name=CASSANDRA,
        arguments=_command(plan, configuration),
        log=plan.log_of(CASSANDRA),
        scratch=plan.scratch_of(CASSANDRA),
        port=port,
    )
    settings = {"contact_points": [f"{LOOPBACK}:{port}"], "local_datacenter": DATACENTER}
    return Service(CASSANDRA, (spec,), {"cassandra": settings})


def cassandra_yaml(folder: Path, port: int, storage: int) -> str:
    """The node's configuration; JSON is YAML, so no quoting can go wrong."""
    addresses: dict[str, Any] = {
        "cluster_name": "headrace",
        "listen_address": LOOPBACK,
        "rpc_address": LOOPBACK,
        "storage_port": storage,
        "native_transport_port": port,
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{LOOPBACK}:{storage}"}],
            }
        ],
    }
    names = {"commitlog": "commitlog_directory", "saved_caches": "saved_caches_directory", "hints": "hints_directory"}
    folders: dict[str, Any] = {key: str(folder / name) for name, key in names.items()}
    values = {**addresses, **folders, "data_file_directories": [str(folder / "data")], **_sizes(), **_behaviour()}
    return json.dumps(values, indent=1)


def _sizes() -> dict[str, Any]:
    """Small enough for a heap below a gigabyte, with room for a demo's writes."""
    return {
        "num_tokens": 1,
        "memtable_heap_space": "160MiB",
        "memtable_offheap_space": "64MiB",
        "memtable_allocation_type": "offheap_objects",
        "commitlog_segment_size": "16MiB",
        "commitlog_total_space": "512MiB",
        "file_cache_size": "64MiB",
        "networking_cache_size": "32MiB",
        "key_cache_size": "16MiB",
        "concurrent_reads": 8,
        # Each waits until the log is on disk, and one write to the disk serves all that wait.
        "concurrent_writes": 128,
        "concurrent_compactors": 1,
    }


def _behaviour() -> dict[str, Any]:
    return {
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        # Acknowledged is what the log has: written behind, a killed node lost up to 1,216 rows (at 5,000 a second).
        "commitlog_sync": "batch",
        # No snapshot at every dropped table: the folder would grow with every test.
        "auto_snapshot": False,
        "hinted_handoff_enabled": False,
        "auto_bootstrap": False,
        # No older nodes to stay readable for: times of expiry beyond 2038 are kept.
        "storage_compatibility_mode": "NONE",
        "authenticator": "AllowAllAuthenticator",
        "authorizer": "AllowAllAuthorizer",
    }


def _command(plan: StackPlan, configuration: Path) -> tuple[str, ...]:
    jars = jars_in(plan.jars / CASSANDRA)
    agents = [f"-javaagent:{jar}" for jar in jars if jar.name.startswith("jamm-")]
    return (
        str(plan.java),
        *(f"--add-exports={package}=ALL-UNNAMED" for package in EXPORTS),
        *(f"--add-opens={package}=ALL-UNNAMED" for package in OPENS),
        "-Djdk.attach.allowAttachSelf=true",
        *agents,
        *heap(plan.memory.cassandra_heap, min(256, plan.memory.cassandra_heap)),
        "-XX:+UseSerialGC",
        *compilers(short_lived=plan.short_lived),
        *COMMON,
        *temporary(plan.scratch_of(CASSANDRA)),
        *WAIT_FOR_NOBODY,
        f"-Dcassandra.config=file://{configuration / 'cassandra.yaml'}",
        f"-Dcassandra.storagedir={plan.folder / 'cassandra'}",
        f"-Dlogback.configurationFile={configuration / 'logback.xml'}",
        "-cp",
        class_path(jars),
        "org.apache.cassandra.service.CassandraDaemon",
    )
