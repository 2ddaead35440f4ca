"""What tests of failures do to the real stack, each placed by something that can be seen and never by a pause."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import yaml
from pyflink.java_gateway import get_gateway

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.examples.flights.checks import stores_against_each_other
from headrace.features.load import load_views
from headrace.pipelines.backfill import TILES_NAMESPACE
from headrace.pipelines.ledger import Ledger
from headrace.pipelines.progress import committed
from headrace.registry.store import Run
from headrace.runtime.flink_rest import Checkpoints
from headrace.runtime.legs import log_ranges
from headrace.runtime.settings import Settings
from headrace.runtime.stack.process import ProcessIdentity
from headrace.runtime.stack.stack import Stack

from .case import Case, wait_until
from .orders import BROKEN, Order, orders

HISTORY = 1_500
TASK_MANAGERS = ("task-manager-1", "task-manager-2")


class River(Case):
    """A case whose run has read its history and goes on: `sent` holds every good order of the topic."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings, folder)
        self.sent: list[Order] = []
        self.broken = 0
        self.run: Run | None = None

    @property
    def records(self) -> int:
        return len(self.sent) + self.broken

    @property
    def flowing(self) -> Run:
        assert self.run is not None
        return self.run

    def begin(self) -> None:
        self.make_topic()
        self.more(HISTORY, BROKEN)
        self.archive(self.records)
        self.run = self.backfill(self.plan())
        self.more(300)
        self.assert_whole()

    def more(self, count: int, broken: Sequence[bytes] = ()) -> None:
        """Send orders that nobody has sent yet."""
        found = orders(count, seed=len(self.sent), first=len(self.sent))
        self.send(found, list(broken))
        self.sent += found
        self.broken += len(broken)

    def more_to(self, partition: int, count: int) -> None:
        """Send orders to one partition, which may be new."""
        found = orders(count, seed=len(self.sent), first=len(self.sent))
        with self.platform.kafka.producer(self.topic) as producer:
            producer.send([one.record() for one in found], partitions=partition)
        self.sent += found

    def plan_of_history(self) -> ViewPlan:
        """The same view over what is archived, without a live leg."""
        self.plan()
        file = self.folder / "features.py"
        file.write_text("".join(line for line in file.read_text().splitlines(True) if "live = " not in line))
        return plan_view(load_views(file).views["shop_orders"])

    def add_partition(self) -> int:
        """Give the topic one partition more; returns its number."""
        with self.platform.kafka.admin() as admin:
            number = len(admin.describe(self.topic).partitions)
            admin.client.create_partitions({self.topic: number + 1})
        wait_until(lambda: number in log_ranges(self.platform, self.topic))
        return number

    def delete_up_to_the_end(self, partition: int) -> None:
        """Have Kafka forget all records of a partition, also those that nobody has read."""
        with self.platform.kafka.admin() as admin:
            end = admin.end_offsets(self.topic)[partition]
            assert admin.delete_records(self.topic, {partition: end}) == {partition: end}

    def assert_whole(self, run: Run | None = None) -> Ledger:
        """Every record is read once, the ledger holds, and both stores have the same tiles and the right values."""
        chosen = run or self.flowing
        ledger = self.ledger(chosen, self.records)
        assert ledger.read == self.records
        self.assert_same_tiles(chosen)
        if run is None:
            self.assert_online(self.sent)
        return ledger

    def assert_same_tiles(self, run: Run) -> None:
        tables = self.platform.registry.materialization(run.project, run.view, run.version, run.generation).tables
        with self.platform.cassandra.session() as session:
            for group in self.plan().groups:
                table = tables[group.fingerprint]
                log = self.platform.iceberg.load(TILES_NAMESPACE, table)
                found = stores_against_each_other(session, group, table, log)
                assert found, str(found)

    def rows(self) -> int:
        """Rows that the run has committed."""
        return sum(part.rows for part in committed(self.platform, self.flowing.run))

    def checkpoints(self) -> Checkpoints:
        return self.platform.flink.checkpoints(str(self.flowing.job_id))

    def rearchive(self) -> None:
        """Archive on: an archive job is no run, and ends with its cluster."""
        self.archive(0)

    def headrace(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with this case's settings, in a process of its own."""
        values = self.platform.settings.model_dump(mode="json", exclude_none=True)
        (self.folder / "headrace.yaml").write_text(yaml.safe_dump(values))
        code = "from headrace.jobs.cli import main; main()"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE")}
        command = [sys.executable, "-P", "-c", code, *arguments]
        return subprocess.run(command, cwd=self.folder, env=kept, capture_output=True, text=True, check=False)

    def expire_snapshots(self) -> None:
        """Expire every snapshot of history but the newest, by Iceberg's own code: it keeps those that have a tag."""
        options = self.platform.iceberg.flink_options(self.namespace, "orders")
        jvm = get_gateway().jvm
        properties = jvm.java.util.HashMap(options)
        hadoop = jvm.org.apache.hadoop.conf.Configuration()
        iceberg = jvm.org.apache.iceberg
        catalog = iceberg.CatalogUtil.loadCatalog(options["catalog-impl"], options["catalog-name"], properties, hadoop)
        table = catalog.loadTable(iceberg.catalog.TableIdentifier.parse(f"{self.namespace}.orders"))
        table.expireSnapshots().expireOlderThan(jvm.System.currentTimeMillis()).retainLast(1).commit()


@contextmanager
def unsupervised(stack: Stack) -> Iterator[None]:
    """What dies inside stays dead until the end: the supervisor sleeps."""
    supervisor = stack.record().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor.pid, signal.SIGCONT)


@contextmanager
def without_cassandra(stack: Stack) -> Iterator[None]:
    """Cassandra is killed with -9 and stays away inside; at the end it comes back."""
    with unsupervised(stack):
        kill(stack, "cassandra", "cassandra")
        yield
    stack.wait_for("cassandra")


def process_of(stack: Stack, service: str, name: str) -> ProcessIdentity:
    return stack.record().services[service].processes[name].identity


def kill(stack: Stack, service: str, *names: str) -> None:
    """Kill processes with -9 and wait until they are gone."""
    found = [process_of(stack, service, name) for name in names]
    for identity in found:
        os.kill(identity.pid, signal.SIGKILL)
    wait_until(lambda: not any(identity.is_running() for identity in found))


@dataclass(frozen=True)
class Logs:
    """What the task managers write from a moment on."""

    ends: Mapping[Path, int]

    @classmethod
    def from_now(cls, stack: Stack) -> Self:
        processes = stack.record().services["flink"].processes
        files = [Path(processes[name].log) for name in TASK_MANAGERS]
        return cls({file: file.stat().st_size for file in files})

    def say(self, text: str) -> bool:
        return any(text.encode() in file.read_bytes()[end:] for file, end in self.ends.items())
