"""The folder of a run: its checkpoint, the artifact, scalars and plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.errors import FolderTakenError, TrainingError
from headrace.runtime.exclusive import exclusive
from headrace.training.learning.artifact import MODEL
from headrace.training.learning.durable import write_whole
from headrace.training.learning.plots import plot_run


class RunFolder:
    """Where a run writes; one at a time, since of two the files of both would lie side by side.

    Args:
        plots: whether the run is drawn, which takes longer than learning from a few thousand rows.
    """

    def __init__(self, folder: Path, plots: bool = True) -> None:
        self.folder, self._plots = folder, plots

    @property
    def checkpoint(self) -> Path:
        """The file that a run goes on from."""
        return self.folder / "checkpoint.safetensors"

    @property
    def artifact(self) -> Path:
        """The folder of the model's files."""
        return self.folder / "artifact"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other runs out of the folder for the block; FolderTakenError, naming its process, while one is in it."""
        check_folder(self.folder)
        with exclusive(self.folder / "run.lock", self._taken):
            yield

    def write(self, files: Mapping[str, bytes], scalars: pa.Table, refused: pa.Table, title: str) -> None:
        """Write what a run ends with, plots under a title; TrainingError when a file cannot be written."""
        self._write_artifact(files)
        write_whole(self.folder / "scalars.parquet", parquet_bytes(scalars))
        write_whole(self.folder / "refused.parquet", parquet_bytes(refused))
        for name, content in plot_run(scalars, title).items() if self._plots else ():
            write_whole(self.folder / "plots" / name, content)

    def _taken(self, holder: str) -> FolderTakenError:
        msg = f"{self.folder}: another run, {holder}, writes there; wait for it, or choose another folder (--out)"
        return FolderTakenError(msg)

    def _write_artifact(self, files: Mapping[str, bytes]) -> None:
        """Write the model's files: the one without which nobody reads them goes first and comes last.

        So nobody takes the files of a run that ended in between, some new and some of the run before, for a model.
        """
        (self.artifact / MODEL).unlink(missing_ok=True)
        for name in sorted(files, key=MODEL.__eq__):
            write_whole(self.artifact / name, files[name])


def check_folder(folder: Path | None) -> None:
    """Make a run's folder, and try to write a file there; TrainingError, before hours are spent, when that fails."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        msg = f"{folder}: cannot be written: {error}; choose another folder (--out)"
        raise TrainingError(msg) from error


def read_artifact(folder: Path) -> dict[str, bytes]:
    """The files of a model in a folder, by name.

    >>> read_artifact(Path("/nowhere"))
    {}
    """
    return {file.name: file.read_bytes() for file in sorted(folder.glob("*")) if file.is_file()}


def parquet_bytes(rows: pa.Table) -> bytes:
    """A table as a Parquet file."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content
