"""As-of joins where values are computed: local runs, training sets and what they pin, both engines, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from headrace.compiler.build import plan_view
from headrace.compiler.plan import ViewPlan
from headrace.connectors.iceberg import IcebergCatalog, IcebergTable
from headrace.connectors.schema import Field, archive_fields
from headrace.errors import (
    HeadraceError,
    JobError,
    NotFoundError,
    RequestError,
    SchemaMismatchError,
    SettingsError,
    UnsupportedError,
)
from headrace.features.instant import instant_of
from headrace.features.load import load_views
from headrace.pipelines.backfill import BackfillPipeline
from headrace.pipelines.completeness import NOTED
from headrace.pipelines.engine_diff import compare, diff_locally
from headrace.pipelines.flink_tiles import FlinkEngine, folded_by_flink
from headrace.pipelines.local_run import LocalRun, run_locally
from headrace.pipelines.saved_training_sets import SavedTrainingSets
from headrace.pipelines.training_pipeline import TrainingSetPipeline
from headrace.runtime.local_flink import local_session
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings
from headrace.serving.bulk import served_table

from ..compiler import test_as_of  # noqa: TID252 (the oracle is the compiler's)
from ..compiler.as_of import BASE, DAY  # noqa: TID252

ROOT = Path(__file__).resolve().parents[2]
FEATURES = """
from datetime import datetime
from headrace import (
    DeltaTable, Dimension, FeaturePipeline, IcebergTable, KafkaTopic, Source, WindowSpec, event_time, transformation
)

class Payments(Source):
    history = IcebergTable("raw.payments")
    {live}
    card: str
    shop: str
    amt: float
    ts: datetime = event_time(max_delay="0s")

class Shops(Dimension):
    history = {history}
    key = "shop"
    delay = "1m"
    shop: str
    kind: str
    factor: float
    since: datetime = event_time()

@transformation
def weighed(tx: Payments, wspec: WindowSpec):
    joined = tx.asof_join(Shops)
    return joined.groupby("card")[joined.amt * joined.factor].window(wspec).sum()

@transformation
def meals(tx: Payments, wspec: WindowSpec):
    return tx[tx.asof_join(Shops)["kind"] == "food"].groupby("card").window(wspec).count()

class CardPayments(FeaturePipeline):
    owner = "a@b.c"
    clock = "event"
    features = [weighed.over("1d"), meals.over("1d")]
