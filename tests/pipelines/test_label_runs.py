"""From which state a run of a label join goes on, and when it is not: it never tells a fact twice."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.label_join import LabelJoinPlan
from headrace.connectors.iceberg import FLINK_CHECKPOINT, FLINK_JOB
from headrace.errors import JobError
from headrace.pipelines import lifecycle
from headrace.pipelines.backfill import create_ledger
from headrace.pipelines.label_runs import refuse_older, resume, stop
from headrace.pipelines.label_status import status_of
from headrace.pipelines.label_stream import PreparedLabelRun, record_label_run
from headrace.pipelines.label_tables import claim_tables, facts_table
from headrace.pipelines.outcome import status_of as outcome_of
from headrace.registry.store import Materialization, Pointer, Run, ViewVersion
from headrace.runtime.cutover import Cutover
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform
from headrace.runtime.saved_state import HEADER, MAGIC, METADATA
from headrace.runtime.settings import load_settings

from ..compiler.labelled import PLAN  # noqa: TID252 (a join is the compiler's)
from .flink_rest import Answers, answering

RUN = "frauds-20260101-120000-1a2b"
FIRST, SECOND = "a" * 32, "b" * 32
HOUR_NS = 3_600_000_000_000


@dataclass
class Home:
    """A run of a label join that was started once, with files and tables alone; Flink is told what it knows."""

    platform: Platform
    flink: Answers
    folder: Path
    plan: LabelJoinPlan = PLAN

    def savepoint(self, job: str, checkpoint: int, age_ns: int = HOUR_NS) -> str:
        """A savepoint whose files are of an age; that of a copy is less than its own."""
        folder = self.folder / f"savepoints/savepoint-{job[:6]}-77aa00112233"
        folder.mkdir(parents=True)
        (folder / METADATA).write_bytes(HEADER.pack(MAGIC, 5, checkpoint))
        made = time.time_ns() - age_ns
        os.utime(folder / METADATA, ns=(made, made))
        return f"file:{folder}"

    def tell(self, job: str, checkpoint: int, facts: int = 1) -> None:
        """Commit facts as a job's sink does, which now and then commits none."""
        table = self.platform.iceberg.named(facts_table(self.plan.name)).table
        schema = table.schema().as_arrow()
        told = pa.Table.from_pylist([dict.fromkeys(schema.names)] * facts, schema=schema)
        table.append(told, snapshot_properties={FLINK_JOB: job, FLINK_CHECKPOINT: str(checkpoint)})


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with answering() as flink:
        folders = {"checkpoint_dir": f"file://{tmp_path}/checkpoints", "savepoint_dir": f"file://{tmp_path}/savepoints"}
        flags = {"home": str(tmp_path), "flink": {"rest_address": flink.address, **folders}}
        platform = Platform(load_settings(flags=flags, environment={}, folder=tmp_path))
        create_ledger(platform.iceberg)
        claim_tables(platform, PLAN, RUN)
        nothing = Cutover.over([Cutover(None, None, None, None, None, ()) for _ in range(2)])
        job = JobSpec(RUN, "{}", (), {}, 1)
        record_label_run(platform, PreparedLabelRun(RUN, PLAN, nothing, FlinkJob((), (), {}), job))
        yield Home(platform, flink, tmp_path)


AGAIN = "it would tell those rows again"


def test_a_lost_run_does_not_go_on_from_the_state_that_its_job_started_from_when_facts_were_told_since(
    home: Home,
) -> None:
    """Its checkpoints are gone, and the savepoint that it was resumed from is older than what it has told."""
    start = home.savepoint(FIRST, 5)
    home.platform.registry.submitted(RUN, SECOND, start)
    home.tell(SECOND, 9)
    with pytest.raises(JobError, match=AGAIN):
        resume(home.platform, RUN)
    assert home.platform.registry.run(RUN).status == "lost"


def test_a_stopped_run_whose_resumption_was_not_recorded_does_not_go_on_from_its_savepoint(home: Home) -> None:
    """The process died between the submission of the second job and the note of it; then that job failed."""
    registry, start = home.platform.registry, home.savepoint(FIRST, 5)
    registry.settle(registry.submitted(RUN, FIRST), "stopped", savepoint=start)
    home.flink.add(SECOND, RUN, "FAILED", start)
    home.tell(SECOND, 9)
    with pytest.raises(JobError, match=AGAIN):
        resume(home.platform, RUN)


def test_a_copy_of_an_older_savepoint_is_older_whatever_its_time(home: Home) -> None:
    start = home.savepoint(FIRST, 5, age_ns=-HOUR_NS)
    home.platform.registry.submitted(RUN, FIRST)
    home.tell(FIRST, 5)
    home.tell(FIRST, 9)
    with pytest.raises(JobError, match=AGAIN):
        resume(home.platform, RUN, start)


