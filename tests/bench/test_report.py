"""What a run leaves: tables whose ratios are right, JSON with every figure, and the generated part of the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headrace.bench.measure import Measured, Spread, interleaved
from headrace.bench.outputs import Equality
from headrace.bench.report import HEAD, Goal, Part, Report, table_markdown, table_text, write_docs
from headrace.errors import NotFoundError
from headrace.runtime.progress import Progress

OURS, RIVAL, ONCE = "headrace", "a rival", "a rival that ran once"


def part() -> Part:
    sides = {
        OURS: [Measured(100, 1.0, 2.0, 0.5), Measured(100, 2.0, 2.0, 1.5)],
        RIVAL: [Measured(100, 2.0, 1.0), Measured(100, 1.0, 1.0)],
        ONCE: [Measured(10, 1.0, 1.0)],
    }
    return Part("one hundred rows", sides, {RIVAL: Goal(1.0, 0.6), ONCE: Goal(5.0, 5.0)})


def report() -> Report:
    return Report("backfill", {"rows": 100}, [Equality(OURS, 100, 80)], [part()], facts={"date": "2026-11-21"})


def test_ratios_are_ours_to_theirs_round_by_round() -> None:
    assert part().ratios(RIVAL) == (Spread(0.5, 1.25, 2.0), Spread(0.5, 0.5, 0.5))


def test_a_rival_that_ran_once_is_compared_with_every_round() -> None:
    assert part().ratios(ONCE) == (Spread(5.0, 7.5, 10.0), Spread(5.0, 5.0, 5.0))


def test_a_table_shows_medians_ratios_and_what_became_of_the_goal() -> None:
    ours, rival, once = part().rows()
    assert ours == (OURS, "100", "1.5", "75", "2.0", "1.0", "50", "", "", "")
    assert rival[-3:] == ("1.25 (0.50 to 2.00)", "0.50 (0.50 to 0.50)", "1 and 0.6: rows/s met, rows/CPU-s below")
    assert once[-1] == "5: met"


def test_columns_without_a_figure_are_left_out() -> None:
    rows = [("a", "1", "1.0", "1", "1.0", "", "1", "", "", "")]
    assert "Cassandra" not in table_markdown(rows)
    assert table_text(rows).splitlines() == [
        "SIDE  ROWS  S    ROWS/S  CPU-S  ROWS/CPU-S",
        "a     1     1.0  1       1.0    1",
    ]
    assert len(HEAD) == len(rows[0])


def test_json_has_every_run_and_every_ratio(tmp_path: Path) -> None:
    report().save(tmp_path / "deep" / "result.json")
    found = json.loads((tmp_path / "deep" / "result.json").read_text())
    assert found["parts"][0]["sides"][RIVAL][1] == {
        "rows": 100,
        "wall_s": 1.0,
        "client_cpu_s": 1.0,
        "server_cpu_s": 0.0,
    }
    assert found["parts"][0]["ratios"][RIVAL]["rows_per_s"] == {"low": 0.5, "median": 1.25, "high": 2.0}
    assert found["equal"] == [{"side": OURS, "rows_in": 100, "rows_out": 80}]


def test_only_what_stands_between_the_marks_is_written(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- backfill: begin -->\nold\n<!-- backfill: end -->\nafter\n", encoding="utf-8")
    write_docs(report(), page)
    write_docs(report(), page)
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n<!-- backfill: begin -->\n")
    assert text.endswith("\n<!-- backfill: end -->\nafter\n")
    assert "old" not in text
    assert text.count("| headrace | 100 | 1.5 |") == 1


def test_a_page_without_marks_is_refused_and_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- backfill: begin -->", encoding="utf-8")
    with pytest.raises(NotFoundError, match="no marks <!-- backfill: begin --> and"):
        write_docs(report(), page)
    assert page.read_text(encoding="utf-8") == "<!-- backfill: begin -->"


def test_rounds_turn_the_order_around() -> None:
    order: list[str] = []

    def side(name: str) -> Measured:
        order.append(name)
        return Measured(1, 1.0, 1.0)

    found = interleaved({name: lambda name=name: side(name) for name in "abc"}, 3, Progress(quiet=True))
    assert "".join(order) == "abccbaabc"
    assert {name: len(runs) for name, runs in found.items()} == {"a": 3, "b": 3, "c": 3}
