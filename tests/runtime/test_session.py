"""A session of Flink's planner, used as a program uses it."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headrace.errors import JobError
from headrace.runtime.session import FlinkSession

ROOT = Path(__file__).parents[2]
SOURCE = "CREATE TEMPORARY TABLE `s` (`k` BIGINT, `a` BIGINT, `b` BIGINT) WITH ('connector' = 'datagen')"
SINK = "CREATE TEMPORARY TABLE `t` (`k` BIGINT, `n` BIGINT) WITH ('connector' = 'blackhole')"
# Grouping sets make the planner ask its metadata, which it keeps in thread locals.
INSERT = "INSERT INTO `t` SELECT `k`, COUNT(*) FROM `s` GROUP BY GROUPING SETS ((`k`, `a`), (`k`, `b`))"

# Long enough for another thread to begin its call.
HEAD_START_S = 0.2
# Long enough for a job that was asked for to run.
UNTIL_IT_RUNS_S = 8.0


@pytest.fixture
def session(tmp_path: Path) -> FlinkSession:
    return FlinkSession(ROOT / ".build/jars/flink", tmp_path)


class Interrupted(list[str]):
    """Statements between which another thread comes in: it would take over this one's way to the JVM."""

    def __init__(self, statements: list[str], come_in: Callable[[], Any]) -> None:
        super().__init__(statements)
        self.come_in = come_in

    def __iter__(self) -> Iterator[str]:
        for statement in super().__iter__():
            self.come_in()
            time.sleep(HEAD_START_S)
            yield statement


@pytest.mark.slow
def test_threads_can_plan_at_once(session: FlinkSession) -> None:
    with ThreadPoolExecutor(1) as other:
        explained: list[Future[str]] = []
        come_in = partial(other.submit, session.explain, [SOURCE, SINK], [INSERT])
        statements = Interrupted([SOURCE, SINK], lambda: explained.append(come_in()))
        assert '"stream-exec-expand_1"' in session.compile(statements, [INSERT], {})
    assert all("Expand" in explanation.result() for explanation in explained)


@pytest.mark.slow
def test_no_garbage_is_collected_while_it_plans(session: FlinkSession) -> None:
    collecting: list[bool] = []
    session.compile(Interrupted([SOURCE, SINK], lambda: collecting.append(gc.isenabled())), [INSERT], {})
    assert collecting == [False, False]
    assert gc.isenabled()


@pytest.mark.slow
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_a_job_that_is_not_waited_for_any_longer_is_cancelled(
    session: FlinkSession, interruption: type[BaseException]
) -> None:
    def interrupt(*_: object) -> None:
        raise interruption

    before = signal.signal(signal.SIGALRM, interrupt)
    endless = f"{SOURCE[:-1]}, 'rows-per-second' = '10')".replace("`s`", "`endless`")
    insert = "INSERT INTO `t` SELECT `k`, `a` FROM `endless`"
    session.start()
    waits = Interrupted([endless, SINK], lambda: signal.setitimer(signal.ITIMER_REAL, UNTIL_IT_RUNS_S))
    try:
        with pytest.raises(interruption):
            session.run(waits, [insert], {"parallelism.default": "1"})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert not [name for name in java_threads() if "endless" in name]


DYING = """
import os, signal, sys, threading
from pathlib import Path
from headrace.errors import JobError
from headrace.runtime.session import FlinkSession

jars, logs, insert, *statements = sys.argv[1:]
session = FlinkSession(Path(jars), Path(logs))
session.start()
from pyflink.java_gateway import get_gateway
pid = get_gateway().jvm.java.lang.ProcessHandle.current().pid()
threading.Timer(5, os.kill, (pid, signal.SIGKILL)).start()
for work in (session.run, session.compile):
    try:
        work(statements, [insert], {"parallelism.default": "1"})
    except JobError as error:
        print(error)
"""


@pytest.mark.slow
def test_a_jvm_that_dies_is_told_with_the_place_of_its_log(tmp_path: Path) -> None:
    endless = f"{SOURCE[:-1]}, 'rows-per-second' = '10')"
    arguments = [str(ROOT / ".build/jars/flink"), str(tmp_path), "INSERT INTO `t` SELECT `k`, `a` FROM `s`"]
    command = [sys.executable, "-P", "-c", DYING, *arguments, endless, SINK]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    gone = f"Flink's JVM in this process is gone; see {tmp_path}, and start anew"
    assert told == [f"the job in this process: {gone}", f"COMPILE PLAN of the statement set: {gone}"]


def java_threads() -> list[str]:
    """The names of all threads of the client's JVM; a task's names its operators."""
    from pyflink.java_gateway import get_gateway

    return [thread.getName() for thread in get_gateway().jvm.java.lang.Thread.getAllStackTraces().keySet()]


@pytest.mark.slow
def test_a_refused_statement_is_quoted_and_others_go_on(session: FlinkSession) -> None:
    with pytest.raises(JobError, match="nowhere"):
        session.explain((SOURCE, SINK), ("INSERT INTO `t` SELECT `k`, `a` FROM `nowhere`",))
    assert "Expand" in session.explain((SOURCE, SINK), (INSERT,))
