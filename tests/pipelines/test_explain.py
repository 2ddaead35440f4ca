"""What is explained is so: bytes are those of the files, and Flink's planner does what is said of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.duckdb_point_in_time import point_in_time_sql
from headrace.compiler.duckdb_sql import features_sql, judged_sql
from headrace.compiler.explain import columns_of
from headrace.compiler.flink_point_in_time import PointInTimeBindings, point_in_time_job
from headrace.compiler.plan import Column
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.compiler.verdict import archive_columns
from headrace.connectors.duckdb_functions import view_database
from headrace.connectors.foreign import IcebergVersion, shadow
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.iceberg_cost import scan_cost
from headrace.connectors.schema import archive_fields, fields_of
from headrace.features.instant import instant_us
from headrace.features.knobs import Knobs
from headrace.features.load import load_views
from headrace.pipelines.duckdb_scan import duckdb_steps, file_scans
from headrace.pipelines.explain import OPTIMIZED, explain, physical
from headrace.pipelines.explain_history import histories_seen, known_sound
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

from .test_known_entities import Beside, paid

ROOT = Path(__file__).resolve().parents[2]
VIEW = load_views(ROOT / "examples/fraud/features.py").views["fraud_features"]
PLAN = plan_view(VIEW)
FEATURE = "transaction_count_1h"


def transactions(first: int, count: int) -> pa.Table:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        {"tid": f"t{n}", "cc_num": n * 7919, "account_id": f"a{n % 9}", "merchant": f"m{n % 30}"}
        | {
            "status": "ok" if n % 10 else "failed",
            "amt": n / 7,
            "ts": at,
            "_src_topic": "t",
            "_src_partition": 0,
            "_src_offset": n,
            "_src_timestamp": at,
        }
        for n in range(first, first + count)
    ]
    return pa.Table.from_pylist(rows)


def chunks(file: str, columns: list[str]) -> int:
    """The compressed bytes of columns by the footer of a Parquet file."""
    metadata = pq.ParquetFile(file.removeprefix("file://")).metadata
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    found = [group.column(number) for group in groups for number in range(group.num_columns)]
    return sum(one.total_compressed_size for one in found if one.path_in_schema in columns)


def test_bytes_to_be_read_are_those_of_the_columns(tmp_path: Path) -> None:
    lake = IcebergCatalog.sqlite("lake", tmp_path)
    table = lake.create_table("raw", "transactions", archive_fields(PLAN.source.columns))
    assert scan_cost(table, ["tid"]) is None
    schema = table.table.schema().as_arrow()
    for first in (0, 1_000):
        rows = transactions(first, 1_000)
        full = rows.select([name for name in schema.names if name in rows.column_names])
        missing = [name for name in schema.names if name not in rows.column_names]
        for name in missing:
            full = full.append_column(name, pa.nulls(len(full), schema.field(name).type))
        table.append(full.select(schema.names).cast(schema))
    own, every = columns_of(PLAN, PLAN.feature(FEATURE)), [column.name for column in archive_columns(PLAN.source)]
    assert own == ["account_id", "status", "ts"]
    files = table.files()
    for columns in (own, every):
        found = scan_cost(table, columns)
        assert found is not None
        assert (found.files, found.rows) == (2, 2_000)
        assert found.column_bytes == sum(chunks(file, columns) for file in files)
        assert (
            found.column_bytes
            < found.file_bytes
            == sum(Path(file.removeprefix("file://")).stat().st_size for file in files)
        )
    first = table.table.snapshots()[0].snapshot_id
    assert (found := scan_cost(table, own, first)) is not None
    assert (found.snapshot_id, found.files, found.rows) == (first, 1, 1_000)


def test_looking_makes_no_catalog(tmp_path: Path) -> None:
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    steps = explain(VIEW, PLAN, FEATURE, platform)
    assert [one.what for one in steps if one.part == "history"] == ["none yet: raw.transactions was never written"]
    assert not list(tmp_path.iterdir())


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """A platform whose archive has rows, all of them sound, in two files; of ten rows one has failed."""
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    table = platform.iceberg.create_table("raw", "transactions", archive_fields(PLAN.source.columns))
    schema = table.table.schema().as_arrow()
    for first in (0, 1_000):
        rows = transactions(first, 1_000).to_pylist()
        table.append(pa.Table.from_pylist([{name: row.get(name) for name in schema.names} for row in rows], schema))
    return platform


def told(platform: Platform, part: str, step: str) -> str:
    (found,) = [one.what for one in explain(VIEW, PLAN, FEATURE, platform) if (one.part, one.step) == (part, step)]
    return found


def test_a_column_that_metadata_settles_is_not_read_and_its_bytes_are_not_counted(platform: Platform) -> None:
    found = explain(VIEW, PLAN, FEATURE, platform)
    (pushed,) = [one.what for one in found if (one.part, one.step) == ("as planned", "projection")]
    assert pushed.startswith("pushed into the scan of history")
    assert " tid; " in pushed
    columns = told(platform, "as planned", "columns").partition(": ")[2].split(", ")
    assert columns == [column.name for column in archive_columns(PLAN.source) if column.name != "tid"]
    files = platform.iceberg.load("raw", "transactions").files()
    read = sum(chunks(file, columns) for file in files)
    assert told(platform, "history", "read") == f"{read:,} bytes of 12 columns, once for all features of the view"
    assert told(platform, "history", "whole").startswith(f"{sum(chunks(file, [*columns, 'tid']) for file in files):,} ")


def test_of_a_source_without_a_topic_nothing_is_said_of_live_rows(platform: Platform) -> None:
    assert told(platform, "as planned", "needed").endswith("8 columns by the verdict of a row that comes live")
    plan = replace(PLAN, source=replace(PLAN.source, live=None))
    said = {one.step: one.what for one in explain(VIEW, plan, FEATURE, platform) if one.part == "as planned"}
    assert re.search(r"; \d columns by the verdict of a row, less those that metadata settles$", said["needed"])
    assert not [what for what in said.values() if " live" in what]


@pytest.mark.slow
def test_the_scan_reads_what_is_explained(platform: Platform) -> None:
    turned = replace(PLAN, knobs=Knobs("latency"))
    text = physical(turned, local_session(platform.settings), platform)
    ((pushed, fields),) = re.findall(r"TableSourceScan\(.*project=\[([^]]*)\].*\]\], fields=\[([^]]*)\]", text)
    assert told(platform, "as planned", "columns") == f"12 of 13 of history: {fields}"
    assert pushed == fields
    assert text.count("TableSourceScan(") == 1
    assert "filter=[" not in text
    assert "where=[((_verdict = 0) AND (status = 'failed'))]" in text, "the filter is behind the verdict"
    assert "MiniBatchAssigner(interval=[100ms]" in text


@pytest.mark.slow
def test_the_scan_of_a_training_set_on_flink_reads_what_is_explained(platform: Platform) -> None:
    sets = key_sets(PLAN, (AskedFeature(FEATURE, PLAN.feature(FEATURE)),))
    history = platform.iceberg.flink_options("raw", "transactions")
    job = point_in_time_job(sets, PointInTimeBindings([history], [{"connector": "datagen"}], [{"connector": "print"}]))
    text = local_session(platform.settings).explain(job.statements, job.inserts, job.config)
    assert "before the verdict" in told(platform, "in training sets on Flink", "filter")
    assert "filter=[and(=(status, _UTF-16LE'failed'" in text.partition(OPTIMIZED)[2]


def test_duckdb_reads_what_is_explained(platform: Platform) -> None:
    table = platform.iceberg.load("raw", "transactions")
    assert told(platform, "on DuckDB", "projection") == "pushed into the scan: 4 columns: account_id, status, amt, ts"
    filter_ = "(status = 'failed')"
    assert told(platform, "on DuckDB", "filter") == f'equals(status, "failed"): pushed into the scan: {filter_}'
    group = PLAN.group(PLAN.feature(FEATURE).group)
    (keys,) = key_sets(PLAN, (AskedFeature(FEATURE, PLAN.feature(FEATURE)),))
    with view_database(PLAN) as connection:
        table.relation(connection).create_view("archive")
        connection.execute("CREATE TABLE spine AS SELECT 0::BIGINT AS _row, 0::BIGINT AS _t, 'a0' AS account_id")
        (judged,) = file_scans(connection, judged_sql(PLAN, "archive"))
        (training,) = file_scans(connection, point_in_time_sql(keys, "spine", "archive"))
        (values,) = file_scans(
            connection, features_sql(PLAN, group, "archive"), {"at_us": instant_us(datetime(2026, 1, 2, tzinfo=UTC))}
        )
    assert set(judged.columns) == {column.name for column in archive_columns(PLAN.source)}
    assert training.filters == (filter_,)
    assert set(values.columns) == {"account_id", "amt", "ts"}
    assert values.filters == (filter_,)


@pytest.mark.parametrize("feature", ["refused_there_1d", "refused_1d"])
def test_a_filter_is_in_the_scan_of_no_training_set_that_needs_other_rows(platform: Platform, feature: str) -> None:
    """Of a view in which a feature lets each payment of a card in, and none each payment of a card in a shop."""
    plan = plan_view(Beside.view)
    table = platform.iceberg.create_table("raw", "payments", archive_fields(plan.source.columns))
    schema = table.table.schema().as_arrow()
    table.append(pa.Table.from_pylist([dict.fromkeys(schema.names) | paid(Random(n), "c0") for n in range(9)], schema))
    (filter_,) = [one.what for one in duckdb_steps(plan, feature, [table]) if one.step == "filter"]
    free = "payments_1d has no filter, so each accepted row makes its card known"
    if feature == "refused_there_1d":
        assert filter_.endswith("(kind = 'refused')")
    else:
        assert filter_ == f'equals(kind, "refused"): not pushed into the scan: {free}'


def test_a_column_that_the_archive_lacks_is_told_and_the_rest_is_explained(platform: Platform) -> None:
    added = (*PLAN.source.columns, Column("note", "str", optional=True))
    plan = replace(PLAN, source=replace(PLAN.source, columns=added))
    told = {(one.part, one.step): one.what for one in explain(VIEW, plan, FEATURE, platform)}
    refused = "Iceberg table raw.transactions: column note: expected string, found none; a backfill is refused"
    assert told["history", "columns"].startswith(refused)
    assert "2,000 rows" in told["history", "files"]
    assert told["on DuckDB", "projection"] == "not known: raw.transactions lacks columns"
    seen = histories_seen(plan, platform)
    assert known_sound(plan, seen) == known_sound(PLAN, seen)


def of_another_system(folder: Path) -> tuple[Platform, IcebergTable]:
    """A platform with a table that has the source's columns, and none of an archive's."""
    platform = Platform(load_settings(environment={}, folder=folder))
    table = platform.iceberg.create_table("raw", "transactions", fields_of(PLAN.source.columns))
    names = [column.name for column in PLAN.source.columns]
    table.append(transactions(0, 10).select(names).cast(table.table.schema().as_arrow()))
    return platform, table


def test_a_table_of_another_system_is_explained_and_so_is_its_copy(tmp_path: Path) -> None:
    platform, table = of_another_system(tmp_path)
    columns = fields_of(PLAN.source.columns)
    plan = replace(PLAN, source=replace(PLAN.source, live=None))
    told = {(one.part, one.step): one.what for one in explain(VIEW, plan, FEATURE, platform)}
    assert "10 rows" in told["history", "files"]
    assert told["history", "whole"].endswith(f" bytes of {len(columns)} columns")
    assert told["history", "copy"].startswith("none yet of this snapshot")
    assert ("history", "columns") not in told
    assert told["on DuckDB", "projection"] == "not known: of raw.transactions a copy is read, with positions"
    copy = shadow(platform.iceberg, IcebergVersion(table, table.current_snapshot_id() or 0), columns, "ts")
    told = {(one.part, one.step): one.what for one in explain(VIEW, plan, FEATURE, platform)}
    assert told["history", "snapshot"] == f"{copy.current_snapshot_id()} of {copy.name}"
    assert told["on DuckDB", "projection"].startswith("pushed into the scan: 4 columns")
    assert told["as planned", "columns"].startswith("12 of 13 of history"), "of the copy it is known that no tid misses"
    assert ("history", "copy") not in told


def test_a_table_without_positions_beside_a_topic_is_told(tmp_path: Path) -> None:
    platform, _ = of_another_system(tmp_path)
    told = {(one.part, one.step): one.what for one in explain(VIEW, PLAN, FEATURE, platform)}
    assert "column _src_topic: expected string, found none" in told["history", "columns"]
