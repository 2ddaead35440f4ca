"""`headrace run` and `explain` of an as-of join: what the page says is what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import SettingsError
from headrace.jobs.inputs import dimensions_of

from .test_cli import run

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/dimensions.md"


def test_the_example_prints_what_the_page_says() -> None:
    console = PAGE.read_text(encoding="utf-8").split("```console\n$ ")[1].split("```")[0]
    command, *printed = console.splitlines()
    arguments = command.removeprefix(".venv/bin/headrace ").split()
    found = run(*arguments, folder=ROOT)
    assert [*found.stderr.splitlines(), *found.stdout.splitlines()] == printed


def test_an_explanation_names_the_join(tmp_path: Path) -> None:
    file = str(ROOT / "examples/merchants/features.py")
    found = run("explain", "risky_payments_7d", "--file", file, folder=tmp_path)
    assert "Merchants by merchant, from valid_from and 10m more on: iceberg ref.merchants" in found.stdout, found.stderr
    assert "Merchants: one look-up for each row, before its verdict, of risk" in found.stdout


@pytest.mark.parametrize("given", [["Merchants"], ["=m.csv"], ["Merchants="], ["M=a.csv", "M=b.csv"]])
def test_what_names_no_dimension_is_refused(given: list[str]) -> None:
    with pytest.raises(SettingsError, match=r"expected NAME=FILE, each name once, such as Merchants=merchants.csv"):
        dimensions_of(given)
