"""What tests of trainers on a topic share: labelled rows in Kafka, good and bad, and what became of each."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import numpy as np
import psutil

from headrace.compiler.build import plan_source
from headrace.compiler.plan import SourcePlan
from headrace.features.source import IcebergTable, KafkaTopic, Source, event_time
from headrace.pipelines.archive import ArchivePipeline
from headrace.runtime.cutover import LogRange
from headrace.runtime.legs import log_ranges, table_name_of
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack
from headrace.training.streaming.pipeline import StreamingTrainingPipeline
from headrace.training.streaming.runs import LearningRun, start
from headrace.training.streaming.tables import LETTERS, told_of
from headrace.training.streaming.told import DeadLetter
from headrace.training.streaming.trainer import Policy

from ...pipelines.rig import TASK_MANAGERS, process_of  # noqa: TID252 (what knows parts of the stack is theirs)
from .lake import HERE, TRUTH, Watched

PARTITIONS = 3
NOW = datetime.now(UTC).replace(microsecond=123)
#: Values of columns that nothing learns from, hard to keep as they are.
EDGES: Mapping[str, Sequence[object]] = {
    "note": ["", None, "\u00fc \u2603 '\"\\", "null", "  "],
    "share": [-0.0, 0.1 + 0.2, None, 5e-324, 1.7976931348623157e308, 1 / 3, -1e-17],
    "sunny": [True, None, False],
    "day": ["2013-01-31", None, "1969-12-31", "9999-12-31"],
}
#: Bad records, each with the reason that a trainer gives.
BROKEN = b'{"number": 7, '
LATE, EARLY_LABEL, LABEL_TO_COME = (-4 * 86_400, 0), (0, -60), (0, 3_600)
REASONS = {
    BROKEN: "unparsable: ",
    LATE: "event time is more than 1d before arrival",
    EARLY_LABEL: "label time known is before event time at",
    LABEL_TO_COME: "label time known is yet to come",
}


def record(number: int, shift_s: int = 0, label_s: int = 1) -> bytes:
    """A row; its event some seconds from an hour ago, its label so many after that."""
    random = np.random.default_rng(number)
    x, y = random.normal(size=2)
    label = int(random.random() < 1 / (1 + np.exp(-np.array([x, y]) @ TRUTH)))
    at = NOW - timedelta(hours=1) + timedelta(seconds=shift_s, milliseconds=number)
    known = at + timedelta(seconds=label_s) if label_s != LABEL_TO_COME[1] else NOW + timedelta(hours=1)
    row = {"number": number, "x": x, "y": y, "label": label, "at": at.isoformat(), "known": known.isoformat()}
    row |= {name: values[number % len(values)] for name, values in EDGES.items()}
    return json.dumps(row).encode()


def known(number: int) -> datetime:
    """When the label of a good row is known."""
    return NOW - timedelta(hours=1) + timedelta(seconds=1, milliseconds=number)


def trainer_of(topic_name: str, table: str) -> type[StreamingTrainingPipeline]:
    """A logistic model of a topic's rows."""

    class Rows(Source):
        """Labelled rows."""

        live = KafkaTopic(topic_name)
        history = IcebergTable(table)
        number: int
        x: float
        y: float
        label: int
        at: datetime = event_time()
        known: datetime
        note: str | None
        share: float | None
        sunny: bool | None
        day: date | None

    class Currents(StreamingTrainingPipeline):
        """A logistic model of labelled rows as they arrive."""

        name = "currents"
        source = Rows
        columns = ("x", "y", "label", "number", "at", *EDGES)
        learner = "logistic:witness"
        arguments: ClassVar = {"inputs": ["x", "y"]}
        python_files = (HERE / "logistic.py",)
        micro_batch_rows = 100
        micro_batch_seconds = 0.2
        checkpoint_interval = "500 ms"
        policy = Policy(candidate_rows=500, candidate_seconds=1)
        label_time = "known"

    return Currents


