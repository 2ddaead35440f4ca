"""The plots of a run, by the command that draws them of what was committed."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from click.testing import Result
from typer.testing import CliRunner

from headrace.connectors.schema import LEDGER_NAMESPACE
from headrace.errors import NotFoundError
from headrace.jobs.cli import app
from headrace.runtime.platform import Platform
from headrace.training.streaming.plots import scalars_of
from headrace.training.streaming.runs import LearningRun
from headrace.training.streaming.tables import STEPS
from headrace.training.streaming.told import LearnedStep, Verdict

from .test_runs import platform_of

FIRST = LearnedStep("late-1", 1, 2, Verdict.LEARNED, None, 0.75, '{"auc": null}', 2, 2, 2, "{}", 7)
SECOND = replace(FIRST, step=2, loss=0.5, metrics='{"auc": 0.625}', arrived=4, visited=4)
FAILED = replace(SECOND, step=3, verdict=Verdict.DIVERGED, loss=float("nan"), arrived=6)
HALTED = replace(FAILED, step=4, verdict=Verdict.HALTED, loss=None, metrics="{}", arrived=8)


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """With a run that has told nothing."""
    found = platform_of(tmp_path, f"file://{tmp_path}/checkpoints")
    LearningRun("late-1", "late", "a1").save(found.run_folder("late-1"))
    return found


def plotted(platform: Platform, *arguments: str) -> Result:
    config = platform.settings.home / "headrace.yaml"
    config.write_text(yaml.safe_dump(platform.settings.model_dump(mode="json", exclude_none=True)))
    return CliRunner().invoke(app, ["--config", str(config), "learn", "plot", *arguments])


def tell(platform: Platform, *steps: LearnedStep) -> None:
    table = platform.iceberg.load(LEDGER_NAMESPACE, STEPS).table
    table.append(pa.Table.from_pylist([asdict(one) for one in steps], schema=table.schema().as_arrow()))


def test_a_run_is_drawn_from_what_it_has_committed_and_equal_steps_give_equal_files(
    platform: Platform, tmp_path: Path
) -> None:
    tell(platform, SECOND, FIRST)
    files = [tmp_path / "drawn" / name for name in ("run.svg", "run.png")]
    printed = plotted(platform, "late-1", "--out", str(tmp_path / "drawn"))
    assert (printed.exit_code, printed.stdout.split()) == (0, [str(file) for file in files])
    svg, png = (file.read_bytes() for file in files)
    for words in ("late, run late-1", "loss", "auc", "rows visited"):
        assert f"<!-- {words} -->".encode() in svg
    assert png.startswith(b"\x89PNG")
    at_home = platform.run_folder("late-1") / "plots"
    assert plotted(platform, "late-1").stdout.split() == [str(at_home / file.name) for file in files]
    assert [(at_home / file.name).read_bytes() for file in files] == [svg, png]


def test_a_run_that_is_not_there_or_has_committed_nothing_is_refused_and_nothing_is_written(
    platform: Platform, tmp_path: Path
) -> None:
    for run, why in (("late-2", "did you mean 'late-1'"), ("late-1", "run late-1: nothing to plot")):
        refused = plotted(platform, run, "--out", str(tmp_path / "drawn"))
        assert isinstance(refused.exception, NotFoundError)
        assert why in str(refused.exception)
    assert not (tmp_path / "drawn").exists()


def test_a_loss_that_was_not_finite_is_kept_and_what_was_not_learned_is_no_value() -> None:
    found = scalars_of([FIRST, SECOND, FAILED, HALTED]).to_pylist()
    assert [(row["step"], row["rows"], row["name"], json.dumps(row["value"])) for row in found] == [
        (1, 2, "train/loss", "0.75"),
        (2, 4, "train/loss", "0.5"),
        (2, 4, "train/auc", "0.625"),
        (3, 4, "train/loss", "NaN"),
        (3, 4, "train/auc", "0.625"),
    ]
