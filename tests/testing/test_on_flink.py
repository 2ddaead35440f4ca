"""Tests of features repeated on Flink: few jobs, each example alone, and a fault of Flink fails the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headrace.compiler import flink_tiles
from headrace.compiler.build import plan_view
from headrace.errors import JobError, UnsupportedError
from headrace.features.instant import instant_from
from headrace.features.load import load_views
from headrace.pipelines.flink_tiles import FlinkEngine
from headrace.runtime.local_flink import local_session
from headrace.runtime.settings import load_settings
from headrace.serving.bulk import served_table
from headrace.testing import CRASH, PAUSE
from headrace.testing.on_flink import OnFlink
from headrace.testing.rows import Inputs, Versions, opened_inputs

from .test_plugin import FEATURES, TABLE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PYTHON = """
from headrace.testing import assert_feature_equal
from features import Cards

def test_what_a_card_spent():
    rows = [{"card": "a", "cents": 3, "at": "2026-01-01T10:00:00Z"}]
    for cents, at in ((3, "2026-01-01T11:00:00Z"), (None, "2026-01-01T11:00:00.000001Z")):
        assert_feature_equal(Cards, "spent_1h", cents, rows=rows, entity={"card": "a"}, at=at)
"""
TEN = "2026-01-01T10:00:00Z"
WEIGHTS = """class Weights(Dimension):
    history = IcebergTable("ref.weights")
    key = "card"
    card: str
    weight: int
    since: datetime = event_time()

