"""`headrace dead-letters` at the command line: rows as they are, whole, and an answer where there are none."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.connectors.schema import DEAD_LETTERS, LEDGER_NAMESPACE, archive_fields
from headrace.registry.store import Run, ViewVersion
from headrace.runtime.cutover import Cutover
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.streaming.tables import create_tables
from headrace.training.streaming.told import DeadLetter

from ..commands import headrace  # noqa: TID252 (commands are shared)
from ..pipelines.test_dead_letters import PLAN, READ, ROW, WHOLE, archived, filled, letter  # noqa: TID252
from ..training.streaming.test_kept_runs import JOB, RUN  # noqa: TID252 (a kept run is theirs)


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


PLACES = {"partition": "_src_partition", "offset": "_src_offset"}


@pytest.mark.parametrize(("places", "at"), [(PLACES, (1, 41)), (None, (None, None))])
def test_rows_that_a_trainer_did_not_learn_from_are_printed_with_their_places(
    tmp_path: Path, places: dict[str, str] | None, at: tuple[int | None, int | None]
) -> None:
    platform = Platform(load_settings(environment={}, folder=tmp_path))
    replace(JOB, taught=json.dumps({"places": places})).save(platform.run_folder("late-1") / "learning-job.json")
    RUN.save(platform.run_folder("late-1"))
    letters = create_tables(platform.iceberg)["learning_dead_letters"]
    told = [("late-1", 3, 1, 42), ("late-1", 3, 0, 41), ("late-2", 1, 0, 7), ("late-1", 12, 0, 99)]
    rows = [
        DeadLetter(run, step, row, "label late is NULL", json.dumps({"x": 0.5, **place(offset)}), 1)
        for run, step, row, offset in told
    ]
    letters.append(pa.Table.from_pylist([asdict(one) for one in rows]))
    first, second = json.loads(
        headrace("--format", "json", "dead-letters", "late-1", "--most", "2", folder=tmp_path).stdout
    )
    row = {"topic": "raw.labelled", "partition": at[0], "offset": at[1], "verdict": "dead_letter"}
    assert first == {**row, "reason": "label late is NULL", "raw": json.dumps({"x": 0.5, **place(41)})}
    assert json.loads(second["raw"])["_src_offset"] == 42


def place(offset: int) -> dict[str, int]:
    return {"_src_partition": 1, "_src_offset": offset}


def test_a_run_without_letters_says_so_and_an_unknown_one_is_an_error(home: Path) -> None:
    none = headrace("dead-letters", "run-2", folder=home)
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "run run-2 has committed no dead letters\n")
    unknown = headrace("dead-letters", "run-3", folder=home)
    assert unknown.returncode == 1
    assert "run-3" in unknown.stderr
