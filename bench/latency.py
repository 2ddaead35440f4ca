"""How long requests take: each timed by itself, sides in turns, and the result as tables."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.bench.machine import facts
from headrace.bench.page import BenchmarkReport, table

HEAD = ("side", "requests", "p50 ms", "p99 ms", "CPU ms a request", "side : ours, p50", "side : ours, p99", "goal")
#: Requests of one side before the next has its turn.
TURN = 20


@dataclass(frozen=True)
class Latency:
    """The requests of one side: how long each took, and processor seconds of its process for all."""

    seconds: tuple[float, ...]
    cpu_s: float

    def percentile_ms(self, percent: int) -> float:
        """The time within which so many of a hundred requests were answered.

        >>> Latency((0.003, 0.001, 0.002), 0.0).percentile_ms(50)
        2.0
        """
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


#: Times the requests of a side from one number up to another.
Turn = Callable[[int, int], Latency]


@dataclass(frozen=True)
class Shape:
    """Sides that answered the same requests; the first is ours. `goals`: how many times as long a side should take."""

    title: str
    sides: Mapping[str, Latency]
    goals: Mapping[str, float] = field(default_factory=dict)

    def rows(self) -> list[tuple[str, ...]]:
        """A line of the table for each side, in the order of `HEAD`."""
        return [self._row(name) for name in self.sides]

    def ratios(self, name: str) -> tuple[float, float]:
        """A side's p50 and p99 to ours."""
        ours, theirs = next(iter(self.sides.values())), self.sides[name]
        p50, p99 = (theirs.percentile_ms(percent) / ours.percentile_ms(percent) for percent in (50, 99))
        return p50, p99

    def _row(self, name: str) -> tuple[str, ...]:
        side = self.sides[name]
        times = [f"{side.percentile_ms(percent):.2f}" for percent in (50, 99)]
        shown = (name, f"{len(side.seconds):,}", *times, f"{1000 * side.cpu_s / len(side.seconds):.2f}")
        if name == next(iter(self.sides)):
            return (*shown, "", "", "")
        p50, p99 = self.ratios(name)
        return (*shown, f"{p50:.2f}", f"{p99:.2f}", verdict(self.goals.get(name), p50, p99))


@dataclass(frozen=True)
class LatencyReport(BenchmarkReport):
    """Everything that a run of a benchmark of requests found out."""

    benchmark: str
    parameters: Mapping[str, float]
    compared: int
    shapes: Sequence[Shape]
    facts: Mapping[str, str] = field(default_factory=facts)

    def markdown(self) -> str:
        """The report for the documentation."""
        checked = f". {self.compared:,} values of every side equal DuckDB's"
        return "\n\n".join([self.measured(checked), *map(_table, self.shapes)])


def here(request: Callable[[int], object]) -> Turn:
    """Requests that this process makes, by number.

    >>> len(here(lambda number: None)(0, 3).seconds)
    3
    """

    def turn(first: int, end: int) -> Latency:
        cpu = time.process_time()
        seconds = tuple([_timed(request, number) for number in range(first, end)])
        return Latency(seconds, time.process_time() - cpu)

    return turn


def in_turns(sides: Mapping[str, Turn], requests: int) -> dict[str, Latency]:
    """Time so many requests of each side, a few at a time, so that all sides see the same load."""
    found: dict[str, list[Latency]] = {name: [] for name in sides}
    for first in range(0, requests, TURN):
        for name, turn in sides.items():
            found[name].append(turn(first, min(first + TURN, requests)))
    return {name: _together(turns) for name, turns in found.items()}


def verdict(goal: float | None, p50: float, p99: float) -> str:
    """What the ratios of a side say of how many times as long as ours it should take.

    >>> verdict(5.0, 6.1, 4.9), verdict(5.0, 6.1, 5.0), verdict(None, 6.1, 5.0)
    ('5: p50 met, p99 below', '5: met', '')
    """
    if goal is None:
        return ""
    median, slow = ("met" if ratio >= goal else "below" for ratio in (p50, p99))
    return f"{goal:g}: {median if median == slow else f'p50 {median}, p99 {slow}'}"


def _timed(request: Callable[[int], object], number: int) -> float:
    began = time.perf_counter()
    request(number)
    return time.perf_counter() - began


def _together(turns: Sequence[Latency]) -> Latency:
    return Latency(tuple([each for turn in turns for each in turn.seconds]), sum(turn.cpu_s for turn in turns))


def _table(shape: Shape) -> str:
    return f"{shape.title}:\n\n{table([HEAD, *shape.rows()])}"
