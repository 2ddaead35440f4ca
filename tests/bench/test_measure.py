"""What processes used, read while their own come and go."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from shlex import quote

import psutil
import pytest

from headrace.bench.measure import Watch, cpu_s
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


def test_what_a_child_used_is_known_though_its_parent_was_ended_before_it() -> None:
    """As a Python worker of Flink, whose shell is ended first."""
    script = "bash -c 'for i in {1..300000}; do :; done; echo; sleep 60' & wait"
    with subprocess.Popen(["bash", "-c", f"bash -c {quote(script)}; sleep 60"], stdout=subprocess.PIPE) as process:
        family: list[psutil.Process] = []
        try:
            watch, identity = Watch([identity_of(process)]), identity_of(process)
            assert process.stdout is not None
            process.stdout.readline()
            family = psutil.Process(process.pid).children(recursive=True)
            used = watch.cpu_s()
            family[0].kill()  # its child is nobody's now
            while any(one.is_running() and one.ppid() == family[0].pid for one in family[1:]):
                pass
            assert watch.cpu_s() >= used > cpu_s([identity])
        finally:
            for one in (*family[1:], process):
                one.kill()


def test_a_process_that_is_gone_is_no_figure(restless: subprocess.Popen[bytes]) -> None:
    identity = identity_of(restless)
    restless.kill()
    restless.wait()
    for read in (lambda: cpu_s([identity]), Watch([identity]).cpu_s):
        with pytest.raises(StackError, match=f"process {restless.pid} of the stack ended"):
            read()
