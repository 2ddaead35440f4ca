"""The command line: fast help, errors as one message, data apart from progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headrace.jobs.cli import COMMANDS

HEAVY = {
    "pyflink",
    "py4j",
    "ibis",
    "duckdb",
    "kafka",
    "cassandra",
    "pyiceberg",
    "deltalake",
    "torch",
    "pydantic",
    "rich",
}


def run(*arguments: str, folder: Path, code: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    code = code or "from headrace.jobs.cli import main; main()"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE")}
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=folder,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    assert (
        not loaded("import headrace.jobs.cli as c\ntry: c.app(['--help'])\nexcept SystemExit: pass", tmp_path) & HEAVY
    )


def test_the_module_of_no_command_loads_anything_heavy(tmp_path: Path) -> None:
    code = "\n".join(f"import {place.partition(':')[0]}" for place, _ in COMMANDS.values())
    assert not loaded(code, tmp_path) & HEAVY


def loaded(code: str, folder: Path) -> set[str]:
    """The packages that some code loads in a process of its own."""
    told = f"import json, sys\n{code}\nprint('\\0' + json.dumps(list(sys.modules)))"
    names = {name.partition(".")[0] for name in json.loads(run(folder=folder, code=told).stdout.rpartition("\0")[2])}
    assert "typer" in names
    return names


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["stack"],
        ["stack", "up"],
        ["stack", "down"],
        ["stack", "status"],
        ["stack", "logs"],
        ["doctor"],
        ["config", "show"],
    ],
)
def test_every_help_has_an_example(tmp_path: Path, command: list[str]) -> None:
    found = run(*command, "--help", folder=tmp_path)
    assert found.returncode == 0
    assert "Example: headrace" in found.stdout


def test_settings_are_printed_as_json_with_their_origins(tmp_path: Path) -> None:
    found = run("config", "show", "--origin", "--format", "json", folder=tmp_path, HEADRACE__PROJECT="fraud")
    rows = {row["setting"]: row for row in json.loads(found.stdout)}
    assert rows["project"] == {"setting": "project", "value": "fraud", "origin": "environment HEADRACE__PROJECT"}


def test_the_format_may_stand_in_front_of_the_command(tmp_path: Path) -> None:
    assert json.loads(run("--format", "json", "config", "show", folder=tmp_path).stdout)


def test_a_secret_is_printed_as_its_reference(tmp_path: Path) -> None:
    found = run("config", "show", folder=tmp_path, HEADRACE__CASSANDRA__PASSWORD="env:PW", PW="hunter2")  # noqa: S106
    assert "env:PW" in found.stdout
    assert "hunter2" not in found.stdout + found.stderr


def test_an_error_is_one_message_on_standard_error(tmp_path: Path) -> None:
    found = run("config", "show", folder=tmp_path, HEADRACE__PROJEKT="x")
    assert (found.returncode, found.stdout) == (1, "")
    assert found.stderr.startswith("error: environment HEADRACE__PROJEKT: unknown setting 'projekt'; did you mean")
    assert "Traceback" not in found.stderr


def test_debug_shows_the_traceback_too(tmp_path: Path) -> None:
    found = run("--debug", "config", "show", folder=tmp_path, HEADRACE__PROJEKT="x")
    assert (found.returncode, "Traceback" in found.stderr) == (1, True)


def test_a_settings_file_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("project: fraud\n", encoding="utf-8")
    found = run("--config", "other.yaml", "config", "show", "--origin", folder=tmp_path)
    assert "other.yaml:1" in found.stdout


def test_a_stack_that_is_down_says_how_to_start_it(tmp_path: Path) -> None:
    found = run("stack", "status", folder=tmp_path)
    assert (found.returncode, found.stdout) == (1, "")
    assert "headrace stack up" in found.stderr


def test_a_wrong_command_is_told_with_a_suggestion(tmp_path: Path) -> None:
    found = run("stack", "upp", folder=tmp_path)
    assert (found.returncode, "Did you mean 'up'?" in found.stderr) == (2, True)


def test_doctor_exits_with_failure_when_something_is_missing(tmp_path: Path) -> None:
    found = run("doctor", "--format", "json", folder=tmp_path, PATH=str(tmp_path), JAVA_HOME="")
    rows = {row["check"]: row for row in json.loads(found.stdout)}
    assert (found.returncode, rows["java"]["state"]) == (1, "failed")
    assert rows["java"]["mend"] == "apt-get install openjdk-17-jdk-headless"


def test_the_readmes_first_run_prints_what_it_says() -> None:
    root = Path(__file__).resolve().parents[2]
    block = next(text for text in (root / "README.md").read_text().split("```console\n")[1:] if "headrace run " in text)
    lines = block.partition("```")[0].splitlines()
    (command,) = [line for line in lines if " run " in line]
    found = run(*command.split()[2:], folder=root)
    assert (found.stderr + found.stdout).splitlines() == lines[lines.index(command) + 1 :]
