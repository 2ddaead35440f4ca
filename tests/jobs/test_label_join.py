"""`headrace label-join` over files: facts on standard output, counts on standard error, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from headrace.errors import DefinitionError, NotFoundError, RequestError, SchemaMismatchError, SettingsError
from headrace.jobs.label_join import app

DEFINITION = """
from datetime import datetime
from headrace import KafkaTopic, Source, event_time, label_join

class Scored(Source):
    live = KafkaTopic("scored")
    request: str
    amount: float
    scored_at: datetime = event_time()

class Outcomes(Source):
    live = KafkaTopic("outcomes")
    payment: str
    fraud: bool
    known_at: datetime = event_time()

frauds = label_join(Scored, Outcomes, on={"request": "payment"}, wait="1h", label="fraud", missing=None)
"""
SCORED = """request,amount,scored_at
r1,12.5,2026-01-31T10:00:00Z
r2,900.0,2026-01-31T10:05:00Z
r3,,2026-01-31T10:10:00Z
"""
OUTCOMES = """payment,fraud,known_at
r1,false,2026-01-31T10:30:00Z
r2,true,2026-01-31T13:05:00Z
r9,true,2026-01-31T14:00:00Z
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("frauds.py", DEFINITION), ("scored.csv", SCORED), ("outcomes.csv", OUTCOMES)):
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *more: str, definition: str = "frauds.py") -> Result:
    given = ["--logged", str(folder / "scored.csv"), "--labels", str(folder / "outcomes.csv")]
    return CliRunner().invoke(app, ["run", str(folder / definition), *given, "--format", "json", *more])


def rows(folder: Path, *more: str) -> list[dict[str, Any]]:
    found = run(folder, *more)
    assert found.exit_code == 0, found.exception
    return json.loads(found.stdout)


def test_the_last_fact_of_each_id_is_printed_and_all_rows_are_counted(folder: Path) -> None:
    found = run(folder)
    told = [(row["request"], row["label"], row["fact"]) for row in json.loads(found.stdout)]
    assert told == [("r1", False, "labelled"), ("r2", True, "corrected")]
    assert "3 read, 1 refused, 0 repeated, 1 labelled, 1 corrected, 0 never labelled, 0 open" in found.stderr
    assert "3 read, 0 refused, 0 duplicate, 0 too late, 1 orphan, 0 open" in found.stderr
    assert "complete to 2026-01-31T14:00:00+00:00: of a row whose wait ends later no missing label" in found.stderr


def test_all_facts_those_by_an_instant_and_dead_letters(folder: Path) -> None:
    facts = [(row["request"], row["label"], row["fact_number"]) for row in rows(folder, "--facts")]
    assert facts == [("r1", False, 1), ("r2", None, 1), ("r2", True, 2)]
    known = [(row["request"], row["label"]) for row in rows(folder, "--until", "2026-01-31T11:05:00Z")]
    assert known == [("r1", False), ("r2", None)]
    letters = [(row["source"], row["offset"], row["reason"]) for row in rows(folder, "--letters")]
    assert letters == [("logged", 2, "amount is missing"), ("labels", 2, "no row with this id was logged")]


def test_dead_letters_and_counts_by_an_instant(folder: Path) -> None:
    found = run(folder, "--letters", "--until", "2026-01-31T13:00:00Z")
    assert [row["source"] for row in json.loads(found.stdout)] == ["logged"]
    assert "labels: 1 read, 0 refused, 0 duplicate, 0 too late, 0 orphan, 0 open" in found.stderr


def test_a_table_that_is_not_there_is_refused_with_the_options_of_this_command(folder: Path) -> None:
    found = run(folder, "--logged", "log.scored")
    assert isinstance(found.exception, NotFoundError)
    assert "--logged or --labels reads rows from elsewhere, such as --logged rows.csv" in str(found.exception)


def test_nothing_is_told_of_a_row_that_is_logged_within_the_wait_before_the_end(folder: Path) -> None:
    (folder / "scored.csv").write_text(f"{SCORED}r4,1.0,2026-01-31T13:00:01Z\nr5,1.0,2026-01-31T13:00:00Z\n")
    found = run(folder)
    assert [row["request"] for row in json.loads(found.stdout)] == ["r1", "r2", "r5"]
    assert "5 read, 1 refused, 0 repeated, 1 labelled, 1 corrected, 1 never labelled, 1 open" in found.stderr
    assert [row["request"] for row in rows(folder, "--until", "2026-01-31T14:00:01Z")] == ["r1", "r2", "r4", "r5"]


@pytest.mark.slow
def test_flink_tells_the_same(folder: Path) -> None:
    found, wanted = run(folder, "--facts", "--engine", "flink"), run(folder, "--facts")
    assert found.exit_code == 0, found.exception
    assert json.loads(found.stdout) == json.loads(wanted.stdout)
    assert found.stderr == wanted.stderr


REFUSED = [
    (("--join", "fraud"), DefinitionError, "no join 'fraud'; did you mean 'frauds'"),
    (("--logged", ""), SettingsError, "Scored has no history; name its rows: --logged rows.csv"),
    (("--labels", "none.csv"), NotFoundError, "no file none.csv"),
    (("--engine", "flink", "--until", "2026-01-31T11:05:00Z"), SettingsError, "is asked of DuckDB"),
    (("--until", "2026-01-31T11:05:00"), RequestError, "until=.*has no time zone"),
]


@pytest.mark.parametrize(("more", "error", "message"), REFUSED, ids=[case[2] for case in REFUSED])
def test_what_cannot_be_meant_is_refused(
    folder: Path, more: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        raise run(folder, *more).exception or AssertionError("it was taken")


NO_ROWS = {
    "empty": (b"", "scored.csv: is empty, and no CSV file: expected UTF-8 text, a line of column names"),
    "binary": (bytes(range(256)) * 9, "scored.csv: is no CSV file: expected UTF-8 text, a line of column names"),
    "binary in a later line": (
        SCORED.encode() + b"r9,1.0,2026-01-31T13:00:01Z\n" * 30_000 + b"\xff\xfe,1.0,2026\n",
        r"scored.csv: line 30005: Invalid unicode .* not utf-8 encoded\.$",
    ),
}


@pytest.mark.parametrize("name", NO_ROWS)
def test_a_file_that_holds_no_rows_is_told_by_its_name(folder: Path, name: str) -> None:
    content, told = NO_ROWS[name]
    (folder / "scored.csv").write_bytes(content)
    with pytest.raises(RequestError, match=told):
        raise run(folder).exception or AssertionError("it was taken")


def test_a_file_without_the_label_is_refused(folder: Path) -> None:
    (folder / "outcomes.csv").write_text(OUTCOMES.replace("fraud", "froud"))
    with pytest.raises(SchemaMismatchError, match="no column 'fraud' of source Outcomes; did you mean 'froud'"):
        raise run(folder).exception or AssertionError("it was taken")


def test_a_file_without_a_label_join_is_refused(folder: Path) -> None:
    (folder / "none.py").write_text(DEFINITION.partition("frauds =")[0])
    with pytest.raises(DefinitionError, match=r"none\.py: defines no label join"):
        raise run(folder, definition="none.py").exception or AssertionError("it was taken")


def test_a_name_that_no_table_can_have_is_refused(folder: Path) -> None:
    (folder / "odd.py").write_text(DEFINITION.replace("frauds =", "Frauds ="))
    with pytest.raises(DefinitionError, match="label join 'Frauds' is no valid name"):
        raise run(folder, definition="odd.py").exception or AssertionError("it was taken")
