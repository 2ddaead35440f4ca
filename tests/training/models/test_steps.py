"""Steps that a user overrides: what they take is checked when the file is read, what they raise names its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.errors import DatasetError, DefinitionError, UserFunctionError
from headrace.training.learning.pipeline import TrainingPipeline, load_training
from headrace.training.streaming.pipeline import StreamingTrainingPipeline

from ..freshness.drifting import Stream, platform  # noqa: TID252 (the same generated truth)

FILE = """
from headrace import TrainingPipeline
from headrace.errors import DatasetError
from headrace.training.data import Encoding, Label, Raw
from headrace.training.learning import ModelSpec

class Base(TrainingPipeline, abstract=True):
    owner = "ann@example.com"
    source = "raw.ones"
    encoding = Encoding({"x": Raw()}, Label("one"))
    model = ModelSpec("logistic")

class Ones(Base):
    "Whether a row is a one."
    STEP
"""


def training(folder: Path, step: str) -> type[TrainingPipeline]:
    """The training of a file whose class has a step of its own, from its line 15 on."""
    file = folder / "ones.py"
    file.write_text(FILE.replace("STEP", step))
    return load_training(file)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (
            "def rows(self, snapshot): pass",
            r"ones.py:15: .* is rows\(self, snapshot\); expected rows\(self, ",
        ),
        (
            "def rows(self, snapshot, split, more): pass",
            r"expected rows\(self, snapshot: Snapshot, split: str\) -> ",
        ),
        ("def dataset(self, rows, fitted): pass", r"expected dataset\(self, .*, \*, shuffle: bool\) -> PinnedDataset"),
        (
            "@staticmethod\n    def fit(self, training): pass",
            r"is fit\(self, training\); expected fit\(self, ",
        ),
        ("rows = len", r"training Ones: step 'rows' is <built-in .*>; expected a method rows\(self, "),
        ("def feature_versions(self): pass", r"ones.py:15: .*; expected feature_versions\(self, source: str\)"),
    ],
)
def test_a_step_that_cannot_be_called_as_it_is_is_refused_with_its_signature(
    tmp_path: Path, step: str, found: str
) -> None:
    with pytest.raises(DefinitionError, match=found):
        training(tmp_path, step)


@pytest.mark.parametrize(
    "step",
    [
        "def rows(self, snapshot, split='train', **more): return super().rows(snapshot, split)",
        "def rows(self, *given): return super().rows(*given)",
        "@staticmethod\n    def fit(training): return training.fit(Ones.encoding)",
        "@classmethod\n    def fit(cls, training): return training.fit(cls.encoding)",
    ],
)
def test_a_step_that_can_be_called_so_is_taken(tmp_path: Path, step: str) -> None:
    pipeline = training(tmp_path, step)(platform(tmp_path, Stream(count=64, days=1).rows()), device="cpu")
    outcome = pipeline.train()
    assert outcome.trained.counters.rows_learned == 64
    assert len(outcome.training["overridden"]) == 1


def test_what_a_step_raises_names_the_step_and_the_line_of_the_user(tmp_path: Path) -> None:
    step = (
        "def rows(self, snapshot, split):\n        return self._of(split)\n    def _of(self, split): return {}[split]"
    )
    pipeline = training(tmp_path, step)(platform(tmp_path, Stream(count=64, days=1).rows()), device="cpu")
    told = r"ones.py:17: training Ones: step 'rows' raised KeyError: 'train'$"
    with pytest.raises(UserFunctionError, match=told) as raised:
        pipeline.train()
    assert isinstance(raised.value.__cause__, KeyError)


def test_an_error_of_our_own_comes_as_it_is(tmp_path: Path) -> None:
    step = "def rows(self, snapshot, split): raise DatasetError('no such day')"
    pipeline = training(tmp_path, step)(platform(tmp_path, Stream(count=64, days=1).rows()), device="cpu")
    with pytest.raises(DatasetError, match=r"^no such day$"):
        pipeline.train()


def test_a_step_that_a_class_inherits_is_guarded_once(tmp_path: Path) -> None:
    step = "def rows(self, snapshot, split): return {}[split]\nclass Twos(Ones):\n    'Twos.'"
    file = tmp_path / "ones.py"
    file.write_text(FILE.replace("STEP", step))
    pipeline = load_training(file, "twos")(platform(tmp_path, Stream(count=64, days=1).rows()), device="cpu")
    with pytest.raises(UserFunctionError, match=r"ones.py:15: training Ones: step 'rows' raised KeyError: 'train'$"):
        pipeline.train()


def test_a_streaming_trainer_s_steps_are_checked_too() -> None:
    with pytest.raises(DefinitionError, match=r"trainer Wrong: step 'declare_rows' is declare_rows\(self\); expected "):
        type("Wrong", (StreamingTrainingPipeline,), {"declare_rows": lambda self: ((), "")})
