"""What is told of a history in Delta is in its log, and what is told of its copy is the copy's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from headrace.compiler.build import plan_view
from headrace.compiler.plan import Location, SourcePlan, ViewPlan
from headrace.pipelines.explain import explain
from headrace.pipelines.foreign import foreign_version, history_table
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

from .sales import SalesFeatures

VIEW = SalesFeatures.view
FEATURE = "turnover_1h"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TILL, WEB = "history of Till", "history of Web"


def sold(first: int, count: int) -> pa.Table:
    rows = [{"k": f"c{n % 5}", "amt": n / 7, "note": "cash", "ts": NOON + timedelta(seconds=n)} for n in range(count)]
    schema = [("k", pa.string()), ("amt", pa.float64()), ("note", pa.string()), ("ts", pa.timestamp("us", "UTC"))]
    return pa.Table.from_pylist(rows, pa.schema(schema)).slice(first)


def in_delta(plan: ViewPlan, folder: Path) -> ViewPlan:
    """The same, with the histories of all its sources in Delta tables of a folder."""
    moved = [
        replace(one, source=replace(one.source, history=Location("delta", str(folder / one.source.name))))
        for one in plan.source.members
    ]
    return replace(plan, source=replace(plan.source, members=tuple(moved)))


@pytest.fixture
def plan(tmp_path: Path) -> ViewPlan:
    """A union of sales at tills, in two files of a version, and on the web, in one."""
    found = in_delta(plan_view(VIEW), tmp_path / "lake")
    till, web = folders(found)
    for first, end in ((0, 100), (100, 130)):
        write_deltalake(till, sold(first, end), mode="append")
    write_deltalake(web, sold(0, 7))
    return found


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(load_settings(environment={}, folder=tmp_path / "home"))


def told(plan: ViewPlan, platform: Platform) -> dict[tuple[str, str], str]:
    """What is said of histories and on DuckDB, under each head and step; of histories no two are alike."""
    steps = explain(VIEW, plan, FEATURE, platform)
    histories = [one for one in steps if one.part.startswith("history")]
    assert len({(one.part, one.step) for one in histories}) == len(histories)
    return {(one.part, one.step): one.what for one in steps if one.part == "on DuckDB" or one in histories}


def folders(plan: ViewPlan) -> list[str]:
    """Where the tables of the sources are."""
    return [part.history.name for part in plan.source.parts if part.history]


def sizes(folder: str) -> Iterator[int]:
    """The bytes of the data files in a folder."""
    return (file.stat().st_size for file in Path(folder).glob("*.parquet"))


def copied(plan: ViewPlan, part: SourcePlan, platform: Platform) -> str:
    """The copy that runs read, made as they make it: its name."""
    return history_table(platform, part, foreign_version(platform, part)).name


def test_the_files_of_each_source_of_a_union_in_delta_are_those_of_its_log(plan: ViewPlan, platform: Platform) -> None:
    till, web = folders(plan)
    found, size = told(plan, platform), sum(sizes(till))
    assert found[TILL, "snapshot"] == f"1 of Delta table {Path(till).as_uri()}/"
    assert found[TILL, "files"] == f"2 with 130 rows, {size:,} bytes"
    assert found[TILL, "whole"] == f"at most {size:,} bytes of 4 columns"
    assert found[TILL, "needed"] == f"at most {size:,} bytes of 3 columns by this feature alone"
    assert found[TILL, "copy"].startswith("none yet of this snapshot")
    assert found[WEB, "files"] == f"1 with 7 rows, {sum(sizes(web)):,} bytes"
    assert found["on DuckDB", "projection"].startswith("not known: of Delta table ")


def test_a_removed_file_is_not_counted(plan: ViewPlan, platform: Platform) -> None:
    till, _ = folders(plan)
    write_deltalake(till, sold(0, 9), mode="overwrite")
    assert len(list(sizes(till))) == 3
    assert told(plan, platform)[TILL, "files"].startswith("1 with 9 rows, ")


def test_rows_that_a_writer_did_not_count_are_not_told(plan: ViewPlan, platform: Platform) -> None:
    till, _ = folders(plan)
    log = Path(till) / "_delta_log" / f"{1:020}.json"
    assert '"stats"' in log.read_text()
    log.write_text(log.read_text().replace('"stats"', '"unread"'))
    assert told(plan, platform)[TILL, "files"].startswith("2 with an unknown number of rows, ")


def test_the_copy_of_a_table_in_delta_is_explained_once_it_is_there(plan: ViewPlan, platform: Platform) -> None:
    till, web = plan.source.parts
    name = copied(plan, till, platform)
    found = told(plan, platform)
    assert found[TILL, "snapshot"].endswith(f" of {name}")
    assert (TILL, "copy") not in found
    assert found[TILL, "files"].startswith("1 with 130 rows, ")
    assert not found[TILL, "whole"].startswith("at most")
    assert "web" in found["on DuckDB", "projection"].lower()
    copied(plan, web, platform)
    assert told(plan, platform)["on DuckDB", "projection"].startswith("pushed into the scan: ")
    write_deltalake(folders(plan)[0], sold(0, 3), mode="append")
    assert told(plan, platform)[TILL, "copy"].startswith("none yet of this snapshot"), "of the newest version"


def test_looking_at_a_table_in_delta_makes_nothing(plan: ViewPlan, platform: Platform, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    told(plan, platform)
    assert sorted(tmp_path.rglob("*")) == before


def test_what_a_run_would_say_of_a_table_in_delta_is_told(plan: ViewPlan, platform: Platform, tmp_path: Path) -> None:
    _, web = folders(plan)
    write_deltalake(web, sold(0, 7).drop_columns("amt"), mode="overwrite", schema_mode="overwrite")
    found = told(plan, platform)
    assert found[WEB, "columns"].endswith("column amt: expected double, found none; a backfill is refused")
    assert found["on DuckDB", "projection"].count(" lacks columns") == 1
    found = told(in_delta(plan, tmp_path / "elsewhere"), platform)
    assert found[WEB, "files"].startswith(f"not known: no Delta table at {tmp_path / 'elsewhere' / 'Web'}")
    assert ("on DuckDB", "projection") not in found


def test_a_table_in_delta_that_no_run_reads_is_told_with_the_reason(plan: ViewPlan, platform: Platform) -> None:
    _, web = plan.source.parts
    live = replace(web, live=Location("kafka", "sales"))
    members = tuple(replace(one, source=live if one.source == web else one.source) for one in plan.source.members)
    beside = replace(plan, source=replace(plan.source, members=members))
    assert told(beside, platform)[WEB, "files"].startswith("not known: source Web: history in Delta (")
    table = DeltaTable(folders(plan)[0])
    table.alter.set_table_properties({"delta.enableDeletionVectors": "true"}, raise_if_not_exists=False)
    assert "deletionVectors" in told(plan, platform)[TILL, "files"]
