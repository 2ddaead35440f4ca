"""The systems that the settings name, each connected on first use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from headrace.connectors.cassandra import CassandraConnection
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.kafka import KafkaConnection
from headrace.errors import SettingsError
from headrace.registry.store import Registry
from headrace.runtime.flink_rest import FlinkRest
from headrace.runtime.session import Cluster, FlinkSession
from headrace.runtime.settings import Settings


@dataclass(frozen=True)
class Platform:
    """Everything that a pipeline touches outside its own process.

    Raises, from every property:
        SettingsError: the address is not set and no local stack is running.
    """

    settings: Settings

    @cached_property
    def kafka(self) -> KafkaConnection:
        """The log."""
        kafka = self.settings.kafka
        return KafkaConnection(_address(kafka.bootstrap_servers, "kafka.bootstrap_servers"), kafka.properties)

    @cached_property
    def iceberg(self) -> IcebergCatalog:
        """The lake."""
        iceberg = self.settings.iceberg
        return IcebergCatalog(iceberg.catalog, iceberg.properties)

    @cached_property
    def cassandra(self) -> CassandraConnection:
        """The online store."""
        cassandra = self.settings.cassandra
        return CassandraConnection(
            contact_points=_address(",".join(cassandra.contact_points), "cassandra.contact_points"),
            local_datacenter=cassandra.local_datacenter,
            keyspace=cassandra.keyspace,
            username=cassandra.username,
            password=cassandra.password,
            properties=cassandra.properties,
        )

    @cached_property
    def registry(self) -> Registry:
        """View versions, runs and pointers."""
        return Registry(self.settings.registry_url)

    @cached_property
    def cluster(self) -> Cluster:
        """The Flink session cluster."""
        host, _, port = _address(self.settings.flink.rest_address, "flink.rest_address").rpartition(":")
        return Cluster(host, int(port))

    @cached_property
    def flink(self) -> FlinkRest:
        """What the cluster says of its jobs."""
        return FlinkRest.of(self.cluster)

    @cached_property
    def session(self) -> FlinkSession:
        """Compiles and submits jobs; starts a client JVM."""
        return FlinkSession(self.settings.jars / "flink", self.settings.home / "logs", self.cluster)

    def run_folder(self, run_id: str) -> Path:
        """Where the files of a run are kept: its job, its SQL."""
        return self.settings.home / "runs" / run_id


def _address(value: str, setting: str) -> str:
    if not value:
        msg = f"{setting} is not set and no local stack is running; run `headrace stack up` or set it in headrace.yaml"
        raise SettingsError(msg)
    return value
