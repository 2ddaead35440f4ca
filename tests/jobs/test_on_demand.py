"""On-demand features at the command line: shown, left out, served of a request, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..commands import headrace as run  # noqa: TID252 (commands are shared)
from .test_cli import run as alone
from .test_local_store import FEATURES, WITHOUT_SERVERS, desk  # noqa: F401 (a fixture)

ON_DEMAND = """
from headrace import Features, Request, on_demand

class Visit(Request):
    weight: float

@on_demand
def recent(f: Features):
    return f.clicks_1h / f.clicks_7d

@on_demand
def weighed(visit: Visit, f: Features):
    return visit.weight * f.clicks_7d

@on_demand
def heavy(visit: Visit):
    return visit.weight > 2

class Pages(FeaturePipeline):
    owner = "web@example.com"
    clock = "event"
    features = [clicks.over("1h", "7d"), recent, weighed, heavy]
"""
STORE = ["--store", "sqlite:shop.db", "--at", "2026-03-01T10:00:00Z"]


@pytest.fixture
def pages(desk: Path) -> Path:  # noqa: F811 (the fixture)
    """A desk whose view has on-demand features."""
    (desk / "features.py").write_text(FEATURES.partition("class Pages")[0] + ON_DEMAND)
    return desk


def test_a_run_shows_what_takes_no_request_and_a_store_serves_what_does(pages: Path) -> None:
    shown = run("--format", "json", "run", "features.py", "--input", "clicks.csv", folder=pages)
    assert [row["recent"] for row in json.loads(shown.stdout)] == [1.0, 0.5]
    assert "weighed is left out: it takes weight of a request" in shown.stderr
    filled = run("run", "features.py", "--input", "clicks.csv", "--to-store", "sqlite:shop.db", folder=pages)
    assert filled.returncode == 0, filled.stderr
    ask = ["get-online", "pages:weighed", "pages:recent", "--entity", "page=home", *STORE]
    asked = alone("--format", "json", *ask, "--request", "weight=2.5", folder=pages, code=WITHOUT_SERVERS)
    (record,) = json.loads(asked.stdout)
    assert {name: value["value"] for name, value in record["features"].items()} == {
        "pages:weighed": 5.0,
        "pages:recent": 0.5,
    }
    whole = ["get-online", "pages:heavy", "--request", "weight=2.5", *STORE]
    entityless = alone("--format", "json", *whole, folder=pages, code=WITHOUT_SERVERS)
    assert entityless.returncode == 0, entityless.stderr
    assert json.loads(entityless.stdout)[0]["features"]["pages:heavy"]["value"] is True
    missing = run(*ask, folder=pages)
    assert (missing.returncode, "request column 'weight' of feature pages:weighed is missing" in missing.stderr) == (
        1,
        True,
    )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["run", "features.py", "--input", "clicks.csv", "--feature", "weighed"], "takes weight of a request"),
        (["compile", "recent"], "is computed when it is asked for, by no job"),
        (["sql", "recent"], "on-demand feature 'recent' is no SQL over a source"),
        (["sql", "recend"], "no feature 'recend'; did you mean 'recent'"),
        (["get-online", "pages:recent", "--entity", "page=home", "--request", "weight"], "--request 'weight'"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(pages: Path, command: list[str], message: str) -> None:
    (pages / "headrace.yaml").write_text("online:\n  store: sqlite\n  file: none.db\n")
    refused = run(*command, folder=pages)
    assert refused.returncode != 0
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_feature_is_printed_as_the_sql_of_duckdb(pages: Path) -> None:
    printed = run("compile", "recent", "--engine", "duckdb", folder=pages)
    assert "FROM features" in printed.stdout
    one = run("sql", "clicks_1h", folder=pages)
    assert (one.returncode, "AS clicks_1h" in one.stdout) == (0, True)


def test_a_view_is_printed_as_sql_without_what_is_no_sql(pages: Path) -> None:
    printed = run("sql", "all", folder=pages)
    assert (printed.returncode, printed.stderr) == (
        0,
        "left out, for they are no SQL over a source: on-demand features recent, weighed, heavy\n",
    )
    (pages / "printed.sql").write_text(printed.stdout)
    plans = [run("compile", "all", "--file", file, folder=pages).stdout for file in ("features.py", "printed.sql")]
    assert "clicks_7d" in printed.stdout
    assert plans[0] == plans[1]


def test_a_feature_on_demand_is_explained_with_what_it_reads(pages: Path) -> None:
    found = run("--format", "json", "explain", "weighed", folder=pages)
    assert found.returncode == 0, found.stderr
    steps = {(row["part"], row["step"]): row["what"] for row in json.loads(found.stdout)}
    assert steps["as written", "reads"] == "clicks_7d, weight of the request"
    assert steps["clicks_7d, as written", "window"] == "7d"
    assert ("clicks_7d, as planned", "scan") in steps
    assert ("clicks_1h, as planned", "scan") not in steps
    assert ("knobs", "freshness") in steps
