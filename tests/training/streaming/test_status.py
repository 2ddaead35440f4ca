"""What the status of a run tells by what was committed, of a run whose job Flink does not know any more."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from headrace.connectors.schema import LEDGER_NAMESPACE, Field
from headrace.training.streaming.job import TopicOffsets
from headrace.training.streaming.runs import JOB_FILE, LearningRun
from headrace.training.streaming.status import status_of
from headrace.training.streaming.tables import STEPS
from headrace.training.streaming.told import LearnedStep, Verdict

from ...pipelines.flink_rest import answering  # noqa: TID252 (Flink's answers are the pipelines')
from .test_kept_runs import JOB
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


def test_time_left_is_told_of_a_bounded_run_while_it_runs_and_of_no_other(tmp_path: Path) -> None:
    steps = [
        LearnedStep("late-1", at, 2, Verdict.LEARNED, None, 0.5, "{}", 2 * at, 2 * at, 2 * at, "{}", at * 1_000_000)
        for at in (1, 2, 3)
    ]
    with answering() as flink:
        platform = platform_of(tmp_path, f"file://{tmp_path}/checkpoints", flink.address)
        rows = platform.iceberg.create_table("raw", "labelled", [Field("x", "bigint")])
        rows.append(pa.table({"x": list(range(20))}))
        following, bounded = JOB, replace(JOB, snapshots={"raw.labelled": rows.refresh().current_snapshot_id() or 0})
        folder = platform.run_folder("late-1")
        LearningRun("late-1", "late", "a1").save(folder)
        table = platform.iceberg.load(LEDGER_NAMESPACE, STEPS).table
        table.append(pa.Table.from_pylist([asdict(one) for one in steps], schema=table.schema().as_arrow()))
        found = []
        for state, job in (("RUNNING", following), ("RUNNING", bounded), ("FINISHED", bounded)):
            flink.jobs.clear()
            flink.add("a1", "late-1", state)
            job.save(folder / JOB_FILE)
            found.append(status_of(platform, "late-1"))
    assert [(one.remark, one.lag, one.per_s) for one in found] == [(None, 14, 2.0)] * 3
    assert [one.left_s for one in found] == [None, 7.0, None]


def test_a_run_of_a_topic_is_bounded_where_it_has_ends() -> None:
    followed = TopicOffsets("a", {"0": 0})
    topics = (followed, replace(followed, ends={"0": 7}))
    assert [replace(JOB, topic=topic).is_bounded for topic in topics] == [False, True]
