"""What a run has committed, looked at again and again while it commits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import LEDGER_NAMESPACE, OFFSET_TILES
from headrace.pipelines.backfill import OFFSET_TILES_TABLE
from headrace.pipelines.progress import CommitWatch, LegProgress, committed
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings


@dataclass(frozen=True)
class Row:
    """A version of a block: what has been read of it, and the offset of the newest."""

    leg: str
    topic: str
    partition: int
    block: int
    n: int
    max_offset: int
    run: str = "mine"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    lake = IcebergCatalog.sqlite("house", tmp_path / "lake")
    flags = {"home": str(tmp_path), "iceberg": {"catalog": "house", "properties": dict(lake.properties)}}
    return load_settings(flags=flags, environment={}, folder=tmp_path)


@pytest.fixture
def platform(settings: Settings) -> Platform:
    return Platform(settings)


@pytest.fixture
def table(platform: Platform) -> IcebergTable:
    return platform.iceberg.create_table(LEDGER_NAMESPACE, OFFSET_TILES_TABLE, OFFSET_TILES)


def commit(table: IcebergTable, *versions: Row) -> None:
    schema = table.table.schema().as_arrow()
    named = [{name: getattr(row, name, None) for name in schema.names} for row in versions]
    table.append(pa.Table.from_pylist(named, schema=schema))


def test_each_look_adds_what_was_committed_since(platform: Platform, table: IcebergTable) -> None:
    watch = CommitWatch(platform, "mine")
    assert watch.look() == []
    commit(table, Row("history", "orders", 0, 0, 5, 4), Row("history", "orders", 1, 0, 3, 2))
    assert watch.look() == [LegProgress("history", "orders", 0, 5, 4), LegProgress("history", "orders", 1, 3, 2)]
    commit(
        table,
        Row("history", "orders", 0, 0, 9, 8),
        Row("history", "orders", 0, 1, 2, 65537),
        Row("live", "orders", 0, 1, 1, 65538),
    )
    assert watch.look() == [
        LegProgress("history", "orders", 0, 11, 65537),
        LegProgress("history", "orders", 1, 3, 2),
        LegProgress("live", "orders", 0, 1, 65538),
    ]
    assert watch.look() == watch.look()


def test_rows_of_other_runs_and_older_versions_count_for_nothing(platform: Platform, table: IcebergTable) -> None:
    watch = CommitWatch(platform, "mine")
    commit(table, Row("live", "orders", 0, 0, 9, 8), Row("live", "orders", 0, 0, 70, 69, run="other"))
    watch.look()
    commit(table, Row("live", "orders", 0, 0, 4, 3), Row("live", "orders", 1, 0, 70, 69, run="other"))
    assert watch.look() == [LegProgress("live", "orders", 0, 9, 8)]


def test_many_looks_see_what_one_look_sees(platform: Platform, table: IcebergTable) -> None:
    randomly, watch = Random(3), CommitWatch(platform, "mine")
    for _ in range(8):
        versions = [
            Row(randomly.choice(("history", "live")), *place, n, n + 7)
            for n in (randomly.randrange(1, 99) for _ in range(4))
            for place in [(randomly.choice(("a", "b")), randomly.randrange(3), randomly.randrange(2))]
        ]
        commit(table, *versions)
        assert watch.look() == committed(platform, "mine")
