"""Logged payments and what became of them, through Kafka: random delays, duplicates, gaps, and what must be told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from headrace.compiler.label_join import LabelJoinPlan
from headrace.compiler.plan import SourcePlan
from headrace.jobs.definitions import label_join_plan
from headrace.pipelines.archive import ArchivePipeline
from headrace.pipelines.label_runs import start
from headrace.pipelines.label_status import LabelStatus, status_of
from headrace.pipelines.label_stream import LabelStreamPipeline
from headrace.pipelines.local_labels import LabelRun, join_locally
from headrace.registry.store import Run
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings

from .case import wait_until

PARTITIONS = 3
START = datetime(2026, 1, 1, tzinfo=UTC)
WAIT, RETENTION = timedelta(hours=1), timedelta(hours=4)
#: Rows arrive within it, but for those that arrive a day too late.
MOST_DELAY = timedelta(hours=2)
#: Behind wait, retention and lateness of all rows, so that the watermark has forgotten each id but the last.
CLOSING = timedelta(days=5)

DEFINITION = """
from datetime import datetime
from headrace import IcebergTable, KafkaTopic, Source, event_time, label_join

class Scored(Source):
    history = IcebergTable("{namespace}.scored")
    live = KafkaTopic("{namespace}-scored")
    arrival_time = "arrived_at"
    request: str
    cents: int
    scored_at: datetime = event_time(max_delay="3h")
    arrived_at: datetime

class Outcomes(Source):
    history = IcebergTable("{namespace}.outcomes")
    live = KafkaTopic("{namespace}-outcomes")
    arrival_time = "arrived_at"
    payment: str
    fraud: bool
    known_at: datetime = event_time(max_delay="3h")
    arrived_at: datetime

