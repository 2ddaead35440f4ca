"""From where a run is resumed, and when it is not."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import FLINK_CHECKPOINT, FLINK_JOB
from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import JobError
from headrace.runtime.flink_rest import JobStatus
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import HEADER, MAGIC, METADATA
from headrace.runtime.settings import load_settings
from headrace.training.streaming.runs import (
    JOB_FILE,
    LearningRun,
    adopted,
    arrived_offsets,
    looked_up,
    newest_state,
    resume,
    run_of,
    running_of,
)
from headrace.training.streaming.states import refuse_older
from headrace.training.streaming.tables import KINDS, RUN_PROPERTY, STEPS, create_tables
from headrace.training.streaming.told import Candidate, DeadLetter, LearnedStep

from ...pipelines.flink_rest import answering  # noqa: TID252 (Flink's answers are the pipelines')
from .test_kept_runs import JOB

TOLD_US = 1_700_000_000_000_000
#: Later than any commit: the time of a copy.
NEVER_US = 4_000_000_000_000_000
#: Jobs of a run, one behind the other.
FIRST, SECOND = "0a1b2c" + "0" * 26, "77aa01" + "0" * 26


def platform_of(folder: Path, checkpoints: str, address: str = "") -> Platform:
    """A platform of files and tables; whoever gives no address asks no cluster."""
    catalog = {"type": "sql", "uri": f"sqlite:///{folder}/catalog.db", "warehouse": f"file://{folder}/warehouse"}
    flags = {
        "home": str(folder),
        "iceberg": {"properties": catalog},
        "flink": {"checkpoint_dir": checkpoints, "rest_address": address},
    }
    found = Platform(load_settings(flags=flags, environment={}, folder=folder))
    create_tables(found.iceberg)
    return found


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return platform_of(tmp_path, f"file://{tmp_path}/checkpoints")


def tell(
    platform: Platform, run: str, told_us: int, positions: str = "{}", by: tuple[str, int] | None = None, rows: int = 1
) -> None:
    """A step of a run, which a job commits with a checkpoint; without that, nobody knows whose commit it is."""
    step = LearnedStep(run, 1, 3, "learned", "", 0.5, "{}", 3, 3, 3, positions, told_us)
    commit(platform, STEPS, [step] * rows, {} if by is None else noted(run, *by))


def noted(run: str, job: str, checkpoint: int) -> dict[str, str]:
    return {FLINK_JOB: job, FLINK_CHECKPOINT: str(checkpoint), RUN_PROPERTY: run}


def commit(platform: Platform, name: str, told: Sequence[Any], properties: dict[str, str]) -> None:
    table = platform.iceberg.load(LEDGER_NAMESPACE, name).table
    schema = table.schema().as_arrow()
    rows = pa.table({column: [getattr(one, column) for one in told] for column in schema.names}, schema=schema)
    table.append(rows, snapshot_properties=properties)


def state(folder: Path, made_us: int, checkpoint: int = 7) -> str:
    folder.mkdir(parents=True)
    (folder / METADATA).write_bytes(HEADER.pack(MAGIC, 5, checkpoint))
    os.utime(folder / METADATA, ns=(made_us * 1000, made_us * 1000))
    return f"file://{folder}"


@pytest.mark.parametrize("prefix", ["file://", "file:", ""])
def test_a_lost_run_does_not_go_on_from_a_state_older_than_what_it_told(
    tmp_path: Path, platform: Platform, prefix: str
) -> None:
    old = prefix + state(tmp_path / "savepoint", TOLD_US - 1).removeprefix("file://")
    run = LearningRun("labels-1", "labels", "a1", started_from=old)
    assert newest_state(platform, run, None) == old
    tell(platform, "labels-1", TOLD_US)
    with pytest.raises(JobError, match=r"labels-1: .*savepoint .* when the state was made at 2023-.* of them twice"):
        newest_state(platform, run, None)
    newest = state(tmp_path / "checkpoints" / "a1" / "chk-7", TOLD_US)
    assert newest_state(platform, run, None) == newest


def test_a_state_that_is_older_than_what_was_told_or_is_none_is_refused(tmp_path: Path, platform: Platform) -> None:
    tell(platform, "labels-1", TOLD_US)
    refuse_older(platform, "labels-1", state(tmp_path / "newer", TOLD_US))
    with pytest.raises(JobError, match="tell of them twice"):
        refuse_older(platform, "labels-1", state(tmp_path / "savepoint", TOLD_US - 1))
    with pytest.raises(JobError, match=r"nowhere is no savepoint or checkpoint: .* expected a folder with _metadata"):
        refuse_older(platform, "labels-1", f"file://{tmp_path}/nowhere")
    with pytest.raises(JobError, match="the state 's3://states/1' is on s3; expected a folder of this machine"):
        refuse_older(platform, "labels-1", "s3://states/1")


def test_a_copy_of_an_older_state_is_older_by_the_commits_of_its_run_alone(tmp_path: Path, platform: Platform) -> None:
    copied = state(tmp_path / f"savepoint-{FIRST[:6]}-1", NEVER_US, checkpoint=3)
    tell(platform, "labels-1", TOLD_US, by=(FIRST, 3))
    tell(platform, "labels-2", TOLD_US, by=(SECOND, 4))
    tell(platform, "labels-1", TOLD_US, by=(FIRST, 4), rows=0)
    refuse_older(platform, "labels-1", copied)
    tell(platform, "labels-1", TOLD_US, by=(FIRST, 5))
    with pytest.raises(JobError, match=f"snapshot .* of headrace.learning_steps, by job {FIRST} at checkpoint 5: it"):
        refuse_older(platform, "labels-1", f"{copied}/_metadata")


@pytest.mark.parametrize("expired", KINDS)
def test_a_table_that_lost_a_run_s_commits_is_held_by_time_whatever_the_others_have(
    tmp_path: Path, platform: Platform, expired: str
) -> None:
    step = LearnedStep("labels-1", 1, 3, "learned", "", 0.5, "{}", 3, 3, 3, "{}", TOLD_US)
    candidate = Candidate("labels-1", 1, "0" * 64, 1, 3, 3, 3, "{}", "{}", TOLD_US)
    letter = DeadLetter("labels-1", 1, 0, "late", "{}", TOLD_US)
    for name, told in zip(KINDS, (step, candidate, letter), strict=True):
        by = {} if name == expired else noted("labels-1", FIRST, 3)
        commit(platform, name, [told], by)
    refuse_older(platform, "labels-1", state(tmp_path / f"savepoint-{FIRST[:6]}-2", TOLD_US, checkpoint=4))
    with pytest.raises(JobError, match=r"what it told at 2023-.* when the state was made at 2023-"):
        refuse_older(platform, "labels-1", state(tmp_path / f"savepoint-{FIRST[:6]}-1", TOLD_US - 1, checkpoint=4))


@pytest.mark.parametrize("far", ["", "s3://states"])
def test_behind_a_job_that_no_record_names_a_run_goes_on_from_what_that_job_left(
    tmp_path: Path, platform: Platform, far: str
) -> None:
    """`resume` was killed between submission and record: the record still has the savepoint before."""
    near = state(tmp_path / f"savepoint-{FIRST[:6]}-1", NEVER_US, checkpoint=3)
    run = LearningRun("labels-1", "labels", FIRST, savepoint=near.replace(f"file://{tmp_path}", far) if far else near)
    tell(platform, "labels-1", TOLD_US, by=(FIRST, 3))
    assert newest_state(platform, run, None) == run.savepoint
    tell(platform, "labels-1", TOLD_US, by=(SECOND, 4))
    with pytest.raises(JobError, match=f"{run.savepoint} does not have .* by job {SECOND} at checkpoint 4"):
        newest_state(platform, run, None)
    left = state(tmp_path / "checkpoints" / SECOND / "chk-5", NEVER_US, checkpoint=5)
    assert newest_state(platform, run, None) == left


def test_a_run_without_a_state_begins_anew_only_where_it_has_told_of_nothing(platform: Platform) -> None:
    run = LearningRun("labels-1", "labels", "")
    assert newest_state(platform, run, None) is None
    tell(platform, "labels-1", TOLD_US, by=(FIRST, 1))
    with pytest.raises(JobError, match="labels-1: no savepoint or completed checkpoint to go on from"):
        newest_state(platform, run, None)


def test_a_job_that_runs_is_the_newest_of_its_run_whichever_is_recorded() -> None:
    run = LearningRun("labels-1", "labels", "a1", savepoint="file:///savepoints/1")
    over, running = JobStatus("a1", "labels-1", "FINISHED", 1, 1), JobStatus("b2", "labels-1", "RUNNING", 5, 1)
    other = JobStatus("c3", "labels-2", "RUNNING", 2, 1)
    assert adopted(run, [over, running, other]) == (
        LearningRun("labels-1", "labels", "b2", started_from="file:///savepoints/1"),
        running,
    )
    assert adopted(run, [over, other]) == (run, over)
    recorded = LearningRun("labels-1", "labels", "b2")
    assert adopted(recorded, [JobStatus("d4", "labels-1", "RUNNING", 1, 1), running]) == (recorded, running)


def test_a_job_that_no_record_names_began_with_what_flink_says_or_else_with_what_is_recorded(tmp_path: Path) -> None:
    """`resume --from` was killed behind the submission, and the savepoint of the record is gone."""
    saved, named = "file:///savepoints/gone", "file:///savepoints/named"
    with answering() as flink:
        platform = platform_of(tmp_path, f"file://{tmp_path}/checkpoints", flink.address)
        run = LearningRun("labels-1", "labels", FIRST, savepoint=saved).save(platform.run_folder("labels-1"))
        flink.add(FIRST, "labels-1", "FINISHED")
        assert looked_up(platform, "labels-1")[0] == run
        flink.add(SECOND, "labels-1", "RUNNING")
        assert looked_up(platform, "labels-1")[0] == LearningRun("labels-1", "labels", SECOND, started_from=saved)
        flink.restored[SECOND] = named
        began = LearningRun("labels-1", "labels", SECOND, started_from=named)
        assert looked_up(platform, "labels-1")[0] == began
        flink.jobs[-1]["state"] = "INITIALIZING"
        with pytest.raises(JobError, match=f"labels-1 is initializing as job {SECOND}; stop it first"):
            resume(platform, "labels-1")
        assert run_of(platform, "labels-1") == run
        flink.jobs[-1]["state"] = "RUNNING"
        assert resume(platform, "labels-1") == run_of(platform, "labels-1") == began


def test_a_run_whose_states_are_written_in_another_way_is_not_resumed(tmp_path: Path) -> None:
    with answering() as flink:
        platform = platform_of(tmp_path, f"file://{tmp_path}/checkpoints", flink.address)
        savepoint = state(tmp_path / "savepoint", NEVER_US)
        folder = platform.run_folder(JOB.run)
        LearningRun(JOB.run, JOB.model, FIRST, savepoint=savepoint).save(folder)
        kept = json.loads(JOB.to_json())
        del kept["state_format"]
        (folder / JOB_FILE).write_text(json.dumps(kept))
        for start_from in (None, savepoint):
            with pytest.raises(JobError, match=r"run late-1: its states have format 1, .* reads 2; start a new run"):
                resume(platform, JOB.run, start_from)


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
