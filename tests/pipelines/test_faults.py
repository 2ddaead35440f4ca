"""What becomes of a run when something around it fails: real processes, really killed.

All tests share one run. Each begins when it flows and holds, and leaves it so; the last ones end it. `make test` runs
the first two, `make faults` the others.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import ConnectorError, CutoverError, JobError
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.dead_letters import dead_letters_of
from headrace.pipelines.lifecycle import record_run, resume, stop
from headrace.pipelines.outcome import statuses
from headrace.runtime.settings import Settings
from headrace.runtime.stack.stack import Stack

from .case import PARTITIONS, wait_until
from .orders import BROKEN
from .rig import HISTORY, TASK_MANAGERS, Logs, River, kill, process_of, unsupervised, without_cassandra

pytestmark = [pytest.mark.stack, pytest.mark.slow]
# What must be said of each record of BROKEN.
REASONS = [
    "unparsable",
    "unparsable",
    "shop",
    "cents",
    "status has an unknown value",
    "event time is before the earliest",
    "event time is too far after arrival",
]


@pytest.fixture(scope="module")
def river(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[River]:
    found = River(stack_settings, tmp_path_factory.mktemp("river"))
    try:
        found.begin()
        yield found
    finally:
        found.close()


def listed(river: River) -> dict[str, Any]:
    """The run as `headrace jobs` lists it."""
    found = river.headrace("--format", "json", "jobs", "--view", "shop_orders")
    assert found.returncode == 0, found.stderr
    rows = {row["run"]: row for row in json.loads(found.stdout)}
    return dict(rows[river.flowing.run])


def values_of(record: bytes) -> dict[str, Any]:
    """What a record says; times to the second, because a parsed record's are written in another form."""
    found = json.loads(record)
    return {name: value[:19].replace(" ", "T") if name.endswith("_at") else value for name, value in found.items()}


def test_every_bad_record_is_a_dead_letter_with_its_place_its_content_and_the_reason(river: River) -> None:
    found = dead_letters_of(river.platform, river.flowing.run)
    letters = {(letter.partition, letter.offset): letter for letter in found if letter.verdict == "dead_letter"}
    places = [divmod(HISTORY + number, PARTITIONS)[::-1] for number in range(len(BROKEN))]
    assert letters.keys() == set(places)
    for place, sent, reason in zip(places, BROKEN, REASONS, strict=True):
        letter = letters[place]
        assert letter.topic == river.topic
        assert reason in letter.reason
        assert letter.raw is not None
        assert letter.raw == sent or values_of(letter.raw) == values_of(sent)


def test_a_killed_job_manager_loses_no_run(river: River, stack: Stack) -> None:
    kill_job_manager(stack)
    found = listed(river)
    assert (found["status"], found["state"]) == ("lost", None)
    assert f"`headrace start {river.flowing.run}`" in found["detail"]
    river.rearchive()
    first = river.note(resume(river.platform, river.flowing.run))
    # Killed again, before the job that was started has a checkpoint of its own.
    kill_job_manager(stack)
    river.rearchive()
    river.more(90)
    second = river.note(resume(river.platform, river.flowing.run))
    assert first.started_from
    assert second.started_from
    river.run = second
    river.assert_whole()


@pytest.mark.faults
def test_a_killed_task_manager_is_replaced_and_the_job_restored(river: River, stack: Stack) -> None:
    restored = river.checkpoints().restored
    river.more(300)
    kill(stack, "flink", *TASK_MANAGERS)
    river.more(60)
    wait_until(lambda: river.checkpoints().restored > restored)
    river.assert_whole()
    assert (listed(river)["status"], listed(river)["state"]) == ("running", "RUNNING")


@pytest.mark.faults
def test_cassandra_killed_in_the_middle_is_waited_for(river: River, stack: Stack) -> None:
    restored, job = river.checkpoints().restored, river.flowing.job_id
    logs = Logs.from_now(stack)
    with without_cassandra(stack):
        before = river.rows()
        river.more(300)
        wait_until(lambda: logs.say("does not take writes"))
        assert river.rows() == before
    river.assert_whole()
    assert (river.checkpoints().restored, listed(river)["job"]) == (restored, job)
    assert (listed(river)["status"], listed(river)["state"]) == ("running", "RUNNING")


