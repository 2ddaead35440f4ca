"""What is due, and why, decided from facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.errors import ModelError
from headrace.registry.model_states import State
from headrace.training.continual.declared import Evaluating, Retraining
from headrace.training.continual.due import Goal, Task, Verdict, decide, pause
from headrace.training.continual.known import Failures, Known, KnownVersion, RisenLosses, Versions
from headrace.training.learning.drift import DriftSpec

DAY = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def version(number: int, state: State = State.TRAINED, *, parent: int | None = None, **changed: Any) -> KnownVersion:
    """A version, trained at the hour of its number from the snapshot of its number times ten."""
    at = DAY + number * HOUR
    judged = at if state is not State.TRAINED else None
    return replace(KnownVersion(number, parent, state, number * 10, at, judged), **changed)


def known(*versions: KnownVersion, champion: int | None = None, **changed: Any) -> Known:
    """A table of 5,000 rows in snapshot 99; of 1,000 for each version."""
    counts = {one.snapshot: 1_000 * one.number for one in versions if one.snapshot is not None}
    made = Known("trips", "raw.trips", DAY + 10 * HOUR, 99, 5_000, Versions(versions, champion), counts)
    return replace(made, **changed)


def retraining(declared: Retraining | None, facts: Known) -> Verdict:
    return decide(declared, None, facts)[1]


def evaluation(declared: Evaluating | None, facts: Known) -> Verdict:
    return decide(None, declared, facts)[0]


@pytest.mark.parametrize(("passed", "due"), [(HOUR - timedelta(microseconds=1), False), (HOUR, True)])
def test_a_retraining_is_due_when_its_time_has_passed(passed: timedelta, due: bool) -> None:
    facts = known(version(1), now=DAY + HOUR + passed)
    assert retraining(Retraining(every="1h"), facts).due is due


@pytest.mark.parametrize(("rows", "due"), [(1_999, False), (2_000, True)])
def test_a_retraining_is_due_when_its_rows_have_come(rows: int, due: bool) -> None:
    found = retraining(Retraining(rows=1_000), known(version(1), rows=rows))
    assert found.due is due
    assert found.why.startswith(f"{rows - 1_000:,} rows came since trips@1, 1,000 are asked for")


def test_without_new_rows_nothing_is_due_however_long_it_was() -> None:
    facts = known(version(1, snapshot=99), now=DAY + 1_000 * HOUR)
    found = retraining(Retraining(every="1h", rows=1, drift=DriftSpec()), facts)
    assert (found.due, found.why) == (False, "nothing came to raw.trips since trips@1")


def test_without_a_row_that_trains_nothing_is_due_of_what_learns_on() -> None:
    facts = known(version(1), learnable=False)
    found = retraining(Retraining(every="1h", rows=1, start="newest"), facts)
    assert (found.due, found.why) == (False, "no row that trains came to raw.trips since trips@1")
    assert retraining(Retraining(every="1h"), facts).due


def test_a_clock_behind_makes_nothing_due() -> None:
    found = retraining(Retraining(every="1h"), known(version(1), now=DAY - 9 * HOUR))
    assert not found.due
    assert "which this clock has still to come to" in found.why


def test_of_several_conditions_one_is_enough_and_is_named() -> None:
    found = retraining(Retraining(every="90d", rows=4_000), known(version(1)))
    assert found.why == "4,000 rows came since trips@1, 4,000 are asked for; begins from scratch"
    assert found.goal == Goal(Task.RETRAIN, found.why, None, 99)


def test_the_first_version_is_due_at_once_and_begins_from_scratch() -> None:
    for start in ("scratch", "champion", "newest"):
        found = retraining(Retraining(every="90d", start=start), known())
        assert found.goal == Goal(Task.RETRAIN, found.why, None, 99)
    assert not retraining(Retraining(rows=1), known(snapshot=None, rows=0)).due


def test_drift_is_due_in_rows_that_the_newest_version_has_not_seen() -> None:
    declared = Retraining(drift=DriftSpec())
    risen = RisenLosses(1_500, 0.1, 0.3)
    assert not retraining(declared, known(version(1))).due
    found = retraining(declared, known(version(1), risen=risen))
    assert "losses rose from 0.1000 to 0.3000, found at row 1,500" in found.why
    assert found.due
    assert not retraining(declared, known(version(1), version(2), risen=risen)).due
    away = known(version(1), risen=risen, unwatched="nothing serves whose losses could rise")
    assert retraining(declared, away).why == "nothing serves whose losses could rise"


def test_rows_since_a_snapshot_that_is_gone_are_taken_for_enough() -> None:
    found = retraining(Retraining(rows=10**9), known(version(1), rows_at={}))
    assert found.due
    assert "is not known, as its snapshot is gone" in found.why


def test_learning_goes_on_from_the_champion_or_from_the_newest_sound_version() -> None:
    served = version(1, State.PRODUCTION)
    facts = known(served, version(2, parent=1), champion=1)
    assert [goal_of(start, facts).version for start in ("scratch", "champion", "newest")] == [None, 1, 2]
    assert goal_of("champion", known(version(1), version(2))).version == 2


def test_a_refusal_puts_out_all_that_nobody_judged_on_the_way_to_it_and_after_it() -> None:
    served = version(1, State.PRODUCTION)
    chain = [version(2, parent=1), version(3, parent=2), version(4, State.REJECTED, parent=3), version(5, parent=4)]
    facts = known(served, *chain, champion=1, rows=9_000)
    assert facts.versions.suspect == {2, 3, 4, 5}
    assert goal_of("newest", facts).version == 1
    assert facts.versions.unjudged is None
    again = known(served, *chain, version(6, parent=1), champion=1, rows=9_000)
    assert goal_of("newest", again).version == 6
    assert again.versions.unjudged == again.versions.all[-1]


def test_what_gates_passed_stays_sound_though_a_later_one_is_refused() -> None:
    facts = known(
        version(1, State.VERIFIED), version(2, State.VERIFIED, parent=1), version(3, State.REJECTED, parent=2)
    )
    assert goal_of("newest", facts).version == 2


def goal_of(start: str, facts: Known) -> Goal:
    found = retraining(Retraining(rows=1, start=start), facts).goal
    assert found is not None
    return found


def test_a_version_is_judged_by_the_evaluating_schedule_alone() -> None:
    judged, waiting = version(1, State.PRODUCTION), version(3, parent=1)
    facts = known(judged, version(2, parent=1), waiting, champion=1)
    assert evaluation(Evaluating(), facts).goal == Goal(
        Task.EVALUATE, "trips@3 is judged: each version is, as it comes", 3, champion=1
    )
    assert evaluation(Evaluating(rows=2_000), facts).due
    assert not evaluation(Evaluating(rows=2_001), facts).due
    assert evaluation(Evaluating(every="9h"), facts).due
    assert not evaluation(Evaluating(every="10h"), facts).due
    assert evaluation(Evaluating(rows=2_001, every="9h"), facts).due
    assert not evaluation(None, facts).due


def test_the_first_judgement_is_due_at_once_and_none_without_a_version_that_waits() -> None:
    assert evaluation(Evaluating(rows=10**9), known(version(1))).due
    assert not evaluation(Evaluating(), known(version(1, State.VERIFIED))).due
    assert not evaluation(Evaluating(), known()).due


def test_after_a_failure_there_is_a_pause_twice_as_long_each_time_and_then_an_end() -> None:
    declared = Retraining(rows=1, attempts=3, backoff="1m")
    for count, minutes in ((1, 1), (2, 2)):
        failures = Failures(count, DAY, "disk full")
        assert pause(declared, failures, DAY + timedelta(minutes=minutes)) is None
        assert "tried again from" in str(pause(declared, failures, DAY + timedelta(minutes=minutes, microseconds=-1)))
    long = Retraining(rows=1, attempts=100)
    assert pause(long, Failures(99, DAY, "disk full"), DAY + timedelta(days=1)) is None
    facts = known(version(1), failures=Failures(3, DAY, "disk full"))
    assert retraining(declared, facts).why == "given up after 3 failures in a row, the last: disk full"
    waiting = decide(declared, Evaluating(), facts)
    assert not any(one.due for one in waiting)


@given(st.sampled_from(Task), st.text(), st.none() | st.integers(), st.none() | st.integers())
def test_a_goal_is_read_as_it_was_written(task: Task, why: str, number: int | None, snapshot: int | None) -> None:
    goal = Goal(task, why, number, snapshot)
    assert Goal.of_json(goal.to_json()) == goal


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"task": "sleep", "reason": ""}', '{"task": "retrain"}'])
def test_what_is_no_goal_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="goal of a schedule"):
        Goal.of_json(text)
