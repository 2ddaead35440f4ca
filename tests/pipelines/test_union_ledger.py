"""A run over a union of archives: its boundaries, and the ledger of what a job would write, by topic and partition."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_sql import judged_sql, offset_tiles_sql
from headrace.compiler.duckdb_tiles import cells_sql
from headrace.compiler.plan import ViewPlan
from headrace.compiler.verdict import Verdict
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.prefix import TopicPartition
from headrace.connectors.schema import DEAD_LETTERS, OFFSET_TILES, Field, archive_fields, tile_fields
from headrace.errors import CutoverError, UnsupportedError
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.ledger import Ledger, draw_up
from headrace.registry.store import Run
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

from ..compiler.events import Row, events, verdict  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.united import Split  # noqa: TID252
from .test_ledger import arrow

FILE = Path(__file__).resolve().parents[1] / "compiler/united_orders.py"
TOPICS = ("tills", "website", "phone")
VERDICTS = {Verdict.LATE: "late", Verdict.DEAD_LETTER: "dead_letter"}


def placed(rows: list[Row]) -> list[Row]:
    """The rows with offsets that have no gaps in any partition of their topic."""
    seen: Counter[tuple[int, int]] = Counter()
    found = []
    for row in rows:
        place = row["_member"], row["_src_partition"]
        found.append({**row, "_src_offset": seen[place]})
        seen[place] += 1
    return found


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> ViewPlan:
    """The view of orders whose sources have history alone."""
    file = tmp_path_factory.mktemp("views") / "united.py"
    file.write_text("".join(line for line in FILE.read_text().splitlines(True) if "live = " not in line))
    return plan_view(load_views(file).views["united_orders"])


@pytest.fixture(scope="module")
def split() -> Split:
    return Split(placed(Split.of(events(4, 200), 4).rows))


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    lake = IcebergCatalog.sqlite("house", tmp_path / "lake")
    flags = {
        "home": str(tmp_path),
        "iceberg": {"catalog": "house", "properties": dict(lake.properties)},
        "cassandra": {"contact_points": ["127.0.0.1:9042"]},
    }
    return Platform(load_settings(flags=flags, environment={}, folder=tmp_path))


def archive(platform: Platform, plan: ViewPlan, split: Split) -> None:
    for topic, part, rows in zip(TOPICS, plan.source.parts, split.tables(plan.source), strict=True):
        table = platform.iceberg.create_table("raw", topic, archive_fields(part.columns))
        if rows.num_rows:
            table.append(rows)


def test_a_boundary_is_drawn_for_each_source_of_a_union(platform: Platform, plan: ViewPlan, split: Split) -> None:
    archive(platform, plan, split)
    pipeline = BackfillPipeline(plan, platform)
    cutover = pipeline.plan_cutover()
    assert [part.table for part in cutover.parts] == ["raw.tills", "raw.website", "raw.phone"]
    assert cutover.archived_rows == len(split.rows)
    assert cutover.starts == {
        TopicPartition(topic, partition): sum(row["_src_partition"] == partition for row in split.archive(number))
        for number, topic in enumerate(TOPICS)
        for partition in range(2)
    }
    assert Cutover.from_json(cutover.to_json()) == cutover
    text = pipeline.build_job(cutover).text()
    assert all(f"'snapshot-id' = '{part.snapshot_id}'" in text for part in cutover.parts)
    tags = [set(platform.iceberg.load("raw", topic).tags()) for topic in TOPICS]
    assert tags == [{f"headrace-{pipeline.run_id}"}] * 3


def test_a_source_without_rows_leaves_its_leg_out(platform: Platform, plan: ViewPlan, split: Split) -> None:
    pipeline = BackfillPipeline(plan, platform)
    archive(platform, plan, Split([]))
    with pytest.raises(CutoverError, match="history is empty and there is no live leg: nothing to read"):
        pipeline.plan_cutover()
    archive(platform, plan, Split([row for row in split.rows if row["_member"] != 1]))
    text = pipeline.build_job(pipeline.plan_cutover()).text()
    assert [f"CREATE TEMPORARY TABLE `history_{number}`" in text for number in (1, 2, 3)] == [True, False, True]


def test_one_version_is_not_one_of_several_histories(platform: Platform, plan: ViewPlan) -> None:
    with pytest.raises(UnsupportedError, match="version 3 of which history"):
        BackfillPipeline(plan, platform, history_version=3).check_sources()


def ledger_of(platform: Platform, plan: ViewPlan, split: Split, told: Split) -> Ledger:
    """The ledger of a job that read these rows, over an archive and a boundary of those that are told."""
    archive(platform, plan, told)
    cutover = BackfillPipeline(plan, platform).plan_cutover()
    connection = split.connect(plan)
    names = {"run": "run-1", "view": plan.name, "leg": "history"}
    _store(
        platform, "headrace", "offset_tiles", OFFSET_TILES, _rows(connection, offset_tiles_sql(plan, "archive"), names)
    )
    letters = (
        "SELECT _src_topic AS topic, _src_partition AS partition, _src_offset AS offset, _verdict AS verdict,\n"
        f"  'because' AS reason, NULL AS raw, _arrived AS arrival_time FROM ({judged_sql(plan, 'archive')})\n"
        f"WHERE _verdict IN ({', '.join(str(int(each)) for each in VERDICTS)})"
    )
    found = [{**row, "verdict": VERDICTS[row["verdict"]]} for row in _rows(connection, letters, names)]
    _store(platform, "headrace", "dead_letters", DEAD_LETTERS, found)
    for group in plan.groups:
        fields, held = tile_fields(group.keys, group.cell), [one.name for one in group.cell]
        tiles = [
            {**row, "cell": {name: row[name] for name in held}}
            for row in _rows(connection, cells_sql(plan, group, "archive"), {})
        ]
        _store(platform, "tiles", group.fingerprint, fields, tiles)
    run = Run("run-1", "demo", plan.name, plan.version, json.loads(cutover.to_json()))
    return draw_up(platform.iceberg, run, plan, {group.fingerprint: group.fingerprint for group in plan.groups})


def _rows(connection: Any, sql: str, more: Row) -> list[Row]:
    return [{**row, **more} for row in connection.sql(sql).to_arrow_table().to_pylist()]


def _store(platform: Platform, namespace: str, name: str, fields: tuple[Field, ...], rows: list[Row]) -> None:
    rows_in = pa.Table.from_batches(arrow(fields, rows).to_batches())
    platform.iceberg.create_table(namespace, name, fields).append(rows_in)


def test_the_ledger_of_a_union_adds_up_by_source(platform: Platform, plan: ViewPlan, split: Split) -> None:
    ledger = ledger_of(platform, plan, split, split)
    verdicts = Counter(verdict(row) for row in split.rows)
    assert [check.name for check in ledger.failed] == []
    assert (ledger.accepted, ledger.late, ledger.dead_lettered) == tuple(
        verdicts[name] for name in ("accepted", "late", "dead_letter")
    )
    assert [(line.topic, line.partition) for line in ledger.partitions] == [
        (topic, partition) for topic in sorted(TOPICS) for partition in range(2)
    ]


def test_a_row_that_one_source_lost_is_told_of_its_topic(platform: Platform, plan: ViewPlan, split: Split) -> None:
    phone = [row for row in split.rows if row["_member"] == 2 and row["_src_partition"] == 1]
    lost = Split([row for row in split.rows if row is not phone[-1]])
    ledger = ledger_of(platform, plan, lost, split)
    count = len(phone)
    assert ledger.check("history complete").found == f"topic 'phone', partition 1: {count - 1} of {count} rows"
    assert "topic 'phone', partition 1" in ledger.check("boundary").found