def test_a_run_without_any_state_does_not_begin_anew_when_facts_were_told(home: Home) -> None:
    """The ledger may lack what a job that was killed between its commits had read."""
    home.platform.registry.submitted(RUN, FIRST)
    home.tell(FIRST, 1)
    with pytest.raises(JobError, match=rf"its boundary.*{AGAIN}.*headrace label-join drop frauds"):
        resume(home.platform, RUN)


def test_a_commit_without_facts_tells_nothing_that_a_state_could_lack(home: Home) -> None:
    """An older savepoint is still good, and so is the boundary of a run that has told nothing."""
    start = home.savepoint(FIRST, 5)
    home.platform.registry.submitted(RUN, FIRST)
    home.tell(FIRST, 9, facts=0)
    refuse_older(home.platform, home.platform.registry.run(RUN), start)
    refuse_older(home.platform, home.platform.registry.run(RUN), None)
    home.tell(FIRST, 11)
    for state in (start, None):
        with pytest.raises(JobError, match=AGAIN):
            refuse_older(home.platform, home.platform.registry.run(RUN), state)


def test_a_job_of_the_run_that_nobody_noted_is_the_run_s(home: Home) -> None:
    registry, start = home.platform.registry, home.savepoint(FIRST, 5)
    registry.settle(registry.submitted(RUN, FIRST), "stopped", savepoint=start)
    home.flink.add(FIRST, RUN, "FINISHED")
    home.flink.add(SECOND, RUN, "RUNNING", start)
    found = status_of(home.platform, RUN)
    assert (found.state, registry.run(RUN).job_id, registry.run(RUN).started_from) == ("running", SECOND, start)


@pytest.mark.parametrize("noted", ["stopped", "planned", "lost"])
def test_a_run_is_not_resumed_beside_a_job_of_it_that_nobody_noted(home: Home, noted: str) -> None:
    registry = home.platform.registry
    if noted != "planned":
        saved = home.savepoint(FIRST, 5) if noted == "stopped" else None
        registry.settle(registry.submitted(RUN, FIRST), noted, savepoint=saved)
    home.flink.add(SECOND, RUN, "RUNNING")
    with pytest.raises(JobError, match=f"is running as job {SECOND}; stop it first"):
        resume(home.platform, RUN)


def test_a_job_is_noted_when_it_says_from_which_state_it_starts(home: Home) -> None:
    """Until then it is known, and refuses another one."""
    registry, start = home.platform.registry, home.savepoint(FIRST, 5)
    registry.settle(registry.submitted(RUN, FIRST), "stopped", savepoint=start)
    home.flink.add(SECOND, RUN, "INITIALIZING")
    with pytest.raises(JobError, match=f"is initializing as job {SECOND}; stop it first"):
        resume(home.platform, RUN)
    assert registry.run(RUN).job_id == FIRST
    home.flink.jobs.clear()
    home.flink.add(SECOND, RUN, "RUNNING", start)
    assert outcome_of(home.platform, RUN).run.started_from == start


def test_a_view_serves_whose_first_job_nobody_noted(home: Home) -> None:
    registry, project = home.platform.registry, home.platform.settings.project
    registry.add_version(ViewVersion(project, "rides", "0a1b2c3d", {"name": "rides"}))
    registry.add_materialization(Materialization(project, "rides", "0a1b2c3d", {}))
    registry.add_run(Run("rides-1", project, "rides", "0a1b2c3d", {}))
    home.flink.add(FIRST, "rides-1", "RUNNING")
    assert outcome_of(home.platform, "rides-1").run.status == "running"
    assert registry.pointer(project, "rides") == Pointer(project, "rides", "0a1b2c3d")


def test_the_noted_job_stays_the_run_s_while_it_runs(home: Home) -> None:
    home.platform.registry.submitted(RUN, SECOND)
    home.flink.add(FIRST, RUN, "RUNNING")
    home.flink.add(SECOND, RUN, "RUNNING")
    assert outcome_of(home.platform, RUN).run.job_id == SECOND


def test_what_is_said_of_a_run_names_commands_for_label_joins(home: Home) -> None:
    home.platform.registry.submitted(RUN, FIRST)
    home.tell(FIRST, 1)
    lost = outcome_of(home.platform, RUN)
    assert f"`headrace label-join resume {RUN}` goes on" in str(lost.detail)
    with pytest.raises(JobError, match="is lost, not running"):
        stop(home.platform, RUN)
    home.flink.add(FIRST, RUN, "RUNNING")
    with pytest.raises(JobError, match=f"stop it first .`headrace label-join stop {RUN}`"):
        lifecycle.resume(home.platform, RUN)
