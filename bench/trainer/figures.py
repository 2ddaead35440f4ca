"""What sides learnt in how much time, beside each other: a table for people, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headrace.bench.machine import facts
from headrace.bench.measure import Spread
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.report import shown
from headrace.bench.trainer.checkpoints import CheckpointCost

HEAD = ("side", "rows", "s", "CPU-s", "rows/CPU-s", "log loss")
CHECKPOINT_HEAD = ("model", "parameters", "state, bytes", "made, CPU ms", "taken back, CPU ms")


@dataclass(frozen=True)
class Learnt:
    """One visit of all rows: what it cost, and the mean of their log losses, each before it was learnt from."""

    rows: int
    wall_s: float
    cpu_s: float
    log_loss: float

    @property
    def rows_per_cpu_s(self) -> float:
        """Rows a processor second.

        >>> Learnt(100, 1.0, 0.5, 0.69).rows_per_cpu_s
        200.0
        """
        return self.rows / self.cpu_s


@dataclass(frozen=True)
class Part:
    """Sides that learnt one model. `ours`: those of them that are ours; `goals`: by rival, the least ratio of ours."""

    title: str
    sides: Mapping[str, Sequence[Learnt]]
    ours: Sequence[str]
    goals: Mapping[str, float]

    def ratio(self, ours: str, side: str) -> Spread:
        """Our rows a processor second to a side's, round by round."""
        pairs = zip(self.sides[ours], self.sides[side], strict=True)
        return Spread.of(one.rows_per_cpu_s / other.rows_per_cpu_s for one, other in pairs)

    def table(self) -> list[tuple[str, ...]]:
        """The head, and a line for each side."""
        head = (*HEAD, *(f"{one} : side, rows/CPU-s" for one in self.ours), "goal")
        return [head, *map(self._row, self.sides)]

    def _row(self, name: str) -> tuple[str, ...]:
        runs = self.sides[name]
        figures = (
            name,
            f"{runs[0].rows:,}",
            f"{Spread.of(run.wall_s for run in runs).median:.2f}",
            f"{Spread.of(run.cpu_s for run in runs).median:.2f}",
            f"{Spread.of(run.rows_per_cpu_s for run in runs).median:,.0f}",
            f"{runs[0].log_loss:.5f}",
        )
        if name in self.ours:
            return (*figures, *[""] * len(self.ours), "")
        ratios = {one: self.ratio(one, name) for one in self.ours}
        return (*figures, *map(shown, ratios.values()), verdict(self.goals.get(name), ratios))


@dataclass(frozen=True)
class TrainerReport(BenchmarkReport):
    """Everything that a run of the benchmark found out."""

    parameters: Mapping[str, float]
    parts: Sequence[Part]
    checkpoints: Sequence[CheckpointCost]
    benchmark: str = "trainer"
    facts: Mapping[str, str] = field(default_factory=facts)

    def markdown(self) -> str:
        """The report for the documentation."""
        parts = [f"{part.title}:\n\n{table(part.table())}" for part in self.parts]
        return "\n\n".join([self.measured(), *parts, f"State of a learner by Adam:\n\n{table(self._checkpoints())}"])

    def _checkpoints(self) -> list[tuple[str, ...]]:
        rows = [
            (one.model, f"{one.parameters:,}", f"{one.state_bytes:,}", shown(one.made_ms), shown(one.resumed_ms))
            for one in self.checkpoints
        ]
        return [CHECKPOINT_HEAD, *rows]


def verdict(goal: float | None, ratios: Mapping[str, Spread]) -> str:
    """What the medians of each of our sides say of a goal.

    >>> verdict(0.8, {"Arrow": Spread(0.3, 0.4, 0.5), "tensors": Spread(0.8, 0.9, 1.0)})
    '0.8: Arrow below, tensors met'
    """
    if goal is None:
        return ""
    found = {name: "met" if ratio.median >= goal else "below" for name, ratio in ratios.items()}
    if len(set(found.values())) == 1:
        return f"{goal:g}: {next(iter(found.values()))}"
    return f"{goal:g}: " + ", ".join(f"{name} {word}" for name, word in found.items())