@transformation"""
JOINED = (
    FEATURES.replace("from headrace import", "from headrace import Dimension, IcebergTable,")
    .replace("@transformation", WEIGHTS)
    .replace('["cents"]', "[payments.cents * payments.asof_join(Weights).weight]")
)

DIFFERENT = FEATURES.replace(".sum()", ".count_distinct()")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "features.py").write_text(FEATURES)
    (tmp_path / "one.features.yaml").write_text(TABLE)
    crashing = TABLE.replace("  - {card: b", "  - PAUSE\n  - {card: b").replace(
        "expect:", "  - CRASH\n  - EOF\nexpect:"
    )
    (tmp_path / "crash.features.yaml").write_text(crashing)
    (tmp_path / "two.features.yaml").write_text(TABLE.replace("cents: 10", "cents: 90").replace("h: 10}", "h: 90}"))
    (tmp_path / "misspelt.features.yaml").write_text(TABLE.replace("cents: 10", "cent: 10"))
    (tmp_path / "test_cards.py").write_text(PYTHON)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HEADRACE__JARS", str(ROOT / ".build/jars"))
    return tmp_path


@pytest.fixture
def flink(tmp_path: Path) -> Iterator[OnFlink]:
    flags = {"home": str(tmp_path), "jars": str(ROOT / ".build/jars")}
    repetition = OnFlink(FlinkEngine(local_session(load_settings(flags=flags, environment={})), served_table))
    yield repetition
    repetition.close()


def pay(card: str, cents: Any, at: str = TEN, **more: str) -> dict[str, Any]:
    return {"card": card, "cents": cents, "at": at, **more}


def test_the_examples_of_a_view_share_a_job_and_nothing_else(desk: Path, flink: OnFlink) -> None:
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    examples: list[list[dict[str, Any]]] = [
        [pay("a", 1), pay("b", 2), pay("a", 4, "2026-01-01T10:30:00Z")],
        [pay("a", 100)],
        [],
        [pay("c", "ten"), pay("c", 7, _arrives="2026-01-03T00:00:00Z")],
        [pay("a", 9), pay("d", "ten"), pay("c", 7, _arrives="2026-01-03T00:00:00Z"), pay("e", 5)],
    ]
    for rows in examples:
        flink.announce(plan, Inputs(rows))
    for no_rows in ([{"card": "a", "misspelt": 1}], [{"card": "\ud800"}]):
        flink.announce(plan, Inputs(no_rows))
    for at in ("2026-01-01T10:31:00Z", "2026-01-01T11:10:00Z"):
        for rows in examples:
            with opened_inputs(plan, Inputs(rows)) as connection:
                flink.check(connection, plan, Inputs(rows), instant_from("at", at))
    assert flink.jobs == 1
    differing = pytest.raises(AssertionError, match="duckdb 101, flink 100")
    with opened_inputs(plan, Inputs([pay("a", 101)])) as connection, differing:
        flink.check(connection, plan, Inputs(examples[1]), instant_from("at", "2026-01-01T10:31:00Z"))


def test_a_count_that_flink_may_estimate_is_no_difference(desk: Path, flink: OnFlink) -> None:
    (desk / "features.py").write_text(DIFFERENT)
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    rows = [pay("a", cents) for cents in range(5_000)]
    given, at = Inputs([*rows, pay("b", 1), pay("b", 2)]), instant_from("at", "2026-01-01T10:31:00Z")
    with opened_inputs(plan, given) as connection:
        flink.check(connection, plan, given, at)
    one_less = Inputs([*rows, pay("b", 1), pay("b", 1)])
    told = "1 differing, 1 estimates within 5 standard errors; 2 values of 2 entities compared\nspent_1h of card='b'"
    with opened_inputs(plan, one_less) as connection, pytest.raises(AssertionError, match=told):
        flink.check(connection, plan, given, at)
    many_less = Inputs([*(pay("a", cents % 4_500) for cents in range(5_000)), pay("b", 1), pay("b", 2)])
    told = "1 differing; 2 values of 2 entities compared\nspent_1h of card='a': duckdb 4500, flink "
    with opened_inputs(plan, many_less) as connection, pytest.raises(AssertionError, match=told):
        flink.check(connection, plan, given, at)
    assert flink.jobs == 1


def test_a_row_that_is_in_two_examples_is_no_copy(desk: Path, flink: OnFlink) -> None:
    (desk / "features.py").write_text(FEATURES.replace("    card: str\n", '    unique_by = "card"\n    card: str\n'))
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    examples = [[pay("a", 1), pay("a", 1)], [pay("a", 1), pay("b", 2)]]
    for rows in examples:
        flink.announce(plan, Inputs(rows))
    for rows in examples:
        with opened_inputs(plan, Inputs(rows)) as connection:
            flink.check(connection, plan, Inputs(rows), instant_from("at", "2026-01-01T10:31:00Z"))
    assert flink.jobs == 1


def test_examples_share_a_job_where_their_versions_are_the_same(desk: Path, flink: OnFlink) -> None:
    (desk / "features.py").write_text(JOINED)
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    once, twice = ([{"card": "a", "weight": weight, "since": TEN}] for weight in (1, 2))
    versions: list[Versions] = [{"Weights": once}, {"Weights": twice}, {"Weights": list(once)}, {"Weights": []}]
    examples = [Inputs([pay("a", cents)], each) for cents, each in enumerate(versions, start=3)]
    for example in examples:
        flink.announce(plan, example)
    at = instant_from("at", "2026-01-01T10:31:00Z")
    for example in examples:
        with opened_inputs(plan, example) as connection:
            flink.check(connection, plan, example, at)
    assert flink.jobs == 3
    differing = pytest.raises(AssertionError, match="duckdb 6, flink 3")
    with opened_inputs(plan, replace(examples[0], dimensions=versions[1])) as connection, differing:
        flink.check(connection, plan, examples[0], at)


def test_versions_in_a_script_are_refused(desk: Path, flink: OnFlink) -> None:
    (desk / "features.py").write_text(JOINED)
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    script = Inputs([pay("a", 1), PAUSE], {"Weights": []})
    with opened_inputs(plan, script) as connection, pytest.raises(UnsupportedError, match="leave markers out"):
        flink.check(connection, plan, script, instant_from("at", TEN))


def test_scripts_of_a_view_share_a_job_that_crashes(desk: Path, flink: OnFlink) -> None:
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    late = pay("a", 8, _arrives="2026-01-03T00:00:00Z")
    examples: list[list[Any]] = [
        [pay("a", 1, "2026-01-01T10:30:00Z"), PAUSE, late, pay("a", 2), CRASH, pay("b", "ten"), pay("a", 4)],
        [CRASH, CRASH, pay("a", 100), pay("a", 200)],
        [PAUSE, PAUSE],
        [pay("a", 16), PAUSE, CRASH],
    ]
    for rows in [*examples, [pay("a", 5)]]:
        flink.announce(plan, Inputs(rows))
    for at in ("2026-01-01T10:31:00Z", "2026-01-01T11:10:00Z"):
        for rows in examples:
            with opened_inputs(plan, Inputs(rows)) as connection:
                flink.check(connection, plan, Inputs(rows), instant_from("at", at))
    rows, attempts = 8, (3, 4, 4, 7, 0)
    again = sum(attempts) - rows
    assert flink.summary() == f"Flink: 1 jobs, {len(attempts) - 1} crashes, {again} rows read again"
    differing = pytest.raises(AssertionError, match="duckdb 101, flink 300")
    with opened_inputs(plan, Inputs([pay("a", 101)])) as connection, differing:
        flink.check(connection, plan, Inputs(examples[1]), instant_from("at", "2026-01-01T10:31:00Z"))


def test_a_bad_example_fails_alone_and_once(desk: Path, flink: OnFlink) -> None:
    plan = plan_view(load_views(desk / "features.py").views["cards"])
    bad = [pay("a", 2**62)] * 3
    examples: list[list[dict[str, Any]]] = [[pay("a", 1)], [pay("a", 2)], bad, [pay("a", 4)]]
    for rows in examples:
        flink.announce(plan, Inputs(rows))

    def check(rows: list[dict[str, Any]]) -> None:
        with opened_inputs(plan, Inputs(rows)) as connection:
            flink.check(connection, plan, Inputs(rows), instant_from("at", TEN))

    for rows in [*examples, bad]:
        with pytest.raises(JobError, match="spent") if rows is bad else nullcontext():
            check(rows)
    whole, halves, quarters = 1, 2, 2
    assert flink.jobs == whole + halves + quarters
    bad_alone = [pay("b", 2**62)] * 3
    with pytest.raises(JobError, match="spent"):
        check(bad_alone)
    assert flink.jobs == whole + halves + quarters + 1


def run(capsys: pytest.CaptureFixture[str], desk: Path, *names: str) -> str:
    """pytest within this process, which has started Flink's client already."""
    options = ["--rootdir", str(desk), "-p", "no:cacheprovider", "--headrace-engine", "flink"]
    pytest.main([*options, *(str(desk / name) for name in names)])
    return capsys.readouterr().out


def test_tables_and_python_tests_pass_on_flink_as_well(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = run(capsys, desk, "test_cards.py", "one.features.yaml", "crash.features.yaml")
    assert "9 passed" in said
    assert "Flink: 2 jobs, 1 crashes, 1 rows read again" in said


def test_a_fault_of_flink_fails_the_test(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(flink_tiles.CALLS, "sum", lambda x, partial, label: f"MAX({x}) + 1")
    said = run(capsys, desk, "one.features.yaml", "misspelt.features.yaml")
    assert "cards at 2026-01-01T11:00:00+00:00, DuckDB (windows tiled) and Flink: 2 differing" in said
    assert "spent_1h of card='a': duckdb 10, flink 11; made of 1 rows" in said
    row = "  card='b', cents=7, at='2026-01-01T10:30:00+00:00', _arrival='2026-01-01T10:30:00+00:00'"
    assert f"spent_1h of card='b': duckdb 7, flink 8; made of 1 rows\n{row}\n" in said
    assert "row 0: source Payments has no column 'cent'" in said
    assert "Traceback" not in said
