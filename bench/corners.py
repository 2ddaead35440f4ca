"""The corners of the knobs, measured: what events cost a live job, and how soon an online read sees them.

A topic gets events at a steady pace. Among them are probes, each of a card of its own, so that the first answer that
counts one says when it was seen: from before the producer's `send` to after the read. At the end every card is read,
and must have exactly the events that were sent.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from headrace.bench.machine import facts
from headrace.bench.outputs import OutputsDifferError
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.rounding import Rounding, roundings
from headrace.bench.stack import Workbench
from headrace.compiler.build import plan_view
from headrace.compiler.plan import Location, ViewPlan
from headrace.connectors.cassandra_tiles import CassandraTiles
from headrace.features.duration import parse_duration
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.lifecycle import promote, record_run, submit
from headrace.runtime.platform import Platform
from headrace.serving.online import OnlineStore

FEATURES = Path(__file__).with_name("views") / "live_cards.py"
PARTITIONS, CARDS, SEED = 2, 1_000, 11
#: Cards of probes are numbered from here.
FIRST_PROBE = 1_000_000
#: The first seconds of a job compile it, and are not measured; without events for a while it shows what it costs idle.
WARM_S, IDLE_S = 15.0, 8.0
#: Events are sent so often; the reader looks so often.
TICK_S, LOOK_S = 0.1, 0.01
#: A probe that is not seen for so long after its freshness never will be.
LOST_AFTER_S = 60.0
HEAD = ("optimize, freshness", "bound", "p50 s", "p99 s", "CPU-s a million events", "of which idle", "Cassandra CPU-s")


@dataclass(frozen=True)
class CornerSizes:
    """At which pace and for how long events are sent, and how many of them are probes."""

    events_per_s: int = 1_000
    seconds: float = 60.0
    probes: int = 200
    warm_s: float = WARM_S
    idle_s: float = IDLE_S
    rounded_rows: int = 100_000


@dataclass(frozen=True)
class Corner:
    """What a job is asked for."""

    optimize: str
    freshness: str


CORNERS = (Corner("cost", "30s"), Corner("cost", "3500ms"), Corner("correctness", "3500ms"), Corner("latency", "1s"))


@dataclass(frozen=True)
class CornerResult:
    """One corner: seconds until each probe was seen, processor seconds of Flink and Cassandra for all events."""

    corner: Corner
    bound_s: float
    seen_s: tuple[float, ...]
    events: int
    flink_cpu_s: float
    idle_cpu_s: float
    cassandra_cpu_s: float

    def percentile_s(self, percent: int) -> float:
        """The time within which so many of a hundred probes were seen."""
        ordered = sorted(self.seen_s)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]

    def row(self) -> tuple[str, ...]:
        """A line of the table, in the order of `HEAD`."""
        million = 1_000_000 / self.events
        costs = (self.flink_cpu_s, self.idle_cpu_s, self.cassandra_cpu_s)
        times = (self.bound_s, self.percentile_s(50), self.percentile_s(99))
        name = f"{self.corner.optimize}, {self.corner.freshness}"
        return (name, *(f"{one:.2f}" for one in times), *(f"{one * million:.0f}" for one in costs))


@dataclass(frozen=True)
class CornerReport(BenchmarkReport):
    """Everything that a run found out."""

    parameters: Mapping[str, float]
    results: Sequence[CornerResult]
    rounding: Sequence[Rounding]
    facts: Mapping[str, str] = field(default_factory=facts)
    benchmark: str = "corners"

    def markdown(self) -> str:
        """The report for the documentation."""
        corners = table([HEAD, *(one.row() for one in self.results)])
        errors = table([Rounding.HEAD, *(one.row() for one in self.rounding)])
        return f"{self.measured()}\n\n{corners}\n\nBy the tile, under every knob:\n\n{errors}"


class CornersBenchmark:
    """Runs the view once for each corner, on a topic and tables of its own."""

    def __init__(self, bench: Workbench, sizes: CornerSizes, corners: Sequence[Corner] = CORNERS) -> None:
        self.bench, self.sizes, self.corners = bench, sizes, corners

    def run(self) -> CornerReport:
        """Measure every corner, and what tiles round."""
        results = [self._measured(number, corner) for number, corner in enumerate(self.corners, start=1)]
        return CornerReport(vars(self.sizes), results, roundings(self.sizes.rounded_rows))

    def _measured(self, number: int, corner: Corner) -> CornerResult:
        with self.bench.progress.step(f"{corner.optimize}, {corner.freshness}"):
            platform, topic = _turned(self.bench.platform, corner), f"payments-{number}"
            with platform.kafka.admin() as admin:
                admin.ensure_topic(topic, PARTITIONS)
            with _job(platform, topic, number) as pipeline, Traffic(platform, pipeline.plan, topic, self.sizes) as sent:
                return self._figures(corner, pipeline, sent)

    def _figures(self, corner: Corner, pipeline: BackfillPipeline, sent: Traffic) -> CornerResult:
        sizes, meter = self.sizes, self.bench.runner.meter
        patience_s = parse_duration(corner.freshness) / 1e6 + LOST_AFTER_S
        sent.send(sizes.warm_s, 1, patience_s)
        before = meter.read()
        time.sleep(sizes.idle_s)
        idle = meter.read()
        count, begun = sum(sent.counts.values()), time.monotonic()
        seen = sent.send(sizes.seconds, sizes.probes, patience_s)
        after, lasted = meter.read(), time.monotonic() - begun
        sent.check()
        idle_cpu_s = (idle[0] - before[0]) * lasted / sizes.idle_s
        events = sum(sent.counts.values()) - count
        bound_s = pipeline.tuning.bound_us / 1e6
        return CornerResult(corner, bound_s, seen, events, after[0] - idle[0], idle_cpu_s, after[1] - idle[1])


class Traffic:
    """Sends events at a pace from a thread of its own, probes among them, and looks for the probes."""

    def __init__(self, platform: Platform, plan: ViewPlan, topic: str, sizes: CornerSizes) -> None:
        self.platform, self.plan, self.topic, self.sizes = platform, plan, topic, sizes
        self.counts: Counter[int] = Counter()
        self._random = random.Random(SEED)  # noqa: S311 (seeded, no secret)
        self._sent: dict[int, float] = {}
        self._failed: list[BaseException] = []
        self._next_probe = FIRST_PROBE

    def __enter__(self) -> Traffic:
        self._session = self.platform.cassandra.session().__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._session.__exit__(None, None, None)

    def send(self, seconds: float, probes: int, patience_s: float) -> tuple[float, ...]:
        """Send for so long, with so many probes; the seconds until each was seen.

        Raises OutputsDifferError when one is not seen in time.
        """
        self._sent.clear()
        sending = threading.Thread(target=self._sending, args=(seconds, probes))
        sending.start()
        try:
            return self._looking(sending, probes, patience_s)
        finally:
            sending.join()

    def check(self) -> None:
        """Raises OutputsDifferError unless every card has the events that were sent."""
        cards = sorted(self.counts)
        found = dict(zip(cards, self._counted(cards), strict=True))
        wrong = [(card, found[card], self.counts[card]) for card in cards if found[card] != self.counts[card]]
        if wrong:
            card, has, sent = wrong[0]
            msg = f"{len(wrong)} of {len(cards)} cards: {sent} events of card {card} were sent, {has!r} are served"
            raise OutputsDifferError(msg)

    def _looking(self, sending: threading.Thread, probes: int, patience_s: float) -> tuple[float, ...]:
        seen: dict[int, float] = {}
        while len(seen) < probes:
            waiting = [card for card in list(self._sent) if card not in seen]
            for card, count in zip(waiting, self._counted(waiting), strict=True):
                if count:
                    seen[card] = time.monotonic() - self._sent[card]
            oldest = min((self._sent[card] for card in waiting if card not in seen), default=time.monotonic())
            if self._failed or time.monotonic() - oldest > patience_s:
                msg = f"{len(seen)} of {probes} probes were seen, the next not within {patience_s:.0f} s"
                raise OutputsDifferError(msg) from next(iter(self._failed), None)
            time.sleep(LOOK_S)
        sending.join()
        return tuple(seen.values())

    def _sending(self, seconds: float, probes: int) -> None:
        try:
            with self.platform.kafka.producer(self.topic) as producer:
                begun, rounds = time.monotonic(), max(1, round(seconds / TICK_S))
                for number in range(rounds):
                    due = probes * (number + 1) // rounds - probes * number // rounds
                    cards = [self._random.randrange(CARDS) for _ in range(round(self.sizes.events_per_s * TICK_S))]
                    # Not in step with anything in the job that ticks.
                    time.sleep(max(0.0, begun + (number + self._random.random()) * TICK_S - time.monotonic()))
                    producer.send([_event(card) for card in [*cards, *self._probes(due)]])
                    self.counts.update(cards)
        except BaseException as error:
            self._failed.append(error)
            raise

    def _probes(self, due: int) -> list[int]:
        """The next probes, their time noted."""
        cards = list(range(self._next_probe, self._next_probe + due))
        self._next_probe += due
        self._sent.update(dict.fromkeys(cards, time.monotonic()))
        self.counts.update(cards)
        return cards

    def _counted(self, cards: Sequence[int]) -> list[Any]:
        """The payments of cards in the last hour, as they are served now."""
        if not cards:
            return []
        answer = self._store.get_online_features(["live_cards:payments_1h"], [{"card": card} for card in cards])
        return [row[0].value for row in answer.rows]

    @cached_property
    def _store(self) -> OnlineStore:
        return OnlineStore(self.platform.settings.project, self.platform.registry, CassandraTiles(self._session))


@contextmanager
def _job(platform: Platform, topic: str, generation: int) -> Iterator[BackfillPipeline]:
    """The view's job on a topic, serving; cancelled in the end."""
    plan = plan_view(load_views(FEATURES).views["live_cards"])
    plan = replace(plan, source=replace(plan.source, live=Location("kafka", topic)))
    pipeline = BackfillPipeline(plan, platform, generation=generation)
    prepared = pipeline.prepare()
    record_run(platform, prepared)
    run = submit(platform, prepared.run_id)
    try:
        promote(platform, plan.name, plan.version, generation)
        yield pipeline
    finally:
        platform.flink.cancel(str(run.job_id))


def _turned(platform: Platform, corner: Corner) -> Platform:
    """The platform under a corner's knobs."""
    flink = platform.settings.flink.model_copy(update=asdict(corner))
    return Platform(platform.settings.model_copy(update={"flink": flink}))


def _event(card: int) -> dict[str, Any]:
    """A payment now."""
    return {"card": card, "cents": 100, "at": datetime.now(UTC).isoformat()}
