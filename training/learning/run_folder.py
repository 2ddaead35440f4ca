"""The folder of a run: its checkpoint, the artifact, scalars and plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from headrace.training.learning.durable import write_whole
from headrace.training.learning.plots import plot_run


class RunFolder:
    """Where a run writes; the folder is made with the first file.

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

    def write(self, files: Mapping[str, bytes], scalars: pa.Table, refused: pa.Table, title: str) -> None:
        """Write what a run ends with, plots under a title; TrainingError when a file cannot be written."""
        for name, content in files.items():
            write_whole(self.artifact / name, content)
        write_whole(self.folder / "scalars.parquet", parquet_bytes(scalars))
        write_whole(self.folder / "refused.parquet", parquet_bytes(refused))
        for name, content in plot_run(scalars, title).items() if self._plots else ():
            write_whole(self.folder / "plots" / name, content)


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
