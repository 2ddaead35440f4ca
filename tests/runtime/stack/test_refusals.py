"""`headrace stack up` where it cannot work: one message that says what to do, and nothing is started."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.runtime.stack.ports import LOOPBACK
from headrace.runtime.stack.process import left_behind


def refused(home: Path, **stack: object) -> str:
    """What `headrace stack up` says with these settings of the stack, having started nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE")}
    settings = {f"HEADRACE__STACK__{name.upper()}": str(value) for name, value in stack.items()}
    run = subprocess.run(
        [sys.executable, "-P", "-c", "from headrace.jobs.cli import main; main()", "stack", "up"],
        cwd=home,
        env={**kept, **settings, "HEADRACE__HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert left_behind(str(home / "stack")) == []
    assert not (home / "stack" / "stack.json").exists()
    assert "Traceback" not in run.stderr
    return run.stderr


@pytest.mark.parametrize("name", ["kafka", "cassandra_storage", "flink_rpc"])
def test_a_taken_port_is_named_with_its_holder_and_the_command_that_mends_it(tmp_path: Path, name: str) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        said = refused(tmp_path, **{f"ports__{name}": port})
    assert f"stack.ports.{name}: port {port} on {LOOPBACK} is held by process {os.getpid()}" in said
    assert f"`export HEADRACE__STACK__PORTS__{name.upper()}=0`" in said


def test_a_disk_that_is_nearly_full_is_named_with_what_is_free_and_how_to_free_more(tmp_path: Path) -> None:
    said = refused(tmp_path, least_free_disk=100_000 * 1024)
    assert f"{tmp_path / 'stack'}: " in said
    assert "GiB free on this disk, expected at least 100000" in said
    assert "`headrace stack down --erase`" in said
