"""What is kept of a run: its job, which holds addresses, and its record."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headrace.errors import JobError, TrainingError
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.streaming.job import LearningJob
from headrace.training.streaming.runs import RECORD_FILE, LearningRun, ids_of, job_of, run_of, runs, unreadable

JOB = LearningJob(
    run="late-1",
    model="late",
    parent=None,
    source="raw.labelled",
    snapshots={},
    skipped=0,
    origin={},
    declarations=("CREATE TABLE labelled_rows ...",),
    query="SELECT * FROM labelled_rows",
    schema="",
    micro_batch_rows=1,
    micro_batch_ms=1,
    taught="{}",
    tables={},
    python_files=(),
    configuration={},
)
RUN = LearningRun("late-1", "late", "0a1b")
SAVES: dict[str, Callable[[Path], object]] = {
    "learning-job.json": lambda folder: JOB.save(folder / "learning-job.json"),
    RECORD_FILE: RUN.save,
}


def test_a_job_and_its_record_are_read_as_they_were_saved_and_the_job_by_its_owner_only(tmp_path: Path) -> None:
    for save in SAVES.values():
        save(tmp_path / "run")
    file = tmp_path / "run/learning-job.json"
    assert LearningJob.load(file) == JOB
    assert LearningRun.load(tmp_path / "run") == RUN
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in file.parent.iterdir()) == sorted(SAVES)


@pytest.mark.parametrize("name", SAVES)
def test_what_is_kept_is_on_the_disk_before_it_has_its_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: there.append((tmp_path / name).exists()))
    SAVES[name](tmp_path)
    assert there == [False]


@pytest.mark.parametrize("name", SAVES)
def test_what_cannot_be_kept_is_told_by_its_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file where the folder would be")
    with pytest.raises(TrainingError, match=f"{name}: cannot be written"):
        SAVES[name](tmp_path / "run")


@pytest.mark.parametrize("content", ["", '{"run": "late-2", "mod', '{"run": "late-2"}', "[]"])
def test_a_record_that_is_half_written_is_told_by_its_file_and_other_runs_are_there(
    content: str, tmp_path: Path
) -> None:
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    for run in ("late-1", "late-2"):
        RUN.save(platform.run_folder(run))
    broken = platform.run_folder("late-2") / RECORD_FILE
    broken.write_text(content)
    told = f"run late-2: {broken} is not what headrace writes: .*; put it back from a copy"
    with pytest.raises(JobError, match=told):
        run_of(platform, "late-2")
    assert runs(platform) == [RUN]
    (why,) = unreadable(platform).values()
    assert str(broken) in str(why)
    (platform.run_folder("late-1") / "learning-job.json").write_text(content)
    with pytest.raises(JobError, match=r"learning-job\.json is not what headrace writes"):
        job_of(platform, "late-1")


def test_a_run_whose_record_cannot_be_read_is_still_one_of_its_model(tmp_path: Path) -> None:
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    RUN.save(platform.run_folder("late-1"))
    for run in ("late-20260101-120000-1a2b", "too-late-20260101-120000-1a2b"):
        RUN.save(platform.run_folder(run))
        (platform.run_folder(run) / RECORD_FILE).write_text("{")
    # So that no second trainer of the model is started beside its job.
    assert ids_of(platform, "late") == {"late-1", "late-20260101-120000-1a2b"}
    assert ids_of(platform, "too_late") == {"too-late-20260101-120000-1a2b"}
