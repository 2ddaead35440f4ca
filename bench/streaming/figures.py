"""What the streaming trainer cost: rows a processor second beside its learner, and Flink's own checkpoints of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headrace.bench.machine import facts
from headrace.bench.measure import Measured, Spread
from headrace.bench.page import BenchmarkReport, table
from headrace.bench.profile import answer_of
from headrace.bench.report import Part, shown, table_markdown
from headrace.errors import JobError
from headrace.runtime.flink_rest import FlinkRest

CHECKPOINT_HEAD = ("job", "checkpoints", "failed", "ms from end to end", "state, bytes", "written, bytes")
START_HEAD = ("job", "first job of all rows, CPU-s", "start, CPU-s", "rows/CPU-s behind a start")


@dataclass(frozen=True)
class Checkpointed:
    """The completed checkpoints of one job, as Flink itself tells of them.

    Attributes:
        failed: those that were begun and not completed, of which nothing is known.
        end_to_end_ms: from when one was triggered until all had acknowledged it.
        state_bytes: of all state; `written_bytes` of what had to be written for it.
    """

    completed: int
    failed: int
    end_to_end_ms: Spread
    state_bytes: Spread
    written_bytes: Spread

    @classmethod
    def of(cls, flink: FlinkRest, job: str) -> Checkpointed:
        """Those of a job, which may be over."""
        return cls.read(answer_of(flink, f"/jobs/{job}/checkpoints"))

    @classmethod
    def read(cls, answer: Mapping[str, Any]) -> Checkpointed:
        """From Flink's answer; JobError where it completed none.

        >>> size = {"min": 5, "p50": 7.0, "max": 9, "avg": 7}
        >>> told = {"end_to_end_duration": size, "state_size": size, "checkpointed_size": size}
        >>> Checkpointed.read({"counts": {"completed": 3, "failed": 0}, "summary": told}).written_bytes
        Spread(low=5, median=7.0, high=9)
        """
        counts, summary = answer["counts"], answer["summary"]
        if not counts["completed"]:
            msg = f"a measured job completed no checkpoint; Flink counts {counts}: give it more rows"
            raise JobError(msg)
        names = ("end_to_end_duration", "state_size", "checkpointed_size")
        spreads = [Spread(*(summary[name][one] for one in ("min", "p50", "max"))) for name in names]
        return cls(counts["completed"], counts["failed"], *spreads)

    def row(self) -> tuple[str, ...]:
        """A line of the table of checkpoints, behind what they are of."""
        sizes = (f"{spread.median:,.0f}" for spread in (self.state_bytes, self.written_bytes))
        return (f"{self.completed:,}", f"{self.failed:,}", shown(self.end_to_end_ms), *sizes)


@dataclass(frozen=True)
class Learned:
    """One model: each side's runs; and of those that are jobs of Flink the checkpoints.

    Attributes:
        start: a job over few rows, if there was one.
        first: a job over all rows on a cluster that had run none before, if there was one.
    """

    model: str
    sides: Mapping[str, Sequence[Measured]]
    checkpoints: Mapping[str, Checkpointed]
    start: Measured | None = None
    first: Measured | None = None

    def behind_start(self, job: str) -> float | None:
        """Rows a processor second behind those of the job over few rows, which is mostly start; None without one.

        >>> run = {"Flink": [Measured(1_000, 9.0, 6.0)]}
        >>> few = Measured(100, 8.0, 5.0)
        >>> Learned("m", run, {}, few).behind_start("Flink")
        900.0
        """
        if self.start is None:
            return None
        runs = self.sides[job]
        cpu_s = Spread.of(run.client_cpu_s for run in runs).median - self.start.client_cpu_s
        return (runs[0].rows - self.start.rows) / cpu_s

    def start_rows(self) -> list[tuple[str, ...]]:
        """For each job a line of the table of starts; what was measured with the first job only stands on its line."""
        costs = ["" if one is None else f"{one.client_cpu_s:.1f}" for one in (self.first, self.start)]
        rates = {job: self.behind_start(job) for job in self.checkpoints}
        shown_ = {job: "" if rate is None else f"{rate:,.0f}" for job, rate in rates.items()}
        return [(self._named(job), *(costs if at == 0 else ("", "")), shown_[job]) for at, job in enumerate(rates)]

    def checkpoint_rows(self) -> list[tuple[str, ...]]:
        """For each job a line of the table of checkpoints."""
        return [(self._named(job), *cost.row()) for job, cost in self.checkpoints.items()]

    def _named(self, job: str) -> str:
        return f"{self.model}: {job}"


@dataclass(frozen=True)
class StreamingReport(BenchmarkReport):
    """Everything that a run of the benchmark found out."""

    parameters: Mapping[str, float]
    learned: Sequence[Learned]
    benchmark: str = "streaming"
    facts: Mapping[str, str] = field(default_factory=facts)

    def markdown(self) -> str:
        """The report for the documentation."""
        parts = [f"{one.model}:\n\n{table_markdown(Part(one.model, one.sides, {}).rows())}" for one in self.learned]
        starts = [START_HEAD, *(row for one in self.learned for row in one.start_rows())]
        kept = [CHECKPOINT_HEAD, *(row for one in self.learned for row in one.checkpoint_rows())]
        started = f"What a start costs, and rows behind it:\n\n{table(starts)}"
        return "\n\n".join([self.measured(), *parts, started, table(kept)])
