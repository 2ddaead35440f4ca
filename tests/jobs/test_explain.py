"""`headrace explain` at the command line: the page shows what is printed, for the examples it is kept as it was."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ..commands import Ended, headrace  # noqa: TID252 (commands are shared)

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/knobs.md"
GOLDEN = ROOT / "tests/jobs/golden"
BLOCK = re.compile(r"^```console\n\$ headrace (explain .*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Ended]:
    """A command beside the examples, in a folder without settings."""
    (tmp_path / "examples").symlink_to(ROOT / "examples", target_is_directory=True)

    def call(*arguments: str, **environment: str) -> Ended:
        found = headrace(*arguments, folder=tmp_path, **environment)
        return replace(found, stdout=found.stdout.replace(f"{ROOT}/", ""))

    return call


def same(place: Path, text: str) -> None:
    if os.environ.get("HEADRACE_UPDATE_GOLDEN"):
        place.parent.mkdir(exist_ok=True)
        place.write_text(text, encoding="utf-8")
    assert place.read_text(encoding="utf-8") == text, f"{place} is stale; run with HEADRACE_UPDATE_GOLDEN=1"


def test_the_page_shows_what_is_printed(run: Callable[..., Ended]) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) == 1
    same(PAGE, BLOCK.sub(lambda block: f"```console\n$ headrace {block[1]}\n{run(*block[1].split()).stdout}```", text))


@pytest.mark.parametrize(
    ("feature", "file"),
    [
        ("average_transaction_amount_by_merchant_30d", "examples/fraud/features.py"),
        ("transaction_count_7d", "examples/fraud/features.sql"),
        ("late_share_30d", "examples/flights/features.py"),
        ("planes_on_route_24h", "examples/flights/features.py"),
        ("last_delay", "examples/flights/features.py"),
    ],
)
def test_the_examples_are_explained(run: Callable[..., Ended], feature: str, file: str) -> None:
    found = run("explain", feature, "--file", file)
    assert (found.returncode, found.stderr) == (0, "")
    same(GOLDEN / f"{feature}.explain.txt", found.stdout)


def test_a_flag_beats_the_environment_and_each_value_says_where_it_is_from(
    run: Callable[..., Ended],
) -> None:
    asked = ("--format", "json", "explain", "late_share_30d", "--file", "examples/flights/features.py")
    variables = {"HEADRACE__FLINK__FRESHNESS": "1m", "HEADRACE__FLINK__OPTIMIZE": "cost"}
    found = json.loads(run(*asked, "--optimize", "latency", **variables).stdout)
    knobs = {one["step"]: (one["what"], one["where"]) for one in found if one["part"] == "knobs"}
    assert knobs["optimize"] == ("latency", "flag")
    assert knobs["freshness"] == ("1m", "environment HEADRACE__FLINK__FRESHNESS")
    assert knobs["table.exec.mini-batch.allow-latency"] == ("100 ms", "optimize latency, freshness 1m")
    variables["HEADRACE__FLINK__CONFIGURATION"] = '{"table.exec.mini-batch.allow-latency": "3 s"}'
    found = json.loads(run(*asked, **variables).stdout)
    assert next(one["what"] for one in found if one["step"] == "bound").startswith(
        "at most 23333 ms: 3000 ms in a mini"
    )
    (batch,) = [one for one in found if one["step"] == "table.exec.mini-batch.allow-latency"]
    assert (batch["what"], batch["where"]) == ("3 s", "flink.configuration")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("late_share_30", "--file", "examples/flights/features.py"), "did you mean 'late_share_30d'?"),
        (("last_delay", "--file", "examples/flights/features.py", "--optimize", "costs"), "did you mean 'cost'?"),
        (("last_delay", "--file", "examples/flights/features.py", "--freshness", "2d"), "flag: flink.freshness: "),
    ],
)
def test_what_cannot_be_explained_is_refused(
    run: Callable[..., Ended], arguments: tuple[str, ...], message: str
) -> None:
    found = run("explain", *arguments)
    assert (found.returncode, found.stdout) == (1, "")
    assert message in found.stderr
