"""Gates that need no model: what they measure, against what, and what they say of a failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import DefinitionError
from headrace.registry.model_facts import Evaluation, Facts, ModelVersion
from headrace.registry.store import Materialization, Pointer, Registry, ViewVersion
from headrace.training.models.gates import (
    AtMost,
    FeaturesAvailable,
    GateResult,
    NotWorse,
    SlicesNotWorse,
    Subject,
    evidence_of,
    judge,
)

ROWS = "flights@7, August"
PLAN = {"name": "flights", "features": [{"name": "count_1h", "window_us": 3_600_000_000}]}
WIDER = {"name": "flights", "features": [{"name": "count_1h", "window_us": 7_200_000_000}, {"name": "mean_1d"}]}
LOSSES = st.floats(0, 10, allow_nan=False)


def facts_of(metrics: dict[str, float], rows: str = ROWS, **changed: object) -> Facts:
    sets = {name.partition("/")[0] for name in metrics}
    fixed = {"artifact": "a" * 64, "code": "b" * 64, "environment": "c" * 64}
    return Facts(**fixed, metrics=metrics, evaluated=dict.fromkeys(sets, rows), **changed)  # type: ignore[arg-type]


def beside(champion: dict[str, float] | None, own: dict[str, float], rows: str = ROWS) -> Subject:
    """A subject beside a champion whose metrics are over `rows`."""
    if champion is None:
        return Subject("late", facts_of(own))
    version = ModelVersion("late", 1, facts_of(champion, rows), "ann")
    sets = version.facts.evaluated
    return Subject(
        "late", facts_of(own), version, [Evaluation(name, rows, version.facts.of_set(name)) for name in sets]
    )


@given(LOSSES, LOSSES, st.floats(-1, 1, allow_nan=False))
def test_not_worse_is_within_the_margin_of_the_champion(theirs: float, own: float, margin: float) -> None:
    result = NotWorse("recent", "log_loss", margin).judge(beside({"recent/log_loss": theirs}, {"recent/log_loss": own}))
    assert (result.passed, result.value, result.bound) == (own <= theirs + margin, own, theirs + margin)
    turned = NotWorse("recent", "auc", margin, greater_is_better=True)
    result = turned.judge(beside({"recent/auc": theirs}, {"recent/auc": own}))
    assert (result.passed, result.bound) == (own >= theirs - margin, theirs - margin)


@pytest.mark.parametrize("bound", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("kind", [NotWorse, SlicesNotWorse, AtMost])
def test_a_bound_that_everything_or_nothing_passes_is_refused(kind: Callable[..., object], bound: float) -> None:
    with pytest.raises(DefinitionError, match=r"gate .*expected a finite number to hold it against"):
        kind("recent", "log_loss", bound)


def test_what_a_failed_gate_shows_is_kept_also_when_it_is_no_number() -> None:
    result = GateResult("latency", False, float("nan"), 1.0, {"by_slice": {"UA": float("inf"), "AA": 0.5}})
    (kept,) = evidence_of([result])["gates"]
    assert (kept["value"], kept["evidence"]) == ("nan", {"by_slice": {"UA": "inf", "AA": 0.5}})


def test_a_negative_margin_asks_for_better() -> None:
    gate = NotWorse("recent", "log_loss", -0.125)
    passed = [
        gate.judge(beside({"recent/log_loss": 0.5}, {"recent/log_loss": own})).passed for own in (0.375, 0.4, 0.5)
    ]
    assert passed == [True, False, False]


def test_both_recent_and_frozen_are_asked_so_that_forgetting_is_seen() -> None:
    gates = [NotWorse("recent", "log_loss"), NotWorse("frozen", "log_loss", 0.01)]
    champion = {"recent/log_loss": 0.5, "frozen/log_loss": 0.5}
    forgetful = beside(champion, {"recent/log_loss": 0.3, "frozen/log_loss": 0.7})
    assert [result.passed for result in judge(forgetful, gates)] == [True, False]


def test_without_a_champion_there_is_nothing_to_be_worse_than() -> None:
    result = NotWorse("recent", "log_loss").judge(beside(None, {"recent/log_loss": 9.0}))
    assert (result.passed, result.evidence) == (True, {"champion": None})


def test_a_metric_that_was_never_recorded_fails() -> None:
    for gate in (NotWorse("frozen", "log_loss"), SlicesNotWorse("recent", "log_loss", 1.0), AtMost("recent", "ece", 1)):
        result = gate.judge(beside(None, {"recent/log_loss": 0.5}))
        assert not result.passed
        assert result.evidence["recorded"] == ["recent/log_loss"]


def test_metrics_over_other_rows_are_not_compared() -> None:
    subject = beside({"recent/log_loss": 0.9}, {"recent/log_loss": 0.5}, rows="flights@6, July")
    result = NotWorse("recent", "log_loss").judge(subject)
    assert (result.passed, result.bound) == (False, None)
    assert (result.evidence["rows"], result.evidence["champion_rows"]) == (ROWS, ["flights@6, July"])


def test_a_gain_on_the_whole_does_not_hide_a_lost_slice() -> None:
    champion = {"recent/log_loss": 0.5, "recent/log_loss/UA": 0.5, "recent/log_loss/AA": 0.5}
    own = {"recent/log_loss": 0.4, "recent/log_loss/UA": 0.25, "recent/log_loss/AA": 0.75}
    gate = SlicesNotWorse("recent", "log_loss", 0.125)
    assert NotWorse("recent", "log_loss").judge(beside(champion, own)).passed
    result = gate.judge(beside(champion, own))
    assert (result.passed, result.value, result.bound) == (False, 0.25, 0.125)
    assert result.evidence["worse_by"] == {"UA": -0.25, "AA": 0.25}
    assert gate.judge(beside(champion, {**own, "recent/log_loss/AA": 0.625})).passed


def test_a_slice_that_is_measured_no_more_fails_and_a_new_one_does_not() -> None:
    champion = {"recent/log_loss/UA": 0.5, "recent/log_loss/AA": 0.5}
    gate = SlicesNotWorse("recent", "log_loss", 0.0)
    result = gate.judge(beside(champion, {"recent/log_loss/UA": 0.5}))
    assert (result.passed, result.evidence["not_recorded"]) == (False, ["AA"])
    assert gate.judge(beside(champion, {**champion, "recent/log_loss/B6": 9.0})).passed
    assert gate.judge(beside(None, champion)).passed
    assert not gate.judge(beside({"recent/log_loss": 0.5}, champion)).passed


def test_slices_of_few_rows_are_told_and_not_judged() -> None:
    champion = {"recent/log_loss/UA": 0.5, "recent/log_loss/AA": 0.5}
    rows = {"recent/rows/UA": 900.0, "recent/rows/AA": 9.0, "recent/rows/B6": 40.0}
    subject = beside(
        champion, {"recent/log_loss/UA": 0.5, "recent/log_loss/AA": 2.5, "recent/log_loss/B6": 3.0, **rows}
    )
    passed = {
        least: SlicesNotWorse("recent", "log_loss", 0.0, least_rows=least).judge(subject) for least in (9, 10, 901)
    }
    assert {least: found.passed for least, found in passed.items()} == {9: False, 10: True, 901: False}
    shown = passed[10].evidence
    assert (shown["too_few_rows"], shown["without_champion"]) == (["AA"], {"B6": 3.0})
    assert (shown["worse_by"], shown["slice_rows"]) == ({"AA": 2.0, "UA": 0.0}, {"UA": 900, "AA": 9, "B6": 40})
    why = "each slice that the champion has too is of fewer than 901 rows: too few to be judged"
    assert (passed[901].evidence["why"], "why" in shown) == (why, False)
    other = beside({"recent/log_loss/B6": 0.5}, {"recent/log_loss/UA": 0.5, "recent/rows/UA": 9.0})
    apart = SlicesNotWorse("recent", "log_loss", 0.0, least_rows=901).judge(other)
    assert apart.evidence["why"] == "no slice is there to be held beside the champion's"
    # Where no rows were counted, none is let off.
    unknown = beside(champion, {"recent/log_loss/UA": 0.5, "recent/log_loss/AA": 2.5})
    assert not SlicesNotWorse("recent", "log_loss", 0.0, least_rows=10).judge(unknown).passed
    with pytest.raises(DefinitionError, match="least_rows: expected a whole number, 0 or more, found -1"):
        SlicesNotWorse("recent", "log_loss", 0.0, least_rows=-1)


def test_slices_of_which_more_is_better_are_turned_round() -> None:
    gate = SlicesNotWorse("recent", "auc", 0.125, greater_is_better=True)
    champion = {"recent/auc/UA": 0.75}
    assert [gate.judge(beside(champion, {"recent/auc/UA": own})).passed for own in (0.875, 0.625, 0.5)] == [
        True,
        True,
        False,
    ]


@pytest.fixture
def views(tmp_path: Path) -> Registry:
    made = Registry.at(tmp_path / "registry.db")
    made.add_version(ViewVersion("demo", "flights", "0a1b2c3d", PLAN))
    return made


def available(views: Registry, **features: str) -> tuple[bool, dict[str, object]]:
    gate = FeaturesAvailable(views, "demo")
    result = gate.judge(Subject("late", facts_of({}, features=features)))
    return result.passed, dict(result.evidence)


def test_features_are_available_in_the_version_that_is_registered(views: Registry) -> None:
    assert available(views) == (True, {"views": {}})
    assert available(views, flights="0a1b2c3d") == (True, {"views": {"flights": "0a1b2c3d"}})
    assert not available(views, flight="0a1b2c3d")[0]


def test_features_that_changed_since_are_refused_with_the_difference(views: Registry) -> None:
    views.add_version(ViewVersion("demo", "flights", "4e5f6a7b", WIDER))
    passed, evidence = available(views, flights="0a1b2c3d")
    assert not passed
    changes = [
        {"section": "view", "name": "features.0.window_us", "left": 3_600_000_000, "right": 7_200_000_000},
        {"section": "view", "name": "features.1.name", "left": None, "right": "mean_1d"},
    ]
    expected = {"expected": "0a1b2c3d", "found": "4e5f6a7b", "changes": changes}
    assert evidence["changed"] == {"flights": expected}
    assert available(views, flights="4e5f6a7b")[0]


def test_what_serves_counts_before_what_is_newest(views: Registry) -> None:
    views.add_materialization(Materialization("demo", "flights", "0a1b2c3d", {"ffff0000": "t"}))
    views.set_pointer(Pointer("demo", "flights", "0a1b2c3d"), None)
    views.add_version(ViewVersion("demo", "flights", "4e5f6a7b", WIDER))
    assert available(views, flights="0a1b2c3d")[0]
    assert not available(views, flights="4e5f6a7b")[0]


def test_a_version_without_features_of_a_parent_with_some_is_refused(views: Registry) -> None:
    gate = FeaturesAvailable(views, "demo")
    reads, none = ({"flights": "0a1b2c3d"}, {})
    verdicts = {}
    for parent, own in ((reads, none), (reads, reads), (none, none)):
        version = ModelVersion("late", 1, facts_of({}, features=parent), "ann")
        result = gate.judge(Subject("late", facts_of({}, features=own, parent="late@1"), parent=version))
        verdicts[len(parent), len(own)] = (result.passed, result.evidence.get("why", ""))
    assert verdicts.pop((1, 0)) == (
        False,
        "no feature views are recorded, but late@1, its parent, reads flights; register it with those that it reads",
    )
    assert set(verdicts.values()) == {(True, "")}


def test_a_view_that_was_never_registered_says_so(views: Registry) -> None:
    _, evidence = available(views, trips="0a1b2c3d")
    assert evidence["changed"] == {"trips": {"expected": "0a1b2c3d", "found": None, "changes": []}}
