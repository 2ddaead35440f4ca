"""A rival in a process of its own: what it answers, that it counts its own time only, and what is told when it dies."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.bench.latency import Latency, Shape, here, in_turns
from headrace.bench.rival_process import RivalProcess
from headrace.errors import StackError

SCRIPT = """
import json, sys, time

first = json.loads(sys.stdin.readline())
if first["dies"]:
    sys.exit("no such keyspace")
print("{}", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["ask"] == "seconds":
        time.sleep(0.2)
        answer = {"seconds": [len(keys) / 1000 for keys in asked["requests"]], "cpu_s": 0.5}
    elif asked["ask"] == "values":
        answer = {"rows": [[key, key / 3, None] for key in asked["keys"]]}
    else:
        raise ValueError("cannot " + asked["ask"])
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    made = tmp_path / "rival.py"
    made.write_text(SCRIPT, encoding="utf-8")
    return made


@pytest.fixture
def rival(script: Path) -> Iterator[RivalProcess]:
    with RivalProcess(Path(sys.executable), script, script.parent, {"dies": False}) as process:
        yield process


def test_values_come_back_as_they_are(rival: RivalProcess) -> None:
    assert rival.values([1, 7]) == [(1, 1 / 3, None), (7, 7 / 3, None)]


def test_only_the_time_that_the_rival_counts_is_counted(rival: RivalProcess) -> None:
    asked = [[1], [1, 2], [1, 2, 3]]
    turns = {"ours": here(lambda number: None), "rival": lambda first, end: rival.timed(asked[first:end])}
    found = in_turns(turns, 3)
    assert found["rival"] == Latency((0.001, 0.002, 0.003), 0.5)
    assert len(found["ours"].seconds) == 3


def test_turns_ask_for_every_request_once() -> None:
    asked: list[tuple[str, int]] = []
    turns = {name: here(lambda number, name=name: asked.append((name, number))) for name in "ab"}
    found = in_turns(turns, 45)
    assert [name for name, number in asked if number % 20 == 0] == list("ababab")
    assert {name: [number for mine, number in asked if mine == name] for name in "ab"} == {
        name: list(range(45)) for name in "ab"
    }
    assert all(len(latency.seconds) == 45 for latency in found.values())


@pytest.mark.parametrize(("dies", "why"), [(True, "no such keyspace"), (False, "cannot fly")])
def test_a_rival_that_dies_says_why(script: Path, dies: bool, why: str) -> None:
    def asked() -> None:
        with RivalProcess(Path(sys.executable), script, script.parent, {"dies": dies}) as process:
            process.ask("fly")

    began = time.monotonic()
    with pytest.raises(StackError, match=f"exit status 1: .*{why}"):
        asked()
    assert time.monotonic() - began < 30


def test_a_goal_is_of_both_percentiles() -> None:
    ours, slow = Latency((0.001,) * 99 + (0.010,), 0.2), Latency((0.006,) * 99 + (0.030,), 0.5)
    shape = Shape("1 by 50", {"ours": ours, "rival": slow, "plain": ours}, {"rival": 5.0})
    assert [row[-3:] for row in shape.rows()] == [
        ("", "", ""),
        ("6.00", "3.00", "5: p50 met, p99 below"),
        ("1.00", "1.00", ""),
    ]
