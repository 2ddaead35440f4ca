from __future__ import annotations

import os
from pathlib import Path

import pytest

from headrace.errors import TrainingError
from headrace.training.learning.durable import write_whole


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "checkpoint"
    write_whole(file, b"first")
    write_whole(file, b"second")
    assert file.read_bytes() == b"second"
    assert list(file.parent.iterdir()) == [file]


def test_what_was_there_is_kept_when_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint"
    write_whole(file, b"first")
    # The file is written beside its place, where now a folder is.
    (tmp_path / f".checkpoint.{os.getpid()}").mkdir()
    with pytest.raises(TrainingError, match=r"checkpoint: cannot be written: .* what was there before is kept"):
        write_whole(file, b"second")
    assert file.read_bytes() == b"first"
