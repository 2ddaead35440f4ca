"""The JUnit tests of `connectors/java`: those of one class alone, and those on the session's Kafka and Cassandra."""

from __future__ import annotations

import os
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from headrace.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
MODULE = "connectors/java"
# Maven would pass an empty run: there are at least this many of each.
LEAST_UNIT_TESTS = 120
LEAST_INTEGRATION_TESTS = 25
TIMEOUT_SECONDS = 900
SHOWN_LINES = 80


def number_run(reports: Path) -> int:
    """How many tests the XML reports of a folder tell of, without those that were skipped."""
    suites = [ET.parse(file).getroot() for file in reports.glob("TEST-*.xml")]  # noqa: S314
    return sum(int(suite.attrib["tests"]) - int(suite.attrib["skipped"]) for suite in suites)


@pytest.mark.stack
@pytest.mark.slow
def test_every_junit_test_passes_on_the_real_stack(stack_settings: Settings, tmp_path: Path) -> None:
    maven = shutil.which("mvn")
    assert maven is not None, "mvn is not on the PATH"
    # Built in a folder of its own, so neither the module's target nor .build/jars is touched.
    command = [maven, "-B", "-ntp", "-pl", MODULE, f"-Dmodule.build={tmp_path}", "verify"]
    environment = {
        **os.environ,
        "HEADRACE_CASSANDRA": stack_settings.cassandra.contact_points[0],
        "HEADRACE_KAFKA": stack_settings.kafka.bootstrap_servers,
    }
    run = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert run.returncode == 0, "\n".join(run.stdout.splitlines()[-SHOWN_LINES:])
    assert number_run(tmp_path / "surefire-reports") >= LEAST_UNIT_TESTS
    assert number_run(tmp_path / "failsafe-reports") >= LEAST_INTEGRATION_TESTS
