"""What answers cost, side beside side: a table for people, and as JSON. A side that gave no answer is told so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from headrace.bench.machine import facts
from headrace.bench.measure import Spread
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.report import shown

HEAD = (
    "side",
    "s",
    "CPU-s",
    "peak MiB",
    "side : ours, s",
    "side : ours, CPU-s",
    "ours : side, peak",
    "goal",
)


@dataclass(frozen=True)
class Cost:
    """One answer: seconds by the wall, processor seconds, and the most memory of its process in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True)
class Goal:
    """How many times as long as ours a side should take at least, and what share of its memory ours may take."""

    wall: float
    peak: float | None = None


@dataclass(frozen=True)
class Question:
    """Sides that answered one question; the first is ours. `failed`: why a side gave no answer.

    `rows`: how many labels every answer has, all compared.
    """

    title: str
    rows: int
    sides: Mapping[str, Sequence[Cost]]
    failed: Mapping[str, str]
    goals: Mapping[str, Goal]

    def table(self) -> list[tuple[str, ...]]:
        """A line for each side, in the order of `HEAD`."""
        answered = [self._row(name) for name in self.sides]
        return [*answered, *((name, *[""] * (len(HEAD) - 2), why) for name, why in self.failed.items())]

    def ratios(self, side: str) -> tuple[Spread, Spread, Spread]:
        """A side's seconds and processor seconds to ours, and our peak to its, round by round."""
        pairs = list(zip(self.sides[side], next(iter(self.sides.values())), strict=True))

        def spread(ratio: Callable[[Cost, Cost], float]) -> Spread:
            return Spread.of(ratio(theirs, ours) for theirs, ours in pairs)

        return (
            spread(lambda theirs, ours: theirs.wall_s / ours.wall_s),
            spread(lambda theirs, ours: theirs.cpu_s / ours.cpu_s),
            spread(lambda theirs, ours: ours.peak_mib / theirs.peak_mib),
        )

    def _row(self, name: str) -> tuple[str, ...]:
        costs = self.sides[name]
        medians = [Spread.of(figures).median for figures in zip(*map(_figures, costs), strict=True)]
        figures = (name, f"{medians[0]:.2f}", f"{medians[1]:.2f}", f"{medians[2]:,.0f}")
        if costs is next(iter(self.sides.values())):
            return (*figures, "", "", "", "")
        wall, cpu, peak = self.ratios(name)
        return (*figures, shown(wall), shown(cpu), shown(peak), verdict(self.goals.get(name), wall, peak))


@dataclass(frozen=True)
class CostReport(BenchmarkReport):
    """Everything that a run of a benchmark of answers found out. `limits`: what a side may take before it is ended."""

    benchmark: str
    parameters: Mapping[str, float]
    limits: str
    questions: Sequence[Question]
    facts: Mapping[str, str] = field(default_factory=facts)

    def markdown(self) -> str:
        """The report for the documentation."""
        return "\n\n".join([self.measured(f"; {self.limits}"), *map(_table, self.questions)])


def verdict(goal: Goal | None, wall: Spread, peak: Spread) -> str:
    """What the medians say of a goal.

    >>> half, even = Spread(0.4, 0.5, 0.6), Spread(0.9, 1.0, 1.1)
    >>> verdict(Goal(0.8, peak=1.5), half, even), verdict(Goal(0.5), half, even)
    ('0.8: below; peak 1.5: met', '0.5: met')
    """
    if goal is None:
        return ""
    found = [f"{goal.wall:g}: {'met' if wall.median >= goal.wall else 'below'}"]
    if goal.peak is not None:
        found.append(f"peak {goal.peak:g}: {'met' if peak.median <= goal.peak else 'above'}")
    return "; ".join(found)


def _figures(cost: Cost) -> tuple[float, float, float]:
    return cost.wall_s, cost.cpu_s, cost.peak_mib


def _table(question: Question) -> str:
    return f"{question.title}:\n\n{table([HEAD, *question.table()])}"
