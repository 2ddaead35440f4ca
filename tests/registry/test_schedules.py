"""Who works on a model's schedule: one at a time, whatever becomes of them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headrace.errors import RegistryConflictError
from headrace.registry.schedules import ScheduleRegistry, ScheduleState

DAY = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = timedelta(seconds=60)


class Clock:
    """A clock that is set by hand."""

    now = DAY

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def schedules(tmp_path: Path, clock: Clock) -> ScheduleRegistry:
    return ScheduleRegistry(f"sqlite:///{tmp_path / 'registry.db'}", "demo", clock)


def test_who_begins_works_until_the_end_and_nobody_else_does(schedules: ScheduleRegistry) -> None:
    held = schedules.begin(schedules.state("trips"), "ann", "learn", LEASE)
    assert held == schedules.state("trips")
    assert (held.holder, held.until, held.goal) == ("ann", DAY + LEASE, "learn")
    with pytest.raises(RegistryConflictError, match="model 'trips': ann works on its schedule, until 2026-01-01T00:01"):
        schedules.begin(schedules.state("trips"), "bob", "learn", LEASE)
    schedules.begin(schedules.state("others"), "bob", "learn", LEASE)
    assert schedules.finish(held) == ScheduleState("trips", 2)


def test_of_many_who_begin_at_once_one_does(schedules: ScheduleRegistry) -> None:
    for seen in (ScheduleState("new"), schedules.finish(schedules.begin(ScheduleState("old"), "x", "g", LEASE))):

        def begun(who: int, seen: ScheduleState = seen) -> int:
            try:
                schedules.begin(seen, str(who), "learn", LEASE)
            except RegistryConflictError:
                return 0
            return 1

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(begun, range(8))) == 1


def test_a_worker_that_says_no_more_is_succeeded_and_can_end_nothing(schedules: ScheduleRegistry, clock: Clock) -> None:
    lost = schedules.begin(schedules.state("trips"), "ann", "learn", LEASE)
    clock.now += LEASE
    taken = schedules.begin(schedules.state("trips"), "bob", "learn", LEASE)
    assert (taken.failures, taken.error) == (1, "ann ended without finishing")
    for act in (schedules.finish, schedules.leave, lambda held: schedules.renew(held, LEASE)):
        with pytest.raises(RegistryConflictError, match="bob works on its schedule"):
            act(lost)
    assert schedules.state("trips") == taken


def test_a_worker_that_says_so_goes_on(schedules: ScheduleRegistry, clock: Clock) -> None:
    held = schedules.begin(schedules.state("trips"), "ann", "learn", LEASE)
    for _ in range(3):
        clock.now += LEASE / 2
        held = schedules.renew(held, LEASE)
    assert schedules.state("trips").is_held(clock.now + LEASE / 2)


def test_failures_are_counted_until_something_goes_right_or_somebody_forgives(
    schedules: ScheduleRegistry, clock: Clock
) -> None:
    for count in (1, 2):
        clock.now += LEASE
        failed = schedules.fail(schedules.begin(schedules.state("trips"), "ann", "learn", LEASE), "disk full")
        assert (failed.failures, failed.failed_at, failed.error) == (count, clock.now, "disk full")
        assert (failed.holder, failed.goal) == (None, None)
    assert schedules.forgive(schedules.state("trips")).failures == 0
    again = schedules.fail(schedules.begin(schedules.state("trips"), "ann", "learn", LEASE), "disk full")
    assert again.failures == 1
    assert schedules.finish(schedules.begin(again, "ann", "learn", LEASE)).failures == 0


def test_a_goal_that_is_kept_is_tried_again_and_each_failure_of_it_counts_once(schedules: ScheduleRegistry) -> None:
    seen = schedules.state("trips")
    for count in (1, 2):
        seen = schedules.fail(schedules.begin(seen, "ann", "promote", LEASE), "disk full", keep=True)
        assert (seen.holder, seen.until, seen.goal, seen.failures) == (None, None, "promote", count)


def test_who_leaves_leaves_the_goal_and_no_failure(schedules: ScheduleRegistry) -> None:
    left = schedules.leave(schedules.begin(schedules.state("trips"), "ann", "learn", LEASE))
    assert (left.holder, left.goal, left.failures) == (None, "learn", 0)
    assert schedules.begin(left, "bob", "learn", LEASE).failures == 0
