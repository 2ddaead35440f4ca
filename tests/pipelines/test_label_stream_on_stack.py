"""A label join over real topics and their archives: stopped, resumed, and told as DuckDB tells it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from headrace.errors import CutoverError, JobError, NotFoundError
from headrace.jobs.cli import app
from headrace.pipelines.label_ledger import label_ledger_of
from headrace.pipelines.label_runs import drop, resume, stop, writing
from headrace.pipelines.label_status import status_of
from headrace.pipelines.label_stream import LabelStreamPipeline
from headrace.pipelines.label_tables import facts_table, letters_table
from headrace.pipelines.lifecycle import JOB_FILE
from headrace.pipelines.local_labels import LabelRun
from headrace.registry.store import Run
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.settings import Settings

from .case import wait_until
from .outcomes import LIVE_ALONE, PARTITIONS, Labelled, Sent, closing, drawn

pytestmark = [pytest.mark.stack, pytest.mark.slow]

FIRST, SECOND = drawn(300, seed=1), drawn(300, seed=2, first=300)
#: What is archived before the join starts; the rest comes by the topics.
ARCHIVED = 400


@dataclass
class Told:
    """A join that has told all it can, and what DuckDB says of the same rows."""

    labelled: Labelled
    run: Run
    oracle: LabelRun
    savepoint: str

    @property
    def facts(self) -> list[dict[str, Any]]:
        return self.labelled.table(facts_table(self.labelled.plan.name))

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.labelled.table(letters_table(self.labelled.plan.name))


@pytest.fixture(scope="module")
def told(stack_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """History, live, a stop, rows while nothing runs, and on; at the end the job runs still."""
    labelled = Labelled(stack_settings, tmp_path_factory.mktemp("labelled"))
    try:
        labelled.send(FIRST[:ARCHIVED])
        labelled.archive()
        run = labelled.start()
        labelled.send(FIRST[ARCHIVED:])
        labelled.wait_read(run)
        stopped = stop(labelled.platform, run.run)
        labelled.send(SECOND)
        labelled.note(resume(labelled.platform, run.run))
        labelled.send(closing(SECOND))
        oracle = labelled.oracle()
        # The closing labels are orphans, which Flink tells when it forgets them.
        counts = replace(oracle.counts, orphan=oracle.counts.orphan - PARTITIONS)
        wait_until(
            lambda: labelled.status(run).counts == counts, lambda: f"{labelled.status(run).counts}, not {counts}"
        )
        yield Told(labelled, run, oracle, stopped.savepoints[-1])
    finally:
        labelled.close()


def fact(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("request", "cents", "scored_at", "label", "label_time", "fact", "fact_number"))


def last(facts: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """By id what its last fact says; how many there were before it depends on the order in which rows are read."""
    ordered = sorted(facts, key=lambda row: int(row["fact_number"]))
    return {row["request"]: fact(row)[1:5] for row in ordered}


def test_every_kind_of_outcome_is_among_them(told: Told) -> None:
    counts = told.oracle.counts
    kinds = (counts.labelled, counts.corrected, counts.never_labelled, counts.repeated, counts.duplicate)
    assert min(*kinds, counts.too_late, counts.orphan, counts.logged_refused, counts.labels_refused) >= 5
    assert counts.logged_open == PARTITIONS


def test_the_last_facts_are_those_of_the_oracle(told: Told) -> None:
    assert last(told.facts) == last(told.oracle.facts.to_pylist())


def test_of_ids_with_one_row_and_one_label_all_facts_are_those_of_the_oracle(told: Told) -> None:
    sent = Counter(next(iter(one.values.values())) for one in [*FIRST, *SECOND])
    plain = {name for name, rows in sent.items() if rows <= 2}
    found, wanted = ([fact(row) for row in rows] for rows in (told.facts, told.oracle.facts.to_pylist()))
    assert Counter(one for one in found if one[0] in plain) == Counter(one for one in wanted if one[0] in plain)


def test_dead_letters_are_those_of_the_oracle(told: Told) -> None:
    sides = {f"{told.labelled.plan.name}.{side}": side for side in ("logged", "labels")}
    places = ("partition", "offset", "verdict", "reason")
    found = Counter((sides[row["view"]], *(row[name] for name in places)) for row in told.letters)
    wanted = Counter(tuple(row[name] for name in ("source", *places)) for row in told.oracle.letters.to_pylist())
    assert found - wanted == Counter()
    assert sum((wanted - found).values()) == PARTITIONS


def test_the_ledger_holds_and_nothing_lags(told: Told) -> None:
    ledger = label_ledger_of(told.labelled.platform, told.run.run)
    assert ledger.holds, ledger.to_text()
    names = {check.name for check in ledger.checks}
    assert {"recount: labels, late", "no label is told before it has arrived", "each fact is told once"} <= names
    status = told.labelled.status(told.run)
    assert (status.state, status.logged_lag, status.labels_lag) == ("running", 0, 0)


def test_the_commands_show_what_became_of_all_rows(told: Told) -> None:
    values = told.labelled.platform.settings.model_dump(mode="json", exclude_none=True)
    config = told.labelled.file.with_name("headrace.yaml")
    config.write_text(yaml.safe_dump(values))

    def printed(*arguments: str) -> Any:
        found = CliRunner().invoke(app, ["--config", str(config), "--format", "json", *arguments])
        assert found.exit_code == 0, found.exception
        return json.loads(found.stdout)

    (row,) = printed("label-join", "status")
    assert (row["run"], row["labelled"]) == (told.run.run, told.oracle.counts.labelled)
    assert printed("ledger", told.run.run)["holds"] is True
    assert told.run.view in [one["view"] for one in printed("jobs") if one["run"] == told.run.run]
    refused = CliRunner().invoke(app, ["--config", str(config), "start", told.run.run])
    assert "label-join resume" in str(refused.exception)


def test_another_run_is_refused_with_the_way_out(told: Told) -> None:
    message = f"holds .* rows of an earlier run .{told.run.run}.*label-join resume {told.run.run}.*label-join drop"
    with pytest.raises(JobError, match=message):
        LabelStreamPipeline(told.labelled.plan, told.labelled.platform).prepare()
    with pytest.raises(JobError, match=r"is running as job .*; stop it first"):
        resume(told.labelled.platform, told.run.run)
    with pytest.raises(JobError, match=f"is running as {told.run.run}; stop it first"):
        drop(told.labelled.platform, told.labelled.plan.name)


def test_a_state_behind_which_facts_were_told_is_refused(told: Told) -> None:
    stop(told.labelled.platform, told.run.run)
    with pytest.raises(JobError, match="it would tell those rows again"):
        resume(told.labelled.platform, told.run.run, told.savepoint)


def test_a_job_that_was_submitted_and_not_noted_becomes_the_run_s(told: Told) -> None:
    """As a resume leaves it that was killed between the two."""
    platform, run = told.labelled.platform, told.run.run
    savepoint = platform.registry.run(run).savepoints[-1]
    job_id = platform.session.submit(JobSpec.load(platform.run_folder(run) / JOB_FILE), savepoint)
    wait_until(lambda: told.labelled.status(told.run).state == "running")
    with pytest.raises(JobError, match=f"is running as job {job_id}; stop it first .`headrace label-join stop {run}`"):
        resume(platform, run)
    noted = platform.registry.run(run)
    assert (noted.job_id, noted.started_from) == (job_id, savepoint)
    platform.flink.cancel(job_id)
    wait_until(lambda: told.labelled.status(told.run).state == "canceled")


def test_a_log_that_is_gone_is_refused_before_the_job(told: Told) -> None:
    """The last test but those that plant: nothing can be resumed behind it."""
    platform, topic = told.labelled.platform, told.labelled.topics[True]
    extra = drawn(6, seed=9, first=900)
    told.labelled.send(extra)
    with platform.kafka.admin() as admin:
        admin.delete_records(topic, admin.end_offsets(topic))
    with pytest.raises(CutoverError, match="records are lost to retention"):
        resume(platform, told.run.run)


def failed(told: Told) -> set[str]:
    return {check.name for check in label_ledger_of(told.labelled.platform, told.run.run).failed}


def test_planted_facts_that_cannot_be_are_found(told: Told) -> None:
    """One told twice, and a label that is used before it has arrived; they stay, so this test is the last."""
    told.labelled.wait_archived()
    assert failed(told) == set()
    table = told.labelled.platform.iceberg.named(told.run.view)
    facts = table.arrow()
    table.append(facts.slice(0, 1))
    assert failed(told) == {"each fact is told once"}
    waited = next(row for row in told.facts if row["fact"] == "waited" and row["fact_number"] == 1)
    leaked = {**waited, "label": True, "label_time": datetime.now(UTC), "fact": "corrected", "fact_number": 2}
    late = {**leaked, "label_time": waited["scored_at"], "request": "nobody", "fact": "labelled", "fact_number": 1}
    table.append(type(facts).from_pylist([leaked, late], schema=facts.schema))
    kinds = {"facts are of their kind", "features are those that were logged"}
    assert failed(told) == {"each fact is told once", "no label is told before it has arrived", *kinds}


def test_dropped_tables_can_be_started_anew(told: Told) -> None:
    dropped = drop(told.labelled.platform, told.labelled.plan.name)
    assert dropped == [facts_table(told.labelled.plan.name), letters_table(told.labelled.plan.name)]
    with pytest.raises(NotFoundError, match="no tables of a label join"):
        drop(told.labelled.platform, told.labelled.plan.name)
    anew = LabelStreamPipeline(told.labelled.plan, told.labelled.platform).prepare()
    for late in (resume, status_of):
        with pytest.raises(NotFoundError, match=f"was dropped; the one that is there now is of run {anew.run_id}"):
            late(told.labelled.platform, told.run.run)
    assert writing(told.labelled.platform) == []


def test_partitions_in_which_nothing_arrives_hold_back_no_missing_label(
    stack_settings: Settings, tmp_path: Path
) -> None:
    """A row comes to one partition alone, and no label at all; one topic has fewer partitions than the job subtasks."""
    labelled = Labelled(stack_settings, tmp_path, LIVE_ALONE, parallelism=2, partitions=(PARTITIONS, 1))
    try:
        run = labelled.start(idle_after="1s")
        at = datetime.now(UTC)
        labelled.send([Sent(at, False, {"request": "r1", "cents": 1, "scored_at": at})])
        wait_until(lambda: labelled.status(run).counts.never_labelled == 1, lambda: str(labelled.status(run)))
    finally:
        labelled.close()
