"""From where a run is resumed, and when it is not, by a cluster that only remembers jobs."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.runs import JOB_FILE, LearningRun, newest_state, resume, start
from headrace.training.streaming.tables import STEPS, create_tables
from headrace.training.streaming.told import LearnedStep

from .lake import Labels, Lake

TOLD_US = 1_700_000_000_000_000


@dataclass
class Remembered:
    """A cluster of jobs that other threads may submit, too."""

    known: list[JobStatus] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)

    def jobs(self) -> list[JobStatus]:
        return self.known

    def stopping_savepoint(self, job_id: str) -> str | None:
        return None

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    def add(self, name: str, job_id: str, state: str = "RUNNING", started_ms: int = 5) -> str:
        self.known.append(JobStatus(job_id, name, state, started_ms, 1))
        return job_id


@pytest.fixture
def cluster() -> Remembered:
    return Remembered()


def platform_of(folder: Path, cluster: Remembered, checkpoints: str) -> Platform:
    catalog = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    flags = {"home": str(folder), "iceberg": {"properties": catalog}, "flink": {"checkpoint_dir": checkpoints}}
    found = Platform(load_settings(flags=flags, environment={}, folder=folder))
    found.__dict__.update(flink=cluster, session=None)
    create_tables(found.iceberg)
    return found


@pytest.fixture
def platform(tmp_path: Path, cluster: Remembered) -> Platform:
    return platform_of(tmp_path, cluster, f"file://{tmp_path}/checkpoints")


def tell(platform: Platform, run: str, told_us: int) -> None:
    step = LearnedStep(run, 1, 3, "learned", "", 0.5, "{}", 3, 3, 3, "{}", told_us)
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


def test_resume_from_a_state_that_is_older_or_is_none_is_refused(tmp_path: Path, platform: Platform) -> None:
    LearningRun("labels-1", "labels", "a1").save(folder_of(platform, "labels-1"))
    tell(platform, "labels-1", TOLD_US)
    with pytest.raises(JobError, match="tell of them twice"):
        resume(platform, "labels-1", state(tmp_path / "savepoint", TOLD_US - 1))
    with pytest.raises(JobError, match=r"no file .*nowhere/_metadata; expected a savepoint or a completed checkpoint"):
        resume(platform, "labels-1", f"file://{tmp_path}/nowhere")
    with pytest.raises(JobError, match="the state 's3://states/1' is on s3; expected a folder of this machine"):
        resume(platform, "labels-1", "s3://states/1")


def test_checkpoints_that_are_not_on_this_machine_are_refused(tmp_path: Path, cluster: Remembered) -> None:
    far = platform_of(tmp_path, cluster, "s3://states/checkpoints")
    with pytest.raises(JobError, match="checkpoint_dir 's3://states/checkpoints' is on s3; expected a folder"):
        newest_state(far, LearningRun("labels-1", "labels", "a1"), None)


def submitting(monkeypatch: pytest.MonkeyPatch, cluster: Remembered, *others: tuple[str, str], state: str) -> None:
    """Whoever submits a job gets `mine`, in a state; others, with their run and id, were a moment earlier."""

    def submit(job: LearningJob, session: object, savepoint: str | None = None) -> str:
        for name, job_id in others:
            cluster.add(name, job_id, started_ms=4)
        return cluster.add(job.run, "mine", state)

    monkeypatch.setattr(LearningJob, "submit", submit)


def prepared(platform: Platform) -> LearningJob:
    Lake(platform).more(3)
    return Labels(platform).prepare()


def test_a_job_that_is_over_at_once_was_started(
    platform: Platform, cluster: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitting(monkeypatch, cluster, state="FINISHED")
    assert start(platform, prepared(platform)).job_id == "mine"


def test_of_two_who_resume_a_run_at_once_the_first_goes_on(
    platform: Platform, cluster: Remembered, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = prepared(platform)
    job.save(platform.run_folder(job.run) / JOB_FILE)
    kept = LearningRun(job.run, "labels", "a1").save(platform.run_folder(job.run))
    submitting(monkeypatch, cluster, (job.run, "theirs"), state="RUNNING")
    with pytest.raises(JobError, match=r"'labels' is being learned already, by run .*, job theirs"):
        resume(platform, job.run)
    assert cluster.cancelled == ["mine"]
    assert LearningRun.load(platform.run_folder(job.run)) == kept


def folder_of(platform: Platform, run: str) -> Path:
    folder = platform.run_folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
