"""Features as SQL at the command line: docs/sql.md shows what is printed, and commands take a .sql file as a .py."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

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


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", "from headrace.jobs.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


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


def test_a_feature_that_is_not_there_is_named(folder: Path) -> None:
    found = run("sql", "transaction_count_2h", "--file", "examples/fraud/features.py", folder=folder)
    assert found.returncode == 1
    assert found.stderr == (
        "error: view fraud_features: no feature 'transaction_count_2h'; did you mean 'transaction_count_1h'?\n"
    )
