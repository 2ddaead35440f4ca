"""`headrace diff` and `headrace run --engine flink`: what they print, and with which status they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from headrace.compiler import flink_tiles
from headrace.features.instant import instant_of
from headrace.jobs import diff, run
from headrace.jobs.options import Format
from headrace.pipelines.engine_diff import Difference, EngineDiff

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FRAUD = ROOT / "examples/fraud"
FILE, GIVEN = str(FRAUD / "features.py"), ["--input", str(FRAUD / "transactions.csv")]


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE__JARS", str(ROOT / ".build/jars"))


@pytest.fixture
def quiet(tmp_path: Path) -> str:
    """The example's transactions, and one of an account of which none failed: no filter lets a row of it in."""
    rows = (FRAUD / "transactions.csv").read_text().splitlines()
    account = {"tid": "t99", "cc_num": "41", "account_id": "quiet", "merchant": "books", "status": "ok", "amt": "1"}
    values = {**account, "ts": "2026-01-05T09:00:00Z"}
    rows.append(",".join(values[name] for name in rows[0].split(",")))
    (tmp_path / "tx.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "tx.csv")


def differing(feature: str, *arguments: str) -> Result:
    return CliRunner().invoke(diff.app, [feature, "--file", FILE, *arguments])


def test_nothing_differs_and_it_is_said_of_how_much(quiet: str) -> None:
    found = differing("transaction_count_1h", "--input", quiet)
    said = "0 differing; 3 values of 3 entities compared\n"
    assert (found.exit_code, found.stdout) == (0, said), found.output


def test_what_differs_is_printed_with_its_rows_and_the_status_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(flink_tiles.CALLS, "count", lambda x, partial, label: f"COUNT({x}) + 1")
    found = differing("all", *GIVEN, "--format", "json")
    (told,) = json.loads(found.stdout)
    assert (found.exit_code, told["differing"]) == (1, 5)
    first = told["differences"][0]
    assert first["feature"] == "average_transaction_amount_by_merchant_30d"
    assert (first["entity"], first["duckdb"]) == ({"cc_num": 41, "merchant": "books"}, 20.0)
    assert [row["amt"] for row in first["rows"]] == [12.5, 20.0, 27.5]
    assert first["flink"] < first["duckdb"]


def test_a_run_on_flink_prints_what_duckdb_says_in_mode_tiled(quiet: str) -> None:
    asked = [FILE, "--input", quiet, "--format", "json"]
    flink = CliRunner().invoke(run.app, [*asked, "--engine", "flink"])
    local = CliRunner().invoke(run.app, [*asked, "--windows", "tiled"])
    assert flink.stderr == f"starting Flink over 11 rows\n{local.stderr}"
    assert "rows: 10 accepted, 0 late, 1 dead_letter" in flink.stderr
    rows = json.loads(flink.stdout)
    assert rows == json.loads(local.stdout)
    assert "quiet" not in {row.get("account_id") for row in rows}
    assert len(rows) == 8


def test_flink_has_no_exact_windows_and_fills_no_store() -> None:
    asked = [FILE, *GIVEN, "--engine", "flink"]
    refused = CliRunner().invoke(run.app, [*asked, "--windows", "exact"])
    assert "--windows exact: Flink keeps tiles" in str(refused.exception)
    refused = CliRunner().invoke(run.app, [*asked, "--to-store", "sqlite"])
    assert "--engine flink: --to-store is filled by DuckDB" in str(refused.exception)


def test_a_terminated_run_leaves_no_folder(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    code = "from headrace.jobs.cli import main; main()"
    command = [sys.executable, "-P", "-c", code, "run", FILE, *GIVEN, "--engine", "flink"]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(temporary)}, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not list(temporary.glob("headrace-*")):
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not list(temporary.glob("headrace-*"))


def test_a_feature_that_is_not_there_is_refused_before_flink_starts() -> None:
    found = differing("transaction_count_2h", *GIVEN)
    assert "did you mean 'transaction_count_1h'" in str(found.exception)


def one_difference() -> EngineDiff:
    verdicts = {"accepted": 2, "late": 1}, {"accepted": 2, "late": 0}
    one = Difference("n_1h", {"k": "<a>"}, 2, 3, pa.table({"k": ["<a>", "<a>"], "_src_offset": [0, 4]}))
    return EngineDiff("v", instant_of(0), verdicts, 1, 1, (one,))


def test_differences_are_printed_as_lines_with_tables(capsys: pytest.CaptureFixture[str]) -> None:
    diff.PRINT[Format.TABLE](one_difference())
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "rows late: duckdb 1, flink 0",
        "n_1h of k='<a>': duckdb 2, flink 3; made of 2 rows",
        "K    _SRC_OFFSET",
        "<a>  0",
        "<a>  4",
        "2 differing; 1 values of 1 entities compared",
    ]
    assert said.err == "v as of 1970-01-01T00:00:00+00:00; rows: 2 accepted, 1 late\n"


