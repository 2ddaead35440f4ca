"""The benchmark's own stack, and the platform that a run works on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headrace.bench.flink_run import FlinkRunner
from headrace.bench.measure import Meter
from headrace.bench.profile import FLINK_OPTIONS
from headrace.runtime.platform import Platform
from headrace.runtime.progress import Progress
from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack.plan import CASSANDRA, FLINK, ICEBERG
from headrace.runtime.stack.stack import Stack

PROJECT = "bench"
#: What most benchmarks need.
SERVICES = (CASSANDRA, FLINK, ICEBERG)
# So that a rate can be shown while a job of seconds runs; the default is ten seconds.
FRESH_METRICS = {"metrics.fetcher.update-interval": "2000"}


@dataclass(frozen=True)
class Workbench:
    """What every benchmark works with: the stack's systems, a runner of jobs, and where progress is told."""

    platform: Platform
    runner: FlinkRunner
    progress: Progress

    @classmethod
    def on(cls, stack: Stack, settings: Settings, progress: Progress) -> Workbench:
        """The workbench on a running stack; its project and keyspace are the benchmark's own."""
        cassandra = settings.cassandra.model_copy(update={"keyspace": PROJECT})
        platform = Platform(settings.model_copy(update={"project": PROJECT, "cassandra": cassandra}))
        return cls(platform, FlinkRunner(platform, Meter.of(stack), progress), progress)


def bench_settings(home: Path) -> Settings:
    """The settings of a benchmark: nothing of the user's files or environment gets in, so it meets no other cluster."""
    flink = {"configuration": {**FLINK_OPTIONS, **FRESH_METRICS}}
    home.mkdir(parents=True, exist_ok=True)
    return load_settings(flags={"home": str(home.resolve()), "flink": flink}, environment={}, folder=home.resolve())


@contextmanager
def running(home: Path, progress: Progress, services: Sequence[str] = SERVICES) -> Iterator[Workbench]:
    """A stack of the benchmark's own, started from nothing and gone at the end, results excepted."""
    stack = Stack(bench_settings(home), tied=True)
    stack.down(erase=True)
    try:
        with progress.step(f"start {', '.join(services)}"):
            settings = stack.up(services)
        yield Workbench.on(stack, settings, progress)
    finally:
        stack.down(erase=True)
        progress.line("the stack is stopped")
