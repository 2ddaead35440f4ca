"""A store filled and read by commands, without a server or a driver of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..commands import headrace as run  # noqa: TID252 (commands are shared)
from .test_cli import run as alone

FEATURES = """
from datetime import datetime
from headrace import FeaturePipeline, KafkaTopic, Source, WindowSpec, event_time, transformation

class Clicks(Source):
    live = KafkaTopic("clicks")
    page: str
    at: datetime = event_time()

@transformation
def clicks(tx: Clicks, wspec: WindowSpec):
    return tx.groupby("page").window(wspec).count()

class Pages(FeaturePipeline):
    owner = "web@example.com"
    clock = "event"
    features = [clicks.over("1h", "7d")]
"""
#: Neither client is to be imported.
WITHOUT_SERVERS = (
    "import sys\n"
    "sys.modules.update(dict.fromkeys(['cassandra', 'pyiceberg', 'kafka', 'pyflink']))\n"
    "from headrace.jobs.cli import main; main()"
)
ASK = ["get-online", "pages:clicks_1h", "pages:clicks_7d", "--entity", "page=home", "--at", "2026-03-01T10:00:00Z"]


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "features.py").write_text(FEATURES)
    lines = ["page,at", "home,2026-03-01T09:30:00Z", "home,2026-03-01T08:00:00Z", "help,2026-03-01T09:59:00Z"]
    (tmp_path / "clicks.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_file_is_filled_and_read_without_a_server(desk: Path) -> None:
    fill = ["run", "features.py", "--input", "clicks.csv", "--to-store", "sqlite:shop.db"]
    filled = alone(*fill, folder=desk, code=WITHOUT_SERVERS)
    assert (filled.returncode, "rows: 3 accepted" in filled.stderr) == (0, True), filled.stderr
    asked = alone("--format", "json", *ASK, "--store", "sqlite:shop.db", folder=desk, code=WITHOUT_SERVERS)
    (record,) = json.loads(asked.stdout)
    assert {name: value["value"] for name, value in record["features"].items()} == {
        "pages:clicks_1h": 1,
        "pages:clicks_7d": 2,
    }
    (desk / "headrace.yaml").write_text("online:\n  store: sqlite\n  file: shop.db\n")
    assert alone("--format", "json", *ASK, folder=desk, code=WITHOUT_SERVERS).stdout == asked.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([*ASK, "--store", "sqlite:none.db"], "no online store"),
        ([*ASK, "--store", "redis"], "expected cassandra, sqlite or sqlite:PATH"),
        (
            ["run", "features.py", "--input", "clicks.csv", "--to-store", "cassandra"],
            "is filled by `headrace backfill`",
        ),
        (
            ["run", "features.py", "--input", "clicks.csv", "--to-store", "sqlite", "--feature", "clicks_1h"],
            "--feature does not go with --to-store",
        ),
        (
            ["run", "features.py", "--input", "clicks.csv", "--to-store", "sqlite", "--windows", "exact"],
            "--windows does not go with --to-store",
        ),
    ],
)
def test_what_cannot_be_is_refused(desk: Path, command: list[str], message: str) -> None:
    found = run(*command, folder=desk)
    assert (found.returncode, message in found.stderr) == (1, True), found.stderr
    assert not (desk / "none.db").exists()


def test_an_entity_is_erased_when_that_is_confirmed_and_no_other(desk: Path) -> None:
    run("run", "features.py", "--input", "clicks.csv", "--to-store", "sqlite:shop.db", folder=desk)
    erase = ["--format", "json", "erase", "pages", "--store", "sqlite:shop.db", "--entity"]

    def statuses(page: str) -> set[str]:
        asked = [text.replace("page=home", f"page={page}") for text in ASK]
        answer = run("--format", "json", *asked, "--store", "sqlite:shop.db", folder=desk)
        (record,) = json.loads(answer.stdout)
        return {value["status"] for value in record["features"].values()}

    shown = run(*erase, "page=home", "--dry-run", folder=desk)
    assert [row["last_event_time"] for row in json.loads(shown.stdout)] == ["2026-03-01 09:30:00+00:00"]
    refused = run(*erase, "page=home", folder=desk)
    assert (refused.returncode, "Aborted" in refused.stderr) == (1, True)
    assert statuses("home") == {"present"}
    assert run(*erase, "page=home", "--yes", folder=desk).returncode == 0
    assert (statuses("home"), statuses("help")) == ({"unknown_entity"}, {"present"})
    again = run(*erase, "page=home", "--yes", folder=desk)
    assert (again.returncode, "nothing is known of page=home" in again.stderr) == (0, True)
    wrong = run(*erase, "pages=home", folder=desk)
    assert (wrong.returncode, "no features of an entity with keys pages; found page" in wrong.stderr) == (1, True)


def test_what_comes_late_after_an_erasure_is_erased_too(desk: Path) -> None:
    fill = ["run", "features.py", "--to-store", "sqlite:shop.db", "--input"]
    erase = ["--format", "json", "erase", "pages", "--store", "sqlite:shop.db", "--entity", "page=home"]
    run(*fill, "clicks.csv", folder=desk)
    run(*erase, "--yes", folder=desk)
    (desk / "late.csv").write_text("page,at\nhome,2026-02-28T20:00:00Z\n")
    run(*fill, "late.csv", folder=desk)
    (shown,) = json.loads(run(*erase, "--yes", folder=desk).stdout)
    assert (shown["last_event_time"], shown["newest_tile"]) == (None, "2026-02-28 20:00:00+00:00")
    (gone,) = json.loads(run(*erase, "--dry-run", folder=desk).stdout)
    assert (gone["last_event_time"], gone["newest_tile"]) == (None, None)
