"""`headrace train`: what would end it is found out before anything is learnt, and what it says while it learns."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pytest

from headrace.jobs.train import telling
from headrace.runtime import progress
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.learning.pipeline import TrainingPipeline, load_training

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
    batch_rows = 64
    epochs = 2
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


def training(desk: Path, *lines: str) -> TrainingPipeline:
    """The training of the definition, with more lines in its class."""
    text = MODEL + "".join(f"    {line}\n" for line in lines)
    (desk / "model.py").write_text(text.replace("import Encoding,", "import Condition, Encoding,"))
    return load_training(desk / "model.py")(Platform(load_settings(folder=desk, environment={})), device="cpu")


def first_line(told: str) -> str:
    """What is said first, without the seconds; more is said when five of them have passed."""
    line = told.splitlines()[0]
    assert re.match(r"\[ +\d+\.\d s\] ", line), line
    return line.partition("] ")[2]


def test_a_run_says_how_much_of_all_epochs_is_done(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    training(desk, "splits = {'train': Condition('trip', '<', 200), 'valid': Condition('trip', '>=', 200)}").train(
        subscribers=telling()
    )
    told = capsys.readouterr().err
    assert first_line(told) == "16% 64/400 rows 0/s"
    assert re.findall(r"\] (epoch \d): log_loss \d\.\d{5}, auc", told) == ["epoch 1", "epoch 2"]


@pytest.mark.parametrize(
    ("splits", "said"),
    [("{}", "32% 64/200 rows 0/s"), ("{'train': Condition('speed', '<', 0.5)}", "64 rows 0/s")],
    ids=["all rows", "some rows"],
)
def test_what_learns_on_tells_no_share_of_rows_that_nobody_has_counted(
    desk: Path, capsys: pytest.CaptureFixture[str], splits: str, said: str
) -> None:
    pipeline = training(desk, f"splits = {splits}")
    begun = pipeline.train()
    pipeline.platform.iceberg.named("raw.trips").append(pa.Table.from_batches([stream.rows(200, 1)]))
    pipeline.learn_on(begun.trained.files, begun.snapshot.snapshot_id, subscribers=telling())
    assert first_line(capsys.readouterr().err) == said


def test_of_several_runs_each_is_told_by_itself(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A schedule trains for two epochs first, and then learns on from that, each row once."""
    monkeypatch.setattr(progress, "PLAIN_INTERVAL_S", 0.0)
    pipeline, told = training(desk), telling()
    begun = pipeline.train(subscribers=told)
    pipeline.platform.iceberg.named("raw.trips").append(pa.Table.from_batches([stream.rows(40, 1)]))
    pipeline.learn_on(begun.trained.files, begun.snapshot.snapshot_id, subscribers=told)
    said = re.findall(r"\] (\d+%) (\d+)/(\d+) rows [\d.]+k?/s", capsys.readouterr().err)
    assert said == [
        *(("10%", "64", "600"), ("21%", "128", "600"), ("32%", "192", "600"), ("42%", "256", "600")),
        *(("50%", "300", "600"), ("60%", "364", "600"), ("71%", "428", "600"), ("82%", "492", "600")),
        *(("92%", "556", "600"), ("100%", "600", "600")),
        ("100%", "40", "40"),
    ]
