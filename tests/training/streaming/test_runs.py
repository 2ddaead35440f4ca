"""From where a run is resumed, and when it is not."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.streaming.runs import LearningRun, arrived_offsets, newest_state, refuse_older, running_of
from headrace.training.streaming.tables import STEPS, create_tables
from headrace.training.streaming.told import LearnedStep

TOLD_US = 1_700_000_000_000_000


def platform_of(folder: Path, checkpoints: str) -> Platform:
    """A platform without a cluster: what is asked here is asked of files and tables."""
    catalog = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    flags = {"home": str(folder), "iceberg": {"properties": catalog}, "flink": {"checkpoint_dir": checkpoints}}
    found = Platform(load_settings(flags=flags, environment={}, folder=folder))
    create_tables(found.iceberg)
    return found


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return platform_of(tmp_path, f"file://{tmp_path}/checkpoints")


def tell(platform: Platform, run: str, told_us: int, positions: str = "{}") -> None:
    step = LearnedStep(run, 1, 3, "learned", "", 0.5, "{}", 3, 3, 3, positions, told_us)
    table = platform.iceberg.load(LEDGER_NAMESPACE, STEPS)
    table.append(pa.table({name: [getattr(step, name)] for name in LearnedStep.__slots__}))


def state(folder: Path, made_us: int) -> str:
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    os.utime(folder / "_metadata", ns=(made_us * 1000, made_us * 1000))
    return f"file://{folder}"


@pytest.mark.parametrize("prefix", ["file://", "file:", ""])
def test_a_lost_run_does_not_go_on_from_a_state_older_than_what_it_told(
    tmp_path: Path, platform: Platform, prefix: str
) -> None:
    old = prefix + state(tmp_path / "savepoint", TOLD_US - 1).removeprefix("file://")
    run = LearningRun("labels-1", "labels", "a1", started_from=old)
    assert newest_state(platform, run, None) == old
    tell(platform, "labels-1", TOLD_US)
    with pytest.raises(JobError, match=r"labels-1: .*savepoint was made at 2023-.* learn them and tell of them twice"):
        newest_state(platform, run, None)
    newest = state(tmp_path / "checkpoints" / "a1" / "chk-7", TOLD_US - 1)
    assert newest_state(platform, run, None) == newest


def test_a_state_that_is_older_than_what_was_told_or_is_none_is_refused(tmp_path: Path, platform: Platform) -> None:
    run = LearningRun("labels-1", "labels", "a1")
    tell(platform, "labels-1", TOLD_US)
    refuse_older(platform, run, state(tmp_path / "newer", TOLD_US))
    with pytest.raises(JobError, match="tell of them twice"):
        refuse_older(platform, run, state(tmp_path / "savepoint", TOLD_US - 1))
    with pytest.raises(JobError, match=r"no file .*nowhere/_metadata; expected a savepoint or a completed checkpoint"):
        refuse_older(platform, run, f"file://{tmp_path}/nowhere")
    with pytest.raises(JobError, match="the state 's3://states/1' is on s3; expected a folder of this machine"):
        refuse_older(platform, run, "s3://states/1")


def test_checkpoints_that_are_not_on_this_machine_are_refused(tmp_path: Path) -> None:
    far = platform_of(tmp_path, "s3://states/checkpoints")
    with pytest.raises(JobError, match="checkpoint_dir 's3://states/checkpoints' is on s3; expected a folder"):
        newest_state(far, LearningRun("labels-1", "labels", "a1"), None)


def test_a_job_that_is_over_runs_no_more_and_of_those_that_run_the_oldest_is_first() -> None:
    jobs = [
        JobStatus("over", "labels-1", "FINISHED", 1, 1),
        JobStatus("late", "labels-2", "RUNNING", 5, 1),
        JobStatus("first", "labels-1", "RESTARTING", 4, 1),
        JobStatus("other", "currents-1", "RUNNING", 2, 1),
    ]
    assert [job.job_id for job in running_of(jobs, {"labels-1", "labels-2"})] == ["first", "late"]
    assert running_of(jobs[:1], {"labels-1"}) == []


def test_offsets_behind_what_was_told_are_those_of_all_micro_batches(platform: Platform) -> None:
    for number, spans in enumerate(('{"0": [2, 0, 1, 1]}', '{"0": [1, 2, 2, 2], "1": [1, 0, 0, 0]}')):
        tell(platform, "labels-1", TOLD_US + number, spans)
    assert arrived_offsets(platform, "labels-1") == {0: 3, 1: 1}
