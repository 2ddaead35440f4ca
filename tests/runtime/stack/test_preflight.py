"""What is refused before anything is started, and how a task manager's memory is divided."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import PreflightError, StackError
from headrace.runtime.settings import load_settings
from headrace.runtime.stack.flink import TaskManagerMemory
from headrace.runtime.stack.java import find_java
from headrace.runtime.stack.lock import alone
from headrace.runtime.stack.plan import SERVICES, Desired
from headrace.runtime.stack.preflight import plan_of, require_services, require_startable
from headrace.runtime.stack.process import ProcessIdentity
from headrace.runtime.stack.stack import Stack


def test_a_request_survives_its_file(tmp_path: Path) -> None:
    desired = Desired("r1", ("kafka",), plan_of(load_settings(folder=tmp_path)), ProcessIdentity(1, 2.5))
    assert Desired.from_text(desired.to_text()) == desired


def test_services_are_put_in_order_and_typos_refused() -> None:
    assert require_services(["flink", "kafka"]) == ("kafka", "flink")
    with pytest.raises(PreflightError, match="no service 'kafak'"):
        require_services(["kafak"])


def test_no_java_is_said_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(PreflightError, match="openjdk-17"):
        find_java({"PATH": str(tmp_path)})


def test_java_home_wins_over_the_path(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch()
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": "/usr/bin"}) == java


def test_missing_jars_are_named(tmp_path: Path) -> None:
    plan = plan_of(load_settings(flags={"jars": str(tmp_path)}, folder=tmp_path))
    with pytest.raises(PreflightError, match="no JARs in"):
        require_startable(plan, SERVICES)


def test_a_second_command_is_refused_while_one_is_at_work(tmp_path: Path) -> None:
    stack = Stack(load_settings(folder=tmp_path))
    with alone(stack.folder.with_suffix(".lock")), pytest.raises(StackError, match="another command"):
        stack.up(["kafka"])


def test_down_when_down_is_no_error(tmp_path: Path) -> None:
    assert Stack(load_settings(folder=tmp_path)).down(erase=True) is False


def test_a_task_managers_parts_add_up() -> None:
    options = TaskManagerMemory.of(1800, 128).options()
    names = ("framework.heap", "framework.off-heap", "task.heap", "task.off-heap", "managed", "jvm-metaspace")
    sizes = [options[f"taskmanager.memory.{name}.size"] for name in names]
    sizes += [options["taskmanager.memory.network.max"], options["taskmanager.memory.jvm-overhead.max"]]
    assert sum(int(size.removesuffix("m")) for size in sizes) == 1800


def test_a_task_manager_without_heap_is_refused_with_the_least_size() -> None:
    with pytest.raises(PreflightError, match="set it to 992 or more"):
        TaskManagerMemory.of(800, 128)
