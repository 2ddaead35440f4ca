"""SIGTERM ends a command as an error does: what was begun is undone, and the exit status tells."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from headrace.jobs.sigterm import TERMINATED, ended_by_sigterm


def test_a_command_that_is_told_to_end_exits_with_the_status_of_shells() -> None:
    with pytest.raises(SystemExit) as ended, ended_by_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == TERMINATED == 143


def test_an_exit_that_a_library_swallows_is_not_lost() -> None:
    with pytest.raises(SystemExit) as ended, ended_by_sigterm(), suppress(SystemExit):
        os.kill(os.getpid(), signal.SIGTERM)
    assert ended.value.code == TERMINATED


def test_what_was_there_before_handles_the_signal_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with ended_by_sigterm():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
