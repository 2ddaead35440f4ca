"""Look-ups where values are computed: both engines, training sets and runs and what they pin, what is refused."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.compiler.build import plan_view
from headrace.compiler.explain import planned, written
from headrace.compiler.flink_sql import flink_job
from headrace.compiler.flink_tables import DimensionOptions, JobBindings, Legs, TileOptions
from headrace.compiler.plan import ViewPlan
from headrace.connectors.duckdb_functions import view_database
from headrace.errors import SchemaMismatchError
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.engine_diff import diff_locally
from headrace.pipelines.followed_dimensions import joined_dimensions, open_joined, refuse_unfollowed
from headrace.pipelines.local_run import run_locally
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.training_pipeline import TrainingSetPipeline

from . import flown
from .test_dimensions import AFTERWARDS, ASKED, FEATURES, MORNING, ON_BOTH, House, engine_of, spine, values

FLOWN = plan_view(load_views(Path(flown.__file__)).views["flown"])
#: The shops of an afternoon, one row each. What the view does not read may be in the table too.
SHOPS = pa.table({"shop": ["x", "y", None], "kind": ["food", "fuel", "food"], "factor": [10.0, 3.0, 7.0]})
#: Nobody knows z: its payment stays, and has no factor.
VALUES = {"a": (70.0, 3), "b": (24.0, 0)}
TWICE = pa.concat_tables([SHOPS, SHOPS.slice(0, 1)])
REPEATED = r"dimension Shops: .*shops.* has 2 rows of shop 'x'; a look-up table has one row for each key: keep one"
LIVE = 'live = KafkaTopic("payments")'


class Street(House):
    """The same payments, by a view that looks shops up."""

    def plan(self, history: str = 'IcebergTable("ref.shops")', live: str = "") -> ViewPlan:
        text = FEATURES.replace('    delay = "1m"\n', "").replace("    since: datetime = event_time()\n", "")
        file = self.folder / "features.py"
        file.write_text(text.replace("asof_join", "lookup").replace("{history}", history).replace("{live}", live))
        return plan_view(load_views(file).views["card_payments"])

    def replace_shops(self, rows: pa.Table) -> None:
        """Let the look-up table, one of another system, have these rows and no others."""
        write_deltalake(str(self.delta), rows, mode="overwrite")

    @property
    def delta(self) -> Path:
        return self.folder / "shops"

    @property
    def over_delta(self) -> str:
        return f"DeltaTable({str(self.delta)!r})"

    def trained(self, engine: str = "duckdb") -> TrainingSetPipeline:
        views = {"card_payments": self.plan(self.over_delta)}
        return TrainingSetPipeline(self.platform, views, engine=engine)


@pytest.fixture
def street(tmp_path: Path) -> Street:
    return Street(tmp_path)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """The files of random flights, and of what they look up."""
    planes, gates = flown.some_planes(random.Random(2)), flown.some_gates(random.Random(3))
    files = {
        "Planes": flown.write(tmp_path, "planes", planes, flown.PLANES),
        "Gates": flown.write(tmp_path, "gates", gates, flown.GATES),
    }
    return flown.write(tmp_path, "flights", flown.some_flights(random.Random(1), 400), flown.FLIGHTS), files


def nowhere(name: str) -> Any:
    raise AssertionError(name)


def test_duckdb_sees_the_row_of_each_key(tables: tuple[str, dict[str, str]]) -> None:
    found = run_locally(FLOWN, tables[0], nowhere, dimensions=tables[1])
    planes, gates = flown.some_planes(random.Random(2)), flown.some_gates(random.Random(3))
    flights = flown.some_flights(random.Random(1), 400)
    (answers,) = found.tables
    assert answers.num_rows == len(flights)
    wanted = {one["id"]: flown.meant(one, planes, gates) for one in flights}
    for row in answers.to_pylist():
        assert {name: row[f"{name}_9d"] for name in wanted[row["id"]]} == wanted[row["id"]], row


@pytest.mark.slow
def test_flink_sees_the_row_of_each_key(street: Street, tables: tuple[str, dict[str, str]]) -> None:
    found = diff_locally(FLOWN, tables[0], nowhere, engine_of(street), dimensions=tables[1])
    assert (found.lines(), found.values) == ([], 400 * len(FLOWN.features))


def test_flink_is_asked_for_what_holds_at_all_times() -> None:
    """No event time, no end, and nothing to follow, whatever was pinned; and no row is refused for a table."""
    tables = dict.fromkeys(("Planes", "Gates"), DimensionOptions({"snapshot-id": "1"}, until_us=2))
    tiles = {group.fingerprint: TileOptions(None, None) for group in FLOWN.groups}
    job = flink_job(FLOWN, JobBindings("p", "r", [Legs({}, None)], tiles, dimensions=tables)).text()
    assert job.count("HR_AS_OF('{") == 2
    assert job.count('"event_time": null, "delay_us": 0, "until_us": null, "columns": [') == 2
    assert job.count('"most_rows": null, "following": null}') == 2
    assert "is complete to" not in job


def test_an_explanation_calls_a_lookup_by_its_name() -> None:
    view = load_views(Path(flown.__file__)).views["flown"]
    (one,) = [feature for feature in view.features if feature.name == "distance_9d"]
    steps = [*written(one, FLOWN, view.source.where), *planned(FLOWN, FLOWN.feature("distance_9d"))]
    (own, *joins) = [step.what for step in steps if step.step == "look-up"]
    assert own == "Gates by gate, airline: iceberg ref.gates"
    assert "Gates: one look-up for each row, before its verdict, of distance" in joins
    assert sorted(join.split(":")[0] for join in joins) == ["Gates", "Planes"]


def test_a_run_looks_its_own_table_up(street: Street) -> None:
    street.replace_shops(SHOPS)
    assert values(street.run(street.plan(street.over_delta))) == VALUES


@ON_BOTH
def test_a_training_set_is_of_the_snapshot_that_it_pinned(street: Street, engine: str) -> None:
    street.replace_shops(SHOPS)
    street.keep_payments()
    pipeline = street.trained(engine)
    made = pipeline.build(spine(AFTERWARDS, MORNING + timedelta(hours=9, seconds=61)), ASKED)
    rows = made.rows.to_pylist()
    assert [(row["weighed_1d"], row["meals_1d"]) for row in rows] == [*VALUES.values(), (70.0, 3), (None, None)]

    saved = SavedTrainingSets(street.platform)
    record = made.save()
    pinned = made.histories["card_payments"].dimensions["Shops"]
    assert f"training-set-{record.id}-card_payments-Shops" in pinned.table.refresh().tags()
    street.replace_shops(SHOPS.set_column(2, "factor", pa.array([100.0] * 3)))
    assert saved.rebuild(record.id).is_identical
    assert street.trained(engine).build(spine(AFTERWARDS), ASKED).rows["weighed_1d"].to_pylist() == [700.0, 800.0]


def test_a_lookup_table_ends_no_training_set(street: Street) -> None:
    """Its rows hold at all times, however long ago they were written: the end is that of the history."""
    street.replace_shops(SHOPS)
    street.keep_payments()
    history = street.trained().history(street.plan(street.over_delta))
    assert history.until_us == history.histories[0].until_us > history.dimensions["Shops"].until_us


def test_a_live_run_reads_the_snapshot_that_it_pinned(street: Street) -> None:
    """The job, its ledger and consistency: none of them what the table has become."""
    street.replace_shops(SHOPS)
    street.keep_payments()
    plan = street.plan(street.over_delta)
    pipeline = BackfillPipeline(plan, street.platform)
    pipeline.check_sources()
    cutover = replace(pipeline.plan_cutover(), topic="payments")
    street.replace_shops(TWICE)
    question = pipeline.dimension_options(cutover.dimensions[0], cutover)
    assert (question.options["snapshot-id"], question.following) == (str(cutover.dimensions[0].snapshot_id), None)
    joined = joined_dimensions(street.platform, plan, cutover)
    assert joined["Shops"].snapshot_id == cutover.dimensions[0].snapshot_id
    with view_database(plan) as connection:
        open_joined(connection, plan, street.platform.iceberg, cutover)
        rows = connection.execute("SELECT shop, factor FROM dimension_shops ORDER BY ALL").fetchall()
    assert rows == [("x", 10.0), ("y", 3.0), (None, 7.0)]


def test_a_live_view_may_look_up_what_it_could_not_follow(street: Street) -> None:
    """No event waits for a look-up table, so neither Delta nor a source's future matters."""
    refuse_unfollowed(street.plan(street.over_delta, LIVE), street.settings.flink.dimension_patience_s)