"""
PAYMENTS = """card,shop,amt,ts
a,x,1.0,2026-01-01T08:59:59Z
a,x,2.0,2026-01-01T09:00:59.999999Z
a,x,4.0,2026-01-01T09:01:00Z
b,y,8.0,2026-01-01T12:00:00Z
b,z,16.0,2026-01-01T12:00:00Z
"""
SHOPS = """shop,kind,factor,since
x,food,10.0,2026-01-01T09:00:00Z
x,fuel,1.0,2026-01-01T08:00:00Z
y,food,3.0,2026-01-01T11:00:00Z
y,food,5.0,2026-01-01T11:00:00Z
"""
#: x is fuel until a minute after nine; of two versions of y the later row counts; nobody knows z.
VALUES = {"a": (1.0 * 1 + 2 * 1 + 4 * 10, 1), "b": (8.0 * 5, 1)}
MORNING = datetime(2026, 1, 1, tzinfo=UTC)


def shops() -> pa.Table:
    """The versions of SHOPS."""
    rows = [line.split(",") for line in SHOPS.splitlines()[1:]]
    found = [{"shop": s, "kind": k, "factor": float(f), "since": datetime.fromisoformat(t)} for s, k, f, t in rows]
    types = [
        ("shop", pa.string()),
        ("kind", pa.string()),
        ("factor", pa.float64()),
        ("since", pa.timestamp("us", "UTC")),
    ]
    return pa.Table.from_pylist(found, pa.schema(types))


class House:
    """A catalog of the test's own, with payments and shops in files and in tables."""

    def __init__(self, folder: Path) -> None:
        catalog = IcebergCatalog.sqlite("lake", folder / "lake")
        (folder / "lake").mkdir()
        iceberg = {"catalog": catalog.name, "properties": dict(catalog.properties)}
        flags = {"home": str(folder / "home"), "project": "p", "iceberg": iceberg, "jars": str(ROOT / ".build/jars")}
        self.settings: Settings = load_settings(flags=flags, environment={}, folder=folder)
        self.platform, self.folder = Platform(self.settings), folder
        self.payments, self.shops = folder / "payments.csv", folder / "shops.csv"
        self.payments.write_text(PAYMENTS)
        self.shops.write_text(SHOPS)

    def plan(self, history: str = 'IcebergTable("ref.shops")', live: str = "") -> ViewPlan:
        file = self.folder / "features.py"
        file.write_text(FEATURES.replace("{history}", history).replace("{live}", live))
        return plan_view(load_views(file).views["card_payments"])

    def keep_shops(self, rows: pa.Table) -> IcebergTable:
        """Append versions to the dimension's own Iceberg table."""
        types = {"shop": "string", "kind": "string", "factor": "double", "since": "timestamp"}
        table = self.platform.iceberg.create_table("ref", "shops", [Field(*one) for one in types.items()])
        table.append(rows)
        return table.refresh()

    def keep_payments(self) -> None:
        """Archive the payments."""
        source = self.plan().source
        table = self.platform.iceberg.create_table("raw", "payments", archive_fields(source.columns))
        lines = [line.split(",") for line in PAYMENTS.splitlines()[1:]]
        rows = [
            {"card": card, "shop": shop, "amt": float(amt), "ts": datetime.fromisoformat(ts), "_src_offset": number}
            for number, (card, shop, amt, ts) in enumerate(lines)
        ]
        whole = [{**row, "_src_topic": "t", "_src_partition": 0, "_src_timestamp": row["ts"]} for row in rows]
        table.append(pa.Table.from_pylist(whole, schema=table.table.schema().as_arrow()))

    def run(self, plan: ViewPlan, **dimensions: str) -> LocalRun:
        return run_locally(plan, str(self.payments), self.platform.iceberg.named, dimensions=dimensions)

    def pipeline(self, **options: Any) -> TrainingSetPipeline:
        return TrainingSetPipeline(self.platform, {"card_payments": self.plan()}, **options)


def values(found: LocalRun) -> dict[str, tuple[float | None, int]]:
    (table,) = found.tables
    return {row["card"]: (row["weighed_1d"], row["meals_1d"]) for row in table.to_pylist()}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_run_joins_a_file_of_versions(house: House) -> None:
    assert values(house.run(house.plan(), Shops=str(house.shops))) == VALUES


def test_a_run_joins_the_dimensions_own_table(house: House) -> None:
    house.keep_shops(shops())
    assert values(house.run(house.plan())) == VALUES


def test_a_run_joins_a_delta_table(house: House) -> None:
    write_deltalake(str(house.folder / "delta"), shops())
    assert values(house.run(house.plan(history=f"DeltaTable({str(house.folder / 'delta')!r})"))) == VALUES
    assert values(house.run(house.plan(), Shops=str(house.folder / "delta"))) == VALUES


def test_events_beyond_the_commit_of_a_table_are_dead_letters_that_say_so(house: House) -> None:
    house.keep_shops(shops())
    late = datetime.now(UTC) + timedelta(hours=1)
    house.payments.write_text(f"{PAYMENTS}a,x,32.0,{late.isoformat()}\n")
    found = house.run(house.plan())
    assert values(found) == VALUES
    assert found.reasons == {"event time is beyond what dimension Shops is complete to": 1}