{name} = label_join(
    Scored, Outcomes, on={"request": "payment"}, wait="1h", label="fraud", missing=False, retention="4h"
)
"""
#: Without archives, and by Kafka's own clock; a label is awaited for a second.
LIVE_ALONE = (
    "".join(line for line in DEFINITION.splitlines(True) if "history" not in line and "arriv" not in line)
    .replace('"3h"', '"0s"')
    .replace('wait="1h"', 'wait="1s"')
)


@dataclass(frozen=True)
class Sent:
    """A record of one of both topics, in the order of arrival."""

    arrived: datetime
    is_label: bool
    values: dict[str, Any]

    @property
    def record(self) -> bytes:
        times = {name: value.isoformat() for name, value in self.values.items() if isinstance(value, datetime)}
        return json.dumps({**self.values, **times, "arrived_at": self.arrived.isoformat()}).encode()


def drawn(count: int, seed: int, first: int = 0, hours: int = 48) -> list[Sent]:
    """Rows of so many ids and their labels, as they arrive."""
    random, sent = Random(seed), []
    for number in range(first, first + count):
        name = f"p{number:05d}"
        scored = START + timedelta(hours=hours) * random.random() + timedelta(hours=hours) * (first > 0)
        # Of one time, so that a label which is late for one of them is late for all, whichever is read first.
        sent += [_scored(random, name, scored) for _ in range(1 + (random.random() < 0.08))]
        for _ in range(random.choices([0, 1, 2], [25, 65, 10])[0]):
            known = scored + random.choice([WAIT / 2, WAIT / 2, WAIT * 2, WAIT + RETENTION * 2]) * random.random()
            sent.append(_outcome(random, name, known))
        if random.random() < 0.05:
            sent.append(_outcome(random, f"nobody{number}", scored))
    return sorted(sent, key=lambda one: one.arrived)


def closing(after: Sequence[Sent]) -> list[Sent]:
    """A row and a label for each partition, long after all: waits are over then, and ids forgotten."""
    at = max(one.arrived for one in after) + CLOSING
    rows = [Sent(at, False, {"request": f"end{n}", "cents": n, "scored_at": at}) for n in range(PARTITIONS)]
    return rows + [Sent(at, True, {"payment": f"last{n}", "fraud": True, "known_at": at}) for n in range(PARTITIONS)]


def _scored(random: Random, name: str, at: datetime) -> Sent:
    cents = None if random.random() < 0.03 else random.randint(1, 9_999)
    return Sent(at + _delay(random), False, {"request": name, "cents": cents, "scored_at": at})


def _outcome(random: Random, name: str, at: datetime) -> Sent:
    fraud = None if random.random() < 0.03 else random.random() < 0.5
    return Sent(at + _delay(random), True, {"payment": name, "fraud": fraud, "known_at": at})


def _delay(random: Random) -> timedelta:
    """Between event and arrival: most are soon, and a few are later than their source allows."""
    return timedelta(days=1, minutes=1) if random.random() < 0.03 else MOST_DELAY * random.random()


class Labelled:
    """A label join of a test's own: topics, archives, tables and jobs."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        definition: str = DEFINITION,
        *,
        parallelism: int = 1,
        partitions: tuple[int, int] = (PARTITIONS, PARTITIONS),
    ) -> None:
        name = f"f{uuid4().hex[:8]}"
        flink = settings.flink.model_copy(update={"parallelism": parallelism})
        changes = {"project": f"t{name}", "home": folder, "flink": flink}
        self.platform = Platform(settings.model_copy(update=changes))
        self.namespace, self.file, self.jobs = name, folder / "labels.py", list[str]()
        self.file.write_text(definition.replace("{namespace}", name).replace("{name}", name))
        self.plan: LabelJoinPlan = label_join_plan(self.file)
        self.sent = {False: 0, True: 0}
        with self.platform.kafka.admin() as admin:
            for topic, count in zip(self.topics.values(), partitions, strict=True):
                admin.ensure_topic(topic, count)

    @property
    def topics(self) -> dict[bool, str]:
        return {False: f"{self.namespace}-scored", True: f"{self.namespace}-outcomes"}

    @property
    def sources(self) -> tuple[SourcePlan, SourcePlan]:
        return self.plan.logged, self.plan.labels

    def send(self, rows: Sequence[Sent]) -> None:
        """Send rows to their topics, to each partition in turn."""
        for is_label, topic in self.topics.items():
            records = [one.record for one in rows if one.is_label == is_label]
            first = self.sent[is_label]
            places = [(first + place) % PARTITIONS for place in range(len(records))]
            with self.platform.kafka.producer(topic) as producer:
                producer.send(records, partitions=places)
            self.sent[is_label] += len(records)

    def archive(self) -> None:
        """Archive both topics, and on."""
        for source in self.sources:
            self.jobs.append(ArchivePipeline(source, self.platform, checkpoint_interval="1 s").submit())
        self.wait_archived()

    def wait_archived(self) -> None:
        wait_until(lambda: self.archived() == tuple(self.sent.values()))

    def archived(self) -> tuple[int, ...]:
        return tuple(self.platform.iceberg.load(*table_name_of(source)).row_count() for source in self.sources)

    def start(self, **asked: Any) -> Run:
        prepared = LabelStreamPipeline(self.plan, self.platform, checkpoint_interval="1 s", **asked).prepare()
        return self.note(start(self.platform, prepared))

    def note(self, run: Run) -> Run:
        self.jobs.append(str(run.job_id))
        return run

    def status(self, run: Run) -> LabelStatus:
        return status_of(self.platform, run.run)

    def wait_read(self, run: Run) -> LabelStatus:
        """Until all that was sent is committed."""
        wait_until(lambda: self._read(run), lambda: str(self.status(run)))
        return self.status(run)

    def _read(self, run: Run) -> bool:
        counts = self.status(run).counts
        return (counts.logged_read, counts.labels_read) == tuple(self.sent.values())

    def oracle(self) -> LabelRun:
        """What DuckDB says of all that is archived."""
        self.wait_archived()
        logged, labels = (".".join(table_name_of(source)) for source in self.sources)
        return join_locally(self.plan, logged, labels, self.platform.iceberg.named)

    def table(self, name: str) -> list[dict[str, Any]]:
        return list(self.platform.iceberg.named(name).arrow().to_pylist())

    def close(self) -> None:
        for job in self.platform.flink.jobs():
            if job.job_id in self.jobs and not job.is_over:
                self.platform.flink.cancel(job.job_id)
