"""What an archive refuses, and a history without a live leg, on the real stack."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergTable
from headrace.connectors.schema import archive_fields
from headrace.errors import CutoverError, JobError, NotFoundError, UnsupportedError
from headrace.pipelines.archive import ARCHIVE_JOB, ArchivePipeline
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.ledger import ledger_of
from headrace.pipelines.lifecycle import record_run, resume
from headrace.runtime.legs import table_name_of
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings

from .case import PARTITIONS, Case, wait_until
from .orders import BROKEN, FEATURES, orders

pytestmark = [pytest.mark.stack, pytest.mark.slow]

HISTORY = orders(600, seed=1)
RECORDS = len(HISTORY) + len(BROKEN)


@pytest.fixture
def case(stack_settings: Settings, tmp_path: Path) -> Iterator[Case]:
    """A topic of its own, with records."""
    found = Case(stack_settings, tmp_path)
    try:
        found.make_topic()
        found.send(HISTORY, BROKEN)
        yield found
    finally:
        found.close()


def archiving(case: Case, **options: bool) -> ArchivePipeline:
    return ArchivePipeline(case.plan().source, case.platform, checkpoint_interval="1 s", **options)


def table_of(case: Case) -> IcebergTable:
    return case.platform.iceberg.load(*table_name_of(case.plan().source))


def end_archive(case: Case) -> None:
    case.platform.flink.cancel(case.jobs[-1])
    wait_until(lambda: case.platform.flink.job(case.jobs[-1]).is_over)


def without_topic(case: Case) -> ViewPlan:
    case.template = re.sub(r"    live = .*\n", "", FEATURES)
    return case.plan()


def test_history_without_a_topic_runs_to_its_end_and_its_prefix_is_checked(case: Case) -> None:
    case.archive(RECORDS)
    end_archive(case)
    plan = without_topic(case)
    prepared = BackfillPipeline(plan, case.platform, checkpoint_interval="1 s").prepare()
    assert prepared.cutover.archived_rows == RECORDS
    assert (prepared.cutover.topic, len(prepared.cutover.partitions)) == (None, PARTITIONS)
    record_run(case.platform, prepared)
    run = case.note(resume(case.platform, prepared.run_id))
    wait_until(lambda: case.platform.flink.job(str(run.job_id)).state == "FINISHED")
    ledger = ledger_of(case.platform, run.run)
    assert ledger.holds, ledger.to_text()
    assert (ledger.read, ledger.dead_lettered) == (RECORDS, len(BROKEN))
    case.assert_online(HISTORY)

    rows = table_of(case).arrow()
    table_of(case).append(rows.slice(0, 1))
    with pytest.raises(CutoverError, match=r"archive of topic .* partition \d: 1 rows repeat an offset"):
        BackfillPipeline(plan, case.platform).prepare()


def test_a_checkpoint_that_is_asked_for_commits_what_was_read_long_before_the_interval_is_over(case: Case) -> None:
    job = ArchivePipeline(case.plan().source, case.platform, checkpoint_interval="1 h").submit()
    case.jobs.append(job)
    flink = case.platform.flink
    wait_until(lambda: all(vertex.state == "RUNNING" for vertex in flink.progress(job)))
    taken: list[int] = []

    def committed() -> bool:
        taken.append(flink.checkpoint(job))
        return case.archived() >= RECORDS

    wait_until(committed)
    assert taken == list(range(1, len(taken) + 1))
    end_archive(case)
    with pytest.raises(JobError, match=r"the checkpoint failed: .*Could not find Flink job"):
        flink.checkpoint(job)


def test_two_topics_in_one_history_table_are_refused(case: Case) -> None:
    case.archive(RECORDS)
    end_archive(case)
    other = table_of(case).arrow().slice(0, 1)
    number = other.column_names.index("_src_topic")
    table_of(case).append(other.set_column(number, "_src_topic", pa.array(["other"])))
    with pytest.raises(CutoverError, match=r"expected rows of one topic, found rows of 'orders-.*', 'other'"):
        BackfillPipeline(without_topic(case), case.platform).prepare()


def test_a_topic_with_its_producers_times_is_refused_until_the_printed_command_has_changed_it(
    stack_settings: Settings, tmp_path: Path
) -> None:
    case = Case(stack_settings, tmp_path)
    with case.platform.kafka.admin() as admin:
        admin.ensure_topic(case.topic, PARTITIONS, configs={"message.timestamp.type": "CreateTime"})
    with pytest.raises(NotFoundError, match="no Iceberg table"):
        BackfillPipeline(case.plan(), case.platform).prepare()  # arrived_at says when a row arrived
    case.template = FEATURES.replace('    arrival_time = "arrived_at"\n', "")
    with pytest.raises(UnsupportedError, match=r"message\.timestamp\.type=CreateTime.*expected LogAppendTime"):
        BackfillPipeline(case.plan(), case.platform).prepare()
    with pytest.raises(UnsupportedError, match=r"message\.timestamp\.type=CreateTime") as refused:
        archiving(case).prepare()

    arguments = shlex.split(str(refused.value).partition("kafka-configs.sh ")[2])
    classes = str(stack_settings.jars / "kafka" / "*")
    subprocess.run(["java", "-cp", classes, "kafka.admin.ConfigCommand", *arguments], check=True, capture_output=True)
    with pytest.raises(NotFoundError, match="no Iceberg table"):
        BackfillPipeline(case.plan(), case.platform).prepare()


def test_a_topic_made_anew_with_as_many_records_is_not_taken_for_the_old_one(case: Case) -> None:
    case.archive(RECORDS)
    end_archive(case)
    planned = BackfillPipeline(case.plan(), case.platform).prepare()
    record_run(case.platform, planned)
    with case.platform.kafka.admin() as admin:
        admin.delete_topic(case.topic)
        wait_until(lambda: case.topic not in admin.topics())
    case.make_topic()
    case.send(HISTORY, BROKEN)

    by_history = rf"topic '{case.topic}' was made anew: history {case.namespace}\.orders recorded the topic with id"
    with pytest.raises(CutoverError, match=by_history):
        BackfillPipeline(case.plan(), case.platform).prepare()
    with pytest.raises(CutoverError, match=by_history):
        archiving(case).prepare()
    with pytest.raises(CutoverError, match=f"made anew: run {planned.run_id} recorded"):
        resume(case.platform, planned.run_id)


def test_rows_of_nobody_knows_which_topic_are_refused(case: Case) -> None:
    case.archive(RECORDS)
    end_archive(case)
    rows = table_of(case).arrow()
    case.namespace += "x"
    copy = case.platform.iceberg.create_table(case.namespace, "orders", archive_fields(case.plan().source.columns))
    copy.append(rows)
    with pytest.raises(CutoverError, match="has rows and does not say of which topic"):
        BackfillPipeline(case.plan(), case.platform).prepare()


class Hasty(ArchivePipeline):
    """An archive that was checked before the other one was there."""

    def refuse_second(self, table: IcebergTable) -> None:
        """Nothing was running then."""


def test_a_topic_is_archived_by_one_job(case: Case, stack_settings: Settings, tmp_path: Path) -> None:
    case.archive(RECORDS)
    with pytest.raises(JobError, match=f"topic '{case.topic}' is archived already, by job {case.jobs[0]};"):
        archiving(case).submit()
    with pytest.raises(JobError, match=f"archived already, by job {case.jobs[0]};"):
        Hasty(case.plan().source, case.platform, checkpoint_interval="1 h").submit()
    running = archiving(case).running
    wait_until(lambda: [job.job_id for job in running()] == case.jobs)

    elsewhere = case.platform.settings.model_copy(update={"project": "another", "home": tmp_path / "another"})
    pipeline = ArchivePipeline(case.plan().source, Platform(elsewhere))
    with pytest.raises(JobError, match=f"archived already, by job {case.jobs[0]} of the cluster at "):
        pipeline.submit()
    table_of(case).set_properties({ARCHIVE_JOB: f"{case.jobs[0]}@127.0.0.1:9"})
    with pytest.raises(JobError, match=r"Flink cluster at 127\.0\.0\.1:9, which does not answer.*--take-over"):
        pipeline.submit()

    end_archive(case)
    case.send(HISTORY, [])
    case.jobs.append(archiving(case, take_over=True).submit())
    wait_until(lambda: case.archived() >= RECORDS + len(HISTORY))
    assert sum(prefix.rows - prefix.distinct for prefix in table_of(case).prefix()) == 0
