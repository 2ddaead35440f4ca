"""A view computed from files: the answer by hand, and bad values told as those of the live stream are."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from headrace.compiler.build import plan_view
from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field, archive_fields
from headrace.errors import NotFoundError, RequestError, SchemaMismatchError
from headrace.features.load import load_views
from headrace.pipelines.local_run import LocalRun, run_locally

FEATURES = """
from datetime import datetime
from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation

class Transactions(Source):
    history = IcebergTable("raw.transactions")
    cc_num: int
    merchant: str
    status: str
    amt: float
    gift: bool | None
    ts: datetime = event_time({options})

@transformation
def failed(tx: Transactions, wspec: WindowSpec):
    return tx[tx.status == "failed"].groupby("cc_num").window(wspec).count()

@transformation
def average_transaction_amount_by_merchant(tx: Transactions, wspec: WindowSpec):
    return tx.groupby(["cc_num", "merchant"])["amt"].window(wspec).mean()

class Fraud(FeaturePipeline):
    owner = "risk@example.com"
    features = [failed.over("1h"), average_transaction_amount_by_merchant.over("30d")]
"""
HEAD = "cc_num,merchant,status,amt,gift,ts"
#: Ten payments; by hand: merchant a of card 1 took 10, 20 and 30, b of card 1 took 5; card 2 paid 1 to a.
LINES = [
    "1,a,ok,10,true,2024-01-01T00:00:00Z",
    "1,a,failed,20,false,2024-01-01T00:30:00Z",
    "1,a,failed,30,,2024-01-01T01:00:00+00:00",
    "1,b,ok,5,true,2024-01-01T01:00:00.000001Z",
    "2,a,ok,1,false,2024-01-01T03:00:00+02:00",
]
WRONG = [
    "x,a,ok,10,true,2024-01-01T00:00:00Z",
    "1,a,ok,ten,true,2024-01-01T00:00:00Z",
    "1.5,a,ok,10,true,2024-01-01T00:00:00Z",
    "1,a,ok,10,1,2024-01-01T00:00:00Z",
    "1,a,ok,10,true,2024-01-01T00:00:00",
    "1,a,ok,inf,true,2024-01-01T00:00:00Z",
    ",a,ok,10,true,2024-01-01T00:00:00Z",
    "#1,a,ok,10,true,2024-01-01T00:00:00Z",
    "1,a,ok,1_000,true,2024-01-01T00:00:00Z",
    "1,a,ok,10,true,2024-01-05",
    "1,a,ok,10,true,2024-1-5T00:00:00Z",
    "1,a,ok,10,true,infinity",
    "1,a,ok,10,true,2924-01-01T00:00:00Z",
]
#: Of card 2 no payment failed, and no other feature is of cards alone: it is not known.
FAILED = [{"cc_num": 1, "failed_1h": 2}]
MEANS = [
    {"cc_num": 1, "merchant": "a", "average_transaction_amount_by_merchant_30d": 20.0},
    {"cc_num": 1, "merchant": "b", "average_transaction_amount_by_merchant_30d": 5.0},
    {"cc_num": 2, "merchant": "a", "average_transaction_amount_by_merchant_30d": 1.0},
]


class Desk:
    """A folder with a feature file."""

    def __init__(self, folder: Path, options: str = "") -> None:
        self.folder, self.file = folder, folder / "features.py"
        self.file.write_text(FEATURES.replace("{options}", options))
        self.plan = plan_view(load_views(self.file).views["fraud"])
        self.catalog = IcebergCatalog.sqlite("lake", folder)

    def csv(self, lines: list[str], head: str = HEAD) -> str:
        place = self.folder / "tx.csv"
        place.write_text("\n".join([head, *lines]) + "\n")
        return str(place)

    def run(self, given: str, **options: Any) -> LocalRun:
        return run_locally(self.plan, given, lambda name: self.catalog.load(*name.split(".")), **options)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def rows(run: LocalRun) -> list[list[dict[str, Any]]]:
    return [table.to_pylist() for table in run.tables]


def typed() -> pa.Table:
    """The payments with the types of the source."""
    cells = [line.split(",") for line in LINES]
    return pa.table(
        {
            "cc_num": pa.array([int(row[0]) for row in cells], pa.int32()),
            "merchant": [row[1] for row in cells],
            "status": [row[2] for row in cells],
            "amt": [float(row[3]) for row in cells],
            "gift": pa.array([{"true": True, "false": False}.get(row[4]) for row in cells]),
            "ts": pa.array([datetime.fromisoformat(row[5]) for row in cells], pa.timestamp("us", "UTC")),
        }
    )


def test_a_csv_file_gives_the_answer_by_hand(desk: Desk) -> None:
    found = desk.run(desk.csv(LINES))
    assert rows(found) == [FAILED, MEANS]
    assert found.as_of == datetime(2024, 1, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert found.verdicts == {"accepted": 5, "late": 0, "dead_letter": 0}


def test_the_newest_event_counts_by_default_in_mode_tiled_too(desk: Desk) -> None:
    for newest, at in (("00:04:59.999999", "00:05"), ("00:05:00", "00:10")):
        found = desk.run(desk.csv([f"1,a,failed,10,true,2024-01-01T{newest}Z"]), window_mode="tiled")
        assert found.as_of == datetime.fromisoformat(f"2024-01-01T{at}:00Z")
        assert rows(found)[0] == [{"cc_num": 1, "failed_1h": 1}]


def test_parquet_and_delta_give_the_same(desk: Desk) -> None:
    pq.write_table(typed(), desk.folder / "tx.parquet")
    write_deltalake(str(desk.folder / "delta"), typed())
    for place in ("tx.parquet", "delta"):
        assert rows(desk.run(str(desk.folder / place))) == [FAILED, MEANS], place


METERS = """
from datetime import datetime
from headrace import FeaturePipeline, IcebergTable, Source, WindowSpec, event_time, transformation

