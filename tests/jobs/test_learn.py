"""Which trainer of a file `headrace learn start` takes, and what it says where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from headrace.connectors.schema import Field
from headrace.errors import DefinitionError, JobError, SettingsError
from headrace.jobs.cli import app
from headrace.jobs.learn import offsets_of, pipeline_in
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings

TRAINER = """
class {kind}(StreamingTrainingPipeline):
    name = "{name}"
    source = IcebergTable("raw.labelled")
    learner = "learners:make"
"""


def file_with(folder: Path, *names: str) -> Path:
    file = folder / "trainers.py"
    kinds = [TRAINER.format(kind=name.title(), name=name) for name in names]
    file.write_text("\n".join(["from headrace import IcebergTable, StreamingTrainingPipeline", *kinds]))
    return file


def test_the_one_trainer_of_a_file_is_taken_and_one_of_several_by_its_name(tmp_path: Path) -> None:
    assert pipeline_in(file_with(tmp_path, "late"), "").name == "late"
    several = file_with(tmp_path, "late", "early")
    assert pipeline_in(several, "early").name == "early"
    with pytest.raises(DefinitionError, match=r"has more than one trainer \(early, late\); name one with --name"):
        pipeline_in(several, "")


def test_a_file_without_the_trainer_that_is_asked_for_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DefinitionError, match="declares no trainer that has a name; write a subclass of StreamingTrainingPipeline"
    ):
        pipeline_in(file_with(tmp_path), "")
    with pytest.raises(DefinitionError, match="no trainer 'lat'; did you mean 'late'"):
        pipeline_in(file_with(tmp_path, "late"), "lat")


def test_two_trainers_of_one_name_are_refused(tmp_path: Path) -> None:
    file = file_with(tmp_path, "late")
    file.write_text(file.read_text() + TRAINER.format(kind="Later", name="late"))
    with pytest.raises(DefinitionError, match="classes Late and Later are both trainer 'late'; rename one"):
        pipeline_in(file, "late")


def test_neither_an_abstract_trainer_nor_a_second_name_of_one_counts(tmp_path: Path) -> None:
    file = file_with(tmp_path, "late")
    file.write_text(file.read_text() + TRAINER.format(kind="Base", name="") + "\nAGAIN = Late\n")
    assert pipeline_in(file, "").name == "late"


def test_what_does_not_cross_and_what_cannot_be_made_again_are_told_before_a_trainer_starts(tmp_path: Path) -> None:
    catalog = {"type": "sql", "uri": f"sqlite:///{tmp_path}/catalog.db", "warehouse": f"file://{tmp_path}/warehouse"}
    # No cluster answers at this port.
    flink = {
        "rest_address": "127.0.0.1:1",
        "checkpoint_dir": f"file://{tmp_path}",
        "savepoint_dir": f"file://{tmp_path}",
    }
    flags = {"home": str(tmp_path), "iceberg": {"properties": catalog}, "flink": flink}
    (tmp_path / "headrace.yaml").write_text(json.dumps(flags))
    fields = [Field("x", "double"), Field("label", "bigint"), Field("tags", "list", (Field("element", "string"),))]
    Platform(load_settings(flags=flags, environment={}, folder=tmp_path)).iceberg.create_table(
        "raw", "labelled", fields
    )
    learner = Path(__file__).parents[1] / "training/streaming/logistic.py"
    file = file_with(tmp_path, "late")
    declared = file.read_text().replace("learners:make", "logistic:make")
    own = f'    arguments = {{"inputs": ["x"]}}\n    python_files = ["{learner}"]\n'
    file.write_text(declared + own)
    found = CliRunner().invoke(app, ["--config", str(tmp_path / "headrace.yaml"), "learn", "start", str(file)])
    assert isinstance(found.exception, JobError), found.exception
    assert found.stderr.splitlines() == [
        "left out: column 'tags' of raw.labelled is list<element string>, which does not cross to a learner",
        "`headrace model rebuild` cannot make again what this run learns: its rows have no positions, so that no "
        "micro-batch can be given again; declare `places`, columns that say where a row came from, for the next run",
    ]


def test_offsets_are_partitions_with_their_first_offset_or_those_behind_the_parent() -> None:
    assert offsets_of("") is None
    assert offsets_of("parent") == "parent"
    assert offsets_of("2:0,0:17") == {2: 0, 0: 17}
    for text in ("parents", "0:1,", "0:-3", "0:1;1:2", "7"):
        with pytest.raises(SettingsError, match="expected the first offset by partition, such as 0:120,1:95"):
            offsets_of(text)
