"""While a job runs, all its tables are read at one and the same checkpoint."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field
from headrace.pipelines.ledger import consistent

FIELDS = (Field("x", "bigint"),)


@pytest.fixture
def tables(tmp_path: Path) -> list[IcebergTable]:
    catalog = IcebergCatalog.sqlite("house", tmp_path)
    return [catalog.create_table("tiles", name, FIELDS) for name in ("one", "two", "three")]


def commit(table: IcebergTable, job: str, checkpoint: int) -> int:
    summary = {"flink.job-id": job, "flink.max-committed-checkpoint-id": str(checkpoint)}
    rows = pa.table({"x": pa.array([checkpoint], pa.int64())})
    table.commit(lambda target: target.append(rows, snapshot_properties=summary))
    return table.current_snapshot_id() or 0


def test_a_table_that_is_ahead_is_read_where_the_others_surely_are(tables: list[IcebergTable]) -> None:
    one, two, three = tables
    older = commit(one, "job", 4)
    commit(one, "job", 5)
    quiet = commit(two, "job", 2)
    commit(three, "job", 5)
    assert consistent(tables, "job") == {"tiles.one": older, "tiles.two": quiet, "tiles.three": None}


def test_commits_of_other_jobs_do_not_hide_ours(tables: list[IcebergTable]) -> None:
    one = tables[0]
    commit(one, "job", 1)
    before = commit(one, "other", 50)
    commit(one, "job", 2)
    commit(one, "other", 51)
    assert consistent([one], "job") == {"tiles.one": before}


def test_a_job_without_new_rows_is_read_to_its_end_once_a_later_checkpoint_is_acknowledged(
    tables: list[IcebergTable],
) -> None:
    one, two, _ = tables
    older, quiet = commit(one, "job", 4), commit(two, "job", 2)
    newest = commit(one, "job", 5)
    assert consistent(tables, "job", acknowledged=5)["tiles.one"] == older
    assert consistent(tables, "job", acknowledged=6) == {
        "tiles.one": newest,
        "tiles.two": quiet,
        "tiles.three": None,
    }


def test_without_a_running_job_the_newest_snapshot_counts(tables: list[IcebergTable]) -> None:
    newest = commit(tables[0], "job", 9)
    assert consistent(tables, None) == {"tiles.one": newest, "tiles.two": None, "tiles.three": None}
