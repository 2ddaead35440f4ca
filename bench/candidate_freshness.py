"""How long until a model has a record: from before it was sent until a candidate that learned it is committed."""

from __future__ import annotations

import math
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from headrace.bench.machine import facts
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.stack import Workbench
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.features.module import run_file
from headrace.registry.model_facts import Facts
from headrace.registry.model_states import Decision
from headrace.runtime.platform import Platform
from headrace.training.data.encoding import Encoding
from headrace.training.data.fits import Standardize
from headrace.training.data.labels import Label
from headrace.training.learning.spec import ModelSpec, OptimizerSpec, Recipe
from headrace.training.learning.torch_learner import TorchLearner
from headrace.training.models.store import ModelStore
from headrace.training.streaming.positions import from_json
from headrace.training.streaming.runs import LearningRun, start, stop
from headrace.training.streaming.tables import CANDIDATES, told_of
from headrace.training.streaming.told import Candidate

HEAD = ("checkpoint every", "candidates", "records", "p50 s", "p99 s", "longest s")
PARTITIONS = 2
#: Records are sent so often; a candidate cannot be fresher than the step between two.
TICK_S = 0.1
#: How often the tables are looked at, and how long at most until all is in a candidate.
LOOK_S, PATIENCE_S = 1.0, 120.0
#: How often state is saved in the settings that are measured; the second is what a trainer has by default.
INTERVALS = ("1 s", "10 s")
TRAINER = Path(__file__).with_name("views") / "labelled.py"
MODEL, SEED, US_PER_S = "waits", 7, 1_000_000


@dataclass(frozen=True)
class CandidateSizes:
    """How many records a second are sent, and for how long; the first seconds, in which JVMs compile, do not count."""

    records_per_s: int = 1_000
    seconds: float = 60.0
    warm_s: float = 15.0


