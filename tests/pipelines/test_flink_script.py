"""A job through pauses and crashes: nothing is lost or counted twice, and what would be is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.duckdb_files import database
from headrace.connectors.tile_store import Tile
from headrace.errors import JobError
from headrace.features.instant import instant_from, instant_of
from headrace.features.load import load_views
from headrace.pipelines import configuration, flink_script, flink_tiles
from headrace.pipelines.engine_diff import compare
from headrace.pipelines.flink_script import Script, played_by_flink
from headrace.pipelines.flink_tiles import FlinkEngine
from headrace.pipelines.script import Marker
from headrace.runtime.flink_in_process import ClusterInProcess
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table
from headrace.testing.rows import Inputs, opened_inputs

from ..compiler import events  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.test_duckdb_sql import SCHEMA  # noqa: TID252
from ..testing.test_plugin import FEATURES  # noqa: TID252
from .test_engine_diff import INSTANTS, WHOLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PAUSE, CRASH = Marker.PAUSE, Marker.CRASH
ROWS = 600
#: What happens after how many rows.
HAPPENS = [(0, PAUSE), (90, CRASH), (200, PAUSE), (200, PAUSE), (330, CRASH), (400, CRASH), (520, PAUSE), (600, CRASH)]
#: What each attempt reads: rows from the last pause on, until the next crash.
READ = (90, 330, 200, 400, 80)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> FlinkEngine:
    flags = {"home": str(tmp_path_factory.mktemp("home")), "jars": str(ROOT / ".build/jars")}
    return FlinkEngine(local_session(load_settings(flags=flags, environment={})), served_table)


@pytest.fixture
def archive() -> pa.Table:
    return pa.Table.from_pylist(events.events(11, ROWS), schema=SCHEMA)


def script(archive: pa.Table, happens: list[tuple[int, Marker]]) -> Iterator[pa.Table | Marker]:
    read = 0
    for rows, marker in happens:
        if rows > read:
            yield archive.slice(read, rows - read)
        yield marker
        read = rows
    if read < archive.num_rows:
        yield archive.slice(read)


def test_every_aggregate_goes_on_through_pauses_and_crashes(engine: FlinkEngine, archive: pa.Table) -> None:
    steps = list(script(archive, HAPPENS))
    with database("shop") as connection, played_by_flink(steps, WHOLE, engine) as tiles:
        connection.register("archive", archive)
        for at_us in INSTANTS:
            found = compare(connection, WHOLE, tiles, as_of=instant_of(at_us))
            assert (found.lines(), found.differing) == ([], 0)
            assert found.verdicts[0] == found.verdicts[1]
        assert tiles.rows_read == READ


def cards(tmp_path: Path) -> ViewPlan:
    (tmp_path / "features.py").write_text(FEATURES)
    return plan_view(load_views(tmp_path / "features.py").views["cards"])


def pays(plan: ViewPlan, *cents: int) -> pa.Table:
    """Rows of one card, in one tile."""
    rows = [{"card": "a", "cents": each, "at": "2026-01-01T10:00:00Z"} for each in cents]
    with opened_inputs(plan, Inputs(rows)) as connection:
        return connection.sql("SELECT * FROM archive").to_arrow_table()


def spent(plan: ViewPlan, engine: FlinkEngine, steps: Script) -> tuple[Any, tuple[int, ...]]:
    """What a card has spent by what Flink makes of a script, and how many rows each attempt read."""
    with played_by_flink(steps, plan, engine) as tiles:
        found = tiles.values(["spent_1h"], [{"card": "a"}], instant_from("at", "2026-01-01T11:00:00Z"))
        return found["spent_1h"].to_pylist()[0], tiles.rows_read


def in_script(plan: ViewPlan) -> Script:
    """Rows of 1 + 2 + 4 + 8 cents, of which that of 2 is read twice."""
    return [pays(plan, 1), PAUSE, pays(plan, 2), CRASH, pays(plan, 4, 8)]


def summing(logged: Callable[..., Iterator[list[Tile]]]) -> Callable[..., Iterator[list[Tile]]]:
    """A reader of the log that adds the versions of a tile up, where the fullest is the tile."""

    def summed(*given: Any) -> Iterator[list[Tile]]:
        (tiles,) = logged(*given)
        values = tuple(map(sum, zip(*(tile.values for tile in tiles), strict=True)))
        yield [tiles[0]._replace(values=values)]

    return summed


def test_a_reader_that_sums_versions_of_a_tile_is_seen(
    tmp_path: Path, engine: FlinkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = cards(tmp_path)
    assert spent(plan, engine, in_script(plan)) == (15, (2, 3))
    monkeypatch.setattr(flink_tiles, "_logged", summing(flink_tiles._logged))
    value, read = spent(plan, engine, in_script(plan))
    assert (value > 15, read) == (True, (2, 3))


def test_state_that_is_not_there_when_the_job_goes_on_is_seen(
    tmp_path: Path, engine: FlinkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "state_ttl_us", lambda *_: 1000)
    plan = cards(tmp_path)
    value, read = spent(plan, engine, in_script(plan))
    assert (value < 15, read) == (True, (2, 3))


def test_a_failure_of_its_own_ends_the_job_and_names_the_feature(tmp_path: Path, engine: FlinkEngine) -> None:
    plan = cards(tmp_path)
    with pytest.raises(JobError, match="spent"):
        spent(plan, engine, [pays(plan, 2**62, 2**62), CRASH, pays(plan, 2**62), PAUSE])


def test_a_crash_that_does_not_happen_is_told(
    tmp_path: Path, engine: FlinkEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClusterInProcess, "lose_task_manager", lambda self: None)
    monkeypatch.setattr(flink_script, "PATIENCE_S", 15.0)
    plan = cards(tmp_path)
    with pytest.raises(JobError, match=r"within 15 s the job has not started again; .*number=0, .*rows_in=1"):
        spent(plan, engine, [pays(plan, 1), CRASH])
