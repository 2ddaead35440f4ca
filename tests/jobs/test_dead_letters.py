"""`headrace dead-letters` at the command line: rows as they are, whole, and an answer where there are none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from headrace.connectors.schema import DEAD_LETTERS, LEDGER_NAMESPACE, archive_fields
from headrace.registry.store import Run, ViewVersion
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

from ..commands import headrace  # noqa: TID252 (commands are shared)
from ..pipelines.test_dead_letters import PLAN, READ, ROW, WHOLE, archived, filled, letter  # noqa: TID252


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a run that refused two rows of history, and one that refused none."""
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    rows = [archived(7, **ROW), archived(8, _raw=b"\xff{", _error="no JSON")]
    table = filled(platform.iceberg, ("raw", "transactions"), archive_fields(PLAN.source.columns), rows)
    filled(platform.iceberg, (LEDGER_NAMESPACE, "dead_letters"), DEAD_LETTERS, [letter(7, READ), letter(8, b"\xff{")])
    project = platform.settings.project
    platform.registry.add_version(ViewVersion(project, PLAN.name, PLAN.version, PLAN.to_dict()))
    cutover = json.loads(Cutover("raw.transactions", table.refresh().current_snapshot_id(), "", "t", "", ()).to_json())
    run = Run("run-1", project, PLAN.name, PLAN.version, cutover)
    platform.registry.add_run(run)
    platform.registry.add_run(replace(run, run="run-2"))
    return tmp_path


def test_letters_are_printed_whole_and_bytes_that_are_no_text_escaped(home: Path) -> None:
    found = headrace("--format", "json", "dead-letters", "run-1", folder=home)
    assert (found.returncode, found.stderr) == (0, "")
    first, second = json.loads(found.stdout)
    assert json.loads(first.pop("raw")) == WHOLE
    place = {"topic": "t", "partition": 0, "offset": 7, "verdict": "dead_letter"}
    assert first == {**place, "reason": "account_id is missing"}
    assert second["raw"] == "\\xff{"
    (only,) = headrace("dead-letters", "run-1", "--most", "1", folder=home).stdout.splitlines()[1:]
    assert only.startswith("t      0          7       dead_letter  account_id is missing  {")


def test_a_run_without_letters_says_so_and_an_unknown_one_is_an_error(home: Path) -> None:
    none = headrace("dead-letters", "run-2", folder=home)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "run run-2 has committed no dead letters\n")
    unknown = headrace("dead-letters", "run-3", folder=home)
    assert unknown.returncode == 1
    assert "run-3" in unknown.stderr
