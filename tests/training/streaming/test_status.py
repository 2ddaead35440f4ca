"""What the status of a run tells by what was committed, of a run whose job Flink does not know any more."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.training.streaming.runs import LearningRun
from headrace.training.streaming.status import status_of
from headrace.training.streaming.tables import STEPS
from headrace.training.streaming.told import LearnedStep, Verdict

from ...pipelines.flink_rest import answering  # noqa: TID252 (Flink's answers are the pipelines')
from .test_runs import platform_of


def test_a_run_that_refused_last_still_tells_why_it_makes_no_candidates(tmp_path: Path) -> None:
    why = "no candidate yet: label 'late': all 2 so far are 0"
    told = [(1, Verdict.LEARNED, why), (2, Verdict.BAD, "a label is not finite")]
    steps = [LearnedStep("late-1", at, 2, said, why, 0.5, "{}", 2 * at, 2, 2, "{}", 7 * at) for at, said, why in told]
    with answering() as flink:
        platform = platform_of(tmp_path, f"file://{tmp_path}/checkpoints", flink.address)
        LearningRun("late-1", "late", "a1").save(platform.run_folder("late-1"))
        table = platform.iceberg.load(LEDGER_NAMESPACE, STEPS).table
        table.append(pa.Table.from_pylist([asdict(one) for one in steps], schema=table.schema().as_arrow()))
        found = status_of(platform, "late-1")
    assert (found.arrived, found.visited) == (4, 2)
    assert (found.remark or "").endswith(f"; {why}")
