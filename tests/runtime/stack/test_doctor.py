"""Each failure is found and comes with the command that mends it."""

from __future__ import annotations

import os
import socket
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import psutil
import pytest

from headrace.runtime.settings import Settings, load_settings
from headrace.runtime.stack import doctor
from headrace.runtime.stack.ports import LOOPBACK


def settings_of(folder: Path, **flags: Any) -> Settings:
    return load_settings(flags=flags, environment={}, folder=folder)


def script(folder: Path, name: str, line: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{line}' >&2\n", encoding="utf-8")
    file.chmod(0o755)


def test_a_machine_that_ran_set_up_is_well(tmp_path: Path) -> None:
    failed = [finding for finding in doctor.examine(settings_of(tmp_path)) if finding.state == doctor.FAILED]
    assert failed == []


def test_every_finding_that_is_not_well_has_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    findings = {finding.check: finding for finding in doctor.examine(settings_of(tmp_path, jars=str(tmp_path)))}
    assert findings["java"].state == doctor.FAILED
    assert findings["maven"].state == doctor.WARNING
    assert findings["jars of kafka"].state == doctor.FAILED
    assert all(finding.mend for finding in findings.values() if finding.state != doctor.OK)


def test_another_java_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path, "java", 'openjdk version "11.0.1"')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    finding = doctor.check_java(settings_of(tmp_path))
    assert (finding.state, "11.0.1" in finding.found) == (doctor.FAILED, True)


def test_another_python_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert doctor.check_python(settings_of(tmp_path)).mend == "make setup PYTHON=python3.11"


def test_an_empty_jar_is_found_out(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "half.jar").touch()
    finding = doctor.check_jars(settings_of(tmp_path, jars=str(tmp_path)), "kafka")
    assert (finding.state, "half.jar is empty" in finding.found) == (doctor.FAILED, True)


@pytest.mark.parametrize("source", ["pom.xml", "runtime/jars/kafka/pom.xml", "connectors/java/src/main/java/io/A.java"])
def test_jars_that_are_older_than_their_sources_are_found_out(tmp_path: Path, source: str) -> None:
    jars, built = tmp_path / ".build" / "jars", 1_700_000_000
    for name in (source, ".build/jars/kafka/a.jar", ".build/jars.stamp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name, encoding="utf-8")
        os.utime(tmp_path / name, (built, built))
    settings = settings_of(tmp_path, jars=str(jars))
    assert doctor.check_jars(settings, "kafka").state == doctor.OK
    os.utime(tmp_path / source, (built + 1, built + 1))
    finding = doctor.check_jars(settings, "kafka")
    assert (finding.state, finding.found, finding.mend) == (
        doctor.FAILED,
        f"older than {tmp_path / source}",
        "make setup",
    )
    (tmp_path / ".build" / "jars.stamp").unlink()
    assert doctor.check_jars(settings, "kafka").state == doctor.OK


def test_little_memory_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = namedtuple("memory", ["available"])
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory(2 * 1024**3))
    assert doctor.check_memory(settings_of(tmp_path)).state == doctor.WARNING


def test_a_disk_that_is_nearly_full_is_found_out(tmp_path: Path) -> None:
    finding = doctor.check_disk(settings_of(tmp_path, stack={"least_free_disk": 100_000 * 1024}))
    assert (finding.state, finding.mend) == (doctor.FAILED, "headrace stack down --erase")
    assert finding.found.endswith("100000 needed")


def test_a_taken_port_is_found_out(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        ports = {"ports": {"flink_rest": server.getsockname()[1]}}
        finding = doctor.check_ports(settings_of(tmp_path, stack=ports))
    assert finding.mend == "export HEADRACE__STACK__PORTS__FLINK_REST=0"
