"""A Flink cluster inside the client's JVM: a REST address to send jobs to, and one task manager, which can be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from headrace.runtime.session import Cluster, FlinkSession

#: For this machine only, at a port of its own; and what REST says of a job is as new as whoever drives it must know.
OPTIONS: Mapping[str, str] = {
    "rest.bind-address": "127.0.0.1",
    "rest.bind-port": "0",
    "metrics.fetcher.update-interval": "50 ms",
    "web.refresh-interval": "50 ms",
}


class ClusterInProcess:
    """A running cluster of one task manager with one slot; whoever makes it closes it.

    Attributes:
        address: where jobs are sent, as to any other cluster.
    """

    def __init__(self, client: FlinkSession) -> None:
        self._client = client
        self._java, self.address = client.alone("the start of a cluster in this process", started)
        self._task_managers = 1

    def lose_task_manager(self) -> None:
        """Shut the task manager down under its job, which saves nothing, and start another in its place."""

        def lose(_: Any) -> None:
            self._java.terminateTaskManager(self._task_managers - 1).get()
            self._java.startTaskManager()

        self._client.alone("the loss of a task manager", lose)
        self._task_managers += 1

    def close(self) -> None:
        """End the cluster and whatever runs on it."""

        def end(_: Any) -> None:
            self._java.close()
            # Letting go of a Java object is a call too.
            self._java = None

        self._client.alone("the end of the cluster in this process", end)


@contextmanager
def cluster_in_process(client: FlinkSession) -> Iterator[ClusterInProcess]:
    """A cluster in the JVM of a client, for as long as the `with` lasts.

    Raises:
        JobError: the JVM has died.
    """
    cluster = ClusterInProcess(client)
    try:
        yield cluster
    finally:
        cluster.close()


def started(jvm: Any) -> tuple[Any, Cluster]:
    """A running cluster as its Java object, and its address; without an address it does not stay."""
    flink = jvm.org.apache.flink
    options = flink.configuration.Configuration()
    for key, value in OPTIONS.items():
        options.setString(key, value)
    builder = flink.runtime.minicluster.MiniClusterConfiguration.Builder().setConfiguration(options)
    cluster = flink.runtime.minicluster.MiniCluster(builder.build())
    cluster.start()
    try:
        found = cluster.getRestAddress().get()
        return cluster, Cluster(found.getHost(), found.getPort())
    except BaseException:
        cluster.close()
        raise
