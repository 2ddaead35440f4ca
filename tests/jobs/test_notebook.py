"""`headrace.run` gives what the command gives, of rows in memory what it gives of the same rows in a file."""

# ruff: noqa: RUF012 (as users write it)
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

import headrace
from headrace import (
    DeltaTable,
    FeaturePipeline,
    IcebergTable,
    KafkaTopic,
    Source,
    WindowSpec,
    event_time,
    transformation,
)
from headrace.compiler.build import plan_view
from headrace.connectors.schema import archive_fields
from headrace.errors import DefinitionError, NotFoundError, RequestError, SchemaMismatchError, SettingsError
from headrace.pipelines.local_run import LocalRun, run_locally
from headrace.runtime.platform import Platform
from headrace.runtime.settings import Settings, load_settings

from ..commands import headrace as command  # noqa: TID252
from ..pipelines.sales import SalesFeatures  # noqa: TID252

ROOT = Path(__file__).resolve().parents[2]
FRAUD, PAYMENTS = ROOT / "examples/fraud/features.py", ROOT / "examples/fraud/transactions.csv"
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Payments(Source):
    live = KafkaTopic("payments")
    card: int
    shop: str | None
    amt: float | None
    at: datetime = event_time()


class Counts(Source):
    live = KafkaTopic("counts")
    card: int
    n: int | None
    at: datetime = event_time()


class Phone:
    seen: datetime | None


class Visits(Source):
    live = KafkaTopic("visits")
    card: int
    phone: Phone | None
    times: list[datetime | None] | None
    at: datetime = event_time()


class Zoned(Source):
    history = IcebergTable("raw.zoned")
    card: int
    at: datetime = event_time(zone="Europe/Paris")


