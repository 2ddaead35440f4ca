"""How long requests take: each timed by itself, sides in turns, and the result as tables."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headrace.bench.machine import facts
from headrace.bench.page import facts_text, save, settings_text, table

HEAD = ("side", "requests", "p50 ms", "p99 ms", "CPU ms a request", "side : ours, p50", "side : ours, p99")
#: Requests of one side before the next has its turn.
TURN = 20


@dataclass(frozen=True)
class Latency:
    """The requests of one side: how long each took, and processor seconds of this process for all."""

    seconds: tuple[float, ...]
    cpu_s: float

    def percentile_ms(self, percent: int) -> float:
        """The time within which so many of a hundred requests were answered.

        >>> Latency((0.003, 0.001, 0.002), 0.0).percentile_ms(50)
        2.0
        """
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


@dataclass(frozen=True)
class Shape:
    """Sides that answered the same requests; the first is ours."""

    title: str
    sides: Mapping[str, Latency]

    def rows(self) -> list[tuple[str, ...]]:
        """A line of the table for each side, in the order of `HEAD`."""
        ours = next(iter(self.sides.values()))
        return [_row(name, side, ours) for name, side in self.sides.items()]


@dataclass(frozen=True)
class LatencyReport:
    """Everything that a run of a benchmark of requests found out."""

    benchmark: str
    parameters: Mapping[str, float]
    compared: int
    shapes: Sequence[Shape]
    facts: Mapping[str, str] = field(default_factory=facts)

    def text(self) -> str:
        """The report for a terminal."""
        return self.markdown()

    def markdown(self) -> str:
        """The report for the documentation."""
        settings = settings_text(self.parameters)
        machine = facts_text(self.facts)
        checked = f"{self.compared:,} values of every side equal DuckDB's."
        return "\n\n".join([f"Measured with {settings}. {checked}\n{machine}.", *map(_table, self.shapes)])

    def save(self, path: Path) -> None:
        """Write every request's time as JSON."""
        save(path, json.dumps(asdict(self), indent=1))


def in_turns(sides: Mapping[str, Callable[[int], object]], requests: int) -> dict[str, Latency]:
    """Time so many requests of each side, by number; a few at a time, so that all sides see the same load."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    cpu = dict.fromkeys(sides, 0.0)
    for first in range(0, requests, TURN):
        for name, request in sides.items():
            before = time.process_time()
            for number in range(first, min(first + TURN, requests)):
                began = time.perf_counter()
                request(number)
                seconds[name].append(time.perf_counter() - began)
            cpu[name] += time.process_time() - before
    return {name: Latency(tuple(seconds[name]), cpu[name]) for name in sides}


def _row(name: str, side: Latency, ours: Latency) -> tuple[str, ...]:
    times = [side.percentile_ms(percent) for percent in (50, 99)]
    ratios = [f"{took / ours.percentile_ms(percent):.2f}" for took, percent in zip(times, (50, 99), strict=True)]
    cpu = f"{1000 * side.cpu_s / len(side.seconds):.2f}"
    shown = (name, f"{len(side.seconds):,}", *(f"{took:.2f}" for took in times), cpu)
    return (*shown, *(("", "") if side is ours else ratios))


def _table(shape: Shape) -> str:
    return f"{shape.title}:\n\n{table([HEAD, *shape.rows()])}"
