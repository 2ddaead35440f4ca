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

CHECKPOINT_HEAD = ("model", "checkpoints", "failed", "ms from end to end", "state, bytes", "written, bytes")
START_HEAD = ("model", "rows", "CPU-s", "rows/CPU-s behind these")


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


@dataclass(frozen=True)
class Learned:
    """One model: each side's runs, the first Flink's; a run over few rows, if there was one; checkpoints."""

    model: str
    sides: Mapping[str, Sequence[Measured]]
    checkpoints: Checkpointed
    start: Measured | None = None

    @property
    def further_rows_per_cpu_s(self) -> float | None:
        """Rows a processor second behind those of the run over few rows, which is mostly start; None without one.

        >>> run = {"Flink": [Measured(1_000, 9.0, 6.0)]}
        >>> few = Measured(100, 8.0, 5.0)
        >>> Learned("m", run, Checkpointed(1, 0, *[Spread(0, 0, 0)] * 3), few).further_rows_per_cpu_s
        900.0
        """
        if self.start is None:
            return None
        runs = next(iter(self.sides.values()))
        cpu_s = Spread.of(run.client_cpu_s for run in runs).median - self.start.client_cpu_s
        return (runs[0].rows - self.start.rows) / cpu_s

    def start_row(self) -> tuple[str, ...]:
        """A line of the table of starts."""
        if self.start is None or (rate := self.further_rows_per_cpu_s) is None:
            return (self.model, "", "", "")
        return (self.model, f"{self.start.rows:,}", f"{self.start.client_cpu_s:.1f}", f"{rate:,.0f}")

    def checkpoint_row(self) -> tuple[str, ...]:
        """A line of the table of checkpoints."""
        cost = self.checkpoints
        sizes = (f"{spread.median:,.0f}" for spread in (cost.state_bytes, cost.written_bytes))
        return (self.model, f"{cost.completed:,}", f"{cost.failed:,}", shown(cost.end_to_end_ms), *sizes)


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
        starts = [START_HEAD, *(one.start_row() for one in self.learned)]
        kept = [CHECKPOINT_HEAD, *(one.checkpoint_row() for one in self.learned)]
        return "\n\n".join([self.measured(), *parts, f"A job that learns few rows:\n\n{table(starts)}", table(kept)])