@pytest.mark.faults
def test_cassandra_down_at_start_is_waited_for_by_the_job_and_named_by_backfill(river: River, stack: Stack) -> None:
    stop(river.platform, river.flowing.run)
    river.more(60)
    logs = Logs.from_now(stack)
    with without_cassandra(stack):
        with pytest.raises(ConnectorError, match=r"Cassandra at 127\.0\.0\.1"):
            BackfillPipeline(river.plan(), river.platform).prepare()
        river.run = river.note(resume(river.platform, river.flowing.run))
        wait_until(lambda: logs.say("Cannot connect to cassandra"))
        assert listed(river)["status"] == "running"
    river.assert_whole()


@pytest.mark.faults
def test_a_run_that_has_committed_nothing_is_started_at_its_boundary(river: River, stack: Stack) -> None:
    prepared = BackfillPipeline(river.plan(), river.platform, generation=2, checkpoint_interval="1 s").prepare()
    record_run(river.platform, prepared)
    with without_cassandra(stack):
        first = river.note(resume(river.platform, prepared.run_id))
        wait_until(lambda: river.platform.flink.job(str(first.job_id)).state == "RUNNING")
        river.platform.flink.cancel(str(first.job_id))
        wait_until(lambda: river.platform.flink.job(str(first.job_id)).is_over)
    second = river.note(resume(river.platform, prepared.run_id))
    assert (second.started_from, second.job_id != first.job_id) == (None, True)
    river.assert_whole(second)
    stop(river.platform, second.run)


@pytest.mark.faults
def test_a_partition_added_after_planning_is_read_from_its_beginning(river: River) -> None:
    job, added = river.flowing.job_id, river.add_partition()
    river.more_to(added, 40)
    ledger = river.assert_whole()
    line = next(line for line in ledger.partitions if line.partition == added)
    assert (line.history, line.live, line.first_offset, line.last_offset) == (0, 40, 0, 39)
    assert listed(river)["job"] == job


@pytest.mark.faults
def test_a_partition_added_while_the_run_is_stopped_is_named_and_read(river: River) -> None:
    stop(river.platform, river.flowing.run)
    added = river.add_partition()
    river.more_to(added, 30)
    started = river.headrace("start", river.flowing.run)
    assert started.returncode == 0, started.stderr
    assert f", partition {added} is new since the run was planned: read from offset 0" in started.stderr
    river.run = river.note(river.platform.registry.run(river.flowing.run))
    line = river.assert_whole().partitions[added]
    assert (line.partition, line.live, line.first_offset) == (added, 30, 0)


@pytest.mark.faults
def test_a_stack_taken_down_and_up_loses_no_run(river: River, stack: Stack) -> None:
    stack.down()
    assert stack.up().flink.rest_address == river.platform.settings.flink.rest_address
    river.rearchive()
    river.more(90)
    started = river.headrace("start", river.flowing.run)
    assert started.returncode == 0, started.stderr
    river.run = river.note(river.platform.registry.run(river.flowing.run))
    assert f"started from {river.flowing.started_from}" in started.stderr
    river.assert_whole()


@pytest.mark.faults
def test_a_pinned_snapshot_outlives_expiry_and_without_its_tag_is_refused(river: River) -> None:
    plan, platform = river.plan(), river.platform
    kept = BackfillPipeline(plan, platform, generation=3, checkpoint_interval="1 s").prepare()
    pinned, history = kept.cutover.snapshot_id, platform.iceberg.load(river.namespace, "orders")
    assert pinned is not None
    record_run(platform, kept)
    river.more(30)
    wait_until(lambda: river.archived() >= river.records)
    river.expire_snapshots()
    assert history.refresh().has_snapshot(pinned)
    river.assert_whole(river.note(resume(platform, kept.run_id)))
    stop(platform, kept.run_id)

    lost = BackfillPipeline(plan, platform, generation=4, checkpoint_interval="1 s").prepare()
    record_run(platform, lost)
    river.more(30)
    wait_until(lambda: river.archived() >= river.records)
    history.remove_tag(str(lost.cutover.tag))
    river.expire_snapshots()
    refused = river.headrace("start", lost.run_id)
    assert refused.returncode == 1
    assert f"snapshot {lost.cutover.snapshot_id} of {river.namespace}.orders, which it has pinned, is expired" in (
        refused.stderr
    )
    assert platform.registry.run(lost.run_id).status == "planned"
    river.assert_whole()


