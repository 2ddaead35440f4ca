"""`headrace train`: what would end it is found out before anything is learnt."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..commands import headrace as run  # noqa: TID252 (commands are shared)
from ..training.learning import stream  # noqa: TID252 (the same generated truth)

MODEL = """
from headrace import TrainingPipeline
from headrace.training.data import Encoding, Label, Raw
from headrace.training.learning import ModelSpec

class LateTrips(TrainingPipeline):
    "Late."
    owner = "trips@example.com"
    source = "raw.trips"
    encoding = Encoding({"speed": Raw()}, Label("late", low=0, high=1))
    model = ModelSpec("logistic")
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with settings, a definition, and 300 rows."""
    return stream.desk(tmp_path, MODEL, [300])


def test_a_broken_store_is_found_before_anything_is_learnt(desk: Path) -> None:
    (desk / "home").mkdir()
    (desk / "home/registry.db").write_bytes(b"no database" * 100)
    ended = run("train", "model.py", "--by", "ann", folder=desk)
    assert ended.returncode == 1
    assert "registry.db: file is not a database" in ended.stderr
    assert not (desk / "home/training").exists()


def test_a_folder_that_is_none_is_found_before_anything_is_learnt(desk: Path) -> None:
    (desk / "out").write_text("a file where the folder would be")
    # Rows that are not there would be found next.
    ended = run("train", "model.py", "--no-register", "--rows", "raw.nothing", "--out", "out/run", folder=desk)
    assert ended.returncode == 1
    assert "out/run: cannot be written: " in ended.stderr
    assert "choose another folder (--out)" in ended.stderr