class River(Watched):
    """A topic that grows, on a platform of its own; `bad` are its bad records, `good` counts the others."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        name = uuid4().hex[:8]
        flink = settings.flink.model_copy(update={"parallelism": 1})
        super().__init__(Platform(settings.model_copy(update={"project": f"t{name}", "home": folder, "flink": flink})))
        self.topic, self.good, self.bad = f"currents-{name}", 0, list[tuple[bytes, str]]()
        #: Of each partition, when the labels of its records are known, those that count.
        self.known: list[list[datetime | None]] = [[] for _ in range(PARTITIONS)]
        self.kind = trainer_of(self.topic, f"n{name}.currents")
        with self.platform.kafka.admin() as admin:
            admin.ensure_topic(self.topic, PARTITIONS)

    @property
    def records(self) -> int:
        return self.good + len(self.bad)

    def more(self, count: int, bad: Sequence[bytes | tuple[int, int]] = ()) -> None:
        """Send rows that nobody has sent yet, and bad records behind them."""
        good = [record(number) for number in range(self.good, self.good + count)]
        worse = [one if isinstance(one, bytes) else record(self.records, *one) for one in bad]
        places = [place % PARTITIONS for place in range(len(good + worse))]
        with self.platform.kafka.producer(self.topic) as producer:
            producer.send(good + worse, partitions=places)
        times = [known(self.good + place) if place < count else None for place in range(len(places))]
        for partition, time in zip(places, times, strict=True):
            self.known[partition].append(time)
        self.good += count
        self.bad += [(bytes_, REASONS[kind]) for bytes_, kind in zip(worse, bad, strict=True)]

    def log(self) -> dict[int, LogRange]:
        return log_ranges(self.platform, self.topic)

    @contextmanager
    def archiving(self) -> Iterator[None]:
        """While the topic is copied to the archive of its source."""
        job = ArchivePipeline(self._source(), self.platform, checkpoint_interval="1 s").submit()
        try:
            yield
        finally:
            self.platform.flink.cancel(job)

    def archived(self) -> int:
        return self.platform.iceberg.load(*table_name_of(self._source())).row_count()

    def _source(self) -> SourcePlan:
        return plan_source(self.kind.source.schema)  # type: ignore[union-attr]

    def begin(self, **asked: object) -> LearningRun:
        return start(self.platform, self.kind(self.platform, **asked).prepare())  # type: ignore[arg-type]

    def cutoff(self, offsets: Mapping[str, tuple[int, int]]) -> datetime:
        """The newest label of these records, by what was sent."""
        spans = {int(name.removeprefix(f"{self.topic}-")): span for name, span in offsets.items()}
        return max(time for partition, (_, end) in spans.items() for time in self.known[partition][:end] if time)

    def letters(self, run: str) -> list[DeadLetter]:
        return told_of(self.platform.iceberg, LETTERS, run)

    def assert_each_record_once(self, run: str) -> None:
        """Rows that arrived are the topic's by its own end offsets; the model has visited the good ones, once each."""
        steps, log = self.steps(run), self.log()
        assert [step.step for step in steps] == list(range(1, len(steps) + 1))
        spans = self.seen(run)
        assert {int(name): (span.first, span.last + 1) for name, span in spans.items()} == {
            partition: (one.start, one.end) for partition, one in log.items()
        }
        assert all(span.is_gapless for span in spans.values())
        last = steps[-1]
        assert last.arrived == sum(one.end - one.start for one in log.values()) == self.records
        assert (last.visited, last.model_rows) == (self.good, self.good)
        self.assert_letters(run)

    def assert_letters(self, run: str) -> None:
        """Each bad record is a dead letter, with its reason and what it said."""
        letters, expected = self.letters(run), Counter(reason for _, reason in self.bad)
        assert len(letters) == len(self.bad)
        for reason, count in expected.items():
            assert sum(letter.reason.startswith(reason) for letter in letters) == count
        raw = [json.loads(letter.content)["_raw"] for letter in letters if letter.reason.startswith(REASONS[BROKEN])]
        assert {base64.b64decode(one) for one in raw} <= {BROKEN}


@contextmanager
def river_on(settings: Settings, folder: Path) -> Iterator[River]:
    """A river on the stack; whatever learns of it ends with it."""
    river = River(settings, folder)
    try:
        yield river
    finally:
        flink = river.platform.flink
        own = {folder.name for folder in (river.platform.settings.home / "runs").glob("*")}
        for status in flink.jobs():
            if status.name in own and not status.is_over:
                flink.cancel(status.job_id)


def workers_of(stack: Stack) -> list[psutil.Process]:
    """The Python processes of the task managers in which learners run."""
    managers = [psutil.Process(process_of(stack, "flink", name).pid) for name in TASK_MANAGERS]
    children = [child for manager in managers for child in manager.children(recursive=True)]
    return [child for child in children if "pyflink.fn_execution.beam.beam_boot" in " ".join(child.cmdline())]
