"""Label joins over two histories in Iceberg, by Flink: the tables that are written, and that every row is counted."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import Location, SourcePlan
from headrace.connectors.schema import archive_fields
from headrace.errors import DefinitionError, JobError, NotFoundError, SchemaMismatchError
from headrace.pipelines.label_join import LabelJoinPipeline
from headrace.runtime.platform import Platform

from ..compiler.labelled import (  # noqa: TID252 (the oracle is the compiler's)
    PLAN,
    SHARES,
    has_what_was_logged,
    numbered,
    random_example,
    told,
)
from ..compiler.test_label_join import OUTCOMES, SCORED, facts_of, relation, us  # noqa: TID252
from ..conftest import local_settings  # noqa: TID252

pytestmark = pytest.mark.slow

EXAMPLES, SEED = 60, 3


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform(local_settings(tmp_path_factory.mktemp("home")))


def fill(platform: Platform, source: SourcePlan, rows: pa.Table) -> None:
    assert source.history is not None
    namespace, _, name = source.history.name.partition(".")
    fields = archive_fields(source.columns)
    given = {field.name: rows[field.name] if field.name in rows.column_names else None for field in fields}
    whole = {name: column if column is not None else pa.nulls(len(rows), pa.string()) for name, column in given.items()}
    platform.iceberg.create_table(namespace, name, fields).append(pa.table(whole))


@pytest.fixture(scope="module")
def run(platform: Platform) -> tuple[Any, list[Any]]:
    random = Random(SEED)
    drawn = [random_example(random) for _ in range(EXAMPLES)]
    examples = [tuple(numbered(rows, number) for rows in example) for number, example in enumerate(drawn)]
    now = time.time_ns() // 1000
    fresh = {"request": "a", "amount": 1, "scored_at": now, "_src_partition": 0, "_src_timestamp": now}
    more = (numbered([fresh], EXAMPLES), [])
    for side, (source, schema) in enumerate(((PLAN.logged, SCORED), (PLAN.labels, OUTCOMES))):
        fill(platform, source, relation([row for example in [*examples, more] for row in example[side]], schema))
    return LabelJoinPipeline(PLAN, platform).run(), examples


def test_the_last_facts_in_the_table_are_those_of_a_loop(run: tuple[Any, list[Any]]) -> None:
    rows = sorted(run[0].facts.refresh().arrow().to_pylist(), key=lambda row: row["fact_number"])
    last = {(row["example"], row["request"]): row for row in rows}
    for number, example in enumerate(run[1]):
        own = [row for (of, _), row in last.items() if of == number]
        wanted = {fact[0]: fact[1:5] for fact in told(*example)[0]}
        assert {fact[0]: fact[1:5] for fact in facts_of(pa.Table.from_pylist(own))} == wanted, number


def test_features_of_each_fact_are_those_that_were_logged_to_the_last_bit(run: tuple[Any, list[Any]]) -> None:
    facts = run[0].facts.refresh().arrow().to_pylist()
    assert {fact["share"] for fact in facts} == set(SHARES)
    for fact in facts:
        assert has_what_was_logged(fact["share"], us(fact["scored_at"]) or 0), fact


def test_nothing_is_told_of_a_row_that_was_logged_within_the_wait_before_the_commit(run: tuple[Any, list[Any]]) -> None:
    assert EXAMPLES not in set(run[0].facts.refresh().arrow()["example"].to_pylist())


def test_every_row_is_counted_once(run: tuple[Any, list[Any]]) -> None:
    counts, examples = run[0].counts, run[1]
    assert (counts.logged_open, counts.labels_open) == (1, 0)
    letters = sum((told(*example)[1] for example in examples), Counter())
    assert counts.logged_read == sum(len(logged) for logged, _ in examples) + 1
    found = (counts.repeated, counts.duplicate, counts.too_late, counts.orphan)
    kinds = (("logged", "repeated"), *(("labels", kind) for kind in ("duplicate", "too_late", "orphan")))
    assert found == tuple(letters[kind] for kind in kinds)


def test_a_second_run_would_tell_each_fact_again_and_is_refused(run: tuple[Any, list[Any]], platform: Platform) -> None:
    with pytest.raises(JobError, match=r"labels\.frauds holds .* rows of an earlier run"):
        LabelJoinPipeline(PLAN, platform).run()


def test_a_source_without_history_is_refused(platform: Platform) -> None:
    with pytest.raises(DefinitionError, match="source Outcomes: has no Iceberg history"):
        LabelJoinPipeline(replace(PLAN, labels=replace(PLAN.labels, history=None)), platform)


class Failing(LabelJoinPipeline):
    """Its job fails."""

    def run_job(self, job: FlinkJob) -> None:
        msg = "the job failed"
        raise JobError(msg)


def test_of_two_runs_at_once_one_is_refused_before_its_job(platform: Platform) -> None:
    plan = replace(PLAN, name="claimed")
    LabelJoinPipeline(plan, platform).create_tables()
    with pytest.raises(JobError, match=r"labels\.claimed holds 0 rows of an earlier run .*, or of one"):
        LabelJoinPipeline(plan, platform).create_tables()


@pytest.mark.usefixtures("run")
def test_a_run_that_fails_leaves_nothing_that_refuses_the_next(platform: Platform) -> None:
    pipeline = Failing(replace(PLAN, name="failing"), platform)
    for _ in range(2):
        with pytest.raises(JobError, match="the job failed"):
            pipeline.run()
    assert not platform.iceberg.has_table("labels", "failing")


def test_a_failed_run_drops_no_table_with_rows(platform: Platform) -> None:
    pipeline = LabelJoinPipeline(replace(PLAN, name="kept"), platform)
    facts, letters = pipeline.create_tables()
    facts.append(facts.table.schema().as_arrow().empty_table())
    pipeline.release(facts, letters)
    assert platform.iceberg.has_table("labels", "kept")
    assert not platform.iceberg.has_table("labels", "kept_dead_letters")


def test_tables_to_which_another_wrote_are_refused(platform: Platform) -> None:
    pipeline = LabelJoinPipeline(replace(PLAN, name="shared"), platform)
    facts, letters = pipeline.create_tables()
    for _ in range(2):
        facts.append(facts.table.schema().as_arrow().empty_table())
    with pytest.raises(JobError, match=r"labels\.shared: expected the rows of this run alone, .* and 2 of others"):
        pipeline.check_alone(facts, letters)


def bare(source: SourcePlan, name: str) -> SourcePlan:
    """A source whose history is a table of another name."""
    return replace(source, history=Location("iceberg", name))


def test_a_history_that_was_never_written_is_refused(platform: Platform) -> None:
    platform.iceberg.create_table("log", "empty", archive_fields(PLAN.labels.columns))
    plan = replace(PLAN, name="bare", labels=bare(PLAN.labels, "log.empty"))
    with pytest.raises(NotFoundError, match=r"label join bare: history log\.empty is empty"):
        LabelJoinPipeline(plan, platform).pin(plan.labels)


def test_a_history_with_other_columns_is_refused_before_the_job(platform: Platform) -> None:
    fields = [field for field in archive_fields(PLAN.labels.columns) if field.name != "fraud"]
    platform.iceberg.create_table("log", "other", fields)
    plan = replace(PLAN, name="bare", labels=bare(PLAN.labels, "log.other"))
    with pytest.raises(SchemaMismatchError, match=r"log\.other.*fraud"):
        LabelJoinPipeline(plan, platform).pin(plan.labels)
