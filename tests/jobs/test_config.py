"""`headrace config show`: every value with the place it came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from headrace.jobs.config import app

PLANTED = "hunter2"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HEADRACE_TEST_SECRET", PLANTED)
    return tmp_path


def shown(*options: str) -> str:
    result = CliRunner().invoke(app, ["show", *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert PLANTED not in result.output
    return result.output


def rows() -> dict[str, dict[str, Any]]:
    return {row["setting"]: row for row in json.loads(shown("--origin", "--format", "json"))}


def test_a_secret_is_shown_as_its_reference_with_its_own_origin(folder: Path) -> None:
    text = "cassandra:\n  username: file:/run/user\n  password: env:HEADRACE_TEST_SECRET\n"
    (folder / "headrace.yaml").write_text(text, encoding="utf-8")
    found = rows()["cassandra.password"]
    assert (found["value"], found["origin"]) == ("env:HEADRACE_TEST_SECRET", "headrace.yaml:3")
    line = next(line for line in shown("--origin").splitlines() if line.startswith("cassandra.password"))
    assert line.split() == ["cassandra.password", "env:HEADRACE_TEST_SECRET", "headrace.yaml:3"]


def test_every_value_keeps_its_kind_in_json(folder: Path) -> None:
    found = rows()
    assert found["stack.slots"]["value"] == 2
    assert found["cassandra.password"]["value"] is None
    assert found["kafka.properties"]["value"] == {}
    assert found["home"]["value"] == str(folder / ".headrace")
    assert {row["origin"] for row in found.values()} == {"default"}