@transformation
def spent(tx: Payments, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """What a card paid."""
    return tx.groupby("card")["amt"].window(wspec).sum()


@transformation
def shops(tx: Payments, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """In how many shops."""
    return tx.groupby("card")["shop"].window(wspec).count_distinct()


@transformation
def total(tx: Counts, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """How many."""
    return tx.groupby("card")["n"].window(wspec).sum()


@transformation
def phone_seen(tx: Visits, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """When a phone was seen."""
    return tx.groupby("card")[tx.phone.seen].window(wspec).max()


@transformation
def last_time(tx: Visits, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """The last of the times."""
    return tx.groupby("card")[tx.times[-1]].window(wspec).max()


@transformation
def seen(tx: Zoned, wspec: WindowSpec):  # type: ignore[no-untyped-def]
    """How often."""
    return tx.groupby("card").window(wspec).count()


class Cards(FeaturePipeline):
    owner = "cards@example.com"
    features = [spent.over("1h"), shops.over("1h")]


class CountedCards(FeaturePipeline):
    owner = "cards@example.com"
    features = [total.over("1h")]


class VisitedCards(FeaturePipeline):
    owner = "cards@example.com"
    features = [phone_seen.over("1h"), last_time.over("1h")]


class ZonedCards(FeaturePipeline):
    owner = "cards@example.com"
    features = [seen.over("1h")]


class Base(FeaturePipeline, abstract=True):
    owner = "cards@example.com"


def payments() -> pa.Table:
    """Payments of two cards; by hand: card 1 paid 3.5 in two shops, card 2 an amount that nobody knows."""
    at = [NOON, NOON + timedelta(minutes=1), NOON + timedelta(minutes=2)]
    return pa.table(
        {
            "card": pa.array([1, 1, 2]),
            "shop": pa.array(["a", "b", None]),
            "amt": pa.array([1.0, 2.5, None]),
            "at": pa.array(at, pa.timestamp("us", "UTC")),
        }
    )


PAID = [{"card": 1, "spent_1h": 3.5, "shops_1h": 2}, {"card": 2, "spent_1h": None, "shops_1h": 0}]


def values(found: LocalRun) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.to_arrow().to_pylist()
    return sorted(rows, key=lambda row: row["card"])


def archive(settings: Settings) -> None:
    """The history of ZonedCards, with one row."""
    fields = archive_fields(plan_view(ZonedCards.view).source.columns)
    table = Platform(settings).iceberg.create_table("raw", "zoned", fields)
    schema = table.table.schema().as_arrow()
    position = {"_src_topic": "t", "_src_partition": 0, "_src_offset": 0, "_src_timestamp": NOON}
    row = dict.fromkeys(schema.names) | {"card": 1, "at": NOON} | position
    table.append(pa.Table.from_pylist([row], schema))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(environment={}, folder=tmp_path)


def test_a_file_gives_what_the_command_gives() -> None:
    at = "2026-01-05T10:24:00Z"
    found = headrace.run(str(FRAUD), PAYMENTS, as_of=at, windows="tiled", sample=7)
    asked = ("run", str(FRAUD), "--input", str(PAYMENTS), "--as-of", at, "--windows", "tiled", "--sample", "7")
    shown = command("--format", "json", *asked, folder=ROOT)
    assert [row for table in found.tables for row in table.to_pylist()] == json.loads(shown.stdout)
    assert f"rows: {found.read}" in shown.stderr


@pytest.mark.parametrize("definitions", [Cards, Cards.view], ids=["class", "view"])
def test_what_a_notebook_defined_is_computed_of_rows_in_memory_as_of_the_same_rows_in_a_file(
    definitions: Any, tmp_path: Path
) -> None:
    file = tmp_path / "rows.parquet"
    pq.write_table(payments(), file)
    frame = payments().to_pandas()
    coded = payments().set_column(1, "shop", payments()["shop"].dictionary_encode())
    for rows in (
        file,
        str(file),
        payments(),
        coded,
        frame,
        frame.astype({"shop": "category"}),
        frame.set_index("card", drop=False),
    ):
        assert values(headrace.run(definitions, rows)) == PAID
    (only,) = values(headrace.run(definitions, frame, features="spent_1h", as_of=NOON + timedelta(minutes=1), sample=2))
    assert only == {"card": 1, "spent_1h": 1.0}


def test_a_missing_value_of_a_frame_is_null_and_a_number_that_is_none_is_not() -> None:
    rows = payments()
    nan = rows.set_column(2, "amt", pa.array([1.0, 2.5, float("nan")]))
    assert values(headrace.run(Cards, rows.to_pandas())) == PAID
    absent = rows.drop_columns("amt")
    assert values(headrace.run(Cards, absent)) == [row | {"spent_1h": None} for row in PAID]
    assert headrace.run(Cards, nan).verdicts["dead_letter"] == 1, "in an Arrow table NaN and NULL are two things"


def test_integers_of_a_frame_stay_integers_beside_a_missing_one() -> None:
    frame = pd.DataFrame({"card": [1, 1, 1, None], "n": [7, -8, None, 9], "at": [NOON] * 4})
    assert set(frame.dtypes[["card", "n"]].astype(str)) == {"float64"}, "as pandas keeps them"
    large = pa.table({"card": [1], "n": [2.0**53 - 1], "at": pa.array([NOON], pa.timestamp("us", "UTC"))})
    found = headrace.run(CountedCards, frame)
    assert (found.verdicts["accepted"], found.reasons) == (3, {"card is missing": 1})
    assert values(found) == [{"card": 1, "total_1h": -1}]
    assert values(headrace.run(CountedCards, large)) == [{"card": 1, "total_1h": 2**53 - 1}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (pa.array([7, 7.5, 8.5]), r"is 7\.5 \(double\) in row 1, expected int of source Counts; .*\.astype\('Int64'\)"),
        (pa.array([None, 7, 2.0**53]), r"is 9007199254740992\.0 \(double\) in row 2"),
        (pa.array([-(2.0**24), 7, 7], pa.float32()), r"is -16777216\.0 \(float\) in row 0"),
        (pa.array([7, float("nan"), 7]), r"is nan \(double\) in row 1"),
        (pa.array([7, 7, float("-inf")]), r"is -inf \(double\) in row 2"),
    ],
)
def test_floats_that_may_be_no_integers_are_refused_for_these(given: pa.Array, said: str) -> None:
    rows = pa.table({"card": [1, 1, 1], "n": given, "at": pa.array([NOON] * 3, pa.timestamp("us", "UTC"))})
    with pytest.raises(SchemaMismatchError, match=f"the rows given: column 'n' {said}"):
        headrace.run(CountedCards, rows)


def test_times_of_a_frame_mean_what_they_say() -> None:
    zoned = pd.Series([NOON, NOON.replace(tzinfo=None), pd.NaT], dtype=object)
    frame = pd.DataFrame({"card": [1, 2, 3], "shop": ["a", "b", "c"], "amt": [1.0, 2.0, 3.0], "at": zoned})
    found = headrace.run(Cards, frame)
    assert [row["card"] for row in values(found)] == [1]
    assert found.verdicts["dead_letter"] == 2, "one has no zone, and one is missing"
    at = pd.Series([datetime(2026, 7, 1, 12)], dtype="datetime64[ns]")  # noqa: DTZ001
    found = headrace.run(ZonedCards, pd.DataFrame({"card": [1], "at": at}))
    assert found.as_of == datetime(2026, 7, 1, 10, 0, 0, 1, tzinfo=UTC), "noon in Paris"


NAIVE = NOON.replace(tzinfo=None)
IN_NEPAL = NOON.astimezone(timezone(timedelta(hours=5, minutes=45)))


@pytest.mark.parametrize(
    ("zoned", "naive"),
    [
        ({"phone": {"seen": IN_NEPAL}}, {"phone": {"seen": NAIVE}}),
        ({"phone": {"seen": IN_NEPAL}}, {"phone": {"seen": pd.Timestamp(NAIVE)}}),
        ({"times": [IN_NEPAL]}, {"times": [NAIVE]}),
        ({"times": [NAIVE.replace(tzinfo=UTC), IN_NEPAL]}, {"times": [NOON, NAIVE]}),
        ({"times": (IN_NEPAL,)}, {"times": (NAIVE,)}),
        ({"times": {IN_NEPAL}}, {"times": {NAIVE}}),
        ({"times": {"a": IN_NEPAL}.values()}, {"times": {"a": NAIVE}.values()}),
        ({"times": np.array([IN_NEPAL])}, {"times": np.array([NAIVE])}),
    ],
    ids=["struct", "Timestamp", "list", "one list", "tuple", "set", "values", "ndarray"],
)
def test_times_inside_structs_and_lists_of_a_frame_mean_what_they_say_in_any_order(
    zoned: dict[str, Any], naive: dict[str, Any]
) -> None:
    rows = [{"card": 1, "at": NOON, **zoned}, {"card": 2, "at": NOON, **naive}]
    for given in (rows, rows[::-1]):
        found = headrace.run(VisitedCards, pd.DataFrame(given))
        (only,) = values(found)
        assert (only["card"], {only["phone_seen_1h"], only["last_time_1h"]}) == (1, {NOON, None})
        assert found.verdicts["dead_letter"] == 1
        (reason,) = found.reasons
        assert reason.endswith('"2026-01-05T12:00:00" is no datetime')


def test_a_missing_time_inside_a_struct_or_a_list_is_null() -> None:
    frame = pd.DataFrame({"card": [1], "phone": [{"seen": pd.NaT}], "times": [[NOON, pd.NaT]], "at": [NOON]})
    found = headrace.run(VisitedCards, frame)
    assert values(found) == [{"card": 1, "phone_seen_1h": None, "last_time_1h": None}]
    assert found.verdicts["accepted"] == 1


def test_a_category_is_its_values() -> None:
    numbers = pd.Series([7, -8, None]).astype("category")
    frame = pd.DataFrame({"card": [1, 1, 1], "n": numbers, "at": [NOON] * 3})
    assert frame["n"].cat.categories.dtype == float, "as pandas keeps them"
    coded = pa.table({"card": [1, 1, 1], "n": pa.array([7.0, -8.0, None]).dictionary_encode(), "at": [NOON] * 3})
    for rows in (frame, coded):
        found = headrace.run(CountedCards, rows)
        assert (found.verdicts["accepted"], values(found)) == (3, [{"card": 1, "total_1h": -1}])
    with pytest.raises(SchemaMismatchError, match=r"column 'n' is 7\.5 \(double\) in row 1, expected int"):
        headrace.run(CountedCards, frame.assign(n=pd.Series([7, 7.5, None]).astype("category")))
    times = pd.Series([NOON, NAIVE, None], dtype=object).astype("category")
    found = headrace.run(CountedCards, frame.assign(at=times))
    assert (found.verdicts["accepted"], found.verdicts["dead_letter"]) == (1, 2), "one has no zone, and one is missing"


def test_large_integers_among_objects_are_as_they_are() -> None:
    numbers = pd.Series([2**62 + 1, None], dtype=object)
    frame = pd.DataFrame({"card": [1, 1], "n": numbers, "at": pd.Series([NOON, NOON], dtype=object)})
    assert values(headrace.run(CountedCards, frame)) == [{"card": 1, "total_1h": 2**62 + 1}]


def test_a_table_is_found_by_its_declaration_and_history_without_one(tmp_path: Path, settings: Settings) -> None:
    write_deltalake(tmp_path / "paid", payments())
    for rows in (DeltaTable(str(tmp_path / "paid")), str(tmp_path / "paid")):
        assert values(headrace.run(Cards, rows)) == PAID
    archive(settings)
    for given in (None, "raw.zoned", IcebergTable("raw.zoned")):
        assert values(headrace.run(ZonedCards, given, settings=settings)) == [{"card": 1, "seen_1h": 1}]


def test_a_dimension_is_read_from_memory_as_from_a_file(settings: Settings) -> None:
    features, file = ROOT / "examples/merchants/features.py", ROOT / "examples/merchants/merchants.csv"
    said = pd.read_csv(file)
    at = pd.to_datetime(said["valid_from"])
    wanted = headrace.run(features, PAYMENTS, dimensions={"Merchants": str(file)}).to_arrow()
    assert any(value is not None for value in wanted["spent_at_risk_7d"].to_pylist())
    timed = said.assign(valid_from=at)
    for rows in (file, said, timed, timed.astype({"merchant": "category"}), pa.Table.from_pandas(timed)):
        assert headrace.run(features, PAYMENTS, dimensions={"Merchants": rows}).to_arrow().equals(wanted)
    zoneless = said.assign(valid_from=at.dt.tz_localize(None))
    with pytest.raises(
        SchemaMismatchError, match=r"^the rows given: dimension Merchants: row 0 cannot be read, .*valid"
    ):
        headrace.run(features, PAYMENTS, dimensions={"Merchants": zoneless})
    for place, told in (
        (IcebergTable("ref.shops"), r"no Iceberg table ref\.shops in"),
        ("merchnts", "'merchnts' is no"),
    ):
        with pytest.raises(NotFoundError, match=rf"^dimension Merchants: {told} .*, or dimensions=\{{'Merchants': "):
            headrace.run(features, PAYMENTS, dimensions={"Merchants": place}, settings=settings)


@pytest.mark.parametrize("place", ["lake/cards", "/", "../lake", ".cards", "cards.", "raw..cards", ""])
def test_a_place_without_rows_that_no_table_can_be_named_by_is_refused_with_what_is_taken(
    place: str, settings: Settings
) -> None:
    said = (
        rf"^'{re.escape(place)}' is no .csv or .parquet file, no Delta table's folder, and no Iceberg table namespace"
    )
    for rows in (place, IcebergTable(place)):
        with pytest.raises(NotFoundError, match=rf"{said}\.table; give rows from elsewhere, such as rows='rows\.csv'"):
            headrace.run(Cards, rows, settings=settings)


def test_of_a_union_each_source_has_its_rows(settings: Settings) -> None:
    till = pd.DataFrame({"k": ["c1"], "amt": [1.5], "note": ["cash"], "ts": [NOON]})
    web = pa.table({"k": ["c1"], "amt": [50.0], "ts": pa.array([NOON], pa.timestamp("us", "UTC"))})
    found = headrace.run(SalesFeatures, {"Till": till, "Web": web})
    assert found.to_arrow().to_pylist() == [{"k": "c1", "turnover_1h": 200.0}]
    with pytest.raises(NotFoundError, match=r"no Iceberg table raw\.web .*; give rows from elsewhere"):
        headrace.run(SalesFeatures, {"Till": till}, settings=settings)
    with pytest.raises(
        RequestError, match=r"Sales is a union: expected .* \(Till=\.\.\., Web=\.\.\.\), found an Arrow table"
    ):
        headrace.run(SalesFeatures, web)
    plan = plan_view(SalesFeatures.view)
    with pytest.raises(RequestError, match=r"Sales is a union: expected .*, found those of Web$"):
        run_locally(plan, {"Web": web}, Platform(settings).iceberg.named)


def test_what_is_computed_shows_as_tables_and_as_frames_without_another_computation(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_bytes(PAYMENTS.read_bytes())
    found = headrace.run(FRAUD, file)
    file.unlink()
    shown = found._repr_html_()
    assert shown.count("<table>") == 2
    assert "9 accepted, 0 late, 1 dead_letter" in shown
    without = replace(found, left_out={"weighed": "takes <weight> of a request"})._repr_html_()
    assert "<p>weighed is left out: it takes &lt;weight&gt; of a request</p>" in without
    frame = found.to_pandas("transaction_count_1h")
    assert frame.set_index("account_id")["transaction_count_7d"].to_dict() == {"a1": 2, "a2": 1, "a3": 2}
    with pytest.raises(
        RequestError, match=r"entities are of 2 kinds; name a feature of the wanted one, as 'trans.*', 'av"
    ):
        found.to_arrow()
    with pytest.raises(RequestError, match="no feature 'transaction_count_1d' was computed; did you mean 'transaction"):
        found.to_arrow("transaction_count_1d")


@pytest.mark.parametrize(
    ("asked", "options", "error", "said"),
    [
        ((42, payments()), {}, RequestError, "definitions: expected the path of a feature file, .* found 42"),
        ((Base, payments()), {}, RequestError, "found <class .*Base'>, which is abstract"),
        (("none.py", payments()), {}, DefinitionError, "none.py"),
        ((Cards, 42), {}, RequestError, "rows: expected a DataFrame, .* found int"),
        ((Cards,), {}, RequestError, "source Payments has no history; give its rows"),
        ((Cards, DeltaTable("no/such")), {}, NotFoundError, "no Delta table at file:///.*/no/such"),
        ((Cards, payments()), {"view": "crads"}, NotFoundError, "no view 'crads'; did you mean 'cards'"),
        ((Cards, payments()), {"features": ["spent_2h"]}, NotFoundError, "spent_2h"),
        ((Cards, payments()), {"sample": 0}, RequestError, "sample=0: expected how many"),
        ((Cards, payments()), {"sample": True}, RequestError, "sample=True: expected how many of the first rows"),
        (
            (Cards, payments()),
            {"dimensions": ["Shops"]},
            RequestError,
            r"dimensions=\['Shops'\]: expected .* by the nam",
        ),
        ((Cards, payments()), {"dimensions": {"Shops": 42}}, RequestError, "dimensions: 'Shops': expected a Dat.* int"),
        ((Cards, payments()), {"dimensions": {"Shops": pd.DataFrame()}}, SettingsError, "joins no dimension 'Shops'"),
        ((Cards, payments()), {"engine": "duck"}, RequestError, "engine='duck': .* did you mean 'duckdb'"),
        ((Cards, payments()), {"engine": "flink", "windows": "exact"}, RequestError, "Flink keeps tiles"),
        ((Cards, payments()), {"as_of": NOON.replace(tzinfo=None)}, RequestError, "as_of"),
        ((Cards, payments().drop_columns("card")), {}, SchemaMismatchError, "the rows given: has no column 'card'"),
        ((Cards, payments().append_column("AMT", payments()["amt"])), {}, SchemaMismatchError, "two columns are named"),
        ((Cards, payments().set_column(0, "card", pa.array(["1", "2", "3"]))), {}, SchemaMismatchError, "is text, exp"),
        (
            (Cards, payments().set_column(0, "card", pa.array(["1", "2", "3"]).dictionary_encode())),
            {},
            SchemaMismatchError,
            "is text, exp",
        ),
        ((Cards, pd.DataFrame({"card": [1, "x"]})), {}, RequestError, "the DataFrame given: .*; expected columns of"),
    ],
)
def test_what_is_wrong_is_said(asked: Any, options: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        headrace.run(*asked, **options)


def test_of_several_views_of_a_file_one_is_named(tmp_path: Path) -> None:
    file = tmp_path / "two.py"
    file.write_text(
        FRAUD.read_text() + FRAUD.read_text().partition("class FraudFeatures")[2].join(["\n\nclass Second", ""])
    )
    with pytest.raises(
        RequestError, match=r"2 views are defined \(fraud_features, second\); name one, such as view='fr"
    ):
        headrace.run(file, PAYMENTS)
    assert headrace.run(file, PAYMENTS, view="second").view == "second"


def test_a_training_set_takes_a_class(settings: Settings) -> None:
    archive(settings)
    spine = pa.table({"card": [1], "now": pa.array([NOON + timedelta(minutes=1)], pa.timestamp("us", "UTC"))})
    for definitions in (ZonedCards, ZonedCards.view):
        made = headrace.training_set(spine, ["seen_1h"], definitions=definitions, settings=settings, mode="last_write")
        assert made.to_arrow()["seen_1h"].to_pylist() == [1]
    with pytest.raises(RequestError, match="definitions: expected the path of a feature file"):
        headrace.training_set(spine, ["seen_1h"], definitions=ZonedCards(), settings=settings)  # type: ignore[arg-type]
