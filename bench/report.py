"""The result of a benchmark: as a table for people, as JSON, and as the generated part of `docs/benchmarks.md`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headrace.bench.machine import facts
from headrace.bench.measure import Measured, Spread
from headrace.bench.outputs import Equality
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.profile import Profile
from headrace.errors import NotFoundError

HEAD = (
    "side",
    "rows",
    "s",
    "rows/s",
    "CPU-s",
    "Cassandra CPU-s",
    "rows/CPU-s",
    "ours : side, rows/s",
    "ours : side, rows/CPU-s",
    "goal",
)
DOCS = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"


@dataclass(frozen=True)
class Goal:
    """The least ratio of ours to a rival's, in rows a second and in rows a processor second."""

    rows_per_s: float
    rows_per_cpu_s: float


@dataclass(frozen=True)
class Part:
    """Sides that were run beside each other; the first is ours. Goals are by the rival's name."""

    title: str
    sides: Mapping[str, Sequence[Measured]]
    goals: Mapping[str, Goal]

    @property
    def ours(self) -> Sequence[Measured]:
        """The runs of our side."""
        return next(iter(self.sides.values()))

    def ratios(self, rival: str) -> tuple[Spread, Spread]:
        """Ours to a rival's, rows a second and rows a processor second, round by round.

        A rival that was run once is compared with every round of ours.
        """
        theirs = self.sides[rival]
        paired = list(theirs) if len(theirs) == len(self.ours) else [theirs[0]] * len(self.ours)
        pairs = list(zip(self.ours, paired, strict=True))
        return (
            Spread.of(one.rows_per_s / other.rows_per_s for one, other in pairs),
            Spread.of(one.rows_per_cpu_s / other.rows_per_cpu_s for one, other in pairs),
        )

    def rows(self) -> list[tuple[str, ...]]:
        """A line of the table for each side, in the order of `HEAD`."""
        return [self._row(name) for name in self.sides]

    def _row(self, name: str) -> tuple[str, ...]:
        runs = self.sides[name]
        server = Spread.of(run.server_cpu_s for run in runs).median
        figures = (
            name,
            f"{runs[0].rows:,}",
            f"{Spread.of(run.wall_s for run in runs).median:.1f}",
            f"{Spread.of(run.rows_per_s for run in runs).median:,.0f}",
            f"{Spread.of(run.client_cpu_s for run in runs).median:.1f}",
            f"{server:.1f}" if server else "",
            f"{Spread.of(run.rows_per_cpu_s for run in runs).median:,.0f}",
        )
        return (*figures, *self._compared(name))

    def _compared(self, name: str) -> tuple[str, str, str]:
        if self.sides[name] is self.ours:
            return "", "", ""
        by_wall, by_cpu = self.ratios(name)
        return shown(by_wall), shown(by_cpu), verdict(self.goals.get(name), by_wall, by_cpu)


@dataclass(frozen=True)
class Report(BenchmarkReport):
    """Everything that a run of one benchmark found out."""

    benchmark: str
    parameters: Mapping[str, float]
    equal: Sequence[Equality]
    parts: Sequence[Part]
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=facts)

    def text(self) -> str:
        """The report for a terminal."""
        blocks = [f"{part.title}\n{table_text(part.rows())}" for part in self.parts]
        return "\n\n".join([*blocks, *(profile_text(name, found) for name, found in self.profiles.items())])

    def markdown(self) -> str:
        """The report for the documentation."""
        blocks = [f"{part.title}:\n\n{table_markdown(part.rows())}" for part in self.parts]
        profiles = [f"```\n{profile_text(name, found)}\n```" for name, found in self.profiles.items()]
        return "\n\n".join([self.measured(), *blocks, *profiles])

    def to_json(self) -> str:
        """Every figure of every run, with all ratios."""
        return json.dumps({**asdict(self), "parts": [_plain(part) for part in self.parts]}, indent=1)


def shown(spread: Spread) -> str:
    """The middle of a spread, and its ends.

    >>> shown(Spread(0.7, 0.75, 0.8)), shown(Spread(25.2, 31.0, 33.3))
    ('0.75 (0.70 to 0.80)', '31.0 (25.2 to 33.3)')
    """
    digits = 1 if spread.median >= 10 else (2 if spread.median >= 0.1 else 3)
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f} to {spread.high:.{digits}f})"


def verdict(goal: Goal | None, by_wall: Spread, by_cpu: Spread) -> str:
    """What the medians say of a goal.

    >>> verdict(Goal(1.0, 2.0), Spread(1.1, 1.2, 1.3), Spread(1.4, 1.5, 1.6))
    '1 and 2: rows/s met, rows/CPU-s below'
    """
    if goal is None:
        return ""
    wall = "met" if by_wall.median >= goal.rows_per_s else "below"
    cpu = "met" if by_cpu.median >= goal.rows_per_cpu_s else "below"
    goals = dict.fromkeys([f"{goal.rows_per_s:g}", f"{goal.rows_per_cpu_s:g}"])
    outcome = wall if wall == cpu else f"rows/s {wall}, rows/CPU-s {cpu}"
    return f"{' and '.join(goals)}: {outcome}"


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows under the head as columns; those that are empty throughout are left out."""
    table = _without_empty([[name.upper() for name in HEAD], *rows])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table
    )


def table_markdown(rows: Sequence[Sequence[str]]) -> str:
    """The same as a Markdown table."""
    return table(_without_empty([list(HEAD), *rows]))


def profile_text(name: str, profile: Profile) -> str:
    """Where the processor time of a job goes."""
    return "\n".join(
        [
            f"{name}: processor time of Flink's processes by thread",
            *_shares(profile.threads),
            f"of which tasks, by {profile.samples:,} samples of running threads",
            *_shares(profile.activities),
        ]
    )


def write_docs(report: BenchmarkReport, page: Path = DOCS) -> None:
    """Put the report between the marks of its benchmark.

    Raises:
        NotFoundError: the page has no such marks.
    """
    begin, end = (f"<!-- {report.benchmark}: {word} -->" for word in ("begin", "end"))
    text = page.read_text(encoding="utf-8")
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        msg = f"{page}: no marks {begin} and {end} to write between"
        raise NotFoundError(msg)
    page.write_text(f"{before}{begin}\n{report.markdown()}\n{end}{after}", encoding="utf-8")


def _shares(shares: Mapping[str, float]) -> list[str]:
    return [f"  {share:6.1%}  {what}" for what, share in shares.items()]


def _without_empty(table: Sequence[Sequence[str]]) -> list[list[str]]:
    """The table without columns that hold only their head."""
    kept = [index for index in range(len(table[0])) if any(row[index] for row in table[1:])]
    return [[row[index] for index in kept] for row in table]


def _plain(part: Part) -> dict[str, Any]:
    """A part with its ratios as plain values."""
    rivals = [name for name, runs in part.sides.items() if runs is not part.ours]
    ratios = {
        name: dict(zip(("rows_per_s", "rows_per_cpu_s"), map(asdict, part.ratios(name)), strict=True))
        for name in rivals
    }
    return {**asdict(part), "ratios": ratios}
