"""Processes: the same id is not the same process, and nothing is left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from headrace.runtime.stack.process import (
    MAX_LOG_BYTES,
    ProcessIdentity,
    ProcessSpec,
    has_exited,
    kill_group,
    left_behind,
    spawn,
    stop,
    tail,
)

SLEEP = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
)


def spec_of(folder: Path, arguments: tuple[str, ...]) -> ProcessSpec:
    return ProcessSpec("sleeper", arguments, folder / "logs" / "sleeper.log", folder / "scratch")


def identity_of(child: subprocess.Popen[bytes]) -> ProcessIdentity:
    found = ProcessIdentity.of(child.pid)
    assert found is not None
    return found


def until_up(log: Path) -> None:
    deadline = time.monotonic() + 20
    while tail(log, 1) != ["up"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    child = spawn(spec_of(tmp_path, SLEEP), str(tmp_path))
    until_up(tmp_path / "logs" / "sleeper.log")
    yield child
    kill_group(child.pid)
    child.wait()


def test_a_process_is_known_by_its_start_and_not_by_its_id_alone(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    assert identity.is_running()
    assert not ProcessIdentity(identity.pid, identity.started - 60).is_running()


def test_another_process_of_the_same_id_is_not_ended(sleeper: subprocess.Popen[bytes]) -> None:
    stop([ProcessIdentity(sleeper.pid, 1.0)])
    assert sleeper.poll() is None


def test_a_dead_process_that_nobody_waited_for_does_not_run(sleeper: subprocess.Popen[bytes]) -> None:
    identity = identity_of(sleeper)
    stop([identity])
    assert not identity.is_running()
    assert psutil.Process(sleeper.pid).status() == psutil.STATUS_ZOMBIE
    assert has_exited(sleeper)
    assert sleeper.wait() == -signal.SIGTERM


def test_a_process_that_does_not_listen_is_ended_by_force(tmp_path: Path) -> None:
    child = spawn(spec_of(tmp_path, DEAF), str(tmp_path))
    until_up(tmp_path / "logs" / "sleeper.log")
    stop([identity_of(child)], grace_s=0.2)
    assert child.wait() == -signal.SIGKILL


def test_children_of_a_killed_process_end_with_its_group(tmp_path: Path) -> None:
    parent = f"import subprocess, time; subprocess.Popen({SLEEP!r}); time.sleep(60)"
    child = spawn(spec_of(tmp_path, (sys.executable, "-c", parent)), str(tmp_path))
    until_up(tmp_path / "logs" / "sleeper.log")
    child.kill()
    orphans = [identity for identity in left_behind(str(tmp_path)) if identity.pid != child.pid]
    assert len(orphans) == 1
    kill_group(child.pid)
    child.wait()
    stop(orphans)
    assert left_behind(str(tmp_path)) == []


def test_what_is_left_behind_is_found_by_the_mark_of_its_own_stack(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    assert [identity.pid for identity in left_behind(str(tmp_path))] == [sleeper.pid]
    assert left_behind(str(tmp_path / "other")) == []


def test_every_start_has_empty_scratch_and_a_log_of_bounded_size(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, (sys.executable, "-c", "pass"))
    spec.scratch.mkdir()
    (spec.scratch / "old").touch()
    spec.log.parent.mkdir()
    spec.log.write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    spawn(spec, str(tmp_path)).wait()
    assert not (spec.scratch / "old").exists()
    assert spec.log.stat().st_size == 0
    assert spec.log.with_suffix(".log.1").stat().st_size > MAX_LOG_BYTES


def test_there_is_no_identity_of_no_process() -> None:
    assert ProcessIdentity.of(2**22 + 1) is None
    assert ProcessIdentity(2**22 + 1, 0.0).memory_bytes() == 0
