"""Rows of several sources on Flink: verdicts, tiles and training values are those of a loop over the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.flink_sql import FlinkJob
from headrace.compiler.plan import ViewPlan
from headrace.compiler.point_in_time import AskedFeature, key_sets
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.features.instant import instant_of
from headrace.pipelines.engine_diff import compare
from headrace.pipelines.flink_answers import LOCAL, flink_answers
from headrace.pipelines.flink_tiles import FlinkEngine, FlinkTiles, folded_by_flink
from headrace.pipelines.spine import Spine
from headrace.pipelines.training_set import Pinned, PinnedHistory
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table

from ..compiler import events  # noqa: TID252 (the oracles are the compiler's)
from ..compiler.copied import copied_events  # noqa: TID252
from ..compiler.test_duckdb_sql import close  # noqa: TID252
from ..compiler.test_point_in_time import SPINE, TTL, expected, spine  # noqa: TID252
from ..compiler.test_union import IDS, counting  # noqa: TID252
from ..compiler.united import Split, united  # noqa: TID252

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOP = united("every_aggregate", "shop_features")
SPLIT = Split.of(events.events(11, 600), 11)
INSTANTS = (events.BASE, events.BASE + 7 * events.MINUTE + 3, events.BASE - events.YEARS + events.MINUTE)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FlinkEngine:
    flags = {"home": str(tmp_path_factory.mktemp("home")), "jars": str(ROOT / ".build/jars")}
    return FlinkEngine(local_session(load_settings(flags=flags, environment={})), served_table)


@pytest.fixture(scope="module")
def shop(engine: FlinkEngine) -> Iterator[tuple[Any, FlinkTiles]]:
    """The rows of three sources, and the tiles that Flink makes of them in one job."""
    connection = SPLIT.connect(SHOP)
    with folded_by_flink(connection, SHOP, engine) as tiles:
        yield connection, tiles


@pytest.mark.parametrize("at_us", INSTANTS)
def test_both_engines_agree_on_a_union(shop: tuple[Any, FlinkTiles], at_us: int) -> None:
    found = compare(shop[0], SHOP, shop[1], as_of=instant_of(at_us))
    assert (found.lines(), found.differing) == ([], 0)
    assert found.values > len(SHOP.features)


def test_flink_judges_each_row_by_its_own_source(shop: tuple[Any, FlinkTiles]) -> None:
    verdicts = [events.verdict(row) for row in SPLIT.rows]
    assert shop[1].verdicts == {name: verdicts.count(name) for name in ("accepted", "late", "dead_letter")}


@pytest.mark.parametrize("at_us", INSTANTS)
def test_the_tiles_of_a_union_equal_a_loop_over_its_rows(shop: tuple[Any, FlinkTiles], at_us: int) -> None:
    for name, (keys, *_) in events.SPECS.items():
        wanted = events.expected(SPLIT.rows, name, at_us, "tiled")
        entities = [dict(zip(keys, key, strict=True)) for key in wanted]
        served = shop[1].values([name], entities, instant_of(at_us)).column(0).to_pylist()
        values = [events.micros(value) for value in served]
        assert dict(zip(wanted, values, strict=True)) == close(wanted), name


@pytest.mark.parametrize("ids", IDS)
def test_flink_counts_one_of_the_copies_in_a_source_or_in_the_union(engine: FlinkEngine, ids: str) -> None:
    plan, split = united("unique_orders", "unique_orders", IDS[ids]), Split.of(copied_events(11, 300), 11)
    connection = split.connect(plan)
    with folded_by_flink(connection, plan, engine) as tiles:
        for at_us in INSTANTS[:2]:
            found = compare(connection, plan, tiles, as_of=instant_of(at_us))
            assert (found.lines(), found.differing) == ([], 0), at_us
    assert found.verdicts[1]["accepted"] == len(counting(split, ids))
    assert min(found.verdicts[1].values()) > 0


def test_training_values_of_a_union_equal_a_loop_on_flink(engine: FlinkEngine, tmp_path: Path) -> None:
    askers = spine(11, SPLIT.rows, 60)
    kinds = list(product(["recomputed", "last_write", "ttl"], ["exact", "tiled"]))
    asked = {
        f"{name} {mode} {windows}": AskedFeature(f"{name} {mode} {windows}", SHOP.feature(name), mode, TTL, windows)  # type: ignore[arg-type]
        for name, (mode, windows) in product(events.SPECS, kinds)
    }
    rows = pa.Table.from_pylist(askers, schema=SPINE)
    whole = Spine(rows.drop_columns(["_row", "_t"]), "at", rows["_t"])

    def run(job: FlinkJob) -> None:
        engine.session.run(job.statements, job.inserts, {**job.config, **LOCAL})

    found = flink_answers(
        key_sets(SHOP, tuple(asked.values())), whole, histories(SHOP, SPLIT, tmp_path), scratch(tmp_path), run
    )
    for one in asked.values():
        wanted = [expected(SPLIT.rows, row, one.feature.name, one.mode, one.window_mode, "event") for row in askers]
        values = [events.micros(value) for value in found[one.name].to_pylist()]
        assert dict(enumerate(values)) == close(dict(enumerate(wanted))), one.name


def histories(plan: ViewPlan, split: Split, folder: Path) -> Pinned:
    """The archive of each source, pinned."""
    lake = IcebergCatalog.sqlite("lake", folder)
    found = []
    for part, rows in zip(plan.source.parts, split.tables(plan.source), strict=True):
        table = lake.create_table("raw", part.name.lower(), archive_fields(part.columns))
        found.append(PinnedHistory(table, table.append(rows), 0))
    return Pinned(tuple(found), 0)


def scratch(folder: Path) -> IcebergCatalog:
    (folder / "scratch").mkdir()
    return IcebergCatalog.sqlite("scratch", folder / "scratch")
