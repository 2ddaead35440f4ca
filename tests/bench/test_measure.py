"""What processes used, read while their own come and go."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from headrace.bench.measure import cpu_s
from headrace.errors import StackError
from headrace.runtime.stack.process import ProcessIdentity

#: One process after the other, each ended within a millisecond or two.
RESTLESS = ["bash", "-c", "while :; do (:); done"]
#: Without reading anew, one in some dozens of readings met a process that had just ended.
READINGS = 300


@pytest.fixture
def restless() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(RESTLESS) as process:
        yield process
        process.kill()


def identity_of(process: subprocess.Popen[bytes]) -> ProcessIdentity:
    identity = ProcessIdentity.of(process.pid)
    assert identity is not None
    return identity


def test_processes_that_end_while_they_are_read_are_in_their_parents_count(restless: subprocess.Popen[bytes]) -> None:
    identity = identity_of(restless)
    used = [cpu_s([identity]) for _ in range(READINGS)]
    assert used[-1] > used[0]


def test_a_process_that_is_gone_is_no_figure(restless: subprocess.Popen[bytes]) -> None:
    identity = identity_of(restless)
    restless.kill()
    restless.wait()
    with pytest.raises(StackError, match=f"process {restless.pid} of the stack ended"):
        cpu_s([identity])