class Reading:
    watt: float

class Meters(Source):
    history = IcebergTable("raw.meters")
    meter: int
    watt: float
    inside: Reading
    watts: list[float]
    ts: datetime = event_time()

@transformation
def watt(meters: Meters, wspec: WindowSpec):
    return meters.groupby("meter")["watt"].window(wspec).max()

@transformation
def inside(meters: Meters, wspec: WindowSpec):
    return meters.groupby("meter")[meters.inside.watt].window(wspec).max()

@transformation
def listed(meters: Meters, wspec: WindowSpec):
    return meters.groupby("meter")[meters.watts[0]].window(wspec).max()

@transformation
def tenths(meters: Meters, wspec: WindowSpec):
    return meters[meters.watt == 0.1].groupby("meter").window(wspec).count()

class Power(FeaturePipeline):
    owner = "grid@example.com"
    features = [watt.over("1h"), inside.over("1h"), listed.over("1h"), tenths.over("1h")]
"""


def test_a_float_of_32_bits_is_the_number_that_it_is(tmp_path: Path) -> None:
    """Not the one whose shortest text is its own: a tenth is none of 32 bits."""
    (tmp_path / "features.py").write_text(METERS)
    plan = plan_view(load_views(tmp_path / "features.py").views["power"])
    single = pa.float32()
    rows = pa.table(
        {
            "meter": pa.array([1], pa.int64()),
            "watt": pa.array([0.1], single),
            "inside": pa.array([{"watt": 0.1}], pa.struct([("watt", single)])),
            "watts": pa.array([[0.1]], pa.list_(single)),
            "ts": pa.array([datetime(2024, 1, 1, tzinfo=UTC)], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(rows, tmp_path / "meters.parquet")
    write_deltalake(tmp_path / "delta", rows)
    catalog = IcebergCatalog.sqlite("lake", tmp_path)
    table = catalog.create_table("lake", "meters", [Field("meter", "bigint")])
    with table.table.update_schema() as change:
        change.union_by_name(rows.schema)
    table.refresh().append(rows)
    exact = 13421773 / 2**27
    for place in (str(tmp_path / "meters.parquet"), str(tmp_path / "delta"), "lake.meters"):
        (found,) = run_locally(plan, place, catalog.named).tables
        (row,) = found.drop_columns(["meter"]).to_pylist()
        assert row == {"watt_1h": exact, "inside_1h": exact, "listed_1h": exact, "tenths_1h": 0}, place


def test_an_archive_gives_the_same_with_the_order_of_its_offsets(desk: Desk) -> None:
    table = desk.catalog.create_table("raw", "transactions", archive_fields(desk.plan.source.columns))
    position = {
        "_src_topic": pa.array(["tx"] * len(LINES)),
        "_src_partition": pa.array([0] * len(LINES), pa.int32()),
        "_src_offset": pa.array(range(len(LINES)), pa.int64()),
        "_src_timestamp": typed()["ts"],
        "_raw": pa.nulls(len(LINES), pa.binary()),
        "_error": pa.nulls(len(LINES), pa.string()),
    }
    rows_ = typed().set_column(0, "cc_num", typed()["cc_num"].cast(pa.int64()))
    table.append(pa.table({**dict(zip(rows_.column_names, rows_.columns, strict=True)), **position}))
    assert rows(desk.run("raw.transactions")) == [FAILED, MEANS]


def test_a_value_that_is_none_makes_a_dead_letter(desk: Desk) -> None:
    found = desk.run(desk.csv([*LINES, *WRONG]))
    assert found.verdicts == {"accepted": 5, "late": 0, "dead_letter": len(WRONG)}
    assert rows(found) == [FAILED, MEANS]


def test_local_times_are_read_in_the_sources_zone(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 'zone="America/New_York"')
    found = desk.run(desk.csv(["1,a,ok,10,true,2024-01-01T00:00:00", "1,a,ok,10,true,2024-07-01T00:00:00Z"]))
    assert found.verdicts["accepted"] == 2
    assert found.as_of == datetime(2024, 7, 1, 0, 0, 0, 1, tzinfo=UTC)
    for wrong in ("2024-01-05", "2024-01-05 00:00:00 UTC", "2024-01-05 00:00:00+05:30:15"):
        assert desk.run(desk.csv([LINES[0], f"1,a,ok,10,true,{wrong}"])).verdicts["dead_letter"] == 1, wrong
    twice = desk.run(desk.csv(["1,a,ok,10,true,2024-11-03T01:30:00"]))
    assert twice.as_of == datetime(2024, 11, 3, 5, 30, 0, 1, tzinfo=UTC)
    early = desk.run(desk.csv(["1,a,ok,10,true,2024-01-01T00:00:00"]))
    assert early.as_of == datetime(2024, 1, 1, 5, 0, 0, 1, tzinfo=UTC)


def test_numbers_are_times_when_a_unit_is_set(tmp_path: Path) -> None:
    desk = Desk(tmp_path, 'unit="ms"')
    assert desk.run(desk.csv(["1,a,ok,10,true,1704067200001"])).as_of == datetime(2024, 1, 1, 0, 0, 0, 1001, tzinfo=UTC)
    mixed = ["1,a,ok,10,true,2024-01-01T00:00:00Z", *(f"1,a,ok,10,true,{n}" for n in ("1.5", "9223372036854775807"))]
    assert desk.run(desk.csv(mixed)).verdicts == {"accepted": 1, "late": 0, "dead_letter": 2}


def test_as_of_sample_and_features_choose(desk: Desk) -> None:
    given = desk.csv(LINES)
    for minute, counts in ((30, []), (31, [{"cc_num": 1, "failed_1h": 1}])):
        early = desk.run(given, as_of=datetime(2024, 1, 1, 0, minute, tzinfo=UTC), features=["failed_1h"])
        assert rows(early) == [counts]
    assert desk.run(given, sample=2).verdicts["accepted"] == 2
    tiled = desk.run(given, window_mode="tiled", features=["average_transaction_amount_by_merchant_30d"])
    assert [row["merchant"] for row in rows(tiled)[0]] == ["a", "b", "a"]


def test_what_is_wrong_is_refused_by_name(desk: Desk) -> None:
    with pytest.raises(NotFoundError, match=r"no file nowhere\.csv"):
        desk.run("nowhere.csv")
    with pytest.raises(SchemaMismatchError, match=r"no column 'amt' of source Transactions; did you mean 'amount'"):
        desk.run(desk.csv(LINES, HEAD.replace("amt", "amount")))
    (desk.folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RequestError, match=r"view fraud: .*broken.parquet"):
        desk.run(str(desk.folder / "broken.parquet"))
    with pytest.raises(RequestError, match=r"tx\.csv: is no CSV file: .* as many values in each line behind it"):
        desk.run(desk.csv([*LINES, "1,a"]))
    (desk.folder / "folder.csv").mkdir()
    with pytest.raises(RequestError, match=r"folder\.csv: cannot be read: IO Error: .* this user may read"):
        desk.run(str(desk.folder / "folder.csv"))
    with pytest.raises(RequestError, match="no row of Transactions is accepted"):
        desk.run(desk.csv(WRONG))
    with pytest.raises(NotFoundError, match=r"no feature 'failed_2h'; did you mean 'failed_1h'"):
        desk.run(desk.csv(LINES), features=["failed_2h"])
    with pytest.raises(RequestError, match="has no time zone"):
        desk.run(desk.csv(LINES), as_of=datetime(2024, 1, 1))  # noqa: DTZ001 (that is the fault)
    with pytest.raises(NotFoundError, match=r"no Iceberg table raw\.transactions"):
        desk.run("raw.transactions")


def test_where_no_row_is_accepted_the_reasons_are_told(desk: Desk) -> None:
    naive = typed().set_column(5, "ts", pa.array([datetime(2024, 1, 1)] * len(LINES), pa.timestamp("us")))  # noqa: DTZ001
    pq.write_table(naive, desk.folder / "naive.parquet")
    read = (
        "0 accepted, 0 late, 5 dead_letter (unparsable: column ts: 2024-01-01 00:00:00 is no datetime with an offset "
    )
    told = re.escape(f"; rows: {read}from UTC (5, first partition 0, offset 0)); set event_time(zone=...)")
    with pytest.raises(RequestError, match=told):
        desk.run(str(desk.folder / "naive.parquet"))
    with pytest.raises(RequestError, match=r"rows: .*1 dead_letter \(cc_num is missing \(partition 0, offset 0\)\)$"):
        desk.run(desk.csv([",a,ok,10,true,2024-01-01T00:00:00Z"]))


def test_text_in_a_file_with_types_is_no_number(desk: Desk) -> None:
    for name, texts in (("cc_num", ["1", "2"]), ("amt", ["1", "2.5"]), ("gift", ["true", None])):
        rows = typed().slice(0, 2)
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(texts))
        pq.write_table(rows, desk.folder / "texts.parquet")
        with pytest.raises(SchemaMismatchError, match=rf"texts.parquet: column '{name}' is text, expected "):
            desk.run(str(desk.folder / "texts.parquet"))
        write_deltalake(str(desk.folder / f"texts_{name}"), rows)
        with pytest.raises(SchemaMismatchError, match=rf"texts_{name}/ version 0: column {name}: .* found string"):
            desk.run(str(desk.folder / f"texts_{name}"))


def test_a_notebook_shows_tables(desk: Desk) -> None:
    text = desk.run(desk.csv(LINES))._repr_html_()
    assert text.count("<table>") == 2
    assert "5 accepted" in text


def test_the_command_prints_tables_or_json(desk: Desk) -> None:
    desk.csv(LINES)
    code = "from headrace.jobs.cli import main; main()"
    command = [sys.executable, "-P", "-c", code, "run", "features.py", "--input", "tx.csv"]
    shown = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[1].split() == ["1", "2"]
    assert "5 accepted, 0 late, 0 dead_letter" in shown.stderr
    asked = [*command, "--format", "json"]
    plain = subprocess.run(asked, cwd=desk.folder, capture_output=True, text=True, check=True)
    assert json.loads(plain.stdout) == [*FAILED, *MEANS]
    before = [*command, "--as-of", "2023-12-31T00:00:00Z"]
    early = subprocess.run(before, cwd=desk.folder, capture_output=True, text=True, check=True)
    assert early.stdout == ""
    assert "no entity is known before 2023-12-31T00:00:00+00:00: no older row is let in by a feature" in early.stderr


def test_the_command_without_history_says_how_to_name_rows(desk: Desk) -> None:
    code = "from headrace.jobs.cli import main; main()"
    command = [sys.executable, "-P", "-c", code, "run", "features.py"]
    environment = {**os.environ, "HEADRACE__HOME": str(desk.folder / "home")}
    shown = subprocess.run(command, cwd=desk.folder, capture_output=True, text=True, check=False, env=environment)
    assert shown.returncode == 1
    assert re.search(
        r"no Iceberg table raw\.transactions .*; --input or --dimension reads rows from elsewhere", shown.stderr
    )