@pytest.mark.faults
def test_a_run_that_has_read_all_is_finished(river: River) -> None:
    prepared = BackfillPipeline(river.plan_of_history(), river.platform, generation=5).prepare()
    record_run(river.platform, prepared)
    run = river.note(resume(river.platform, prepared.run_id))
    wait_until(lambda: river.platform.flink.job(str(run.job_id)).is_over)
    assert {status.run.run: status.run.status for status in statuses(river.platform)}[run.run] == "finished"
    with pytest.raises(JobError, match="has finished: it has read all"):
        resume(river.platform, run.run)


@pytest.mark.faults
def test_a_cancelled_run_says_so_and_goes_on_when_it_is_started(river: River) -> None:
    river.platform.flink.cancel(str(river.flowing.job_id))
    wait_until(lambda: river.platform.flink.job(str(river.flowing.job_id)).is_over)
    assert (listed(river)["status"], listed(river)["state"]) == ("canceled", "CANCELED")
    with pytest.raises(JobError, match="is canceled, not running"):
        stop(river.platform, river.flowing.run)
    river.more(30)
    river.run = river.note(resume(river.platform, river.flowing.run))
    river.assert_whole()


@pytest.mark.faults
def test_state_that_is_gone_or_older_than_its_time_to_live_is_refused(river: River) -> None:
    savepoint = Path(stop(river.platform, river.flowing.run).savepoints[-1].removeprefix("file:"))
    with pytest.raises(JobError, match="file:///nowhere does not exist"):
        resume(river.platform, river.flowing.run, "file:///nowhere")
    os.utime(savepoint, (0, 0))
    with pytest.raises(JobError, match=r"the state in .* is \d+ h old, its time to live is \d+ h"):
        resume(river.platform, river.flowing.run)
    os.utime(savepoint)
    river.more(30)
    river.run = river.note(resume(river.platform, river.flowing.run))
    river.assert_whole()


@pytest.mark.faults
def test_records_deleted_under_a_stopped_run_are_never_skipped(river: River) -> None:
    savepoint = stop(river.platform, river.flowing.run).savepoints[-1]
    assert (listed(river)["status"], listed(river)["detail"]) == ("stopped", savepoint)
    river.more(30)
    wait_until(lambda: river.archived() >= river.records)
    river.delete_up_to_the_end(0)
    refused = river.headrace("start", river.flowing.run)
    assert refused.returncode == 1
    assert "partition 0: needed from offset" in refused.stderr
    assert "10 records are lost to retention" in refused.stderr
    assert river.platform.registry.run(river.flowing.run).status == "stopped"


@pytest.mark.faults
def test_records_deleted_under_a_dead_task_manager_fail_the_run(river: River, stack: Stack) -> None:
    run = river.backfill(river.plan(windows='"1h", "2d"'))
    river.run = run
    river.ledger(run, river.records)
    with unsupervised(stack):
        kill(stack, "flink", *TASK_MANAGERS)
        river.more(30)
        river.delete_up_to_the_end(0)
    wait_until(lambda: river.platform.flink.job(str(run.job_id)).is_over)
    found = listed(river)
    assert (found["status"], found["state"]) == ("failed", "FAILED")
    assert "OffsetsLostException" in found["detail"]
    assert f"{river.topic}-0=" in found["detail"]
    with pytest.raises(CutoverError, match=r"partition 0: needed from offset .* 10 records are lost"):
        resume(river.platform, run.run)


def kill_job_manager(stack: Stack) -> None:
    """Kill it with -9; the supervisor starts another one, which knows no job."""
    before = process_of(stack, "flink", "job-manager")
    kill(stack, "flink", "job-manager")
    wait_until(lambda: process_of(stack, "flink", "job-manager") != before)
    stack.wait_for("flink")
