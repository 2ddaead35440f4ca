"""Which names of devices there are, and what is said of another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from headrace import TrainingPipeline
from headrace.errors import TrainingError
from headrace.runtime.platform import Platform
from headrace.runtime.settings import load_settings
from headrace.training.data import Encoding
from headrace.training.learning import ModelSpec, OptimizerSpec
from headrace.training.learning.reproducible import device_of

from . import stream

NAMES = "expected auto, cpu, cuda or cuda:N, N being the number of a GPU; "


def test_auto_is_the_gpu_where_there_is_one() -> None:
    assert device_of("cpu") == torch.device("cpu")
    assert device_of("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("meta", "known: auto, cpu, cuda"),
        ("cpu:3", "did you mean 'cpu'?"),
        ("cdua", "did you mean 'cuda'?"),
        ("cuda:", "did you mean 'cuda'?"),
        ("cuda:x", "did you mean 'cuda'?"),
        ("cuda:-1", "did you mean 'cuda'?"),
        ("", "known: auto, cpu, cuda"),
    ],
)
def test_a_name_of_no_device_is_refused(name: str, advice: str) -> None:
    with pytest.raises(TrainingError, match=re.escape(f"device {name!r}: {NAMES}{advice}")):
        device_of(name)


def test_a_gpu_that_is_not_here_is_refused() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(TrainingError, match=f"device 'cuda:{count}': not here: torch .* finds {count} GPUs; .* cpu"):
        device_of(f"cuda:{count}")


def test_a_training_refuses_a_device_before_it_reads_anything(tmp_path: Path) -> None:
    class Nowhere(TrainingPipeline):
        """Of a table that there is not."""

        owner = "trips@example.com"
        source = "raw.nothing"
        encoding: Encoding = stream.ENCODING
        model = ModelSpec("logistic")
        optimizer = OptimizerSpec("sgd", 0.1)

    platform = Platform(load_settings(flags={"home": str(tmp_path)}, environment={}, folder=tmp_path))
    with pytest.raises(TrainingError, match="device 'meta'"):
        Nowhere(platform, device="meta")