def test_of_the_rows_of_a_value_a_screen_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    rows = pa.table({"n": range(diff.SHOWN_ROWS + 1_000)})
    found = replace(one_difference(), differences=(Difference("n_1h", {"k": "a"}, 2, 3, rows),))
    diff.PRINT[Format.TABLE](found)
    *_, last, more, _ = capsys.readouterr().out.splitlines()
    assert (last, more) == (str(diff.SHOWN_ROWS - 1), "and 1,000 more rows (--format json has all)")
    diff.PRINT[Format.JSON](found)
    (told,) = json.loads(capsys.readouterr().out)
    assert len(told["differences"][0]["rows"]) == rows.num_rows


def test_values_whose_rows_were_not_looked_up_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    shown = one_difference().differences
    more = [Difference(name, {"k": str(card)}, 2, 3, None) for name in ("n_1h", "n_7d") for card in range(1_500)]
    found = replace(one_difference(), differences=(*shown, *more))
    diff.PRINT[Format.TABLE](found)
    *first, one, other, _ = capsys.readouterr().out.splitlines()
    assert len(first) == len(["verdict", "value", "head of its rows", "row", "row"])
    assert one == "and 1,500 more values of n_1h (--format json has all)"
    assert other == "and 1,500 more values of n_7d (--format json has all)"
    diff.PRINT[Format.JSON](found)
    (told,) = json.loads(capsys.readouterr().out)
    assert len(told["differences"]) == 3_001


def test_estimates_are_told_apart_from_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    estimate = Difference("ips_7d", {"card": 0}, 6_000, 5_892, None)
    found = replace(one_difference(), differences=(), verdicts=({}, {}), estimates=(estimate,) * 3)
    diff.PRINT[Format.TABLE](found)
    said = "0 differing, 3 estimates within 5 standard errors; 1 values of 1 entities compared\n"
    assert (found.differing, capsys.readouterr().out) == (0, said)
    diff.PRINT[Format.JSON](found)
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["differing"], told["differences"]) == (0, [])
    assert told["estimates"][0] == {
        "feature": "ips_7d",
        "entity": {"card": 0},
        "duckdb": 6_000,
        "flink": 5_892,
        "rows": None,
    }


def test_differences_are_printed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    diff.PRINT[Format.JSON](one_difference())
    (told,) = json.loads(capsys.readouterr().out)
    assert {name: told[name] for name in ("entities", "values", "differing")} == {
        "entities": 1,
        "values": 1,
        "differing": 2,
    }
    assert told["differences"][0]["rows"] == [{"k": "<a>", "_src_offset": 0}, {"k": "<a>", "_src_offset": 4}]


def test_differences_are_shown_in_a_notebook() -> None:
    shown = one_difference()._repr_html_()
    assert "v as of 1970-01-01T00:00:00+00:00: 2 differing; 1 values of 1 entities compared<" in shown
    assert "&lt;a&gt;" in shown
    assert "<a>" not in shown
    assert "<table>" not in replace(one_difference(), differences=(), verdicts=({}, {}))._repr_html_()
