"""The real stack: up, killed, restarted with its data, down."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from headrace.connectors.kafka import KafkaConnection
from headrace.errors import StackError
from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack.health import rest_answer
from headrace.runtime.stack.plan import SERVICES
from headrace.runtime.stack.ports import LOOPBACK
from headrace.runtime.stack.process import ProcessIdentity, left_behind
from headrace.runtime.stack.record import ProcessRecord
from headrace.runtime.stack.stack import Event, Stack

pytestmark = pytest.mark.stack

TASK_MANAGER = "task-manager-1"
#: The supervisor looks ten times a second; the rest is for a machine on which others work too.
RESTART_WITHIN_S = 5.0
#: A second or two of writing: with a commit log that is written behind, some hundreds of the last rows would be lost.
ROWS_BEFORE_KILL, ROWS_IN_FLIGHT = 4_000, 128


def process_of(stack: Stack, service: str, name: str) -> ProcessRecord:
    return stack.record().services[service].processes[name]


def until(condition: Callable[[], bool], within_s: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < within_s, "waited in vain"
        time.sleep(0.02)
    return time.monotonic() - began


def kill(stack: Stack, service: str, name: str) -> None:
    """Kill a process and wait until another one has taken its place."""
    before = process_of(stack, service, name)
    os.kill(before.identity.pid, signal.SIGKILL)
    until(lambda: process_of(stack, service, name).identity != before.identity, RESTART_WITHIN_S)
    after = process_of(stack, service, name)
    assert (after.restarts, after.last_exit) == (before.restarts + 1, -signal.SIGKILL)


@contextmanager
def cassandra_session(settings: Settings) -> Iterator[object]:
    from cassandra.cluster import Cluster

    host, _, port = settings.cassandra.contact_points[0].rpartition(":")
    with Cluster([host], port=int(port)) as cluster:
        yield cluster.connect()


def write_row_and_topic(settings: Settings) -> None:
    with KafkaConnection(settings.kafka.bootstrap_servers).admin() as admin:
        admin.ensure_topic("kept", 2, replication=1)
    with cassandra_session(settings) as session:
        options = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        session.execute(f"CREATE KEYSPACE kept WITH replication = {options}")  # type: ignore[attr-defined]
        session.execute("CREATE TABLE kept.t (k int PRIMARY KEY, v text)")  # type: ignore[attr-defined]
        session.execute("INSERT INTO kept.t (k, v) VALUES (1, 'one')")  # type: ignore[attr-defined]


def require_row_and_topic(settings: Settings) -> None:
    with KafkaConnection(settings.kafka.bootstrap_servers).admin() as admin:
        assert len(admin.describe("kept").partitions) == 2
    with cassandra_session(settings) as session:
        assert [row.v for row in session.execute("SELECT v FROM kept.t")] == ["one"]  # type: ignore[attr-defined]


def test_every_service_works_and_says_so(stack: Stack) -> None:
    assert {name: bool(stack.check(name)) for name in SERVICES} == dict.fromkeys(SERVICES, True)


def test_addresses_reach_the_settings(stack_settings: Settings) -> None:
    origins = stack_settings.origins()
    assert origins["kafka.bootstrap_servers"][1] == "local stack (kafka)"
    assert origins["cassandra.contact_points"][1] == "local stack (cassandra)"
    assert origins["flink.rest_address"][1] == "local stack (flink)"


def test_up_when_up_starts_nothing(stack: Stack) -> None:
    before, events = stack.record(), list[Event]()
    stack.up(on_event=events.append)
    assert stack.record() == before
    assert {event.service for event in events if event.state == "running already"} == {"kafka", "cassandra", "flink"}


def test_a_killed_task_manager_comes_back(stack: Stack) -> None:
    before = _registered(stack)
    kill(stack, "flink", TASK_MANAGER)
    # The lost one is registered until its heartbeat is missed, the new one a few seconds after its start.
    until(lambda: len(_registered(stack)) == len(before) and _registered(stack) != before, 120)
    stack.wait_for("flink")


def test_the_command_line_tells_the_state(stack: Stack) -> None:
    environment = {**os.environ, "HEADRACE__HOME": str(stack.folder.parent)}
    command = [sys.executable, "-P", "-c", "from headrace.jobs.cli import main; main()", "stack"]
    run = subprocess.run([*command, "status"], env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.count("running")) == (0, 5)
    logs = subprocess.run(
        [*command, "logs", "kafka", "-n", "2"], env=environment, capture_output=True, text=True, check=False
    )
    assert logs.stdout.startswith("kafka | ")


@pytest.mark.slow
def test_a_second_stack_keeps_its_data_killed_restarted_and_on_other_ports(tmp_path: Path) -> None:
    second = Stack(load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path), tied=True)
    try:
        write_row_and_topic(second.up(["kafka", "cassandra"]))
        _survives_kills(second)
        _survives_a_restart_on_other_ports(second)
    finally:
        second.down(erase=True)
    assert left_behind(str(second.folder)) == []
    assert not second.folder.exists()


@pytest.mark.slow
def test_what_a_killed_supervisor_left_is_mended(tmp_path: Path) -> None:
    second = Stack(load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path), tied=True)
    try:
        second.up(["kafka"])
        left = process_of(second, "kafka", "kafka").identity
        _kill_supervisor(second)
        assert left.is_running()
        second.up(["kafka"])
        assert not left.is_running()
        _kill_supervisor(second)
        assert second.down() is True
        with pytest.raises(StackError, match="headrace stack up"):
            second.check("kafka")
    finally:
        second.down(erase=True)
    assert left_behind(str(second.folder)) == []


@pytest.mark.slow
def test_a_tied_stack_ends_with_its_owner(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from headrace.runtime.settings import load_settings; "
        "from headrace.runtime.stack.stack import Stack; "
        f"Stack(load_settings(flags={{'home': {str(tmp_path)!r}}}), tied=True).up(['kafka'])"
    )
    subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, check=True)
    until(lambda: left_behind(str(tmp_path / "stack")) == [], 30)


def _registered(stack: Stack) -> set[str]:
    """Addresses, because a task manager that comes back has the id of the one whose place it takes."""
    answer = rest_answer(stack.connected_settings().flink.rest_address, "/taskmanagers")
    return {found["path"] for found in answer["taskmanagers"]}


def _survives_kills(second: Stack) -> None:
    """Nothing that was acknowledged before a kill with -9 is lost, and no record is there twice."""
    settings, flowing, back = second.connected_settings(), threading.Event(), threading.Event()
    with ThreadPoolExecutor(1) as background:
        sent = background.submit(_records_sent, settings, flowing, back)
        assert flowing.wait(60)
        kill(second, "kafka", "kafka")
        taken = _rows_taken(settings, process_of(second, "cassandra", "cassandra").identity.pid)
        for name in ("kafka", "cassandra"):
            second.wait_for(name)
        back.set()
    require_row_and_topic(settings)
    with cassandra_session(settings) as session:
        stored = {row.k for row in session.execute("SELECT k FROM kept.taken")}  # type: ignore[attr-defined]
    assert len(taken) >= ROWS_BEFORE_KILL
    assert taken - stored == set()
    with KafkaConnection(settings.kafka.bootstrap_servers).admin() as admin:
        assert admin.end_offsets("sent") == {0: sent.result()}


def _records_sent(settings: Settings, flowing: threading.Event, stop: threading.Event) -> int:
    """How many records Kafka acknowledged until then, sent one batch after the other."""
    connection, count = KafkaConnection(settings.kafka.bootstrap_servers), 0
    with connection.admin() as admin:
        admin.ensure_topic("sent", 1, replication=1)
    with connection.producer("sent") as producer:
        while not stop.is_set():
            count += len(producer.send([b"record"] * 200).offsets)
            flowing.set()
    return count


def _rows_taken(settings: Settings, pid: int) -> set[int]:
    """The rows that Cassandra acknowledged, written as fast as it takes them, until it was killed in the middle."""
    taken, refused, free = set[int](), threading.Event(), threading.Semaphore(ROWS_IN_FLIGHT)

    def take(_rows: object, number: int) -> None:
        taken.add(number)
        free.release()

    def refuse(_error: object, _number: int) -> None:
        refused.set()
        free.release()

    with cassandra_session(settings) as session:
        session.execute("CREATE TABLE kept.taken (k int PRIMARY KEY, v text)")  # type: ignore[attr-defined]
        insert = session.prepare("INSERT INTO kept.taken (k, v) VALUES (?, 'v')")  # type: ignore[attr-defined]
        for number in itertools.count():
            free.acquire()
            if refused.is_set():
                break
            if number == ROWS_BEFORE_KILL + ROWS_IN_FLIGHT:
                os.kill(pid, signal.SIGKILL)
            answer = session.execute_async(insert, (number,))  # type: ignore[attr-defined]
            answer.add_callbacks(take, refuse, callback_args=(number,), errback_args=(number,))
    return taken


def _survives_a_restart_on_other_ports(second: Stack) -> None:
    before = second.record()
    second.down()
    with ExitStack() as held:
        for port in before.ports.values():
            held.enter_context(socket.create_server((LOOPBACK, port)))
        settings = second.up(["kafka", "cassandra"])
        assert not set(second.record().ports.values()) & set(before.ports.values())
        require_row_and_topic(settings)


def _kill_supervisor(stack: Stack) -> None:
    supervisor = stack.record().supervisor
    assert isinstance(supervisor, ProcessIdentity)
    os.kill(supervisor.pid, signal.SIGKILL)
    until(lambda: not supervisor.is_running(), 10)