REFUSED: list[tuple[str, Callable[[Street], Any]]] = [
    ("a file", lambda street: street.run(street.plan(), Shops=str(street.shops))),
    ("its Delta table", lambda street: street.run(street.plan(street.over_delta))),
    ("a training set", lambda street: street.trained().build(spine(AFTERWARDS), ASKED)),
    ("a run", lambda street: BackfillPipeline(street.plan(street.over_delta), street.platform).plan_cutover()),
]


@pytest.mark.parametrize("ask", [ask for _, ask in REFUSED], ids=[name for name, _ in REFUSED])
def test_two_rows_of_one_key_are_refused_with_the_key(street: Street, ask: Callable[[Street], Any]) -> None:
    street.shops.write_text("shop,kind,factor\nx,food,10.0\ny,fuel,3.0\nx,food,10.0\n")
    street.replace_shops(TWICE)
    street.keep_payments()
    with pytest.raises(SchemaMismatchError, match=REPEATED):
        ask(street)


def test_keys_of_several_columns_are_named_whole_those_of_most_rows_first(tmp_path: Path) -> None:
    pairs = [(1, "kl")] * 2 + [(2, "kl")] * 3 + [(3, "kl")] * 2 + [(4, "kl")] * 2 + [(None, "kl")] * 2
    rows = [{"number": number, "airline": airline, "distance": 0} for number, airline in pairs]
    files = {
        "Planes": flown.write(tmp_path, "planes", [], flown.PLANES),
        "Gates": flown.write(tmp_path, "gates", rows, flown.GATES),
    }
    flights = flown.write(tmp_path, "flights", flown.some_flights(random.Random(1), 1), flown.FLIGHTS)
    named = (
        "has 3 rows of number 2 and airline 'kl', 2 rows of number 1 and airline 'kl', "
        "2 rows of number 3 and airline 'kl'; a look-up"
    )
    with pytest.raises(SchemaMismatchError, match=named):
        run_locally(FLOWN, flights, nowhere, dimensions=files)
