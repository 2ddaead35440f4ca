"""Features as SQL at the command line: docs/sql.md shows what is printed, and commands take a .sql file as a .py."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import pytest

from headrace.errors import UnsupportedError
from headrace.jobs.definitions import view_of

from ..commands import headrace as run  # noqa: TID252 (commands are shared)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/sql.md"
BLOCK = re.compile(r"^```console\n\$ headrace (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the example, and a file with a typo."""
    place = tmp_path / "examples/fraud"
    shutil.copytree(ROOT / "examples/fraud", place)
    text = (place / "features.sql").read_text()
    (place / "wrong.sql").write_text(text.replace("WHERE status", "WHERE stauts", 1))
    return tmp_path


def test_the_page_shows_what_is_printed(folder: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == 3

    def answered(block: re.Match[str]) -> str:
        found = run(*block[1].split(), folder=folder)
        return f"```console\n$ headrace {block[1]}\n{found.stderr}{found.stdout}```"

    expected = BLOCK.sub(answered, text)
    if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
        PAGE.write_text(expected, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == expected, f"{PAGE} is stale; run with HEADRACE_UPDATE_GOLDEN=1"


def test_the_page_shows_the_examples_file() -> None:
    assert f"```sql\n{(ROOT / 'examples/fraud/features.sql').read_text()}```" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("engine", ["flink", "duckdb"])
def test_both_forms_compile_to_one_text(folder: Path, engine: str) -> None:
    compiled = [
        run("compile", "all", "--engine", engine, "--file", f"examples/fraud/features.{suffix}", folder=folder)
        for suffix in ("py", "sql")
    ]
    assert compiled[0].returncode == 0
    assert compiled[0].stdout == compiled[1].stdout


def test_what_is_printed_is_a_file_that_runs(folder: Path) -> None:
    printed = run("sql", "all", "--file", "examples/fraud/features.py", folder=folder)
    (folder / "printed.sql").write_text(printed.stdout)
    given = ("--input", "examples/fraud/transactions.csv")
    ran = [run("run", file, *given, folder=folder) for file in ("examples/fraud/features.py", "printed.sql")]
    assert "TRANSACTION_COUNT_1H" in ran[0].stdout
    assert (ran[0].stdout, ran[0].stderr) == (ran[1].stdout, ran[1].stderr)


ALONE = """
from datetime import datetime
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation, udf

class Tx(Source):
    live = KafkaTopic("tx")
    tid: str
    {unique_by}
    card: {card}
    shop: str
    amt: float
    ts: datetime = event_time(max_delay="5s")

@udf(returns=float)
def risk(amt):
    return amt

@transformation
def total(tx: Tx, wspec: WindowSpec):
    return tx.groupby("shop")["amt"].window(wspec).sum()

@transformation
def other(tx: Tx, wspec: WindowSpec):
    return {other}

class Cards(FeaturePipeline):
    owner = "risk@example.com"
    features = [total.over("1h", "7d"), other.over("1h")]
"""
BY_SHOP = 'tx.groupby("shop")["amt"].window(wspec).mean()'
BY_CARD = 'tx.groupby("card")["amt"].window(wspec).sum()'
BY_RISK = 'tx.groupby("shop")[risk(tx.amt)].window(wspec).sum()'
#: By what the other feature decides: the source's rule and key, the other feature, and whether one alone is the same.
OTHERS = {
    "nothing": ("", "str", BY_CARD, True),
    "nothing of copies, reading no more": ('unique_by = "tid"', "str", BY_SHOP, True),
    "which rows are copies": ('unique_by = "tid"', "str", BY_CARD, False),
    "rows without its key": ("", "str | None", BY_CARD, False),
    "rows that its function fails on": ("", "str", BY_RISK, False),
}


@pytest.mark.parametrize("decides", OTHERS)
def test_a_feature_alone_is_refused_where_others_decide_which_rows_count(folder: Path, decides: str) -> None:
    unique_by, card, other, same = OTHERS[decides]
    (folder / "features.py").write_text(ALONE.format(unique_by=unique_by, card=card, other=other))
    refusal = "view cards: which rows count for total_1h depends on .*; print the whole view: headrace sql all"
    with nullcontext() if same else pytest.raises(UnsupportedError, match=refusal):
        alone = view_of(folder / "features.py", feature="total_1h")
        assert [one.name for one in alone.features] == ["total_1h"]


def test_a_feature_that_is_not_there_is_named(folder: Path) -> None:
    found = run("sql", "transaction_count_2h", "--file", "examples/fraud/features.py", folder=folder)
    assert found.returncode == 1
    assert found.stderr == (
        "error: view fraud_features: no feature 'transaction_count_2h'; did you mean 'transaction_count_1h'?\n"
    )
