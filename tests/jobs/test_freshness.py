from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from headrace.connectors.iceberg import IcebergCatalog
from headrace.connectors.schema import Field

from ..commands import headrace  # noqa: TID252 (commands are shared)

FIELDS = (Field("x", "double"), Field("at", "timestamp"), Field("known_at", "timestamp"), Field("one", "double"))
MODEL = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Label, Present, Raw
from headrace.training.learning import ModelSpec, OptimizerSpec

class Ones(TrainingPipeline):
    '''Whether a row is a one.'''
    owner = "ann@example.com"
    source = "raw.ones"
    encoding = Encoding({"x": Raw(mask=False)}, Label("one"))
    model = ModelSpec("logistic")
    event_time = "at"
"""
#: What a version keeps of it besides.
TIMED = """
    label_time = "known_at"
    fine_tuning = OptimizerSpec("sgd", 0.3)
    splits = {"train": Present("known_at")}
"""
DAY_US = 86_400_000_000


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a lake of 600 rows of 12 days, settings and a definition."""
    folder = tmp_path_factory.mktemp("desk")
    random = np.random.default_rng(1)
    at, x = np.arange(600) * DAY_US // 50, random.normal(size=600)
    rows = {
        "x": pa.array(x),
        "at": pa.array(at, pa.timestamp("us", "UTC")),
        "known_at": pa.array(at + DAY_US, pa.timestamp("us", "UTC"), mask=np.arange(600) % 100 == 0),
        "one": pa.array((random.normal(size=600) < x).astype(float)),
    }
    catalog = IcebergCatalog.sqlite("house", folder / "lake")
    catalog.create_table("raw", "ones", FIELDS).append(pa.table(rows))
    properties = json.dumps(dict(catalog.properties))
    (folder / "headrace.yaml").write_text(
        f"project: ones\nhome: {folder}/home\niceberg:\n  catalog: house\n  properties: {properties}\n"
    )
    (folder / "ones.py").write_text(MODEL)
    return folder


def test_it_prints_a_line_for_each_cadence_and_keeps_tables_and_plot(desk: Path) -> None:
    options = ["--cadence", "daily,200rows", "--from", "1970-01-05T00:00:00Z", "--label-time", "known_at"]
    run = headrace("--format", "json", "freshness", "ones.py", *options, folder=desk)
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert [(row["cadence"], row["updates"], row["row visits"]) for row in found] == [
        ("static", 0, "0"),
        ("daily", 7, "347"),
        ("200rows", 1, "200"),
    ]
    assert (found[0]["less static"], found[0]["shown"]) == (None, None)
    assert "594 of 600 rows; left out: 0 that are not with at, 6 that are not with known_at" in run.stderr
    assert re.match(r"\[ +\d+\.\d s\] static: 22% 396/1,735 rows 0/s\n", run.stderr), run.stderr
    assert "on 396 rows of 8 days were tested, beginning with a model of 148 rows" in run.stderr
    assert {file.name for file in (desk / "home/freshness/ones").iterdir()} == {
        "days.parquet",
        "freshness.parquet",
        "freshness.png",
        "freshness.svg",
    }


def test_what_is_not_known_is_said(desk: Path) -> None:
    untimed = headrace("freshness", "ones.py", folder=desk)
    assert untimed.returncode == 1
    assert "training ones declares no label_time" in untimed.stderr
    assert "give --label-time COLUMN" in untimed.stderr
    misspelt = headrace("freshness", "ones.py", "--cadence", "dayly", "--label-time", "known_at", folder=desk)
    assert (misspelt.returncode, "did you mean 'daily'" in misspelt.stderr) == (1, True)
    named = headrace("freshness", "ones@1", "--name", "twos", "--label-time", "known_at", folder=desk)
    assert named.returncode == 1
    assert named.stderr.startswith("error: --name twos chooses a training of a file, and 'ones@1' names one of the")


def test_a_version_of_the_store_is_replayed_as_its_file_is(desk: Path) -> None:
    (desk / "timed.py").write_text(f"{MODEL}{TIMED}")
    trained = headrace("train", "timed.py", "--by", "ann", folder=desk)
    assert trained.returncode == 0, trained.stderr
    options = ["--cadence", "daily", "--from", "1970-01-05T00:00:00Z", "--out", "replayed"]
    found = [headrace("--format", "json", "freshness", one, *options, folder=desk) for one in ("timed.py", "ones@1")]
    assert [one.returncode for one in found] == [0, 0], found[1].stderr
    rows = [[{**row, "cpu s": 0, "cpu s a point": 0} for row in json.loads(one.stdout)] for one in found]
    assert rows[0] == rows[1]
    unknown = headrace("freshness", "onse", *options, folder=desk)
    assert (unknown.returncode, "did you mean 'ones'" in unknown.stderr) == (1, True)
