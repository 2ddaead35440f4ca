"""The ledger of a label join, one side of which is a table of another system: its archive is the copy that was read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.compiler.flink_label_join import letters_of
from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.label_join import LABELS, LOGGED, LabelJoinPlan
from headrace.compiler.plan import Location
from headrace.connectors.schema import LEDGER_NAMESPACE, archive_fields, fields_of
from headrace.features.instant import instant_of
from headrace.pipelines.backfill import OFFSET_TILES_TABLE, create_ledger
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.pipelines.label_ledger import label_ledger_of
from headrace.pipelines.label_stream import PreparedLabelRun, record_label_run
from headrace.pipelines.label_tables import claim_tables
from headrace.pipelines.ledger_checks import contiguous_sums
from headrace.pipelines.local_labels import join_locally
from headrace.runtime.boundary import boundary_of
from headrace.runtime.cutover import Cutover
from headrace.runtime.job_spec import JobSpec
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

from ..compiler.labelled import BASE, HOUR, PLAN  # noqa: TID252 (a join is the compiler's)
from .flink_rest import answering

RUN = "frauds-20260101-120000-1a2b"
LABELS_OF = [("a", True, BASE + 1), ("b", False, BASE + 2 * HOUR), ("c", None, BASE + 3 * HOUR)]


def given_labels() -> pa.Table:
    """Labels as another system keeps them, the last one refused by its source."""
    rows = [{"example": 1, "payment": of, "fraud": fraud, "known_at": instant_of(at)} for of, fraud, at in LABELS_OF]
    return pa.Table.from_pylist(rows)


def in_delta(_: Platform, home: Path) -> Location:
    write_deltalake(str(home / "outcomes"), given_labels())
    return Location("delta", str(home / "outcomes"))


def in_iceberg(platform: Platform, _: Path) -> Location:
    fields = fields_of(PLAN.labels.columns)
    platform.iceberg.create_table("lake", "outcomes", fields).append(given_labels())
    return Location("iceberg", "lake.outcomes")


def log(platform: Platform) -> None:
    """An archive of logged rows: one of each id that has a label."""
    place = {"_src_topic": "scored", "_src_partition": 0, "_raw": None, "_error": None}
    table = platform.iceberg.create_table("log", "scored", archive_fields(PLAN.logged.columns))
    rows = [
        {
            "example": 1,
            "request": of,
            "amount": 5,
            "scored_at": at,
            "_src_offset": offset,
            "_src_timestamp": at,
            **place,
        }
        for offset, of in enumerate("abc")
        for at in [instant_of(BASE + offset)]
    ]
    table.append(pa.Table.from_pylist(rows, schema=table.table.schema().as_arrow()))


def cut(platform: Platform, plan: LabelJoinPlan) -> Cutover:
    """The boundary over both histories."""
    parts = []
    for source in (plan.logged, plan.labels):
        foreign = foreign_version(platform, source)
        parts.append(boundary_of(platform, source, history_table(platform, source, foreign), foreign, RUN))
    return Cutover.over(parts)


def tile(view: str, cutover: Cutover, refused: int) -> Mapping[str, Any]:
    """What a run notes of a history of three rows."""
    (part,) = cutover.partitions
    sums = dict(zip(("sum_offset", "sum_sq"), contiguous_sums(0, part.archived - 1), strict=True))
    ends = {"min_offset": 0, "max_offset": part.archived - 1, **sums}
    verdicts = {"accepted": part.archived - refused, "late": 0, "dead_lettered": refused}
    none = dict.fromkeys(("block", "duplicate", "filtered", "folded"), 0)
    place = {"run": RUN, "view": view, "leg": "history", "topic": part.topic, "partition": part.partition}
    return {**place, **none, **ends, **verdicts, "n": part.archived}


def commit(platform: Platform, plan: LabelJoinPlan, cutover: Cutover) -> None:
    """Write what a job would: the facts and dead letters that DuckDB tells of the same rows, and offsets."""
    logged, labels = (str(part.table) for part in cutover.parts)
    told = join_locally(plan, logged, labels, platform.iceberg.named)
    facts, letters = claim_tables(platform, plan, RUN)
    ledger = platform.iceberg.load(LEDGER_NAMESPACE, OFFSET_TILES_TABLE)
    facts.append(told.facts.cast(facts.table.schema().as_arrow()))
    topics = dict(zip((LOGGED, LABELS), [part.partitions[0].topic for part in cutover.parts], strict=True))
    dead = [
        {**row, "run": RUN, "view": letters_of(plan, row["source"]), "topic": topics[row["source"]]}
        for row in told.letters.to_pylist()
    ]
    letters.append(pa.Table.from_pylist(dead, schema=letters.table.schema().as_arrow()))
    sides = zip((LOGGED, LABELS), cutover.parts, (0, 1), strict=True)
    tiles = [tile(letters_of(plan, side), part, refused) for side, part, refused in sides]
    ledger.append(pa.Table.from_pylist(tiles, schema=ledger.table.schema().as_arrow()))


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with answering() as flink:
        flags = {"home": str(tmp_path), "flink": {"rest_address": flink.address}}
        yield Platform(load_settings(flags=flags, environment={}, folder=tmp_path))


def failed(platform: Platform) -> set[str]:
    return {check.name for check in label_ledger_of(platform, RUN).failed}


@pytest.mark.parametrize("kept", [in_delta, in_iceberg])
def test_a_ledger_recounts_the_copy_of_a_foreign_table(
    platform: Platform, kept: Callable[[Platform, Path], Location], tmp_path: Path
) -> None:
    plan = replace(PLAN, labels=replace(PLAN.labels, history=kept(platform, tmp_path)))
    create_ledger(platform.iceberg)
    log(platform)
    cutover = cut(platform, plan)
    commit(platform, plan, cutover)
    record_label_run(platform, PreparedLabelRun(RUN, plan, cutover, FlinkJob((), (), {}), JobSpec(RUN, "", (), {}, 1)))
    assert "recount: labels, dead_lettered" in {check.name for check in label_ledger_of(platform, RUN).checks}
    assert failed(platform) == set()
    facts = platform.iceberg.named("labels.frauds")
    told = next(row for row in facts.arrow().to_pylist() if row["fact"] == "labelled")
    planted = {**told, "label": not told["label"], "fact_number": 2}
    facts.append(pa.Table.from_pylist([planted], schema=facts.table.schema().as_arrow()))
    assert "no label is told before it has arrived" in failed(platform)