@dataclass(frozen=True)
class CandidateResult:
    """One setting: how many candidates there were, and the seconds of every record."""

    interval: str
    candidates: int
    seconds: tuple[float, ...]

    def row(self) -> tuple[str, ...]:
        """A line of the table, in the order of `HEAD`."""
        ordered = sorted(self.seconds)
        times = [ordered[len(ordered) * percent // 100] for percent in (50, 99)]
        shown = [f"{value:.2f}" for value in (*times, ordered[-1])]
        return (self.interval, f"{self.candidates:,}", f"{len(ordered):,}", *shown)


@dataclass(frozen=True)
class CandidateReport(BenchmarkReport):
    """What the benchmark found out."""

    parameters: Mapping[str, float]
    results: Sequence[CandidateResult]
    benchmark: str = "candidates"
    facts: Mapping[str, str] = field(default_factory=facts)

    def markdown(self) -> str:
        """The report for the documentation."""
        return f"{self.measured()}\n\n{table([HEAD, *(result.row() for result in self.results)])}"


class CandidateBenchmark:
    """A trainer on a topic, which keeps a candidate a second, under each interval of checkpoints."""

    def __init__(self, bench: Workbench, sizes: CandidateSizes, intervals: Sequence[str] = INTERVALS) -> None:
        self.bench, self.sizes, self.intervals = bench, sizes, intervals

    def run(self) -> CandidateReport:
        """Everything. OutputsDifferError when a record did not become part of a candidate, or not once."""
        parameters = {**asdict(self.sizes), "partitions": PARTITIONS}
        return CandidateReport(parameters, [self._measured(interval) for interval in self.intervals])

    def _measured(self, interval: str) -> CandidateResult:
        platform, topic = self.bench.platform, f"labelled-{secrets.token_hex(4)}"
        with platform.kafka.admin() as admin:
            admin.ensure_topic(topic, PARTITIONS)
        with self.bench.progress.step(f"checkpoints every {interval}"):
            kind = run_file(TRAINER).trainer_of(topic, interval)
            run = start(platform, kind(platform, start=_first(platform)).prepare())
            try:
                sent = send(platform, topic, self.sizes)
                candidates = _complete(platform, run, sum(map(len, sent)))
            finally:
                stop(platform, run.run)
        warm_us = min(times[0] for times in sent) + round(self.sizes.warm_s * US_PER_S)
        return CandidateResult(interval, len(candidates), tuple(waits(sent, candidates, warm_us)))


def send(platform: Platform, topic: str, sizes: CandidateSizes) -> list[list[int]]:
    """Send labelled records at a pace; returns by partition when each was sent (processing time, µs), before it was."""
    sent: list[list[int]] = [[] for _ in range(PARTITIONS)]
    source, count = random.Random(SEED), round(sizes.records_per_s * TICK_S)  # noqa: S311 (seeded, no secret)
    begun = time.monotonic()
    with platform.kafka.producer(topic) as producer:
        for tick in range(round(sizes.seconds / TICK_S)):
            time.sleep(max(0.0, begun + tick * TICK_S - time.monotonic()))
            records, places = [_record(source) for _ in range(count)], [place % PARTITIONS for place in range(count)]
            now_us = time.time_ns() // 1000
            producer.send(records, partitions=places)
            for place in places:
                sent[place].append(now_us)
    return sent


def waits(sent: Sequence[Sequence[int]], committed: Sequence[tuple[int, Candidate]], since_us: int) -> list[float]:
    """The seconds of each record that was sent since a time, until a candidate that learned it was committed.

    Args:
        sent: by partition and offset when a record was sent (µs).
        committed: candidates, oldest first, each with when it was committed (µs).
        since_us: records that were sent before are left out.

    >>> first, last = '{"0": [1, 0, 0, 0]}', '{"0": [3, 0, 2, 3]}'
    >>> told = [Candidate("r", n, "", n, 1, 1, 1, at, "{}", 0) for n, at in ((1, first), (2, last))]
    >>> waits([[0, 1_000_000, 2_000_000]], [(3_000_000, told[0]), (5_000_000, told[1])], 0)
    [3.0, 4.0, 3.0]
    """
    found: list[float] = []
    reached = [0] * len(sent)
    for committed_us, candidate in committed:
        for name, span in from_json(candidate.positions).items():
            place, end = int(name), max(reached[int(name)], span.last + 1)
            times = sent[place][reached[place] : end]
            found += [(committed_us - sent_us) / US_PER_S for sent_us in times if sent_us >= since_us]
            reached[place] = end
    return found


def _complete(platform: Platform, run: LearningRun, records: int) -> list[tuple[int, Candidate]]:
    """The candidates with their times of commit (µs), when one has learned every record."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        found = told_of(platform.iceberg, CANDIDATES, run.run)
        visited = found[-1].visited if found else 0
        if visited == records:
            return committed_at(platform, found)
        if visited > records or time.monotonic() > deadline:
            msg = f"run {run.run}: {records:,} records were sent, the newest candidate has learned {visited:,}"
            raise OutputsDifferError(msg)
        time.sleep(LOOK_S)


def committed_at(platform: Platform, candidates: Sequence[Candidate]) -> list[tuple[int, Candidate]]:
    """Each candidate with when its row was committed (µs): the time of the first snapshot that has it."""
    table = platform.iceberg.load(LEDGER_NAMESPACE, CANDIDATES)
    times: dict[int, int] = {}
    for snapshot in table.table.snapshots():
        rows = table.arrow(snapshot.snapshot_id, ["candidate"], where=f"run = '{candidates[0].run}'")
        for number in rows.column("candidate").to_pylist():
            times.setdefault(number, snapshot.timestamp_ms * 1000)
    return [(times[one.candidate], one) for one in candidates]


def _first(platform: Platform) -> str:
    """The version that all runs start from, made on first use."""
    store = ModelStore.at(platform.settings)
    if MODEL not in store.models():
        source = random.Random(SEED)  # noqa: S311 (seeded, no secret)
        rows = pa.RecordBatch.from_pylist([_record(source) for _ in range(1_000)]).select(["x", "y", "label"])
        encoding = Encoding({"x": Standardize(), "y": Standardize()}, Label("label", low=0, high=1))
        recipe = Recipe(ModelSpec("logistic"), OptimizerSpec("sgd", 0.1))
        learner = TorchLearner(recipe, encoding.fit([rows]), rows.slice(0, 1).select(["x", "y"]), "cpu")
        return registered(store, MODEL, learner.artifact())
    return f"{MODEL}@1"


def registered(store: ModelStore, model: str, files: Mapping[str, bytes]) -> str:
    """The name of a new version of a model, of these files."""
    origin, artifact = store.keep_origin(), store.artifacts.put(files)
    facts_ = Facts(artifact=artifact, code=origin.code, environment=origin.environment)
    return store.register(model, facts_, Decision("benchmark", "to start from")).name


def _record(source: random.Random) -> dict[str, Any]:
    """A labelled record of now."""
    x, y = source.gauss(0, 1), source.gauss(0, 1)
    label = int(source.random() < 1 / (1 + math.exp(2 * y - x)))
    return {"x": x, "y": y, "label": label, "at": datetime.now(UTC).isoformat()}
