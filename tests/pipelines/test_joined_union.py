"""A union whose rows look up a dimension where values are computed: what runs and training sets pin, and on Flink."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from headrace.compiler.lookups import dimensions_of
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import archive_fields
from headrace.features.instant import instant_of, instant_us
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.engine_diff import compare
from headrace.pipelines.flink_tiles import FlinkEngine, folded_by_flink
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.runtime.cutover import Cutover
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table

from ..compiler import joined_union  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.joined_union import BASE, MINUTE, UNTIL, Row  # noqa: TID252
from ..compiler.test_joined_union import CARDS, INSTANTS, PLAN, opened, table  # noqa: TID252

ROOT = Path(__file__).resolve().parents[2]
FEATURES = [f"card_sales:{one.name}" for one in PLAN.features]


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    lake = IcebergCatalog.sqlite("house", tmp_path / "lake")
    flags = {
        "home": str(tmp_path / "home"),
        "jars": str(ROOT / ".build/jars"),
        "iceberg": {"catalog": "house", "properties": dict(lake.properties)},
        "cassandra": {"contact_points": ["127.0.0.1:9042"]},
    }
    return Platform(load_settings(flags=flags, environment={}, folder=tmp_path))


def archive(platform: Platform, rows: list[Row], shops: list[Row]) -> None:
    """Keep the rows of both sources, and the versions, in tables."""
    of = {part: [row for row in rows if row["_member"] == number] for number, part in enumerate(PLAN.source.parts)}
    of |= dict.fromkeys(dimensions_of(PLAN), shops)
    for source, own in of.items():
        assert source.history is not None
        made = platform.iceberg.create_table(*source.history.name.split("."), archive_fields(source.columns))
        made.append(table(source, own))


def spine() -> pd.DataFrame:
    asked = [(card, instant_of(at_us)) for card in CARDS for at_us in INSTANTS]
    return pd.DataFrame(asked, columns=["card", "at"])


@pytest.mark.parametrize("engine", ["duckdb", pytest.param("flink", marks=pytest.mark.slow)])
def test_a_training_set_pins_each_history_and_the_dimension(
    platform: Platform, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, shops = joined_union.rows(7), joined_union.versions(7)
    archive(platform, rows, shops)
    pipeline = TrainingSetPipeline(platform, {"card_sales": PLAN}, engine=engine, outside="flag")
    made = pipeline.build(spine(), FEATURES)
    # The tables are complete to when they were written, so no row is beyond.
    monkeypatch.setattr(joined_union, "UNTIL", BASE)
    for name in joined_union.ORACLE:
        wanted = [joined_union.expected(rows, shops, name, card, at_us) for card in CARDS for at_us in INSTANTS]
        assert made.rows[name].to_pylist() == wanted, name
    pinned = made.histories["card_sales"]
    assert [one.table.name for one in pinned.histories] == ["raw.payments", "raw.orders"]
    ends = [
        instant_us(one.table.committed_at(one.snapshot_id)) - part.max_delay_us
        for one, part in zip(pinned.histories, PLAN.source.parts, strict=True)
    ]
    assert [one.until_us for one in pinned.histories] == ends
    assert pinned.until_us == min(
        *(one.until_us for one in pinned.histories), pinned.dimensions["Shops"].until_us + MINUTE
    )
    saved = SavedTrainingSets(platform)
    record = made.save()
    for name in ("raw.payments", "raw.orders", "ref.shops"):
        tags = platform.iceberg.named(name).tags()
        assert any(tag.startswith(f"training-set-{record.id}-card_sales") for tag in tags), name
    platform.iceberg.named("ref.shops").append(table(dimensions_of(PLAN)[0], joined_union.versions(8)))
    platform.iceberg.named("raw.orders").append(
        table(PLAN.source.parts[1], [order for order in rows if order["_member"]])
    )
    assert saved.rebuild(record.id).is_identical


def test_a_run_pins_and_records_each_history_and_the_dimension(platform: Platform) -> None:
    rows = placed(joined_union.rows(3))
    archive(platform, rows, joined_union.versions(3))
    pipeline = BackfillPipeline(PLAN, platform)
    pipeline.check_sources()
    cutover = pipeline.plan_cutover()
    assert [part.table for part in cutover.parts] == ["raw.payments", "raw.orders"]
    assert [pin.name for pin in cutover.dimensions] == ["Shops"]
    assert cutover.archived_rows == len(rows)
    assert Cutover.from_dict(json.loads(cutover.to_json())) == cutover
    text = pipeline.build_job(cutover).text()
    pins = [*(part.snapshot_id for part in cutover.parts), cutover.dimensions[0].snapshot_id]
    assert [str(pin) in text for pin in pins] == [True] * 3


def placed(rows: list[Row]) -> list[Row]:
    """The rows with offsets that have no gaps in the one partition of their topic."""
    own = [[row for row in rows if row["_member"] == member] for member in (0, 1)]
    return [{**row, "_src_partition": 0, "_src_offset": offset} for of in own for offset, row in enumerate(of)]


@pytest.mark.slow
def test_flink_gives_a_joined_union_the_verdicts_and_values_of_a_loop(platform: Platform) -> None:
    rows, shops = joined_union.rows(11, 600), joined_union.versions(11)
    engine = FlinkEngine(local_session(platform.settings), served_table)
    with opened(rows, shops) as connection, folded_by_flink(connection, PLAN, engine) as tiles:
        assert tiles.verdicts == joined_union.verdicts(rows)
        for at_us in (BASE, BASE - 30 * MINUTE):
            found = compare(connection, PLAN, tiles, as_of=instant_of(at_us))
            assert (found.lines(), found.differing) == ([], 0)
        # At whole tiles what is served is the exact window.
        for name in joined_union.ORACLE:
            served = tiles.values([name], [{"card": card} for card in CARDS[:3]], instant_of(BASE))
            wanted = [joined_union.expected(rows, shops, name, card, BASE) for card in CARDS[:3]]
            assert served.column(0).to_pylist() == wanted, name
    assert UNTIL < BASE