REFUSED: list[tuple[Callable[[House], Any], type[HeadraceError], str]] = [
    (lambda house: house.run(house.plan(), Shop="x.csv"), SettingsError, "no dimension 'Shop'; did you mean 'Shops'"),
    (lambda house: house.run(house.plan(), Shops="gone.csv"), NotFoundError, "no file gone.csv"),
    (lambda house: house.run(house.plan()), NotFoundError, "ref.shops"),
    (lambda house: house.run(house.plan("DeltaTable('/gone')")), NotFoundError, "no Delta table at /gone"),
]


@pytest.mark.parametrize(("ask", "kind", "message"), REFUSED)
def test_what_is_no_dimension_is_refused_by_name(
    house: House, ask: Callable[[House], Any], kind: type[HeadraceError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        ask(house)


FILES = [
    ("kind,", "sort,", "has no column 'kind'"),
    ("x,food,10.0", "x,food,many", "dimension Shops: row 0 cannot be read, column factor: many is no float"),
    ("11:00:00Z", "11:00:00", "row 2 cannot be read, column since: 2026-01-01T11:00:00 is no datetime with an offset"),
]


@pytest.mark.parametrize(("written", "instead", "message"), FILES)
def test_a_file_that_holds_no_versions_is_refused(house: House, written: str, instead: str, message: str) -> None:
    house.shops.write_text(SHOPS.replace(written, instead))
    with pytest.raises(SchemaMismatchError, match=message):
        house.run(house.plan(), Shops=str(house.shops))


def test_an_empty_table_is_refused(house: House) -> None:
    house.keep_shops(shops().slice(0, 0))
    with pytest.raises(NotFoundError, match=r"dimension Shops: Iceberg .* is empty, so no event would see anything"):
        house.run(house.plan())


def spine(*times: datetime) -> pd.DataFrame:
    return pd.DataFrame([(at, card) for at in times for card in ("a", "b")], columns=["at", "card"])


ASKED = ["card_payments:weighed_1d", "card_payments:meals_1d"]
AFTERWARDS = MORNING + timedelta(hours=13)
#: What holds on either engine.
ON_BOTH = pytest.mark.parametrize("engine", ["duckdb", pytest.param("flink", marks=pytest.mark.slow)])


@ON_BOTH
def test_a_training_set_is_of_the_versions_that_it_pinned(house: House, engine: str) -> None:
    table = house.keep_shops(shops())
    house.keep_payments()
    pipeline = house.pipeline(engine=engine)
    made = pipeline.build(spine(AFTERWARDS, MORNING + timedelta(hours=9, seconds=61)), ASKED)
    rows = made.rows.to_pylist()
    assert [(row["weighed_1d"], row["meals_1d"]) for row in rows] == [*VALUES.values(), (43.0, 1), (None, None)]

    saved = SavedTrainingSets(house.platform)
    record = made.save()
    copy = made.histories["card_payments"].dimensions["Shops"].table
    assert f"training-set-{record.id}-card_payments-Shops" in copy.refresh().tags()
    table.append(shops().set_column(2, "factor", pa.array([100.0] * 4)))
    assert saved.rebuild(record.id).is_identical
    again = house.pipeline(engine=engine).build(spine(AFTERWARDS), ASKED)
    assert again.rows["weighed_1d"].to_pylist() == [700.0, 800.0]


def test_an_explanation_shows_what_each_row_looked_up(house: House) -> None:
    house.keep_shops(shops())
    house.keep_payments()
    behind = house.pipeline().build(spine(AFTERWARDS), ASKED).explain(0)
    assert behind["weighed_1d"]["Shops.factor(shop)"].to_pylist() == [1.0, 1.0, 10.0]
    assert behind["meals_1d"]["Shops.kind(shop)"].to_pylist() == ["food"]


def test_a_spine_beyond_what_a_dimension_is_complete_to_is_refused_or_flagged(house: House) -> None:
    """The dimension was committed before the history, so it ends first: versions may be a minute late, its delay."""
    table = house.keep_shops(shops())
    house.keep_payments()
    edge = table.committed_at(table.current_snapshot_id() or 0)
    with pytest.raises(RequestError, match=r"beyond the complete history.*Shops at snapshot"):
        house.pipeline().build(spine(edge + timedelta(microseconds=1)), ASKED)
    flagged = house.pipeline(outside="flag").build(spine(edge + timedelta(microseconds=1)), ASKED)
    assert set(flagged.outside.values()) == {"beyond the complete history of view card_payments"}


UNFOLLOWED = [
    (
        'IcebergTable("ref.shops")',
        "",
        r"source Payments: its rows may be 1d ahead .* waits no longer than 5m for dimension Shops",
    ),
    ('IcebergTable("ref.shops")', 'max_future = "5m"', r"its rows may be 5m ahead .*flink.dimension_patience_s"),
    (
        'DeltaTable("/shops")',
        'max_future = "1m"',
        r"dimension Shops, a Delta table \(/shops\), and reads a topic",
    ),
]


@pytest.mark.parametrize(("history", "option", "message"), UNFOLLOWED)
def test_a_live_join_that_cannot_wait_for_its_dimension_is_refused(
    house: House, history: str, option: str, message: str
) -> None:
    plan = house.plan(history, f'live = KafkaTopic("payments")\n    {option}')
    with pytest.raises(UnsupportedError, match=message):
        BackfillPipeline(plan, house.platform).check_sources()


def test_a_table_is_complete_to_what_its_writers_note(house: House) -> None:
    """What they note is later than the commit, and ends with its microsecond; the dimension's delay comes on top."""
    to = datetime.now(UTC) + timedelta(hours=1)
    house.keep_shops(shops()).set_properties({NOTED: to.isoformat()})
    times = [to + timedelta(minutes=1, microseconds=number) for number in (0, 1)]
    house.payments.write_text(PAYMENTS + "".join(f"a,x,32.0,{at.isoformat()}\n" for at in times))
    assert house.run(house.plan()).reasons == {"event time is beyond what dimension Shops is complete to": 1}


def test_a_note_that_is_no_instant_is_refused(house: House) -> None:
    house.keep_shops(shops()).set_properties({NOTED: "tomorrow"})
    with pytest.raises(RequestError, match=r"headrace.complete-to 'tomorrow': expected an instant such as"):
        house.run(house.plan())


def engine_of(house: House) -> FlinkEngine:
    return FlinkEngine(local_session(house.settings), served_table)


@pytest.mark.slow
def test_both_engines_see_the_same_versions_of_a_file(house: House) -> None:
    asked = house.plan(), str(house.payments), house.platform.iceberg.named, engine_of(house)
    found = diff_locally(*asked, dimensions={"Shops": str(house.shops)})
    assert (found.lines(), found.values) == ([], 4)


@pytest.mark.slow
def test_flink_sees_the_versions_that_duckdb_sees_of_random_ones(house: House) -> None:
    """Each payment is an entity, so every one is compared, and those that are beyond either dimension are counted."""
    rows = test_as_of.ROWS, test_as_of.SHOPS, test_as_of.PLACES
    with test_as_of.opened(*rows) as events, folded_by_flink(events, test_as_of.PLAN, engine_of(house)) as tiles:
        for at_us in (BASE + 5 * DAY, BASE + DAY):
            found = compare(events, test_as_of.PLAN, tiles, as_of=instant_of(at_us))
            assert (found.lines(), found.differing) == ([], 0)
        assert found.verdicts[1]["dead_letter"] > 0


@pytest.mark.slow
def test_more_rows_than_may_be_held_are_refused_with_the_setting(house: House) -> None:
    house.keep_shops(shops())
    house.keep_payments()
    flink = house.settings.flink.model_copy(update={"dimension_rows": 3})
    house.platform = Platform(house.settings.model_copy(update={"flink": flink}))
    with pytest.raises(JobError, match=r"Shops .* has more than 3 rows.*flink.dimension_rows"):
        house.pipeline(engine="flink").build(spine(AFTERWARDS), ASKED)
