"""The garbage collector waits for as long as it is asked to, and no longer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from headrace.runtime.collector import collector_waiting, collector_waiting_shortly


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    gc.enable()
    yield
    gc.enable()


@collector_waiting()
def fail() -> None:
    raise ValueError("collecting" if gc.isenabled() else "waiting")


def test_it_waits_and_goes_on_after_an_error_too() -> None:
    with pytest.raises(ValueError, match="waiting"):
        fail()
    assert gc.isenabled()


def test_where_it_does_not_run_at_all_it_stays_so() -> None:
    gc.disable()
    with collector_waiting():
        pass
    assert not gc.isenabled()


def test_it_waits_until_the_last_who_asked_for_it_is_done() -> None:
    with ThreadPoolExecutor(1) as other:
        second = collector_waiting()
        with collector_waiting_shortly():
            other.submit(second.__enter__).result()
        assert not gc.isenabled()
        other.submit(second.__exit__, None, None, None).result()
    assert gc.isenabled()


def test_for_short_waits_it_waits_no_longer_than_the_first() -> None:
    """Else it might never run where answers are made in many threads, one beginning before the other ends."""
    with ThreadPoolExecutor(1) as other:
        second = collector_waiting_shortly()
        with collector_waiting_shortly():
            other.submit(second.__enter__).result()
        assert gc.isenabled()
        other.submit(second.__exit__, None, None, None).result()
    with collector_waiting_shortly():
        assert not gc.isenabled()
    assert gc.isenabled()
