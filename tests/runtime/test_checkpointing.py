from __future__ import annotations

import os
from pathlib import Path

from headrace.runtime.checkpointing import retained_checkpoints


def test_the_newest_checkpoint_is_that_of_the_largest_number_whatever_its_time(tmp_path: Path) -> None:
    """A copy that kept no times and was written backwards: the oldest checkpoint is the newest file."""
    for seconds, number in enumerate([10, 9, 2]):
        metadata = tmp_path / "0a1b" / f"chk-{number}" / "_metadata"
        metadata.parent.mkdir(parents=True)
        metadata.touch()
        os.utime(metadata, (seconds, seconds))
    (tmp_path / "0a1b/chk-11").mkdir()
    (tmp_path / "0a1b/shared").mkdir()
    expected = [f"file://{tmp_path}/0a1b/chk-{number}" for number in (2, 9, 10)]
    assert retained_checkpoints(f"file://{tmp_path}", "0a1b") == expected
    assert retained_checkpoints(str(tmp_path), "2c3d") == []
