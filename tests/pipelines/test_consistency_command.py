"""`headrace consistency` over an SQLite store and an archive, without a server: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from ..commands import Ended, headrace  # noqa: TID252 (commands are shared)
from .trips import MIDNIGHT, PROJECT, depot_in, trips

TRIPS = trips(60)
AT = MIDNIGHT.isoformat()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("desk")
    with depot_in(folder) as depot:
        depot.archive(TRIPS)
        depot.serve(TRIPS)
        settings = depot.platform.settings
        values = {
            "project": PROJECT,
            "home": str(settings.home),
            "iceberg": settings.iceberg.model_dump(),
            "online": {"store": "sqlite", "file": str(settings.online.file)},
        }
        (folder / "headrace.yaml").write_text(yaml.safe_dump(values))
    return folder


Run = Callable[..., Ended]


@pytest.fixture
def run(desk: Path) -> Run:
    """Runs a command at the desk."""
    return partial(headrace, folder=desk)


def test_a_consistent_store_ends_well_and_shows_a_line_for_each_feature(run: Run) -> None:
    found = run("consistency", "town_trips", "--sample", "2")
    assert found.returncode == 0, found.stderr
    head, *lines = found.stdout.splitlines()
    assert head.split() == ["FEATURE", "COMPARED", "EQUAL", "DIFFERENT", "MISSING", "EXTRA", "CAUSES"]
    assert lines[0].split()[:2] == ["trips_1h", "2"]
    assert lines[-1].endswith(", unexplained: 0")
    assert "history raw.trips, snapshot" in found.stderr
    assert [line.split()[1] for line in lines if line.startswith("fare_each  ")] == ["2"]
    left_out = [line.partition(",")[0] for line in lines if "left out" in line]
    assert left_out == [
        f"on-demand feature {name} is left out" for name in ("rides", "left_over", "at_night", "promised")
    ]
    assert "at_night is left out, for it takes tariff of a request; a log of what was served is" in found.stdout


def test_a_log_of_what_was_served_is_compared_and_an_unexplained_value_fails(desk: Path, run: Run) -> None:
    ask = ["get-online", "town_trips:trips_3d", "town_trips:takings", "--entity", "town=t0", "--at", AT]
    assert run(*ask, "--log", "served.jsonl").returncode == 0
    check = ["--format", "json", "consistency", "town_trips", "--served"]
    assert run(*check, "served.jsonl").returncode == 0
    row = json.loads((desk / "served.jsonl").read_text())
    row["town_trips:trips_3d"] += 1
    (desk / "wrong.jsonl").write_text(json.dumps(row) + "\n")
    wrong = run(*check, "wrong.jsonl")
    report = json.loads(wrong.stdout)
    assert (wrong.returncode, report["compared"], report["unexplained"]) == (1, 2, 1)
    (one,) = report["differences"]
    assert (one["feature"], one["causes"], one["entity"]) == ("trips_3d", ["unexplained"], {"town": "t0"})
    assert one["served"] == one["history"] + 1


def test_a_wrong_on_demand_value_alone_in_a_log_fails(desk: Path, run: Run) -> None:
    log, asked = desk / "on_demand.jsonl", ("town_trips:left_over", "town_trips:at_night")
    ask = ["get-online", *asked, "--entity", "town=t0", "--request", "offer=9.5", "--request", "tariff=day"]
    served = run(*ask, "--at", AT, "--log", log.name)
    assert served.returncode == 0, served.stderr
    assert run("consistency", "town_trips", "--served", log.name).returncode == 0
    log.write_text(json.dumps(json.loads(log.read_text()) | {"town_trips:left_over": -1.0}))
    wrong = run("consistency", "town_trips", "--served", log.name)
    assert (wrong.returncode, wrong.stdout.splitlines()[-1]) == (
        1,
        "values compared: 2, differing: 1, unexplained: 1",
    )
    assert f"left_over of town='t0' at {AT}: served -1.0, history " in wrong.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["town_trip"], "did you mean 'town_trips'"),
        (["town_trips", "--served", "none.jsonl"], "no file none.jsonl"),
        (["town_trips", "--served", "x.jsonl", "--sample", "3"], "leave out --at and --sample"),
        (["town_trips", "--at", "2026-03-04T00:00:00"], "has no time zone"),
        (["town_trips", "--at", "1999-01-01T00:00:00Z"], "history knows no entity before 1999"),
        (["town_trips", "--windows", "round"], "expected one of exact, tiled"),
    ],
)
def test_what_cannot_be_is_refused_in_one_message(run: Run, arguments: list[str], message: str) -> None:
    found = run("consistency", *arguments)
    assert (found.returncode, message in found.stderr, "Traceback" in found.stderr) == (1, True, False), found.stderr
